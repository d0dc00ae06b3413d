"""Stage 2 as a process: `python -m archive.backlog --home DIR [--follow]`.

With `--follow` it waits for more captures until its stdin says `drain` (finish, publish, end with 0) or closes (end
at once, with 130). To stdout it writes one JSON object a line, at most every half second:

    {"backlog": captures left, "articles": {"new", "changed", "unchanged", "gone"}, "problems": ["place: what"]}
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from archive.backlog import Control, drain
from archive.errors import MuragatError, StorageError

if TYPE_CHECKING:
    from archive.backlog import Progress


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
