"""One site's crawl while it runs: what it claims and gives back, and when it has come to its end.

Stands between Scrapy (scheduler and spider, in the event loop) and the writer's thread. What its answers announce
goes through `tidings`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from archive.model import Outcome, Via
from crawler.announcing.needs import Needs, Patience
from crawler.announcing.tidings import Tidings
from crawler.crawl_records import Attempt
from crawler.frontier import Visit, announcement
from crawler.frontier.protocol import LEASE_S
from crawler.scope import Scope
from crawler.scope.barren import remember, remembered
from crawler.site_crawl.lanes import Lanes
from crawler.site_crawl.outlook import (
    FINISHED,
    PUT_OFF,
    Outlook,
    Wanted,
    outlook,
    outlook_of,
    wanted,
)
from crawler.visits.retries import RETRIED_STATUSES, is_soon, retry_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from archive.model import Capture
    from crawler.frontier import Claim
    from crawler.manners import Closing, SitePace
    from crawler.session import CrawlSession
    from crawler.session.writer import Store
    from crawler.sites import Site

T = TypeVar("T")

RETRIED = frozenset({Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.DNS})

_MOST_LEFT_OUT = 1_000
"""Pages that one look at the frontier gives back unasked: a site may have 50,000 in a row, and others wait."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a crawl of a site stops before the site is done, 0 for never; which requisites it fetches.

    A scheduled crawl fetches what is due, another one every page once.
    """

    max_pages: int = 0
    max_time_s: float = 0.0
    requisites: str = "all"
    is_scheduled: bool = False


class SiteCrawl:
    """The crawl of one site by one process; `lanes` hold what is claimed, `changed` is set when more may be due.

    `pace` says when hosts may be asked for something.
    """

    def __init__(self, site: Site, session: CrawlSession, limits: Limits, pace: SitePace) -> None:
        self.site = site
        self.scope = Scope.from_site(site)
        self.session = session
        self.tally = session.tally.site(site.name)
        self._limits = limits
        self._started = time.monotonic()
        self._patience = Patience(self.scope.has_host)
        self.pace = pace
        self.lanes = Lanes(pace.manners.at_once, self.scope.has_host, pace)
        self._barred_until = 0.0
        self._renewed = self._started
        self.changed = asyncio.Event()
        self.tidings = Tidings(
            session.writer,
            self.tally,
            scope=self.scope,
            needs=Needs(limits.requisites),
            fell_due=self._fell_due,
        )

    @property
    def via(self) -> Via:
        """What is said of a request that no claim stands behind: one for robots.txt."""
        return Via(crawl=self.session.crawl, site=self.site.name)

    @property
    def wants_requisites(self) -> bool:
        """True where any kind of requisite is fetched."""
        return bool(self.tidings.needs.kinds)

    async def begin(self) -> None:
        """Start the round, or go on with one that was interrupted, and announce the seeds."""
        name = self.site.name
        seeds = [announcement(seed, Via(seed=seed)) for seed in self.site.seeds]

        def job(store: Store) -> tuple[bool, tuple[int, int]]:
            store.frontier.end_waiting(name)
            resumed = store.frontier.begin(
                name, self.session.crawl, full=not self._limits.is_scheduled
            )
            store.frontier.forgo(name, self.tidings.needs.kinds)
            store.frontier.announce(name, seeds)
            self.scope.barren.update(remembered(store.collection.state, name))
            store.commit()
            return resumed, store.frontier.counts(name)

        self.tally.resumed, (self.tally.known, self.tally.due) = await self._in_writer(job)

    async def unread(self) -> Sequence[tuple[Capture, Claim]]:
        """Return this site's captures whose links were never announced: the process died before it could."""

        def job(store: Store) -> list[tuple[Capture, Claim]]:
            captures = []
            for capture in store.collection.unread():
                known = store.frontier.claim_of_url(capture.url)
                if known is None:
                    store.read.append(capture.sequence)
                elif known[0] == self.site.name:
                    captures.append((capture, known[1]))
            return captures

        return await self._in_writer(job)

    def handled(self, claim: Claim, *, has_answered: bool = True) -> None:
        """Note that all there was to do about a claimed address is done."""
        if has_answered:
            self._patience.answered(claim.host)
        self.lanes.finished(claim)
        self.tally.due -= 1
        self.changed.set()

    async def claim(self, *, requisites_only: bool = False) -> Sequence[Claim]:
        """Return addresses to fetch now, none of hosts that are closed or have enough ready."""
        name, lanes = self.site.name, self.lanes
        full = lanes.full
        without = [*full, *self._closed()]
        own_only = lanes.is_crowded
        hosts = self.session.pace.changed()

        def job(store: Store) -> tuple[Sequence[Claim], frozenset[str], int]:
            store.hosts += hosts
            store.commit()
            return self._inside(
                store,
                lambda: store.frontier.claim(
                    name,
                    lanes.batch,
                    without=without,
                    requisites_only=requisites_only,
                    own_only=own_only,
                ),
            )

        claims, outside, left = await self._in_writer(job)
        self.tally.due -= left
        lanes.looked(full, claims, is_all=len(claims) < lanes.batch, own_only=own_only)
        silent = [
            claim
            for claim in claims
            if claim.key not in outside and self._patience.is_exhausted(claim)
        ]
        await self._give_up(silent)
        dropped = outside | {claim.key for claim in silent}
        if dropped:
            lanes.doubt()
            self.changed.set()
        crawl = self.session.crawl
        kept = (claim for claim in claims if claim.key not in dropped) if dropped else claims
        return [replace(claim, via=replace(claim.via, crawl=crawl, site=name)) for claim in kept]

    def _inside(
        self, store: Store, take: Callable[[], Sequence[Claim]]
    ) -> tuple[Sequence[Claim], frozenset[str], int]:
        """Take claims until some are to be asked for; return the last, the keys of those that are not, and how many in all.

        After `_MOST_LEFT_OUT` others get their turn first.
        """
        left = 0
        while True:
            claims = take()
            outside = frozenset(claim.key for claim in claims if self._is_outside(claim))
            for key in outside:
                store.frontier.done(Visit(key, Outcome.OUT_OF_SCOPE))
            left += len(outside)
            if len(outside) < len(claims) or not claims or left >= _MOST_LEFT_OUT:
                return claims, outside, left

    async def outlook(self, *, requisites_only: bool = False) -> Outlook:
        """Return for how long to wait where nothing can be claimed, or why the crawl is at its end."""
        name, closed, is_own = self.site.name, self._closed(), self.scope.has_host
        quiet = self.pace.quiet()
        if quiet is not None:
            return outlook_of(quiet)

        def job(store: Store) -> Wanted:
            store.commit()
            return wanted(store.frontier, name, closed, is_own, requisites_only=requisites_only)

        found = outlook(await self._in_writer(job), closed, now := time.time())
        if found.ended == FINISHED and self._barred_until > now:
            return Outlook(
                ended=PUT_OFF, until=self._barred_until, because="robots.txt unreachable"
            )
        return found

    async def stand_back(self) -> None:
        """Give back what is ready for hosts that are closed for long, or all of it in long quiet hours.

        Write down how hosts stand where that has changed for long.
        """
        quiet = self.pace.quiet()
        if quiet is not None and quiet.is_long:
            await self.release(self.lanes.drop_all())
        for host, closing in self._closed().items():
            if closing.is_long:
                await self.release(self.lanes.drop(host, pages=True))
        if self.session.pace.has_news:
            hosts = self.session.pace.changed()
            await self._in_writer(lambda store: store.note(hosts))

    async def release(self, claims: Iterable[Claim]) -> None:
        """Give claims back unfetched: they are due as before."""
        keys = [claim.key for claim in claims]
        if keys:
            await self._in_writer(lambda store: store.frontier.release(keys))

    async def put_back(self, claim: Claim) -> None:
        """Give back a claim that was taken and could not be asked for now."""
        self.tally.due += 1
        await self.release([claim])

    async def renew(self) -> None:
        """Prolong the leases of all that is held, where that is due."""
        now = time.monotonic()
        if now - self._renewed >= LEASE_S / 4:
            self._renewed = now
            keys = list(self.lanes.held)
            await self._in_writer(lambda store: store.frontier.renew(keys))

    def _closed(self) -> dict[str, Closing]:
        """Return the hosts that nothing is to be claimed of, but for those that are left alone for good."""
        closed = self.pace.closed()
        return {host: closed[host] for host in closed.keys() - self._patience.exhausted}

    def _retry_at(self, claim: Claim) -> float | None:
        closing = self.pace.closing(claim.host)
        until = 0.0 if closing is None else closing.until
        return retry_at(time.time(), failures=claim.failures, closed_until=until)

    def _is_outside(self, claim: Claim) -> bool:
        """Say whether a page is not to be asked for: none of this site's, or one of many that all gave one page.

        The site's table may have changed since it became known, or an import told of it.
        """
        if claim.is_requisite:
            return False
        if not self.scope.has_place(claim.url):
            return True
        is_same = not self.scope.is_worth(claim.url)
        self.tally.reasons["same_answer"] += is_same
        return is_same

    async def failed(self, claim: Claim, outcome: Outcome, *, until: float | None = None) -> None:
        """Give an address back that brought no capture; with `until` it could not be asked for, and is due again then.

        A requisite on a host that is none of the site's own is not waited for.
        """
        is_silent = self._patience.failed(claim, outcome)
        again = None
        if outcome in RETRIED and not is_silent:
            again = self._retry_at(claim)
        elif until is not None and (not claim.is_requisite or self.scope.has_host(claim.host)):
            again = until
            self._barred_until = max(self._barred_until, 0.0 if claim.is_requisite else until)
        await self._give_back(claim, Visit(claim.key, outcome, retry_at=again))
        if is_silent:
            await self._give_up(self.lanes.drop(claim.host))

    async def withheld(self, claim: Claim, status: int) -> None:
        """Give an address back whose answer is not to be kept; of an error that may pass another one is asked for."""
        outcome = Outcome.WITHHELD if status < 400 else Outcome.HTTP_ERROR
        again = self._retry_at(claim) if status in RETRIED_STATUSES else None
        await self._give_back(claim, Visit(claim.key, outcome, retry_at=again, status=status))

    async def _give_back(self, claim: Claim, visit: Visit) -> None:
        """Count and note a visit that nothing is stored of, but for the record of the attempt."""
        is_final = not is_soon(visit.retry_at, time.time())
        self.tally.failed(claim, visit.outcome, is_final=is_final)
        attempt = self._attempt(claim, visit.outcome, is_final=is_final)
        await self._in_writer(lambda store: store.failed(attempt, visit))

    async def _give_up(self, claims: Sequence[Claim]) -> None:
        """Give requisites back unasked whose host was silent too often."""
        given_up: list[tuple[Attempt, Visit]] = []
        for claim in claims:
            outcome = self._patience.last(claim.host)
            given_up.append((self._attempt(claim, outcome), Visit(claim.key, outcome)))
            self.tally.failed(claim, outcome, is_final=True)
            self.tally.due -= 1

        def job(store: Store) -> None:
            for attempt, visit in given_up:
                store.failed(attempt, visit)

        if given_up:
            await self._in_writer(job)

    def _attempt(self, claim: Claim, outcome: Outcome, *, is_final: bool = True) -> Attempt:
        via = replace(claim.via, crawl=self.session.crawl, site=self.site.name)
        return Attempt(claim.url, outcome, datetime.now(UTC), via, is_final=is_final)

    async def end(self, reason: str) -> None:
        """Note how the crawl ended, give back what was not fetched; a round that is not finished goes on with the next crawl."""
        self.tally.ended = reason
        if self.session.failure is not None:
            return
        held, hosts = list(self.lanes.held), self.session.pace.changed()

        def job(store: Store) -> tuple[int, int]:
            store.note(hosts)
            store.frontier.release(held)
            remember(store.collection.state, self.site.name, self.scope.barren)
            store.collection.state.commit()
            if reason == "finished":
                store.frontier.end(self.site.name)
            return store.frontier.counts(self.site.name)

        self.tally.known, self.tally.due = await self._in_writer(job)

    @property
    def is_out_of_time(self) -> bool:
        """True when the crawl has had its time."""
        limit = self._limits.max_time_s
        return bool(limit) and time.monotonic() - self._started >= limit

    def pages_left(self) -> int | None:
        """Return how many pages the limit still allows, None where there is no limit."""
        if not self._limits.max_pages:
            return None
        return max(0, self._limits.max_pages - self.tally.pages)

    def _fell_due(self, hosts: Sequence[str]) -> None:
        """Note the hosts of addresses that fell due."""
        self.tally.known += len(hosts)
        self.tally.due += len(hosts)
        self.lanes.stock(hosts)
        self.changed.set()

    async def _in_writer(self, job: Callable[[Store], T]) -> T:
        return await asyncio.wrap_future(self.session.writer.submit(job))
