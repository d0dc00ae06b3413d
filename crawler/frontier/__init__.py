"""The frontier: which addresses are known, which are due, and which are being fetched now.

Hides its tables, which live in the collection's `state.sqlite` so that an address is done in the very
transaction that makes its capture known. Everything here runs in the thread that owns that connection.
What is announced or done is kept in memory until `flush` writes it inside the collection's transaction.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from archive import urls
from archive.model import Announcer
from crawler.frontier.claims import (
    MAX_REDIRECTS,
    RESPELT,
    Announcement,
    Claim,
    Planned,
    Visit,
    announcement,
    host_of,
    respelt,
)
from crawler.frontier.priorities import REQUISITES
from crawler.frontier.protocol import LEASE_S, Frontier
from crawler.frontier.rows import (
    CLAIM,
    DONE,
    KNOWN,
    PUT,
    Known,
    announcement_of,
    claim_in,
    row_of,
)
from crawler.frontier.tables import make_tables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

__all__ = [
    "MAX_REDIRECTS",
    "RESPELT",
    "Announcement",
    "Claim",
    "Frontier",
    "Planned",
    "SqliteFrontier",
    "Visit",
    "announcement",
    "host_of",
    "respelt",
]

_IS_REQUISITE = f" AND announcer = '{Announcer.REQUISITE}' AND priority < {REQUISITES[1]}"
"""The bound on the priority is for the index: behind it lie pages alone, and there may be many."""


class SqliteFrontier:
    """The frontier of one machine, in the collection's own state file."""

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._announced: dict[str, tuple[str, Announcement]] = {}
        self._turned: set[str] = set()  # into pages, while they are fetched as requisites
        self._visits: list[Visit] = []
        self._opened: dict[str, float] = {}
        make_tables(connection)
        connection.execute("UPDATE frontier SET claimed = 0 WHERE claimed = 1")
        connection.commit()

    @property
    def is_dirty(self) -> bool:
        """True while something waits for `flush`."""
        return bool(self._announced or self._visits)

    def begin(self, site: str, crawl: str, *, full: bool = True) -> bool:
        now = self._clock()
        row = self._connection.execute(
            "SELECT opened FROM rounds WHERE site = ? AND ended IS NULL", (site,)
        ).fetchone()
        if row is None:
            self._connection.execute(
                "UPDATE frontier SET due = ?, failures = 0 WHERE site = ? AND announcer <> ?",
                (now, site, Announcer.REQUISITE),
            )
        self._opened[site] = now if row is None else row[0]
        self._connection.execute(
            "INSERT INTO rounds (site, crawl, started, opened) VALUES (?, ?, ?, ?) ON CONFLICT (site)"
            " DO UPDATE SET crawl = excluded.crawl, started = excluded.started,"
            " opened = excluded.opened, ended = NULL",
            (site, crawl, now, self._opened[site]),
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

    def announce(self, site: str, announcements: Iterable[Announcement]) -> Sequence[str]:
        return [
            due.host
            for told in announcements
            for due in (self._requisite if told.is_requisite else self._page)(site, told)
        ]

    def claim(
        self,
        site: str,
        limit: int,
        *,
        without: Collection[str] = (),
        requisites_only: bool = False,
        lease_s: float = LEASE_S,
    ) -> Sequence[Claim]:
        places = ", ".join("?" * len(without))
        rows = self._connection.execute(
            "UPDATE frontier SET claimed = 1 WHERE id IN (SELECT id FROM frontier"  # noqa: S608 - constants
            " WHERE site = ? AND claimed = 0 AND due IS NOT NULL AND due <= ?"
            f"{_IS_REQUISITE if requisites_only else ''}"
            f"{f' AND host NOT IN ({places})' if without else ''}"
            " ORDER BY priority, id LIMIT ?)"
            f" RETURNING priority, id, {CLAIM}",
            (site, self._clock(), *without, limit),
        ).fetchall()
        self._connection.commit()
        rows.sort()
        return [claim_in(row[2:]) for row in rows]

    def done(self, visit: Visit) -> None:
        self._visits.append(visit)

    def due(
        self, site: str, *, requisites_only: bool = False, without: Collection[str] = ()
    ) -> float | None:
        row = self._connection.execute(
            "SELECT min(due) FROM frontier WHERE site = ? AND claimed = 0 AND due IS NOT NULL"  # noqa: S608 - as above
            f"{_IS_REQUISITE if requisites_only else ''}",
            (site,),
        ).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def forgo(self, site: str, kinds: Collection[str]) -> None:
        places = ", ".join("?" * len(kinds))
        self._connection.execute(
            "UPDATE frontier SET due = NULL WHERE site = ? AND announcer = ? AND due IS NOT NULL"  # noqa: S608 - as above
            f" AND kind NOT IN ({places})",
            (site, Announcer.REQUISITE, *kinds),
        )
        self._connection.commit()

    def claim_of_url(self, url: str) -> tuple[str, Claim] | None:
        """Return `claim_of` for an address: by its own key where it has one (see `respelt`), else its fetch key."""
        return self.claim_of(url + RESPELT) or self.claim_of(urls.fetch_key(url))

    def claim_of(self, key: str) -> tuple[str, Claim] | None:
        """Return the site and the standing of a known address, whether it is claimed or not."""
        row = self._connection.execute(
            f"SELECT site, {CLAIM} FROM frontier WHERE key = ?",  # noqa: S608 - a constant
            (key,),
        ).fetchone()
        return None if row is None else (row[0], claim_in(row[1:]))

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
            PUT, [row_of(site, told, now) for site, told in self._announced.values()]
        )
        connection.executemany(DONE, [self._done(visit, now) for visit in self._visits])

    def flushed(self) -> None:
        """Forget what `flush` wrote, once its transaction is committed."""
        self._announced.clear()
        self._turned.difference_update(visit.key for visit in self._visits)
        self._visits.clear()

    def _page(self, site: str, told: Announcement) -> Iterator[Announcement]:
        """Remember a page; yield it where it falls due by that."""
        waiting = self._announced.get(told.key)
        if waiting is not None:
            if waiting[1].is_requisite:
                self._announced[told.key] = (site, told)
            return
        known = self._known(told.key)
        if known is None or known.is_requisite:
            self._announced[told.key] = (site, told)
            if known is not None and known.is_claimed:
                self._turned.add(told.key)
            yield told

    def _requisite(self, site: str, told: Announcement) -> Iterator[Announcement]:
        """Remember a requisite; yield it, and what it leads to, where that falls due."""
        if told.key in self._announced:
            return
        known = self._known(told.key)
        if known is None:
            self._announced[told.key] = (site, told)
            yield told
        elif known.is_requisite and not known.is_claimed:
            yield from self._again(site, told, known)

    def _again(self, site: str, told: Announcement, known: Known) -> Iterator[Announcement]:
        """Yield a known requisite where it is due for `site` now, else what is known below it that is."""
        if known.is_due and known.site == site:
            return
        if known.is_due or known.is_stale(self._opening(site), self._clock()):
            self._announced[told.key] = (site, told)
            yield told
            return
        for below in self._below(known):
            yield from self._requisite(site, below)

    def _below(self, known: Known) -> list[Announcement]:
        """Return what a stylesheet or a redirect named when it was last fetched: while it is fresh nobody reads it.

        Each step goes further from the page, so that stylesheets which name each other come to an end.
        """
        rows = self._connection.execute(
            f"SELECT {CLAIM} FROM frontier WHERE referrer = ? AND announcer = '{Announcer.REQUISITE}'"  # noqa: S608 - constants
            " AND (depth > 1 OR redirects > 0) AND (depth, redirects) > (?, ?)",
            (known.url, known.depth, known.redirects),
        ).fetchall()
        return [announcement_of(claim_in(row)) for row in rows]

    def _known(self, key: str) -> Known | None:
        query = f"SELECT {KNOWN} FROM frontier WHERE key = ?"  # noqa: S608 - a constant
        row = self._connection.execute(query, (key,)).fetchone()
        return None if row is None else Known(*row)

    def _opening(self, site: str) -> float:
        """Return when the round of `site` began; now where there never was one."""
        if site not in self._opened:
            query = "SELECT opened FROM rounds WHERE site = ?"
            row = self._connection.execute(query, (site,)).fetchone()
            self._opened[site] = self._clock() if row is None else row[0]
        return self._opened[site]

    def _done(self, visit: Visit, now: float) -> tuple[object, ...]:
        due = now if visit.key in self._turned else visit.retry_at
        digest = visit.digest or None
        return due, visit.outcome, digest, now, visit.fresh_until, visit.retry_at, visit.key
