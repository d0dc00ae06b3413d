"""Workers, started, fed and watched; hides processes, pipes, crashes and time limits.

A page that crashes or stalls its worker costs nobody else anything: the worker is replaced, and the page is tried
once more alone, in a fresh worker and with nothing else under way. If that fails too it is a Problem. Everything
happens in the caller's thread, within `results`.
"""

from __future__ import annotations

import selectors
import tempfile
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, Self

from archive.analyse import codec, messages
from archive.analyse.process import COMMAND, WorkerFailed, WorkerProcess
from archive.errors import MuragatError
from archive.model import Article, Capture, Hints, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_IN_FLIGHT: Final = 2
"""Jobs handed to one worker: the second waits in its pipe, so that it never waits for us."""

_STILLBORN_MAX: Final = 2  # workers in a row that end before their first job: no page's fault


@dataclass(frozen=True, slots=True)
class Limits:
    """`time_s` is a last resort: what decides on a page are counts (bytes, nodes), which are the same everywhere.

    A worker that still holds more than `held_bytes` after a page is replaced: ordinary pages leave it at 135 MB.
    """

    time_s: float = 30.0
    start_s: float = 60.0
    jobs_per_worker: int = 5000
    held_bytes: int = 180_000_000


@dataclass(frozen=True, slots=True)
class Analysis:
    """What became of one capture: its article, or the problem that there is none."""

    capture: Capture
    article: Article | None
    problem: Problem | None = None


@dataclass(slots=True)
class _Job:
    capture: Capture
    body: bytes
    is_second_try: bool = False


@dataclass(slots=True)
class _Lane:
    """A place for one worker, with the jobs it was given, the oldest first."""

    process: WorkerProcess
    jobs: deque[_Job] = field(default_factory=deque)
    deadline: float = 0.0
    served: int = 0
    held_bytes: int = 0

    def is_spent(self, limits: Limits) -> bool:
        """It gets no more jobs: it has had its share, or a page has made it big."""
        return self.served >= limits.jobs_per_worker or self.held_bytes > limits.held_bytes


class Supervisor:
    """Analyses captures of the collection at `home` in worker processes; a context manager, for one thread.

    Submit while `has_room`, and take `results` in between; their order is not that of submission. A worker is
    started when there is work for it; `start_up_s` is how long the last one took (imports, mostly).
    """

    def __init__(
        self,
        home: Path,
        *,
        workers: int = 2,
        limits: Limits | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._command = command
        self._home = home
        self._limits = limits or Limits()
        self._waiting: deque[_Job] = deque()
        self._failed: deque[_Job] = deque()
        self._done: deque[Analysis] = deque()
        self._gate = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._selector = selectors.DefaultSelector()
        self._workers = workers
        self._lanes: list[_Lane] = []
        self._stillborn = 0
        self.start_up_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """Captures submitted whose result has not been taken."""
        lanes = sum(len(lane.jobs) for lane in self._lanes)
        return lanes + len(self._waiting) + len(self._failed) + len(self._done)

    @property
    def has_room(self) -> bool:
        """One more capture can be given without piling up: at most two for each worker, and as many waiting."""
        return self.in_flight < 2 * _IN_FLIGHT * self._workers

    def submit(
        self,
        capture: Capture,
        *,
        record: Capture | None = None,
        original: Capture | None = None,
        hints: Hints | None = None,
    ) -> None:
        """Have a capture analysed; `original` is the response that a revisit points to.

        `record` is the answer that is read instead of the capture's own: what a 304 speaks of.
        """
        job = _job(self._home, capture, original, hints or Hints())
        if record is not None:
            job["record"] = _record(record)
        body = messages.message(job)
        if len(body) > messages.MAX_JOB_BYTES:
            self._give_up(_Job(capture, b""), "its address is too long to be analysed")
            return
        self._waiting.append(_Job(capture, body))
        self._hand_out()

    def results(self, timeout_s: float = 0.0) -> Iterator[Analysis]:
        """Yield what is done by now; wait for the first at most `timeout_s`, not at all where nothing is under way."""
        end = time.monotonic() + timeout_s
        while True:
            wait = max(0.0, end - time.monotonic())
            self._watch(0.0 if self._done or not self.in_flight else wait)
            self._hand_out()
            if self._done or not self.in_flight or time.monotonic() >= end:
                break
        while self._done:
            yield self._done.popleft()

    def close(self) -> None:
        """End all workers at once; what was under way is lost."""
        for lane in self._lanes:
            self._selector.unregister(lane.process.answers)
            lane.process.kill()
        self._lanes.clear()
        self._selector.close()
        self._gate.close()

    def _lane(self) -> _Lane:
        process = WorkerProcess(self._command, self._limits.time_s, self._gate.fileno())
        lane = _Lane(process, deadline=time.monotonic() + self._limits.start_s)
        self._selector.register(process.answers, selectors.EVENT_READ, lane)
        return lane

    def _hand_out(self) -> None:
        """Give jobs to workers: a failed one alone, once all others are done, else up to two each."""
        busy = any(lane.jobs for lane in self._lanes)
        if self._failed:
            if not busy:
                job = self._failed.popleft()
                self._give(self._fresh_lane(), job)
            return
        if any(job.is_second_try for lane in self._lanes for job in lane.jobs):
            return
        if (
            self._waiting
            and len(self._lanes) < self._workers
            and all(lane.jobs for lane in self._lanes)
        ):
            self._lanes.append(self._lane())
        for depth in range(1, _IN_FLIGHT + 1):
            for lane in list(self._lanes):
                if self._waiting and len(lane.jobs) < depth and not lane.is_spent(self._limits):
                    self._give(lane, self._waiting.popleft())

    def _fresh_lane(self) -> _Lane:
        for lane in self._lanes:
            if not lane.served:
                return lane
        return self._replace(self._lanes[0])

    def _give(self, lane: _Lane, job: _Job) -> None:
        if not lane.jobs and lane.process.is_ready:
            lane.deadline = time.monotonic() + self._limits.time_s
        lane.jobs.append(job)
        lane.served += 1
        try:
            lane.process.send(job.body)
        except WorkerFailed:
            lane.process.end()  # what it answered before is read first, then the end of its pipe

    def _watch(self, wait_s: float) -> None:
        """Wait for answers until the first deadline, take them, then end workers that are past theirs."""
        now = time.monotonic()
        deadlines = [
            lane.deadline for lane in self._lanes if lane.jobs or not lane.process.is_ready
        ]
        wait_s = max(0.0, min([now + wait_s, *deadlines]) - now)
        for key, _ in self._selector.select(wait_s):
            self._receive(key.data)
        now = time.monotonic()
        for lane in list(self._lanes):
            is_late = now >= lane.deadline and (lane.jobs or not lane.process.is_ready)
            if is_late and lane in self._lanes:
                self._fail(lane, WorkerFailed(f"took longer than {self._limits.time_s:g} s"))

    def _receive(self, lane: _Lane) -> None:
        if lane not in self._lanes:
            return
        try:
            for message in lane.process.receive():
                if "ready" in message:
                    self._stillborn = 0
                    self.start_up_s = time.monotonic() - lane.process.started
                else:
                    self._finish(lane, message)
                    lane.held_bytes = _whole(message.get("held_bytes"))
                lane.deadline = time.monotonic() + self._limits.time_s
        except WorkerFailed as error:
            self._fail(lane, error)
        else:
            if lane.is_spent(self._limits) and not lane.jobs:
                self._replace(lane)

    def _finish(self, lane: _Lane, message: Mapping[str, object]) -> None:
        job = lane.jobs[0] if lane.jobs else None
        if job is None or message.get("id") != job.capture.record_id:
            raise WorkerFailed("answered what it was not asked")
        if "problem" in message:
            lane.jobs.popleft()
            self._give_up(job, str(message["problem"]))
            return
        try:
            article = codec.from_json(message.get("article"))
        except ValueError as error:
            raise WorkerFailed(f"answered with what is no article ({error})") from error
        lane.jobs.popleft()
        self._done.append(Analysis(job.capture, article))

    def _fail(self, lane: _Lane, error: WorkerFailed) -> None:
        """Replace a worker; the page it was at is tried again alone or given up, the next one only put back."""
        said = lane.process.last_words()
        jobs = deque(lane.jobs)
        if jobs and lane.process.is_ready:
            job = jobs.popleft()
            if job.is_second_try:
                self._give_up(job, f"analysis failed twice: the worker {error}{said}")
            else:
                self._failed.append(_Job(job.capture, job.body, is_second_try=True))
        elif not lane.process.is_ready:
            self._stillborn += 1
            if self._stillborn > _STILLBORN_MAX:
                raise MuragatError(
                    f"analysis can't start: a worker {error}{said}; look at its installation"
                )
        self._waiting.extendleft(reversed(jobs))
        self._replace(lane)

    def _give_up(self, job: _Job, message: str) -> None:
        capture = job.capture
        problem = Problem(f"warc/{capture.file}", capture.offset, f"{capture.url}: {message}")
        self._done.append(Analysis(capture, None, problem))

    def _replace(self, lane: _Lane) -> _Lane:
        self._selector.unregister(lane.process.answers)
        lane.process.kill()
        fresh = self._lane()
        self._lanes[self._lanes.index(lane)] = fresh
        return fresh


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _job(home: Path, capture: Capture, original: Capture | None, hints: Hints) -> dict[str, object]:
    job: dict[str, object] = {
        "id": capture.record_id,
        "home": str(home.absolute()),
        "url": capture.url,
        "date": capture.date.isoformat(),
        "record": _record(capture),
        "hints": asdict(hints),
    }
    return job | ({"payload": _record(original)} if original else {})


def _record(capture: Capture) -> dict[str, object]:
    return {
        "kind": capture.kind.value,
        "file": capture.file,
        "offset": capture.offset,
        "length": capture.length,
        "record_id": capture.record_id,
    }
