"""Stage 2: committed captures to entries; `python -m archive.backlog --home DIR [--follow]`.

Hides how far stage 2 has come, and that results come in any order. What is done
is committed with the cursor in one transaction of `articles.sqlite`: after a kill the next run goes on there.

With `--follow` it waits for more captures until its stdin says `drain` (finish, publish, end with 0) or closes (end
at once, with 130). To stdout it writes one JSON object a line, at most every half second:

    {"backlog": captures left, "articles": {"new", "changed", "unchanged", "gone"}, "problems": ["place: what"]}
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from archive import urls
from archive.analyse.supervisor import Analysis, Limits, Supervisor
from archive.collection import Collection
from archive.errors import CollectionLocked, MuragatError, RecordDamaged, StorageError
from archive.index import Index, Tally
from archive.index.observation import REDIRECT_STATUSES, Observation, identity_of, read
from archive.model import Kind
from archive.store import rows, state
from archive.store.home import check_for_reading
from archive.work import Work, work_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from types import TracebackType

    from archive.model import Capture

logger = logging.getLogger(__name__)

COMMIT_S: Final = 0.5
"""How often work is made durable and told; one commit costs an fsync, about 5 ms."""

LOCK_WAIT_S: Final = 60.0
"""How long a following run lets another one end. That of a killed crawl notices within a turn or two."""

_POLL_S: Final = 0.2
_TURN: Final = 200  # captures looked at between two looks at the workers
_PROBLEMS_TOLD: Final = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one run has come; `backlog` counts committed captures that are not done.

    `is_whole` once nothing is left and `articles.jsonl` is published.
    """

    backlog: int
    articles: Tally
    problems: tuple[str, ...]
    is_whole: bool = False

    def to_json(self) -> str:
        """Return the line of the protocol, without its line feed; of many problems only the first are told."""
        told = list(self.problems[:_PROBLEMS_TOLD])
        if more := len(self.problems) - len(told):
            told.append(f"and {more} more")
        return json.dumps(
            {"backlog": self.backlog, "articles": asdict(self.articles), "problems": told}
        )


class Control:
    """What a following run is told from outside; may be set from another thread or a signal handler."""

    def __init__(self) -> None:
        self.draining = threading.Event()
        self.stopping = threading.Event()

    def listen(self) -> None:
        """Obey the lines of stdin until it closes."""
        # Not by sys.stdin: a thread that waits in its buffer would bring down the interpreter at exit.
        told = b""
        while piece := os.read(0, 1024):
            told = told[-1024:] + piece
            if b"drain\n" in told:
                self.draining.set()
        self.stopping.set()


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
    with _Run(home, index, report, workers=workers, limits=limits) as run:
        while not control.stopping.is_set():
            if run.turn():
                continue
            if follow is None or control.draining.is_set():
                if run.turn():  # what was committed just before the word came
                    continue
                run.finish()
                break
            control.stopping.wait(_POLL_S)
        return run.tell()


def _open_index(home: Path, control: Control, *, patience_s: float) -> Index:
    """Open the index for writing, once another process that holds it has ended."""
    check_for_reading(home)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return Index(home, write=True)
        except CollectionLocked:
            if time.monotonic() >= deadline or control.stopping.wait(_POLL_S):
                raise
        if patience_s and not control.draining.is_set():
            deadline = time.monotonic() + patience_s


class _Run:
    """One run of stage 2 over the captures after the cursor; closes the `index` it is given."""

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
        self._problems: list[str] = []
        with ExitStack() as stack:
            self._index = stack.enter_context(index)
            self._collection = stack.enter_context(Collection(home))
            self._state = stack.enter_context(closing(state.open_for_reading(home / state.NAME)))
            self._supervisor = stack.enter_context(Supervisor(home, workers=workers, limits=limits))
            self._cursor = self._start()
            self._opened = stack.pop_all()
        self._seen = self._cursor[0]
        self._captures: Iterator[Capture] = iter(())
        self._read: deque[Capture] = deque()
        self._under_way: dict[int, Capture] = {}
        self._is_saved = True
        self._is_whole = False
        self._saved_at = time.monotonic()

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
        taken = self._take()
        for analysis in self._supervisor.results(_POLL_S if not taken else 0.0):
            self._settle(analysis)
        if time.monotonic() - self._saved_at >= COMMIT_S and not self._is_saved:
            self._save()
            self._report(self._progress())
        return bool(taken or self._supervisor.in_flight)

    def finish(self) -> None:
        """Save and publish."""
        self._save()
        self._index.publish()
        self._is_whole = True

    def tell(self) -> Progress:
        """Save, and report for the last time."""
        self._save()
        progress = self._progress()
        self._report(progress)
        return progress

    def _start(self) -> tuple[int, str]:
        """Return the cursor; the beginning where the sequence was counted anew since (rebuilt state)."""
        sequence, record_id = self._index.cursor
        at = next(iter(self._collection.captures(after=sequence - 1)), None) if sequence else None
        same = at is not None and (at.sequence, at.record_id) == (sequence, record_id)
        return (sequence, record_id) if same else (0, "")

    def _take(self) -> int:
        """Take captures while there is room for results; return how many."""
        taken = 0
        while taken < _TURN and self._supervisor.has_room:
            capture = next(self._captures, None)
            if capture is None and not taken:
                self._captures = self._collection.captures(after=self._seen)
                capture = next(self._captures, None)
            if capture is None:
                break
            taken += 1
            self._seen = capture.sequence
            self._read.append(capture)
            self._is_saved = False
            self._do(capture)
        return taken

    def _do(self, capture: Capture) -> None:
        work = work_for(capture)
        if work is Work.PASS or self._index.knows(capture):
            return
        try:
            target, original = self._target(capture), self._original(capture)
        except StorageError as error:
            self._problem(str(error))
            return
        is_read = self._index.is_read(capture) or self._is_being_read(capture)
        if work is Work.NOTE or is_read:
            self._index.add(Observation(capture, identity_of(capture.url), target=target))
        else:
            self._supervisor.submit(capture, original=original)
            self._under_way[capture.sequence] = capture

    def _target(self, capture: Capture) -> str:
        """Where a redirect leads, "" for other captures and where it leads nowhere."""
        if capture.status not in REDIRECT_STATUSES:
            return ""
        location = self._collection.read(capture).get("Location")
        return urls.absolute(capture.url, _as_utf8(location)) or ""

    def _is_being_read(self, capture: Capture) -> bool:
        """An earlier capture of the same payload at the same URL is with a worker."""
        return any(
            (other.url, other.digest) == (capture.url, capture.digest)
            and _order(other) < _order(capture)
            for other in self._under_way.values()
        )

    def _original(self, capture: Capture) -> Capture | None:
        """The response that a revisit repeats, None for other captures."""
        if capture.kind is not Kind.REVISIT or work_for(capture) is not Work.ANALYSE:
            return None
        found = rows.original(self._state, capture.digest, capture.original)
        if found is None:
            message = f"points to {capture.original}, which is not in this collection"
            raise RecordDamaged(capture.file, capture.offset, message)
        return found

    def _settle(self, analysis: Analysis) -> None:
        capture = self._under_way.pop(analysis.capture.sequence)
        problem = analysis.problem
        if problem is not None:
            self._problem(str(problem))
        reading = read(analysis.article) if analysis.article else None
        message = problem.message if problem else ""
        self._index.add(Observation(capture, identity_of(capture.url), reading, problem=message))
        self._is_saved = False

    def _problem(self, problem: str) -> None:
        logger.info("%s", problem)
        self._problems.append(problem)

    def _save(self) -> None:
        """Commit; the cursor goes up to the first capture that is still with a worker."""
        while self._read and self._read[0].sequence not in self._under_way:
            done = self._read.popleft()
            self._cursor = done.sequence, done.record_id
        self._index.commit(self._cursor)
        self._is_saved = True
        self._saved_at = time.monotonic()

    def _progress(self) -> Progress:
        left = rows.last_sequence(self._state) - self._cursor[0]
        return Progress(left, self._index.tally, tuple(self._problems), self._is_whole)


def _order(capture: Capture) -> tuple[datetime, str]:
    return capture.date, capture.record_id


def _as_utf8(location: str) -> str:
    """A Location field in which raw UTF-8 was sent, as browsers read it."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location


def main(arguments: list[str] | None = None) -> int:
    """Run stage 2 as a process; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m archive.backlog", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--follow", action="store_true", help="wait for more captures; obey stdin")
    options = parser.parse_args(arguments)
    control = Control()
    signal.signal(signal.SIGTERM, lambda *_: control.stopping.set())
    if options.follow:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us decides
        threading.Thread(target=control.listen, name="stdin", daemon=True).start()
    else:
        signal.signal(signal.SIGINT, lambda *_: control.stopping.set())
        control.draining.set()
    try:
        progress = drain(options.home, follow=control, report=_write)
    except MuragatError as error:
        sys.stderr.write(f"muragat: {error}\n")
        return error.exit_code
    return 0 if progress.is_whole else 130


def _write(progress: Progress) -> None:
    try:
        sys.stdout.write(progress.to_json() + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise StorageError("nobody reads the progress any more; the state is saved") from error


if __name__ == "__main__":
    sys.exit(main())
