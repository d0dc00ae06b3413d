"""The frontier: which addresses are known, which are due, and which are being fetched now.

Hides its tables, which live in the collection's `state.sqlite` so that an address is done in the very
transaction that makes its capture known. Everything here runs in the thread that owns that connection.
What is announced or done is kept in memory until `flush` writes it inside the collection's transaction.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from w3lib.url import safe_url_string

from archive import urls
from archive.model import Announcer, Outcome, Via

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

SCHEMA = """
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

RESPELT = "#"
"""Ends the keys that `respelt` makes; no fetch key has a fragment."""

_CLAIM = (
    "key, url, announcer, referrer, seed, hop, redirects, failures, coalesce(digest, '') AS digest"
)

MAX_REDIRECTS = 10
"""Redirects in a row that are followed; browsers stop at 20, RFC 9110 section 15.4 names no number."""

PRIORITY = {
    Announcer.SEED: 0,
    Announcer.ROBOTS: 1,
    Announcer.FEED: 2,
    Announcer.REDIRECT: 3,
    Announcer.SITEMAP: 5,
}
"""Smaller is fetched earlier: what a feed announces is new, a sitemap lists the whole back catalogue."""

_PRIORITY_OF_LINKS = 4


@dataclass(frozen=True, slots=True)
class Announcement:
    """One address that somebody told us of; `key` is its fetch key, `redirects` how many led here in a row."""

    key: str
    url: str
    via: Via
    redirects: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that is ours to fetch now; it comes back by `done`, or after a restart.

    `digest` is the payload digest of its last visit, "" where there was none.
    """

    key: str
    url: str
    via: Via
    redirects: int
    failures: int
    digest: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit came to; `retry_at` (seconds since 1970, UTC) where it is to be tried again."""

    key: str
    outcome: Outcome
    digest: str = ""
    retry_at: float | None = None


class Frontier(Protocol):
    """What a crawl needs of a frontier; every backend proves itself by the same contract tests."""

    def begin(self, site: str, crawl: str) -> bool:
        """Start a round of `site`, or go on with one that never ended; return whether it goes on."""

    def end(self, site: str) -> None:
        """Note that the round came to its end."""

    def announce(self, site: str, announcements: Iterable[Announcement]) -> int:
        """Remember addresses; return how many were unknown. Known ones keep their first announcer."""

    def claim(self, site: str, limit: int) -> Sequence[Claim]:
        """Take up to `limit` addresses that are due, the most urgent first."""

    def done(self, visit: Visit) -> None:
        """Give back a claimed address; it is not due again before its next round or `retry_at`."""

    def due(self, site: str) -> float | None:
        """Return when the next unclaimed address falls due (seconds since 1970), or None."""


class SqliteFrontier:
    """The frontier of one machine, in the collection's own state file."""

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._announced: dict[str, tuple[str, Announcement]] = {}
        self._visits: list[Visit] = []
        connection.executescript(SCHEMA)
        connection.execute("UPDATE frontier SET claimed = 0 WHERE claimed = 1")
        connection.commit()

    @property
    def is_dirty(self) -> bool:
        """True while something waits for `flush`."""
        return bool(self._announced or self._visits)

    def begin(self, site: str, crawl: str) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM rounds WHERE site = ? AND ended IS NULL", (site,)
        ).fetchone()
        if row is None:
            self._connection.execute(
                "UPDATE frontier SET due = ?, failures = 0 WHERE site = ?",
                (self._clock(), site),
            )
        self._connection.execute(
            "INSERT INTO rounds (site, crawl, started) VALUES (?, ?, ?) ON CONFLICT (site)"
            " DO UPDATE SET crawl = excluded.crawl, started = excluded.started, ended = NULL",
            (site, crawl, self._clock()),
        )
        self._connection.commit()
        return row is not None

    def begun(self, site: str) -> float:
        """Return when a process last began or took up a round of `site` (seconds since 1970), 0 for never."""
        query = "SELECT started FROM rounds WHERE site = ?"
        row = self._connection.execute(query, (site,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def end(self, site: str) -> None:
        self._connection.execute(
            "UPDATE rounds SET ended = ? WHERE site = ?", (self._clock(), site)
        )
        self._connection.commit()

    def announce(self, site: str, announcements: Iterable[Announcement]) -> int:
        unknown = 0
        for announcement in announcements:
            if announcement.key in self._announced or self._knows(announcement.key):
                continue
            self._announced[announcement.key] = (site, announcement)
            unknown += 1
        return unknown

    def claim(self, site: str, limit: int) -> Sequence[Claim]:
        rows = self._connection.execute(
            "UPDATE frontier SET claimed = 1 WHERE id IN (SELECT id FROM frontier"  # noqa: S608 - a constant
            " WHERE site = ? AND claimed = 0 AND due IS NOT NULL AND due <= ?"
            " ORDER BY priority, id LIMIT ?)"
            f" RETURNING priority, id, {_CLAIM}",
            (site, self._clock(), limit),
        ).fetchall()
        self._connection.commit()
        rows.sort()
        return [_claim(row[2:]) for row in rows]

    def done(self, visit: Visit) -> None:
        self._visits.append(visit)

    def due(self, site: str) -> float | None:
        row = self._connection.execute(
            "SELECT min(due) FROM frontier WHERE site = ? AND claimed = 0 AND due IS NOT NULL",
            (site,),
        ).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def claim_of_url(self, url: str) -> tuple[str, Claim] | None:
        """Return `claim_of` for an address: by its own key where it has one (see `respelt`), else its fetch key."""
        return self.claim_of(url + RESPELT) or self.claim_of(urls.fetch_key(url))

    def claim_of(self, key: str) -> tuple[str, Claim] | None:
        """Return the site and the standing of a known address, whether it is claimed or not."""
        row = self._connection.execute(
            f"SELECT site, {_CLAIM} FROM frontier WHERE key = ?",  # noqa: S608 - a constant
            (key,),
        ).fetchone()
        return None if row is None else (row[0], _claim(row[1:]))

    def counts(self, site: str) -> tuple[int, int]:
        """Return how many addresses of `site` are known, and how many of them are still due."""
        known, due = self._connection.execute(
            "SELECT count(*), count(due) FROM frontier WHERE site = ?", (site,)
        ).fetchone()
        return known, due

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write what was announced and done; called inside the transaction that commits the captures."""
        now = self._clock()
        connection.executemany(
            "INSERT OR IGNORE INTO frontier"
            " (key, url, site, priority, due, announcer, referrer, seed, hop, redirects)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_row(site, announcement, now) for site, announcement in self._announced.values()],
        )
        connection.executemany(
            "UPDATE frontier SET claimed = 0, due = ?, outcome = ?, digest = coalesce(?, digest),"
            " failures = CASE WHEN ? IS NULL THEN 0 ELSE failures + 1 END WHERE key = ?",
            [
                (visit.retry_at, visit.outcome, visit.digest or None, visit.retry_at, visit.key)
                for visit in self._visits
            ],
        )

    def flushed(self) -> None:
        """Forget what `flush` wrote, once its transaction is committed."""
        self._announced.clear()
        self._visits.clear()

    def _knows(self, key: str) -> bool:
        query = "SELECT 1 FROM frontier WHERE key = ?"
        return self._connection.execute(query, (key,)).fetchone() is not None


def announcement(url: str, via: Via, *, redirects: int = 0) -> Announcement:
    """Return the announcement of `url`, written as Scrapy will send it, under its fetch key.

    Scrapy escapes more than browsers do and drops an empty query; what is captured must find its row again.
    """
    sent = safe_url_string(url)
    return Announcement(key=urls.fetch_key(sent), url=sent, via=via, redirects=redirects)


def respelt(told: Announcement) -> Announcement:
    """Return the announcement of a redirect's target that shares its fetch key with the address before it.

    A server may insist on one way of writing an address; both are then fetched, under keys of their own.
    """
    return replace(told, key=told.url + RESPELT)


def _claim(row: tuple[Any, ...]) -> Claim:
    """Return the claim of a row of `_CLAIM`."""
    key, url, announcer, referrer, seed, hop, redirects, failures, digest = row
    via = Via(announcer=Announcer(announcer), referrer=referrer, seed=seed, hop=hop)
    return Claim(key, url, via, redirects=redirects, failures=failures, digest=digest)


def _row(site: str, announcement: Announcement, now: float) -> tuple[object, ...]:
    via = announcement.via
    priority = PRIORITY.get(via.announcer, _PRIORITY_OF_LINKS) * 1000 + min(via.hop, 999)
    return (
        announcement.key,
        announcement.url,
        site,
        priority,
        now,
        via.announcer,
        via.referrer,
        via.seed,
        via.hop,
        announcement.redirects,
    )
