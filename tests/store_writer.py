"""A process for the tests to kill: `python -m tests.store_writer HOME UPTO EVERY ALARM_S` adds exchanges 0 … UPTO-1.

It goes on behind what is stored, acknowledges `EVERY` of them at a time in a table of its own, and writes the
last acknowledged number to stdout. After ALARM_S seconds the kernel ends it, wherever it is: SIGALRM is left
at its default, which runs no handler, as SIGKILL runs none.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archive import Collection
from tests.exchanges import numbered

if TYPE_CHECKING:
    import sqlite3


def main() -> None:
    home, upto, every, alarm_s = sys.argv[1:5]
    with Collection(Path(home), write=True, max_file_bytes=20_000) as collection:
        collection.state.execute("CREATE TABLE IF NOT EXISTS done (number INTEGER PRIMARY KEY)")
        signal.setitimer(signal.ITIMER_REAL, float(alarm_s))
        following = 1 + max(
            (int(capture.url.rpartition("/")[2]) for capture in collection.captures()), default=-1
        )
        waiting: list[int] = []

        def acknowledge(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT INTO done VALUES (?)", [(number,) for number in waiting])

        for number in range(following, int(upto)):
            collection.add(numbered(number))
            waiting.append(number)
            if len(waiting) == int(every):
                collection.sync(acknowledge)
                sys.stdout.write(f"{number}\n")
                sys.stdout.flush()
                waiting.clear()
        collection.sync(acknowledge)
        collection.publish()


if __name__ == "__main__":
    main()
