"""The frontier's tables in state.sqlite, and the way from an older muragat's to these."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import sqlite3

_CREATE = """
CREATE TABLE IF NOT EXISTS frontier (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  site TEXT NOT NULL,
  priority INTEGER NOT NULL,
  due REAL,
  claimed INTEGER NOT NULL DEFAULT 0,
  announcer TEXT NOT NULL,
  referrer TEXT NOT NULL,
  seed TEXT NOT NULL,
  hop INTEGER NOT NULL,
  redirects INTEGER NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  outcome TEXT,
  digest TEXT
);
CREATE INDEX IF NOT EXISTS frontier_ready ON frontier (site, priority, id)
  WHERE due IS NOT NULL AND claimed = 0;
CREATE TABLE IF NOT EXISTS rounds (
  site TEXT PRIMARY KEY,
  crawl TEXT NOT NULL,
  started REAL NOT NULL,
  ended REAL
);
"""

_ADDED = {
    "frontier": {
        "host": "TEXT NOT NULL DEFAULT ''",
        "kind": "TEXT NOT NULL DEFAULT ''",
        "depth": "INTEGER NOT NULL DEFAULT 0",
        "visited": "REAL",
        "fresh_until": "REAL",
    },
    "rounds": {"opened": "REAL NOT NULL DEFAULT 0"},
}
"""Table -> columns that came after the first version -> what they are. `opened` is when a round began, `started`
when a process last took it up."""

_INDEX = """
CREATE INDEX IF NOT EXISTS frontier_nested ON frontier (referrer)
  WHERE announcer = 'requisite' AND (depth > 1 OR redirects > 0);
"""


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables where they are missing, and add what an older muragat did not know."""
    connection.executescript(_CREATE)
    for table, columns in _ADDED.items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for name, kind in columns.items():
            if name not in there:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    connection.executescript(_INDEX)
    connection.create_function("host_of", 1, _host_of, deterministic=True)
    connection.execute("UPDATE frontier SET host = host_of(url) WHERE host = ''")


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def are_there(connection: sqlite3.Connection) -> bool:
    """Say whether there are tables at all: state.sqlite may have been made again without them."""
    query = "SELECT 1 FROM sqlite_schema WHERE name = 'frontier'"
    return connection.execute(query).fetchone() is not None


def forget(connection: sqlite3.Connection) -> None:
    """Drop the tables; inside a transaction."""
    connection.execute("DROP TABLE IF EXISTS frontier")
    connection.execute("DROP TABLE IF EXISTS rounds")


def sites(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names of the sites that a round was ever begun of."""
    return frozenset(row[0] for row in connection.execute("SELECT site FROM rounds"))


def open_rounds(connection: sqlite3.Connection) -> dict[str, float]:
    """Return when the rounds began that never came to their end (seconds since 1970), by site."""
    return dict(connection.execute("SELECT site, opened FROM rounds WHERE ended IS NULL"))


def name_kind(connection: sqlite3.Connection, key: str, kind: str) -> None:
    """Say of a requisite what it is asked for as; its captures do not."""
    connection.execute("UPDATE frontier SET kind = ? WHERE key = ?", (kind, key))


def count(connection: sqlite3.Connection) -> int:
    """Return how many addresses are known."""
    return int(connection.execute("SELECT count(*) FROM frontier").fetchone()[0])
