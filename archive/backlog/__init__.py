"""Stage 2: committed captures to entries; `python -m archive.backlog --home DIR [--follow]`.

Hides how far stage 2 has come, and that results come in any order. What is done
is committed with the cursor in one transaction of `articles.sqlite`: after a kill the next run goes on there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from archive.backlog.progress import Control, Progress
from archive.backlog.rebuild import rebuild_articles
from archive.backlog.run import POLL_S, Run
from archive.errors import CollectionLocked
from archive.index import Index
from archive.store.home import check_for_reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archive.analyse.supervisor import Limits

__all__ = ["Control", "Progress", "drain", "rebuild_articles"]

LOCK_WAIT_S: Final = 60.0
"""How long a following run lets another one end. That of a killed crawl notices within a turn or two."""


def drain(
    home: Path,
    *,
    follow: Control | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    workers: int = 2,
    limits: Limits | None = None,
) -> Progress:
    """Analyse the backlog of the collection at `home` and publish `articles.jsonl`; return how it ended.

    With `follow` it goes on until that is draining and nothing is left, or stopping; a stopped run saves its state
    and does not publish. `report` is called at most every half second, and once at the end. Raises
    NotACollection, StorageError, and CollectionLocked where another process does the same: at once, or with
    `follow` when that has not ended a minute after draining began.
    """
    control = follow or Control()
    index = _open_index(home, control, patience_s=LOCK_WAIT_S if follow else 0.0)
    with Run(home, index, report, workers=workers, limits=limits) as run:
        while not control.stopping.is_set():
            if run.turn():
                continue
            if follow is None or control.draining.is_set():
                if run.turn():  # what was committed just before the word came
                    continue
                run.finish()
                break
            control.stopping.wait(POLL_S)
        return run.tell()


def _open_index(home: Path, control: Control, *, patience_s: float) -> Index:
    """Open the index for writing, once another process that holds it has ended."""
    check_for_reading(home)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return Index(home, write=True)
        except CollectionLocked:
            if time.monotonic() >= deadline or control.stopping.wait(POLL_S):
                raise
        if patience_s and not control.draining.is_set():
            deadline = time.monotonic() + patience_s
