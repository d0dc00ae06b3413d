"""What became of addresses that brought no capture, as the crawl's frontier remembers it; hides its table.

The frontier belongs to the crawler and may be missing: a collection that was only imported has none.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from archive import urls
from archive.store import state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def outcome_reader(home: Path) -> Callable[[str], str]:
    """Return a function from an address to its last outcome ("robots", "timeout", …), "" where none is known.

    Each call of it opens the state for reading and closes it again.
    """
    path = home / state.NAME

    def outcome_of(url: str) -> str:
        with state.reported(path), closing(state.open_for_reading(path)) as connection:
            return _outcome(connection, url)

    return outcome_of


def _outcome(connection: sqlite3.Connection, url: str) -> str:
    there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'frontier'"
    if connection.execute(there).fetchone() is None:
        return ""
    statement = "SELECT outcome FROM frontier WHERE key = ?"
    try:
        row = connection.execute(statement, (urls.fetch_key(url),)).fetchone()
    except sqlite3.OperationalError:  # a frontier of a later muragat
        return ""
    return row[0] if row and row[0] else ""
