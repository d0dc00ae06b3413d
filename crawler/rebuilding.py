"""`muragat rebuild`: all that a collection publishes and knows, made again from warc/ alone.

    warc/ -> captures, index.cdxj, crawls/ -> frontier -> articles.jsonl

Hides the order of the steps and how a signal ends them. Each step is kept when it is done, or taken up by the next
run where it was broken off; readers see the old index until a new one is whole.
"""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive import rebuild as captures
from archive.backlog import Control, rebuild_articles
from archive.printed import size
from crawler.reconstruct import reconstruct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    from archive.model import Problem
    from crawler.sites import Site

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was made again. `problems` are what is wrong in warc/, `unread` what analysis could not read.

    `is_whole` is False where a signal ended it; the next run goes on.
    """

    captures: int
    files: int
    warc_bytes: int
    addresses: int
    articles: int
    problems: tuple[Problem, ...]
    unread: tuple[str, ...]
    is_whole: bool

    def to_json(self) -> dict[str, object]:
        """Return the object of `rebuild --json`."""
        return {
            "captures": self.captures,
            "files": self.files,
            "bytes": self.warc_bytes,
            "addresses": self.addresses,
            "articles": self.articles,
            "problems": [str(problem) for problem in self.problems],
            "warnings": list(self.unread),
        }


def rebuild(
    home: Path,
    known: Mapping[str, Site],
    *,
    analyse: bool,
    show: Callable[[str], None] = lambda line: None,
) -> Rebuilt:
    """Make everything again; `known` are the sites of today's file, `show` is told how far it has come.

    With `analyse` every page is extracted again, else what this version extracted before is taken over. Raises
    KeyboardInterrupt for a signal, NotACollection, CollectionLocked and StorageError.
    """
    control = Control()
    with _stopped_by_signals(control) as stage:
        made = captures.rebuild(home, report=lambda told: show(_scanned(told)))
        remade = reconstruct(
            home,
            known=known,
            report=lambda told: show(f"frontier: {told.done} of {told.total} steps"),
        )
        stage.is_last = True
        read = rebuild_articles(
            home,
            analyse=analyse,
            control=control,
            report=lambda told: show(f"articles: {told.backlog} captures left"),
        )
    return Rebuilt(
        made.captures,
        made.files,
        made.warc_bytes,
        remade.addresses,
        read.articles.new,
        problems=made.problems,
        unread=read.problems,
        is_whole=read.is_whole,
    )


def _scanned(told: captures.Progress) -> str:
    done, total = size(told.bytes_done), size(told.bytes_total)
    return f"captures: {told.captures}, {done} of {total} read"


class _Stage:
    """Whether the last step runs, which is told to end; the others are left where they are."""

    is_last = False


@contextlib.contextmanager
def _stopped_by_signals(control: Control) -> Iterator[_Stage]:
    stage = _Stage()

    def stop(number: int, frame: FrameType | None) -> None:
        if not stage.is_last or control.stopping.is_set():
            raise KeyboardInterrupt
        control.stopping.set()

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield stage
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
