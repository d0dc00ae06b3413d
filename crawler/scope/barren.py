"""The traps of each site, remembered from crawl to crawl: a trap is not to grow by its budget in every round.

Lost with the state file, and not made again from the captures: it then costs its budget once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.scope.traps import MAX_BARREN

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_TABLE = """CREATE TABLE IF NOT EXISTS barren (
  site TEXT NOT NULL, pattern TEXT NOT NULL, PRIMARY KEY (site, pattern)
) WITHOUT ROWID"""


def remembered(connection: sqlite3.Connection, site: str) -> list[str]:
    """Return the barren patterns of `site`."""
    connection.execute(_TABLE)
    query = "SELECT pattern FROM barren WHERE site = ? ORDER BY pattern LIMIT ?"
    return [pattern for (pattern,) in connection.execute(query, (site, MAX_BARREN))]


def remember(connection: sqlite3.Connection, site: str, patterns: Iterable[str]) -> None:
    """Keep the barren patterns of `site`, and no others; the caller commits."""
    connection.execute(_TABLE)
    connection.execute("DELETE FROM barren WHERE site = ?", (site,))
    rows = [(site, pattern) for pattern in patterns]
    connection.executemany("INSERT OR IGNORE INTO barren VALUES (?, ?)", rows)
