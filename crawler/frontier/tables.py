"""The frontier's tables in state.sqlite; hides how they are made, and who else may look at them.

ready 1              wanted now; `due` is when it came to be
ready 0, owner       leased until `due`
ready 0, planned -   waits for another try at `due`, or for nothing where that is NULL
ready 0, planned 0   a page that was visited since its next visit was planned
ready 0, planned 1   a page that falls due at `due` in a scheduled round
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crawler.frontier.migration import is_older, migrate

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from crawler.frontier.claims import Announcement

_FRONTIER = """
CREATE TABLE IF NOT EXISTS frontier (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  host TEXT NOT NULL,
  site TEXT NOT NULL,
  priority INTEGER NOT NULL,
  ready INTEGER NOT NULL DEFAULT 0,
  due REAL,
  owner TEXT NOT NULL DEFAULT '',
  planned INTEGER,
  cause TEXT NOT NULL DEFAULT '',          -- why it is due: '', a channel, or 'missing' and a channel
  announcer TEXT NOT NULL,                 -- the first of them, as are the next four
  referrer TEXT NOT NULL,
  seed TEXT NOT NULL,
  hop INTEGER NOT NULL,
  redirects INTEGER NOT NULL,
  kind TEXT NOT NULL DEFAULT '',
  depth INTEGER NOT NULL DEFAULT 0,
  known REAL NOT NULL DEFAULT 0,           -- since when
  published REAL,                          -- as announced: the first that was given
  modified REAL,                           -- as announced: the latest
  visited REAL,
  round INTEGER NOT NULL DEFAULT 0,        -- the site's round of its last visit, 0: never
  outcome TEXT,
  status INTEGER,
  changed INTEGER,
  failures INTEGER NOT NULL DEFAULT 0,     -- tries in a row that are followed by another
  errors INTEGER NOT NULL DEFAULT 0,       -- visits in a row that failed
  digest TEXT,
  etag TEXT NOT NULL DEFAULT '',
  last_modified TEXT NOT NULL DEFAULT '',
  fresh_until REAL
);
"""

_OTHERS = """
CREATE TABLE IF NOT EXISTS rounds (
  site TEXT PRIMARY KEY,
  crawl TEXT NOT NULL,
  started REAL NOT NULL,                   -- when a process last took it up
  opened REAL NOT NULL,                    -- when it began
  ended REAL,
  number INTEGER NOT NULL DEFAULT 1,
  is_full INTEGER NOT NULL DEFAULT 1,
  swept_priority INTEGER,                  -- a full round's pages up to here are ready; NULL: all are
  swept_id INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS sources (
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  surplus INTEGER NOT NULL DEFAULT 0       -- what the list says it has, less what it announced
);
CREATE TABLE IF NOT EXISTS announced (
  address INTEGER NOT NULL,                -- frontier.id; no requisites
  channel TEXT NOT NULL,
  first REAL NOT NULL,
  last REAL NOT NULL,                      -- kept up by feeds, sitemaps and REST lists alone
  date REAL,                               -- modified, else published, as the channel last gave it
  source INTEGER,                          -- the feed, sitemap, REST list or robots.txt; links have none
  missing REAL,                            -- since when a list that was read to its end does not name it
  PRIMARY KEY (address, channel)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trust (
  site TEXT NOT NULL,
  channel TEXT NOT NULL,
  hits INTEGER NOT NULL,
  misses INTEGER NOT NULL,
  PRIMARY KEY (site, channel)
) WITHOUT ROWID;
"""

_INDEXES = """
CREATE INDEX IF NOT EXISTS frontier_place ON frontier (site, priority, id);
CREATE INDEX IF NOT EXISTS frontier_ready ON frontier (site, host, priority, id) WHERE ready = 1;
CREATE INDEX IF NOT EXISTS frontier_due ON frontier (site, due)
  WHERE ready = 0 AND due IS NOT NULL AND planned IS NULL;
CREATE INDEX IF NOT EXISTS frontier_planned ON frontier (site, due) WHERE planned = 1;
CREATE INDEX IF NOT EXISTS frontier_unplanned ON frontier (site, id) WHERE planned = 0;
CREATE INDEX IF NOT EXISTS frontier_owned ON frontier (owner) WHERE owner > '';
CREATE INDEX IF NOT EXISTS frontier_nested ON frontier (referrer)
  WHERE announcer = 'requisite' AND (depth > 1 OR redirects > 0);
CREATE INDEX IF NOT EXISTS announced_source ON announced (source, last)
  WHERE missing IS NULL AND source IS NOT NULL;
"""

_NAMES = ("frontier", "rounds", "sources", "announced", "trust", "page_rates", "learned")
"""The last two are those of the schedule that name rows by their `frontier.id`."""


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables where they are missing, in one transaction; bring an older muragat's up to these, once."""
    begun = not connection.in_transaction
    if begun:
        connection.execute("BEGIN IMMEDIATE")
    try:
        if is_older(connection):
            migrate(connection, f"{_FRONTIER}{_OTHERS}")
        for statement in f"{_FRONTIER}{_OTHERS}{_INDEXES}".split(";\n"):
            connection.execute(statement)
        if begun:
            connection.execute("COMMIT")
    except BaseException:
        if begun and connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def are_there(connection: sqlite3.Connection) -> bool:
    """Say whether there are tables at all: state.sqlite may have been made again without them."""
    query = "SELECT 1 FROM sqlite_schema WHERE name = 'frontier'"
    return connection.execute(query).fetchone() is not None


def forget(connection: sqlite3.Connection) -> None:
    """Drop the tables; inside a transaction."""
    for name in _NAMES:
        connection.execute(f"DROP TABLE IF EXISTS {name}")


def sites(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names of the sites that a round was ever begun of."""
    return frozenset(row[0] for row in connection.execute("SELECT site FROM rounds"))


def open_rounds(connection: sqlite3.Connection) -> dict[str, float]:
    """Return when the rounds began that never came to their end (seconds since 1970), by site."""
    return dict(connection.execute("SELECT site, opened FROM rounds WHERE ended IS NULL"))


def name_kind(connection: sqlite3.Connection, key: str, kind: str) -> None:
    """Say of a requisite what it is asked for as; its captures do not."""
    connection.execute("UPDATE frontier SET kind = ? WHERE key = ?", (kind, key))


def forget_words(connection: sqlite3.Connection) -> None:
    """Forget who announced what, to hear it all again; what went missing, too."""
    connection.execute("DELETE FROM announced")
    connection.execute("UPDATE sources SET surplus = 0")


def forget_words_of(connection: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Do so for some addresses."""
    statement = "DELETE FROM announced WHERE address = (SELECT id FROM frontier WHERE key = ?)"
    connection.executemany(statement, ((key,) for key in keys))


def put_in_place(connection: sqlite3.Connection, told: Announcement) -> None:
    """Give a page the place in the queue that it has by its first announcement, which is heard again now.

    A capture tells neither the date that its announcer gave nor that it was a list.
    """
    undated = replace(told, published=None, modified=None, is_channel=False)
    connection.execute(
        """UPDATE frontier SET priority = ? WHERE key = ? AND announcer = ? AND referrer = ? AND priority = ?""",
        (told.priority, told.key, told.via.announcer, told.via.referrer, undated.priority),
    )


def name_first_announcers(connection: sqlite3.Connection) -> None:
    """Note the first announcer where it is not among those of an address: its words can't be read any more."""
    connection.execute(
        """INSERT OR IGNORE INTO announced (address, channel, first, last)
 SELECT id, announcer, known, known FROM frontier WHERE announcer <> 'requisite'"""
    )


def count(connection: sqlite3.Connection) -> int:
    """Return how many addresses are known."""
    return int(connection.execute("SELECT count(*) FROM frontier").fetchone()[0])
