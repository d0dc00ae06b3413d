"""What a command costs: processor seconds of all it starts, wall seconds, peak memory."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """User and system seconds of the whole tree and of its first process alone; the exit status."""

    cpu_s: float
    main_cpu_s: float
    wall_s: float
    peak_mb: float
    status: int
    left_behind: int


def adopt_orphans() -> None:
    """Become the parent of what a measured command leaves behind, so that its cost is counted as well."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def run(command: Sequence[str], *, cwd: Path, log: Path, patience_s: float = 30) -> Cost:
    """Run a command in a session of its own and return its cost; its output goes to `log`.

    Processes that outlive it by more than `patience_s` are killed and counted in `left_behind`; a process
    that made a further session for itself is measured only if its parent waited for it.
    """
    started = time.monotonic()
    with log.open("wb") as output:
        main = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    os.waitid(os.P_PID, main.pid, os.WEXITED | os.WNOWAIT)
    own = _own_cpu_s(
        main.pid
    )  # a process that ended and is not yet waited for still has its figures
    _, status, usage = os.wait4(main.pid, 0)
    main.returncode = os.waitstatus_to_exitcode(status)
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
    more, left = _reap_group(main.pid, time.monotonic() + patience_s)
    wall = time.monotonic() - started
    return Cost(cpu + more, own, wall, peak / 1024, main.returncode, left)


def _own_cpu_s(pid: int) -> float:
    """Return user + system seconds of one process, without its children (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _reap_group(group: int, deadline: float) -> tuple[float, int]:
    cpu, killed = 0.0, 0
    while True:
        try:
            pid, _, usage = os.wait4(-group, os.WNOHANG)
        except ChildProcessError:
            return cpu, killed
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
        elif time.monotonic() > deadline:
            killed += 1
            os.killpg(group, signal.SIGKILL)
            deadline = time.monotonic() + 5
        else:
            time.sleep(0.01)
