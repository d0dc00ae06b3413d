"""One capture to its observation: noted, taken over, or analysed by a worker; hides in which order that ends.

A capture that repeats another one, which is with a worker, waits for it: where that one can be read nothing new is
in this one, else it is analysed in its place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archive import urls
from archive.backlog.hints import RecordedHints
from archive.errors import RecordDamaged, StorageError
from archive.index.observation import (
    REDIRECT_STATUSES,
    Observation,
    identity_of,
    key_of,
    mark_of,
    order_of,
    read,
)
from archive.model import Kind
from archive.store import rows
from archive.work import Work, work_for

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from archive.analyse.supervisor import Analysis, Supervisor
    from archive.collection import Collection
    from archive.index import Index
    from archive.index.observation import Reading
    from archive.model import Capture, Hints

logger = logging.getLogger(__name__)

_MAX_OPEN: Final = 2000  # captures that wait for others; they are held in memory


@dataclass(frozen=True, slots=True)
class _Job:
    """A capture with a worker, and those that wait for what is read from it."""

    capture: Capture
    hints: str = ""
    followers: list[Capture] = field(default_factory=list)


class Desk:
    """Takes captures, and adds their observations to the index; for one thread.

    `stored` gives what was read from a capture before with such hints, so that it needs no worker. `problems` tells
    what could not be read.
    """

    def __init__(
        self,
        index: Index,
        collection: Collection,
        state: sqlite3.Connection,
        supervisor: Supervisor,
        *,
        stored: Callable[[Capture, str], Reading | None] = lambda capture, hints: None,
    ) -> None:
        self._index = index
        self._collection = collection
        self._state = state
        self._supervisor = supervisor
        self._stored = stored
        self._hints = RecordedHints(collection, state)
        self._jobs: dict[int, _Job] = {}
        self._open: set[int] = set()
        self.problems: list[str] = []

    @property
    def has_room(self) -> bool:
        """Another capture can be taken without piling up."""
        return self._supervisor.has_room and len(self._open) < _MAX_OPEN

    @property
    def is_idle(self) -> bool:
        """Everything taken has its observation."""
        return not self._jobs

    def is_open(self, capture: Capture) -> bool:
        """This capture was taken and has no observation yet."""
        return capture.sequence in self._open

    def take(self, capture: Capture) -> None:
        """Observe a capture, now or when a worker has read it; what is known, or tells nothing, is passed over."""
        work = work_for(capture)
        if work is Work.PASS:
            self._index.forget(capture)
        elif not self._index.knows(capture) and not self._is_waiting(capture):
            try:
                self._observe(capture, work)
            except StorageError as error:
                self._tell(str(error))
                self._put(capture, problem=str(error))

    def take_again(self) -> int:
        """Take captures that the index wants to be observed once more; return how many."""
        taken = 0
        for key in self._index.again():
            captures = self._collection.captures(key[2])
            capture = next((one for one in captures if key_of(one) == key), None)
            if capture is None:
                self._index.never_again(key)
            elif not self.is_open(capture) and self.has_room:
                self.take(capture)
            else:
                continue
            taken += 1
        return taken

    def settle(self, wait_s: float) -> int:
        """Take in what workers have done, waiting for the first so long at most; return how many that were."""
        settled = 0
        for analysis in self._supervisor.results(wait_s):
            self._settle(analysis)
            settled += 1
        return settled

    def _is_waiting(self, capture: Capture) -> bool:
        """The same capture, or an earlier one of its payload at its URL, is with a worker; it waits for that."""
        for job in self._jobs.values():
            other = job.capture
            is_same = other.record_id == capture.record_id and key_of(other) == key_of(capture)
            is_copy = (other.digest, other.url) == (capture.digest, capture.url)
            if is_same or (is_copy and order_of(other) < order_of(capture)):
                job.followers.append(capture)
                self._open.add(capture.sequence)
                return True
        return False

    def _observe(self, capture: Capture, work: Work) -> None:
        if work is Work.NOTE and capture.status != 304:
            self._put(capture, target=self._target(capture))
            return
        hints = self._hints.of(capture)
        mark = mark_of(hints)
        if self._index.is_read(capture, mark) or self._is_known(capture):
            self._put(capture, hints=mark)
        elif reading := self._stored(capture, mark):
            self._put(capture, reading, hints=mark)
        else:
            self._submit(capture, hints)

    def _is_known(self, capture: Capture) -> bool:
        """A 304 tells nothing new, unless what it speaks of was read with other hints than hold now."""
        return capture.status == 304 and not self._index.is_read(capture)

    def _submit(self, capture: Capture, hints: Hints) -> None:
        record = self._collection.confirmed(capture) if capture.status == 304 else capture
        original = self._original(record)
        self._supervisor.submit(capture, record=record, original=original, hints=hints)
        self._jobs[capture.sequence] = _Job(capture, mark_of(hints))
        self._open.add(capture.sequence)

    def _target(self, capture: Capture) -> str:
        """Where a redirect leads, "" for other captures and where it leads nowhere."""
        if capture.status not in REDIRECT_STATUSES:
            return ""
        location = self._collection.read(capture).get("Location")
        return urls.absolute(capture.url, _as_utf8(location)) or ""

    def _original(self, capture: Capture) -> Capture | None:
        """The response that a revisit repeats, None for other captures."""
        if capture.kind is not Kind.REVISIT:
            return None
        found = rows.original(self._state, capture.digest, capture.original)
        if found is None:
            message = f"points to {capture.original}, which is not in this collection"
            raise RecordDamaged(capture.file, capture.offset, message)
        return found

    def _settle(self, analysis: Analysis) -> None:
        job = self._jobs.pop(analysis.capture.sequence)
        reading = read(analysis.article) if analysis.article else None
        problem = analysis.problem
        self._open.discard(job.capture.sequence)
        if problem is not None:
            self._tell(str(problem))
        told = problem.message if problem else ""
        self._put(job.capture, reading, problem=told, hints=job.hints)
        for follower in sorted(job.followers, key=order_of):
            self._open.discard(follower.sequence)
            self.take(follower)

    def _put(
        self,
        capture: Capture,
        reading: Reading | None = None,
        *,
        target: str = "",
        problem: str = "",
        hints: str = "",
    ) -> None:
        identity = identity_of(capture.url)
        self._index.add(Observation(capture, identity, reading, target, problem, hints))

    def _tell(self, problem: str) -> None:
        logger.info("%s", problem)
        self.problems.append(problem)


def _as_utf8(location: str) -> str:
    """A Location field in which raw UTF-8 was sent, as browsers read it."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location
