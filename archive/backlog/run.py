"""One run of stage 2 over the captures after the cursor; hides how far it has come, and how often that is saved."""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final, Self

from archive.analyse.supervisor import Supervisor
from archive.backlog.desk import Desk
from archive.backlog.progress import Progress
from archive.collection import Collection
from archive.store import rows, state
from archive.work import Work, work_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from archive.analyse.supervisor import Limits
    from archive.index import Index
    from archive.model import Capture

POLL_S: Final = 0.2

TURN: Final = 200  # captures looked at between two looks at the workers


class Pace:
    """When it is time to commit: every half second, and seldom enough that it takes a tenth of the time.

    A commit costs an fsync, about 5 ms, and folds the entries that were touched: one of thousands of captures
    takes a second, and would be folded again with each further capture of it.
    """

    _LEAST_S: Final = 0.5
    _MOST_S: Final = 30.0
    _SHARE: Final = 10

    def __init__(self) -> None:
        self._due = time.monotonic() + self._LEAST_S

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._due

    def commit(self, work: Callable[[], None]) -> None:
        """Do what a commit does, and set the time of the next one by how long it took."""
        start = time.monotonic()
        work()
        end = time.monotonic()
        self._due = end + min(max(self._LEAST_S, self._SHARE * (end - start)), self._MOST_S)


class Run:
    """Stage 2 over the captures after the cursor; a context manager that closes the `index` it is given."""

    def __init__(
        self,
        home: Path,
        index: Index,
        report: Callable[[Progress], None],
        *,
        workers: int,
        limits: Limits | None,
    ) -> None:
        self._report = report
        with ExitStack() as stack:
            self._index = stack.enter_context(index)
            self._collection = stack.enter_context(Collection(home))
            self._state = stack.enter_context(closing(state.open_for_reading(home / state.NAME)))
            self._supervisor = stack.enter_context(Supervisor(home, workers=workers, limits=limits))
            self._cursor = self._start()
            self._opened = stack.pop_all()
        self._desk = Desk(self._index, self._collection, self._state, self._supervisor)
        self._is_anew = self._cursor != self._index.cursor
        self._seen = self._cursor[0]
        self._captures: Iterator[Capture] = iter(())
        self._taken: deque[Capture] = deque()
        self._is_saved = True
        self._is_whole = False
        self._pace = Pace()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    def turn(self) -> bool:
        """Take captures, take results, save; return whether anything was or is still to be done."""
        taken = self._take() or self._take_again()
        if self._desk.settle(0.0 if taken else POLL_S):
            self._is_saved = False
        if self._pace.is_due and not self._is_saved:
            self._save()
            self._tell()
        return bool(taken or self._supervisor.in_flight)

    def finish(self) -> None:
        """Save and publish; where the captures were counted anew, without what is observed of others."""
        if self._is_anew:
            self._index.keep_only(observable(self._collection))
        self._save()
        self._index.publish()
        self._is_whole = True

    def tell(self) -> Progress:
        """Save, and report for the last time."""
        self._save()
        return self._tell()

    def _start(self) -> tuple[int, str]:
        """Return the cursor; the beginning where the sequence was counted anew since (rebuilt state)."""
        sequence, record_id = self._index.cursor
        at = next(iter(self._collection.captures(after=sequence - 1)), None) if sequence else None
        same = at is not None and (at.sequence, at.record_id) == (sequence, record_id)
        return (sequence, record_id) if same else (0, "")

    def _take(self) -> int:
        """Take captures while there is room for results; return how many."""
        taken = 0
        while taken < TURN and self._desk.has_room:
            capture = next(self._captures, None)
            if capture is None and not taken:
                self._captures = self._collection.captures(after=self._seen)
                capture = next(self._captures, None)
            if capture is None:
                break
            taken += 1
            self._seen = capture.sequence
            self._taken.append(capture)
            self._is_saved = False
            self._desk.take(capture)
        return taken

    def _take_again(self) -> int:
        taken = self._desk.take_again()
        self._is_saved = self._is_saved and not taken
        return taken

    def _save(self) -> None:
        """Commit; the cursor goes up to the first capture that has no observation yet."""
        while self._taken and not self._desk.is_open(self._taken[0]):
            done = self._taken.popleft()
            self._cursor = done.sequence, done.record_id
        self._pace.commit(lambda: self._index.commit(self._cursor))
        self._is_saved = True

    def _tell(self) -> Progress:
        left = rows.last_sequence(self._state) - self._cursor[0]
        progress = Progress(left, self._index.tally, tuple(self._desk.problems), self._is_whole)
        self._report(progress)
        return progress


def observable(collection: Collection) -> Iterator[Capture]:
    """Yield the captures that tell the index something."""
    return (one for one in collection.captures() if work_for(one) is not Work.PASS)
