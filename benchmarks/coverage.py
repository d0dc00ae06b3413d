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
    """Print seconds and the memory of the process for each way of asking."""
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
            began = time.monotonic()
            done = subprocess.run(command, capture_output=True, check=False)
            seconds = time.monotonic() - began
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            lines = done.stdout.count(b"\n")
            print(
                f"{' '.join(words) or 'table':<24} {seconds:6.2f} s  {lines:>7,} lines  up to {peak:.0f} MiB so far"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
