"""How long `muragat coverage` takes, and how much memory, at many known addresses: `python -m benchmarks.coverage 300000`."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.known import known


def main(count: int = 300_000) -> None:
    """Print the CPU seconds and the memory of the process for each way of asking; the wall clock where it is alone."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        known(home, count)
        for words in (
            [],
            ["--json"],
            ["--missing"],
            ["--only", "sitemap"],
            ["--unknown-to", "feed"],
        ):
            command = [sys.executable, "-m", "crawler", "--home", str(home), "coverage", *words]
            began, used = time.monotonic(), _cpu_s()
            done = subprocess.run(command, capture_output=True, check=False)
            seconds, cpu = time.monotonic() - began, _cpu_s() - used
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            lines = done.stdout.count(b"\n")
            name = " ".join(words) or "table"
            print(
                f"{name:<20} {cpu:6.2f} s CPU {seconds:6.2f} s  {lines:>7,} lines  at most {peak:.0f} MiB"
            )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
