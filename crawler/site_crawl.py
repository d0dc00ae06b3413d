"""One site's crawl while it runs: what it announces, claims and gives back, and when it has come to its end.

Stands between Scrapy (scheduler and spider, in the event loop) and the writer's thread. Addresses that were
announced before are dropped here as strings, before anything else is made of them.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from archive import urls
from archive.model import Announcer, Outcome, Via
from crawler.frontier import MAX_REDIRECTS, Announcement, Claim, Visit, announcement, respelt
from crawler.retries import retry_at
from crawler.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from archive.model import Capture
    from crawler.discover.links import Link
    from crawler.session import CrawlSession
    from crawler.sites import Site
    from crawler.writer import Store

T = TypeVar("T")

_SEEN_MAX = 50_000
"""Addresses remembered as strings. A page of a small site names about 100, nearly all of them on every page;
what is forgotten costs one look-up in the frontier, some microseconds."""

RETRIED = frozenset({Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.DNS})


@dataclass(frozen=True, slots=True)
class Limits:
    """When a crawl of a site stops before the site is done; 0 means never."""

    max_pages: int = 0
    max_time_s: float = 0.0


class SiteCrawl:
    """The crawl of one site by one process."""

    def __init__(self, site: Site, session: CrawlSession, limits: Limits) -> None:
        self.site = site
        self.scope = Scope.from_site(site)
        self.session = session
        self.tally = session.tally.site(site.name)
        self._limits = limits
        self._started = time.monotonic()
        self._seen: set[str] = set()
        self.in_flight: set[str] = set()
        self.changed = asyncio.Event()

    async def begin(self) -> None:
        """Start the round, or go on with one that was interrupted, and announce the seeds."""
        name = self.site.name
        seeds = [announcement(seed, Via(seed=seed)) for seed in self.site.seeds]

        def job(store: Store) -> tuple[bool, tuple[int, int]]:
            resumed = store.frontier.begin(name, self.session.crawl)
            store.frontier.announce(name, seeds)
            store.commit()
            return resumed, store.frontier.counts(name)

        self.tally.resumed, (self.tally.known, self.tally.due) = await self._in_writer(job)

    async def unread(self) -> Sequence[Capture]:
        """Return this site's captures whose links were never announced: the process died before it could."""

        def job(store: Store) -> list[Capture]:
            captures = []
            for capture in store.collection.unread():
                known = store.frontier.claim_of_url(capture.url)
                if known is None:
                    store.read.append(capture.sequence)
                elif known[0] == self.site.name:
                    captures.append(capture)
            return captures

        return await self._in_writer(job)

    async def announce(
        self, links: Iterable[Link], *, referrer: str, capture: Capture | None = None
    ) -> None:
        """Make links known to the frontier; returns when they are, not when they are durable.

        `referrer` is the address that named them. With `capture` its links count as read from then on.
        """
        unseen = [link for link in map(_untracked, links) if self._is_unseen(link)]
        in_scope = [link for link in unseen if self._in_scope(link)]

        def job(store: Store) -> int:
            unknown = 0
            if in_scope:
                known = store.frontier.claim_of_url(referrer)
                told = _announcements(in_scope, referrer, known[1] if known else None)
                unknown = store.frontier.announce(self.site.name, told)
            if capture is not None:
                store.read.append(capture.sequence)
            return unknown

        unknown = await self._in_writer(job)
        self.tally.known += unknown
        self.tally.due += unknown
        self.changed.set()

    def handled(self, claim: Claim) -> None:
        """Note that all there was to do about a claimed address is done."""
        self.in_flight.discard(claim.key)
        self.tally.due -= 1
        self.changed.set()

    async def claim(self, count: int) -> tuple[Sequence[Claim], float | None]:
        """Return up to `count` addresses to fetch now; where there are none, when the next one is due."""

        def job(store: Store) -> tuple[Sequence[Claim], float | None]:
            store.commit()
            claims = store.frontier.claim(self.site.name, count)
            return claims, None if claims else store.frontier.due(self.site.name)

        claims, due = await self._in_writer(job)
        crawl = self.session.crawl
        return [replace(claim, via=replace(claim.via, crawl=crawl)) for claim in claims], due

    async def failed(self, claim: Claim, outcome: Outcome) -> None:
        """Give an address back that brought no capture."""
        self.tally.outcomes[outcome] += 1
        again = retry_at(time.time(), failures=claim.failures) if outcome in RETRIED else None
        visit = Visit(claim.key, outcome, retry_at=again)
        await self._in_writer(lambda store: store.frontier.done(visit))

    async def end(self, reason: str) -> None:
        """Note how the crawl ended; a round that is not finished goes on with the next crawl."""
        self.tally.ended = reason
        if self.session.failure is not None:
            return

        def job(store: Store) -> tuple[int, int]:
            store.commit()
            if reason == "finished":
                store.frontier.end(self.site.name)
            return store.frontier.counts(self.site.name)

        self.tally.known, self.tally.due = await self._in_writer(job)

    def limit_reached(self) -> bool:
        """True when the crawl has had its pages or its time."""
        limits = self._limits
        if limits.max_pages and self.tally.pages >= limits.max_pages:
            return True
        return bool(limits.max_time_s) and time.monotonic() - self._started >= limits.max_time_s

    def pages_left(self) -> int | None:
        """Return how many pages the limit still allows, None where there is no limit."""
        if not self._limits.max_pages:
            return None
        return max(0, self._limits.max_pages - self.tally.pages)

    def _is_unseen(self, link: Link) -> bool:
        if link.url in self._seen:
            return False
        if len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        self._seen.add(link.url)
        return True

    def _in_scope(self, link: Link) -> bool:
        verdict = self.scope.decide(link.url)
        if not verdict.in_scope:
            self.tally.reasons[verdict.reason] += 1
        return verdict.in_scope

    async def _in_writer(self, job: Callable[[Store], T]) -> T:
        return await asyncio.wrap_future(self.session.writer.submit(job))


def _untracked(link: Link) -> Link:
    """Return the link without tracking parameters; a redirect's target is what the server wants, so it is kept."""
    if link.announcer is Announcer.REDIRECT or "?" not in link.url:
        return link
    return replace(link, url=urls.without_tracking(link.url))


def _announcements(
    links: Iterable[Link], referrer: str, parent: Claim | None
) -> Iterable[Announcement]:
    seed = parent.via.seed if parent else referrer
    hop = parent.via.hop + 1 if parent else 1
    for link in links:
        redirects = 0
        if link.announcer is Announcer.REDIRECT:
            redirects = (parent.redirects if parent else 0) + 1
            if redirects > MAX_REDIRECTS:
                continue
        via = Via(announcer=link.announcer, referrer=referrer, seed=seed, hop=hop)
        told = announcement(link.url, via, redirects=redirects)
        if parent and redirects and told.key == parent.key and told.url != parent.url:
            told = respelt(told)
        yield told
