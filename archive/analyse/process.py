"""One worker process as its supervisor sees it; hides spawning, pipes that may break, and stderr.

Started fresh, never forked, with an environment in which the same page gives the same article: no locale, no time
zone, one hash seed, one thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import archive
from archive.analyse import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COMMAND: Final = (sys.executable, "-P", "-m", "archive.analyse.worker")

GATE: Final = "MURAGAT_GATE"
"""The variable that gives a worker the descriptor of the file that it locks while it has a big page."""

_READ_SIZE: Final = 1 << 20
_WORDS: Final = 300
_GRACE_S: Final = 5.0
_END_S: Final = 1.0  # a worker that closed its pipe has so long to say how it ended
_ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "TZ": "UTC",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # glibc raises these by itself once a large block was freed, and then seldom gives memory back.
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


class WorkerFailed(Exception):  # noqa: N818 - said of a worker
    """The worker ended, wrote what is no message, or is stuck; the text goes on from "the worker"."""


class WorkerProcess:
    """A worker; `answers` is its pipe, to be waited on. It is of no use after a WorkerFailed but to be killed."""

    def __init__(self, command: Sequence[str], time_limit_s: float, gate: int) -> None:
        """Start `command`, which is given its time limit as its last argument, and the file `gate` to lock."""
        root = str(Path(archive.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self.started = time.monotonic()
        self.is_ready = False
        self._buffer = bytearray()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            # The worker's own clock runs out later than ours: it is for when nobody is left to end it.
            [*command, str(time_limit_s + _GRACE_S)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path, GATE: str(gate)},
            pass_fds=(gate,),
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._jobs = self._process.stdin
        self.answers = self._process.stdout
        os.set_blocking(self._jobs.fileno(), False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: bytes) -> None:
        """Hand over one framed message; raises WorkerFailed where its pipe is closed or full."""
        try:
            written = self._jobs.write(message)
        except BrokenPipeError as error:
            raise WorkerFailed(self._end()) from error
        if written != len(message):
            raise WorkerFailed("does not take its jobs")

    def receive(self) -> Iterator[Mapping[str, object]]:
        """Yield the whole messages that have come, waiting for the first bytes; raises WorkerFailed at the end of the pipe, or for rubbish."""
        data = os.read(self.answers.fileno(), _READ_SIZE)
        if not data:
            raise WorkerFailed(self._end())
        self._buffer += data
        try:
            while (message := messages.split_message(self._buffer)) is not None:
                self.is_ready = True
                yield message
        except ValueError as error:
            raise WorkerFailed(f"wrote what is no answer ({error})") from error

    def last_words(self) -> str:
        """Return the last line that the worker wrote to stderr, in brackets; "" where there is none."""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - _WORDS))
        lines = self._stderr.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f" ({said[-1]})" if said else ""

    def end(self) -> None:
        """End the worker now, whatever it is doing; its pipe may still hold answers."""
        self._process.kill()

    def kill(self) -> None:
        """End the worker and forget it."""
        self._process.kill()
        self._process.wait()
        for file in (self._jobs, self.answers, self._stderr):
            file.close()

    def _end(self) -> str:
        """Say how the process ended."""
        try:
            code = self._process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        return f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
