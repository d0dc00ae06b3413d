"""What crawls did, played again into a frontier: rounds, visits, attempts without an answer.

Hides where each of them is told of: in the records that a crawl writes about itself, and in the metadata
record that closes an exchange. Events come in the order of their dates, and the frontier's clock shows them.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive.errors import RecordDamaged
from archive.model import Announcer, Outcome, Via
from crawler.crawl_records import (
    ATTEMPTS,
    REPORT,
    START,
    attempts_in,
    finished_in,
    is_scheduled_in,
    named_by,
)
from crawler.frontier import tables
from crawler.frontier.claims import Visit, announcement, respelt
from crawler.visits import again_at, visit_of
from crawler.visits.rereading import fields_confirmed
from crawler.visits.retries import is_passing, retry_at

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from archive import Collection
    from archive.model import Capture
    from archive.warc.records import Metadata
    from crawler.crawl_records import Attempt
    from crawler.frontier import SqliteFrontier
    from crawler.frontier.claims import Announcement, Claim
    from crawler.reconstruct.configurations import Configurations


class Clock:
    """The moment that is played, in seconds since 1970."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Replay:
    """Plays events into `frontier`, whose clock is `clock`; each is written at once, inside a transaction.

    `kept` are the sites of a frontier that is in use, to which captures are added: their rounds are left alone,
    and so is the standing of every address that was known before.
    """

    def __init__(
        self,
        collection: Collection,
        frontier: SqliteFrontier,
        configurations: Configurations,
        clock: Clock,
        *,
        kept: frozenset[str] | None,
    ) -> None:
        self._collection = collection
        self._frontier = frontier
        self._configurations = configurations
        self._clock = clock
        self._kept = kept
        self._begun: set[tuple[str, str]] = set()
        self._added = Added(collection.state) if kept is not None else None

    def captured(self, capture: Capture, via: Via) -> None:
        """Play a capture: its address becomes known as it was announced, and visited."""
        self._clock.now = capture.date.timestamp()
        if via.seed and via.site:
            self._begin(via.site, via.crawl)
            self._announce(via.site, capture.url, via)
        known = self._frontier.claim_of_url(capture.url) if capture.method == "GET" else None
        if known is not None and self._counts(known[1].key):
            self._frontier.done(self._visit(capture, known[1]))
            self._write()

    def told(self, record: Metadata) -> None:
        """Play what a crawl says of itself; a record that can't be read says nothing."""
        crawl, kind = named_by(record.target)
        self._clock.now = record.date.timestamp()
        if kind == START:
            full = not is_scheduled_in(self._block(record))
            for site in self._configurations.of_crawl(crawl).values():
                self._begin(site.name, crawl, site.seeds, full=full)
        elif kind == ATTEMPTS:
            for attempt in attempts_in(self._block(record), crawl):
                self._attempted(attempt)
        elif kind == REPORT:
            for name in finished_in(self._block(record)):
                self._end(name)

    def _begin(
        self, site: str, crawl: str, seeds: tuple[str, ...] = (), *, full: bool = True
    ) -> None:
        """Begin or take up a round; its first capture does where the crawl told of no start."""
        if (site, crawl) in self._begun:
            return
        self._begun.add((site, crawl))
        if self._kept is None or site not in self._kept:
            self._frontier.begin(site, crawl, full=full)
        for seed in seeds:
            self._announce(site, seed, Via(seed=seed))

    def _end(self, site: str) -> None:
        if self._kept is None or site not in self._kept:
            self._frontier.end(site)

    def _attempted(self, attempt: Attempt) -> None:
        self._clock.now = attempt.date.timestamp()
        self._begin(attempt.via.site, attempt.via.crawl)
        self._announce(attempt.via.site, attempt.url, attempt.via)
        known = self._frontier.claim_of_url(attempt.url)
        if known is None or not self._counts(known[1].key):
            return
        again = None
        if attempt.outcome is Outcome.ROBOTS_UNREACHABLE and not attempt.is_final:
            again = self._clock.now  # when to ask is not told; the crawl asks its robots.txt first
        elif not attempt.is_final:
            again = retry_at(self._clock.now, failures=known[1].failures)
        self._frontier.done(Visit(known[1].key, attempt.outcome, retry_at=again))
        self._write()

    def _announce(self, site: str, url: str, via: Via) -> None:
        told = self._announcement(url, via)
        is_unknown = self._frontier.claim_of(told.key) is None
        self._frontier.announce(site, [told])
        self._write()
        if is_unknown and self._added is not None:
            self._added.add(told.key)

    def _announcement(self, url: str, via: Via) -> Announcement:
        """Return the announcement that an address once came by, from what its exchange says of it."""
        found = self._frontier.claim_of_url(via.referrer) if via.referrer else None
        parent = found[1] if found else None
        redirects = depth = 0
        if via.announcer is Announcer.REDIRECT:
            redirects = (parent.redirects if parent else 0) + 1
        elif via.announcer is Announcer.REQUISITE:
            redirects, depth = self._steps(parent, via)
        told = announcement(url, via, redirects=redirects, depth=depth)
        if parent and redirects and told.key == parent.key and told.url != parent.url:
            told = respelt(told)
        return told

    def _steps(self, parent: Claim | None, via: Via) -> tuple[int, int]:
        """Return the redirects that led to a requisite in a row, and its depth below the page."""
        if parent is None or not parent.is_requisite:
            return 0, 1
        if self._has_redirected(via.referrer):
            return parent.redirects + 1, parent.depth
        return 0, parent.depth + 1

    def _has_redirected(self, url: str) -> bool:
        moment = datetime.fromtimestamp(self._clock.now, UTC)
        last = self._collection.closest(url, moment)
        return last is not None and 300 <= last.status < 400 and last.status != 304

    def _visit(self, capture: Capture, claim: Claim) -> Visit:
        """Return what a capture came to, as the recorder does in a crawl."""
        says_more = capture.status == 200 or claim.is_requisite or is_passing(capture)
        fields = self._fields(capture) if says_more else ()
        return visit_of(
            capture,
            claim,
            fields,
            again=again_at(capture, claim, fields, now=self._clock.now),
            confirmed=lambda one: fields_confirmed(self._collection, one),
        )

    def _fields(self, capture: Capture) -> tuple[tuple[bytes, bytes], ...]:
        """Return the fields of the stored answer; none where it is damaged, which `verify` tells."""
        try:
            return self._collection.read(capture).fields
        except RecordDamaged:
            return ()

    def _block(self, record: Metadata) -> bytes:
        try:
            return self._collection.read_metadata(record)
        except RecordDamaged:
            return b""

    def _counts(self, key: str) -> bool:
        return self._added is None or key in self._added

    def forget_words(self) -> None:
        """Forget who announced what was played: the announcers themselves are read next, with their dates."""
        if self._added is None:
            tables.forget_words(self._collection.state)
        else:
            tables.forget_words_of(self._collection.state, self._added)

    def _write(self) -> None:
        self._frontier.flush(self._collection.state)
        self._frontier.flushed()


class Added:
    """The keys of addresses that were not known before, in a temporary table: there may be many."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(
            "DROP TABLE IF EXISTS temp.added; CREATE TEMP TABLE added (key TEXT PRIMARY KEY)"
        )

    def add(self, key: str) -> None:
        self._connection.execute("INSERT OR IGNORE INTO temp.added VALUES (?)", (key,))

    def __iter__(self) -> Iterator[str]:
        yield from (row[0] for row in self._connection.execute("SELECT key FROM temp.added"))

    def __contains__(self, key: str) -> bool:
        query = "SELECT 1 FROM temp.added WHERE key = ?"
        return self._connection.execute(query, (key,)).fetchone() is not None
