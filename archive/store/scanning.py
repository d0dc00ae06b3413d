"""Many files scanned at once, by processes of their own; hides processes, pipes and threads.

What a process writes waits in a short queue, so that no more is read than is taken. A process that dies costs its
file's scan alone: that is begun again here, in this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import archive
from archive.store.scan_worker import lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BATCH = 200  # lines handed over at once; a line takes about 600 bytes
_WAITING = 8  # batches that may wait for the database
_PUT_S = 0.2
_COMMAND = (sys.executable, "-P", "-m", "archive.store.scan_worker")


@dataclass(frozen=True, slots=True)
class Scanned:
    """A piece of a scan: some lines of `archive.store.scan_worker`.

    `is_again` where what came of this file before is void: the process that scanned it died, as `problem` says.
    """

    name: str
    lines: list[list[object]] = field(default_factory=list)
    is_again: bool = False
    problem: str = ""


class Scanners:
    """So many processes; a context manager, which ends them."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._found: queue.Queue[Scanned | BaseException | None] = queue.Queue(_WAITING)
        self._stopped = threading.Event()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for process in self._processes:
            process.kill()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):  # an order that nobody took
                    if pipe:
                        pipe.close()

    def scan(self, files: Sequence[tuple[Path, str]]) -> Iterator[Scanned]:
        """Yield what lies in `files` (path and final name), those of one file in its order; once only."""
        waiting: queue.SimpleQueue[tuple[Path, str]] = queue.SimpleQueue()
        for file in files:
            waiting.put(file)
        for _ in range(min(self._workers, len(files))):
            process = _start()
            self._processes.append(process)
            thread = threading.Thread(target=self._follow, args=(process, waiting), daemon=True)
            self._threads.append(thread)
            thread.start()
        running = len(self._threads)
        while running:
            found = self._found.get()
            if isinstance(found, BaseException):
                raise found
            if found is None:
                running -= 1
            elif found.problem:
                yield from self._again(found, files)
            else:
                yield found

    def _again(self, failed: Scanned, files: Sequence[tuple[Path, str]]) -> Iterator[Scanned]:
        yield failed
        path = next(path for path, name in files if name == failed.name)
        found = lines(path, failed.name)
        while batch := list(islice(found, _BATCH)):
            yield Scanned(failed.name, batch)

    def _follow(
        self, process: subprocess.Popen[bytes], waiting: queue.SimpleQueue[tuple[Path, str]]
    ) -> None:
        """Hand out files to one process after another until none is left."""
        try:
            while not self._stopped.is_set():
                try:
                    path, name = waiting.get_nowait()
                except queue.Empty:
                    break
                if not self._read(process, path, name) and not self._stopped.is_set():
                    self._put(Scanned(name, is_again=True, problem=_end(process)))
                    process = _start()
                    self._processes.append(process)
        except BaseException as error:  # noqa: BLE001 - the top of a thread: raised again where the result is awaited
            self._put(error)
        finally:
            self._put(None)

    def _read(self, process: subprocess.Popen[bytes], path: Path, name: str) -> bool:
        """Have a file scanned; return False where the process ended before the file did."""
        assert process.stdin is not None
        assert process.stdout is not None
        order = json.dumps([str(path), name]).encode("ascii") + b"\n"
        try:
            process.stdin.write(order)
            process.stdin.flush()
        except BrokenPipeError:
            return False
        return self._pass_on(process.stdout, name)

    def _pass_on(self, answers: IO[bytes], name: str) -> bool:
        is_ended = False
        while not is_ended:
            batch: list[list[object]] = []
            while len(batch) < _BATCH and not is_ended:
                line = answers.readline()
                if not line.endswith(b"\n"):
                    return False
                try:
                    batch.append(json.loads(line))
                except ValueError:
                    return False
                is_ended = batch[-1][0] == "e"
            self._put(Scanned(name, batch))
        return True

    def _put(self, found: Scanned | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._found.put(found, timeout=_PUT_S)
            except queue.Full:
                continue
            return


def _start() -> subprocess.Popen[bytes]:
    root = str(Path(archive.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(  # noqa: S603 - our own command, no shell
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"},
    )


def _end(process: subprocess.Popen[bytes]) -> str:
    """Say how a process ended that closed its pipe."""
    process.kill()
    code = process.wait()
    return f"signal {-code}" if code < 0 else f"status {code}"
