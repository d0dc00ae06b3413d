"""Stage 2 as a process beside the crawl: started, told to drain, its progress read.

Hides the pipe to `archive.backlog`. Whatever happens to that process, the crawl goes on: where a signal has
ended it, another one takes over when the crawl drains; what is not analysed even then stays in the backlog of
the collection, and the next crawl takes it up.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import archive

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

_STOPPED = 130
_STOP_S = 10.0
"""How long the process may take to save its state when the crawl is interrupted."""


class Drained(Enum):
    """How far analysis came: all is analysed and published; its time was over; it failed."""

    WHOLE = "whole"
    CUT = "cut"
    FAILED = "failed"


class AnalysisProcess:
    """The process that analyses what the crawl commits; `progress` is the last line it wrote."""

    def __init__(self, home: Path) -> None:
        self.progress: Mapping[str, object] = {}
        self._home = home
        self._process: subprocess.Popen[str] | None = None
        self._is_interrupted = False

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches the crawl alone."""
        root = str(Path(archive.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        command = [sys.executable, "-m", "archive.backlog", "--home", str(self._home), "--follow"]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="analysis-progress", daemon=True)
        self._reader.start()

    def drain(self, *, limit_s: float | None = None) -> Drained:
        """Let it finish the backlog and publish; after `limit_s` seconds it saves its state and ends as it is.

        One that was killed (for want of memory, say) is replaced once.
        """
        deadline = None if limit_s is None else time.monotonic() + limit_s
        code = self._drained(deadline)
        if code < 0 and not self._is_interrupted:
            logger.warning("analysis was ended by signal %s; it is started again", -code)
            self.start()
            code = self._drained(deadline)
        if self._is_interrupted and code in {_STOPPED, -signal.SIGTERM}:
            return Drained.CUT
        return Drained.WHOLE if self._is_well(code) else Drained.FAILED

    def stop(self) -> None:
        """Make it save its state and end, the backlog as it is."""
        self.interrupt()
        self._hang_up()
        code = self._wait(limit_s=_STOP_S)
        if code not in {0, _STOPPED, -signal.SIGTERM}:
            self._is_well(code)

    def interrupt(self) -> None:
        """Ask it to end soon, the backlog as it is, without waiting for it; for a signal handler, too."""
        assert self._process is not None
        self._is_interrupted = True
        self._process.terminate()

    def _drained(self, deadline: float | None) -> int:
        self._tell("drain\n")
        assert self._process is not None
        try:
            self._process.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.interrupt()
            return self._wait(limit_s=_STOP_S)
        return self._wait(limit_s=None)

    def _tell(self, word: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(word)
            self._process.stdin.flush()
        except BrokenPipeError:
            logger.debug("analysis had ended before it was told to drain")

    def _hang_up(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            logger.debug("analysis had ended before it was told to")

    def _wait(self, *, limit_s: float | None) -> int:
        assert self._process is not None
        try:
            code = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join()
        self._hang_up()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def _is_well(self, code: int) -> bool:
        if code != 0 and not self._is_interrupted:
            logger.warning("analysis ended with status %s; the next crawl goes on with it", code)
        return code == 0

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                progress = json.loads(line)
            except ValueError:
                logger.warning("analysis wrote a line that is not JSON: %.200s", line.rstrip())
                continue
            self.progress = progress
