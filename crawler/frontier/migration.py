"""From an older muragat's frontier to this one's, in place; hides what the older tables looked like.

Before leases an address was `claimed` or not, each new round made all pages due at once, nobody but the first
announcer was kept, and places in the queue were counted otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.model import Announcer, Via
from crawler.frontier.claims import Announcement, host_of

if TYPE_CHECKING:
    import sqlite3

_LATER = {
    "frontier": {
        "kind": "TEXT NOT NULL DEFAULT ''",
        "depth": "INTEGER NOT NULL DEFAULT 0",
        "visited": "REAL",
        "fresh_until": "REAL",
    },
    "rounds": {"opened": "REAL NOT NULL DEFAULT 0"},
}
"""Table -> columns that the oldest version did not have."""

_KEPT = """id, key, url, site, due, announcer, referrer, seed, hop, redirects, kind, depth, visited, outcome,
 failures, digest, fresh_until"""

_COPY = f"""
INSERT INTO frontier ({_KEPT}, host, priority, ready, known, round, planned)
 SELECT {_KEPT}, host_of(url), priority_of(url, announcer, seed, hop), due IS NOT NULL,
  coalesce(visited, due, 0), visited IS NOT NULL AND visited >= coalesce((
    SELECT opened FROM former_rounds AS r WHERE r.site = former.site AND r.ended IS NULL), visited),
  CASE WHEN due IS NULL AND outcome IS NOT NULL AND announcer <> '{Announcer.REQUISITE}' THEN 0 END
 FROM former_frontier AS former;
INSERT INTO rounds (site, crawl, started, opened, ended, number)
 SELECT site, crawl, started, opened, ended, 1 FROM former_rounds;
INSERT INTO announced (address, channel, first, last)
 SELECT id, announcer, known, known FROM frontier WHERE announcer <> '{Announcer.REQUISITE}';
DROP TABLE former_frontier;
DROP TABLE former_rounds"""  # noqa: S608 - constants


def is_older(connection: sqlite3.Connection) -> bool:
    """Say whether there is a frontier that is to be brought up."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(frontier)")}
    return bool(columns) and "ready" not in columns


def migrate(connection: sqlite3.Connection, tables: str) -> None:
    """Copy the older tables into new ones, which the statements `tables` make; inside a transaction."""
    for table, columns in _LATER.items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for name, kind in columns.items():
            if name not in there:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    for index in ("frontier_ready", "frontier_nested"):
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    for table in _LATER:
        connection.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    connection.create_function("host_of", 1, host_of, deterministic=True)
    connection.create_function("priority_of", 4, _priority, deterministic=True)
    for statement in (*tables.split(";\n"), *_COPY.split(";\n")):
        connection.execute(statement)


def _priority(url: str, announcer: str, seed: str, hop: int) -> int:
    via = Via(announcer=Announcer(announcer), seed=seed, hop=hop)
    return Announcement("", url, via).priority
