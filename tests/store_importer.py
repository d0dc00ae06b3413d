"""A process for the tests to kill: `python -m tests.store_importer HOME ALARM_S FILE...` imports files.

The alarm begins when all is loaded. After ALARM_S seconds the kernel ends the process, wherever it is: SIGALRM is
left at its default, which runs no handler, as SIGKILL runs none.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from archive.importing import import_files


def main(home: str, alarm_s: str, *files: str) -> None:
    signal.setitimer(signal.ITIMER_REAL, float(alarm_s))
    for taken in import_files(Path(home), map(Path, files)):
        sys.stdout.write(f"{taken.fate} {taken.new} {taken.known}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
