"""Where the robots.txt of each origin is kept between runs: a table in state.sqlite.

For the writer's thread alone. It is no part of the archive: without it each robots.txt is asked for again.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from crawler.robots.standing import KEPT_S, Standing

if TYPE_CHECKING:
    import sqlite3

_CREATE = """
CREATE TABLE IF NOT EXISTS robots (
  origin TEXT PRIMARY KEY,           -- scheme, host, and the port where it is not the scheme's own
  url TEXT NOT NULL,
  fetched REAL NOT NULL,
  until REAL NOT NULL,
  failures INTEGER NOT NULL,
  body BLOB NOT NULL                 -- as zlib packs it
)
"""
_PUT = "INSERT OR REPLACE INTO robots (origin, url, fetched, until, failures, body) VALUES (?, ?, ?, ?, ?, ?)"
_GET = "SELECT url, body, fetched, until, failures FROM robots WHERE origin = ?"


def make_table(connection: sqlite3.Connection, now: float) -> None:
    """Make the table where it is missing; drop what nobody has asked for in 30 days."""
    connection.execute(_CREATE)
    connection.execute("DELETE FROM robots WHERE until < ?", (now - KEPT_S,))


def stored(connection: sqlite3.Connection, origin: str) -> Standing:
    """Return how an origin stood when it was last asked; one that never was stands at nothing."""
    row = connection.execute(_GET, (origin,)).fetchone()
    if row is None:
        return Standing(origin)
    url, body, fetched, until, failures = row
    return Standing(origin, url, zlib.decompress(body), fetched, until, failures)


def store(connection: sqlite3.Connection, standing: Standing) -> None:
    """Keep how an origin stands; durable when this returns."""
    packed = zlib.compress(standing.body, 1)
    row = (standing.origin, standing.url, standing.fetched, standing.until, standing.failures)
    connection.execute(_PUT, (*row, packed))
