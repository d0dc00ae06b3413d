"""The frontier of one machine, in the collection's own state file; hides which of its parts does what.

An address is done in the very transaction that makes its capture known. Everything runs in the thread that owns the
connection. What is announced or done is kept in memory until `flush` writes it inside the collection's transaction.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from archive import urls
from crawler.frontier.claims import RESPELT, Announcement, Claim, Planned, Visit
from crawler.frontier.ground import Ground
from crawler.frontier.lists import Lists
from crawler.frontier.news import News
from crawler.frontier.protocol import LEASE_S
from crawler.frontier.queue import Queue, spans_of
from crawler.frontier.rounds import Rounds
from crawler.frontier.rows import CAUSE, CLAIM, DONE, PLANNED, claim_in, done_of, planned_in
from crawler.frontier.tables import make_tables
from crawler.frontier.trust import Trust

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable, Sequence


_CACHE_KB = 16_384
"""SQLite's own 2 MB hold the upper pages of no index at a million addresses."""


class SqliteFrontier:
    """See `Frontier`. Whoever makes one holds the collection alone, so that leases of others are those of the dead."""

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time
    ) -> None:
        self._connection = connection
        self._ground = Ground(connection, clock)
        self._rounds = Rounds(self._ground)
        self._trust = Trust(self._ground)
        self._queue = Queue(self._ground, self._rounds, self._trust)
        self._news = News(self._ground, self._rounds, self._trust)
        self._lists = Lists(self._ground)
        self._visits: list[
            tuple[Visit, float]
        ] = []  # with their moments: before all that they tell of
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        make_tables(connection)
        self._queue.free_the_dead()

    @property
    def is_dirty(self) -> bool:
        """True while something waits for `flush`."""
        return bool(self._news or self._visits)

    def begin(self, site: str, crawl: str, *, full: bool = True) -> bool:
        return self._rounds.begin(site, crawl, full=full)

    def end_waiting(self, site: str) -> bool:
        return self._rounds.end_waiting(site)

    def begun(self, site: str) -> float:
        """Return when a process last began or took up a round of `site` (seconds since 1970), 0 for never."""
        return self._rounds.begun(site)

    def end(self, site: str) -> None:
        self._rounds.end(site)

    def announce(self, site: str, announcements: Iterable[Announcement]) -> Sequence[str]:
        return [due.host for told in announcements for due in self._news.hear(site, told)]

    def listed(self, site: str, source_url: str, since: float, total: int | None = None) -> int:
        distrusted = self._trust.distrusted(site)
        with self._ground.transaction(durable=False):
            self._news.write()
            found = self._lists.ended(site, source_url, since, total, distrusted=distrusted)
        self._news.forget()
        return found

    def listing_size(self, site: str, source_url: str) -> int:
        with self._ground.transaction(durable=False):
            self._news.write()
            size = self._lists.size(source_url)
        self._news.forget()
        return size

    def named(self, source_url: str) -> int:
        """Return how many addresses a list names, as far as that is written: `listing_size` writes it."""
        return self._lists.named(source_url)

    def claim(
        self,
        site: str,
        limit: int,
        *,
        without: Collection[str] = (),
        requisites_only: bool = False,
        own_only: bool = False,
        lease_s: float = LEASE_S,
    ) -> Sequence[Claim]:
        spans = spans_of(requisites_only=requisites_only, own_only=own_only)
        return self._queue.claim(site, limit, without, spans=spans, lease_s=lease_s)

    def renew(self, keys: Iterable[str], *, lease_s: float = LEASE_S) -> None:
        self._queue.renew(keys, lease_s)

    def release(self, keys: Iterable[str]) -> None:
        self._queue.release(keys)

    def done(self, visit: Visit) -> None:
        self._visits.append((visit, self._ground.clock()))

    def due(
        self, site: str, *, requisites_only: bool = False, without: Collection[str] = ()
    ) -> float | None:
        return self._queue.due(site, without, requisites_only=requisites_only)

    def next_planned(self, site: str) -> float | None:
        return self._queue.next_planned(site)

    def forgo(self, site: str, kinds: Collection[str]) -> None:
        self._queue.forgo(site, kinds)

    def counts(self, site: str) -> tuple[int, int]:
        return self._queue.counts(site)

    def unplanned(self, site: str, limit: int) -> Sequence[Planned]:
        return [planned_in(row) for row in self._connection.execute(PLANNED, (site, limit))]

    def plan(self, times: Iterable[tuple[int, float | None]]) -> None:
        statement = "UPDATE frontier SET planned = 1, due = ? WHERE id = ? AND planned = 0"
        with self._ground.transaction():
            self._connection.executemany(statement, [(due, key) for key, due in times])

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

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write what was announced and done; called inside the transaction that commits the captures."""
        self._news.write()
        for visit, now in self._visits:
            turned = self._news.turned.get(visit.key)
            values = done_of(visit, now, again=turned is not None)
            for site, cause in connection.execute(DONE, values).fetchall():
                self._trust.learn(site, cause, visit)
            if turned:
                connection.execute(CAUSE, (turned, visit.key))

    def flushed(self) -> None:
        """Forget what `flush` wrote, once its transaction is committed."""
        self._news.forget()
        for visit, _ in self._visits:
            self._news.turned.pop(visit.key, None)
        self._visits.clear()
