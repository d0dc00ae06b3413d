"""What follows a crawl when its pages are analysed: the next visits are planned, alarms are judged and told.

Whatever fails here is told in a sentence and costs no more than itself: the crawl is stored, the next one does it again.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

from crawler.alarms.judging import Sounded, sounded
from crawler.schedule.dates import mend
from crawler.schedule.planning import learn_and_plan

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from crawler.alarms.gathering import Crawled
    from crawler.session.writer import CollectionWriter, Store
    from crawler.sites import Site

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.2
_GRACE_S: Final = 3.0
"""How long alarms may take when somebody wants an end: who is told of them may be slow to answer."""

_T = TypeVar("_T")


def plan_next(
    home: Path,
    writer: CollectionWriter,
    sites: Sequence[Site],
    *,
    is_stopping: Callable[[], bool] = lambda: False,
) -> str:
    """Learn from all visits of the scheduled sites and say when their pages are due again; return what failed, or "".

    Where `is_stopping` says that somebody wants an end, the next crawl does the rest.
    Raises StorageError where the crawl itself could not be committed.
    """
    chosen = [site for site in sites if site.is_scheduled]
    if not chosen:
        return ""

    def job(store: Store) -> str:
        store.commit()
        try:
            state, now = store.collection.state, time.time()
            for site in chosen:
                mend(state, site.name, now)
            learn_and_plan(home, store.frontier, state, chosen, now=now, is_stopping=is_stopping)
        except Exception as error:  # the top of a task: it is told
            logger.debug("the next visits were not planned", exc_info=True)
            return f"the next visits were not planned: {error}; the next crawl does it"
        return ""

    return writer.submit(job).result()


def sound_alarms(
    writer: CollectionWriter,
    told: tuple[Path, Crawled, str],
    *,
    is_stopping: Callable[[], bool],
) -> Sounded:
    """Judge the crawl and tell of what is wrong; `told` are the home, the crawl and its ID.

    Where `is_stopping` says that somebody wants an end, it is given `_GRACE_S`.
    """
    found: list[Sounded] = []
    home, crawled, crawl = told

    def sound() -> None:
        found.append(sounded(home, crawled, crawl, _InWriter(writer)))

    thread = threading.Thread(target=sound, name="alarms", daemon=True)
    thread.start()
    while thread.is_alive() and not is_stopping():
        thread.join(_LOOK_S)
    thread.join(_GRACE_S)
    if thread.is_alive():
        return Sounded(warnings=("alarms were not told of: the crawl was stopped",))
    return found[0]


class _InWriter:
    """Runs a job on the connection to state.sqlite in the writer's thread; its failure is the caller's alone."""

    def __init__(self, writer: CollectionWriter) -> None:
        self._writer = writer

    def __call__(self, job: Callable[[sqlite3.Connection], _T], /) -> _T:
        def run(store: Store) -> tuple[_T, None] | tuple[None, Exception]:
            store.commit()
            try:
                return job(store.collection.state), None
            except Exception as error:  # noqa: BLE001 - the caller's: the writer would take it for its own
                return None, error

        result, error = self._writer.submit(run).result()
        if error is not None:
            raise error
        return result  # type: ignore[return-value] # one of the two is None
