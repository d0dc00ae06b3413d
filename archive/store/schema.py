"""The tables of state.sqlite: made, brought up from an older version, and read as they lie in one.

Hides what each version looked like. 2 added what a capture's whole exchange takes (`span`), the site it was
crawled for, what a foreign record states of its payload, and metadata records that belong to no exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

VERSION = 2

TABLES = """
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,         -- final name under warc/
  bytes INTEGER NOT NULL             -- committed: what lies beyond was never acknowledged
) STRICT;
CREATE TABLE captures (
  sequence INTEGER PRIMARY KEY,
  urlkey TEXT NOT NULL,
  date INTEGER NOT NULL,             -- microseconds since 1970, UTC
  url TEXT NOT NULL,
  method TEXT NOT NULL,
  status INTEGER NOT NULL,
  mime TEXT NOT NULL,
  digest BLOB NOT NULL,              -- SHA-256 of the payload, 32 bytes; none: its original is not here
  kind TEXT NOT NULL,
  file INTEGER NOT NULL REFERENCES files,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  original TEXT NOT NULL,            -- Record-ID a revisit points to, or ''
  truncated TEXT NOT NULL,
  payload_length INTEGER NOT NULL,   -- 0 for a revisit
  is_original INTEGER NOT NULL,      -- 1: revisits may point here
  links_read INTEGER NOT NULL DEFAULT 0,
  site TEXT NOT NULL DEFAULT '',
  span INTEGER NOT NULL DEFAULT 0,   -- bytes of the whole exchange; 0: not known
  stated TEXT NOT NULL DEFAULT '',   -- imported: the payload digest in the record
  refers_to TEXT NOT NULL DEFAULT '' -- imported revisit: 'address date' of its original, as stated
) STRICT;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

METADATA = """
CREATE TABLE metadata (
  target TEXT NOT NULL,              -- the key's columns first: SQLite 3.40 finds NULL in others before them
  date INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  file INTEGER NOT NULL REFERENCES files,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  PRIMARY KEY (target, date, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_file ON metadata (file, offset);
"""

_INDEXES_1 = """
CREATE INDEX captures_place ON captures (urlkey, date, record_id);
CREATE INDEX captures_file ON captures (file, offset);
CREATE INDEX captures_payload ON captures (digest) WHERE is_original = 1;
CREATE INDEX captures_unread ON captures (sequence) WHERE links_read = 0;
"""

_INDEXES_2 = """
CREATE INDEX captures_naming ON captures (refers_to) WHERE refers_to != '';
CREATE INDEX captures_stating ON captures (stated) WHERE stated != '' AND kind = 'revisit';
CREATE INDEX captures_stated ON captures (stated, date, record_id) WHERE stated != '' AND is_original = 1;
CREATE INDEX captures_stated_at ON captures (stated, url, date, record_id) WHERE stated != '' AND is_original = 1;
"""

INDEXES = _INDEXES_1 + _INDEXES_2
"""Made after the rows where many are inserted at once: that costs half."""

_CREATE = TABLES + METADATA + INDEXES

# Exchanges of version 1 lie one behind the other, with nothing between them.
_FROM_1 = f"""
ALTER TABLE captures ADD COLUMN site TEXT NOT NULL DEFAULT '';
ALTER TABLE captures ADD COLUMN span INTEGER NOT NULL DEFAULT 0;
ALTER TABLE captures ADD COLUMN stated TEXT NOT NULL DEFAULT '';
ALTER TABLE captures ADD COLUMN refers_to TEXT NOT NULL DEFAULT '';
UPDATE captures SET span = following.offset - captures.offset FROM (
  SELECT sequence, lead(captures.offset, 1, bytes) OVER (PARTITION BY file ORDER BY captures.offset) AS offset
  FROM captures JOIN files ON files.id = captures.file) AS following
 WHERE following.sequence = captures.sequence;
{METADATA}{_INDEXES_2}
"""  # noqa: S608 - constants

_VIEW_OF_1 = """
CREATE TEMP VIEW captures AS
 SELECT *, '' AS site, 0 AS span, '' AS stated, '' AS refers_to FROM main.captures;
CREATE TEMP TABLE metadata (file, offset, length, target, date, record_id);
"""


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_empty(connection: sqlite3.Connection) -> bool:
    """Say whether the database holds nothing at all."""
    return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]


def bring_up(connection: sqlite3.Connection) -> bool:
    """Make or migrate the tables, all of it in one transaction; return False where nothing can be done."""
    found = version(connection)
    if found == VERSION:
        return True
    if found == 0 and is_empty(connection):
        _run(connection, _CREATE)
        return True
    if found == 1:
        _run(connection, _FROM_1)
        return True
    return False


def look_through(connection: sqlite3.Connection) -> bool:
    """Make a connection that only reads see the tables of this version; return False where it can't."""
    found = version(connection)
    if found == 1:
        connection.executescript(_VIEW_OF_1)
    return found in (1, VERSION)


def _run(connection: sqlite3.Connection, statements: str) -> None:
    connection.executescript(
        f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {VERSION}; COMMIT"
    )
