"""The Scrapy scheduler over the frontier: hands the engine what was claimed, claims more, ends the crawl.

Scrapy's scheduler methods are synchronous and the frontier lives in the writer's thread, so claims are
fetched ahead in batches by one task. It brings them in by `engine.crawl`, the public way to wake the engine,
and closes the spider itself when nothing is left: the engine alone would notice at its next heartbeat, 5 s on.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from scrapy.core.scheduler import BaseScheduler
from scrapy.utils.defer import deferred_from_coro

from archive.errors import StorageError
from archive.model import Announcer
from crawler.discover.links import Link
from crawler.manners import Manners, SitePace
from crawler.recorder import Recorder
from crawler.site_crawl import Limits, SiteCrawl
from crawler.site_crawl.asking import request_for
from crawler.site_crawl.outlook import FINISHED
from crawler.spider import SiteSpider

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from scrapy import Request, Spider
    from scrapy.core.engine import ExecutionEngine
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from twisted.internet.defer import Deferred

    from crawler.frontier import Claim
    from crawler.sites import Site

logger = logging.getLogger(__name__)

_LONGEST_SLEEP_S = 1.0


class FrontierScheduler(BaseScheduler):
    """Feeds the engine from the frontier; only for spiders that know their site."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        settings = crawler.settings
        self._limits = Limits(
            max_pages=settings.getint("MURAGAT_MAX_PAGES"),
            max_time_s=settings.getfloat("MURAGAT_MAX_TIME"),
            requisites=settings.get("MURAGAT_REQUISITES") or "all",
            is_scheduled=settings.getbool("MURAGAT_SCHEDULED"),
        )
        self._requisite_max = settings.getint("MURAGAT_REQUISITE_MAX")
        self._feeding: asyncio.Task[None] | None = None
        self._given: deque[Request] = deque()
        self._wait_s = _LONGEST_SLEEP_S
        self._doubted = 0.0
        self._is_open = False
        self._has_run = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the limits from the settings."""
        return cls(crawler)

    def open(self, spider: Spider) -> Deferred[None]:
        """Begin the site's round, read again what a killed process left unread, start claiming."""
        if not isinstance(spider, SiteSpider):
            message = f"{spider.name}: the frontier needs a SiteSpider; see docs/guide.md"
            raise TypeError(message)
        self._spider = spider
        return deferred_from_coro(self._open())

    def close(self, reason: str) -> Deferred[None]:
        """Stop claiming; what was claimed and not fetched is due again."""
        self._is_open = False
        return deferred_from_coro(self._close(reason))

    def has_pending_requests(self) -> bool:
        """True while anything is claimed, being claimed or waited for: until the feeding task sees the end."""
        return self._is_open

    def enqueue_request(self, request: Request) -> bool:
        """Take a claimed request, or announce one that a spider with code has made."""
        if "muragat_claim" in request.meta:
            self._given.append(request)
            return True
        if request.method != "GET" or not self._site_crawl.scope.decide(request.url).in_scope:
            return False
        link = Link(request.url, Announcer.LINK)
        self._spider.keep(
            self._site_crawl.tidings.announce([link], referrer=self._spider.site.seeds[0])
        )
        return True

    def next_request(self) -> Request | None:
        """Return the next request whose host has room, and ask for more when few are left."""
        request = self._given.popleft() if self._given else self._taken()
        if self._lanes.wants_more:
            self._site_crawl.changed.set()
        return request

    def _taken(self) -> Request | None:
        if self._site_crawl.is_out_of_time:
            return None
        claim = self._lanes.take(pages=self._may_take_pages)
        if claim is None:
            return None
        return request_for(claim, self._spider, self._site_crawl, requisite_max=self._requisite_max)

    @property
    def _may_take_pages(self) -> bool:
        left = self._site_crawl.pages_left()
        return left is None or self._lanes.pages_under_way < left

    async def _open(self) -> None:
        recorder = self._crawler.get_extension(Recorder)
        assert recorder is not None
        site = self._spider.site
        manners = manners_of(site, self._crawler.settings)
        self._pace = SitePace(recorder.session.pace, manners)
        self._site_crawl = SiteCrawl(site, recorder.session, self._limits, self._pace)
        self._lanes = self._site_crawl.lanes
        self._spider.site_crawl = self._site_crawl
        self._spider.muragat_pace = self._pace
        await self._site_crawl.begin()
        for capture, claim in await self._site_crawl.unread():
            await self._spider.read_again(capture, claim)
        _set_aside_what_is_loaded()
        self._is_open = True
        self._feeding = asyncio.ensure_future(self._feed())

    async def _close(self, reason: str) -> None:
        self._site_crawl.changed.set()
        if self._feeding is not None:
            await self._feeding
        try:
            await self._site_crawl.end(reason)
        except StorageError as error:
            logger.error("site=%s outcome=storage %s", self._spider.name, error)

    async def _feed(self) -> None:
        """Keep the engine fed; close the spider when the site is done, or when this can't go on."""
        try:
            reason = await self._fed()
        except StorageError:
            return  # the recorder closes every spider of the collection
        except Exception:
            logger.exception("site=%s the crawl can't go on", self._spider.name)
            reason = "error"
        if reason:
            self._pace.stop()
            self._spider.keep(self._engine().close_spider_async(reason=reason))

    async def _fed(self) -> str:
        """Return why the crawl is to end, "" where somebody else has closed the spider."""
        reason = ""
        while self._is_open and not reason:
            await self._sleep()
            self._look_out()
            await self._site_crawl.stand_back()
            await self._site_crawl.renew()
            reason = await self._refill()
            self._wake()
        return reason if self._is_open else ""

    async def _sleep(self) -> None:
        """Wait until the engine wants requests, or a host has room again; look by itself once a second, for limits and retries."""
        wait_s = min(self._wait_s, self._lanes.wait_s(pages=self._may_take_pages))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._site_crawl.changed.wait(), wait_s)
        now = time.monotonic()
        if now - self._doubted >= self._wait_s:
            self._doubted = now
            self._lanes.doubt()
        self._wait_s = _LONGEST_SLEEP_S
        self._site_crawl.changed.clear()

    def _look_out(self) -> None:
        """Let nothing wait at the gate once Scrapy is ending the crawl, or nothing can be stored any more."""
        is_running = self._engine().running
        self._has_run |= is_running
        if (self._has_run and not is_running) or self._site_crawl.session.failure is not None:
            self._pace.stop()

    async def _refill(self) -> str:
        """Claim what is due; return why the crawl is to end, or ""."""
        if self._site_crawl.is_out_of_time:
            return "limit"
        has_pages = self._site_crawl.pages_left() != 0
        if not has_pages:
            await self._site_crawl.release(self._lanes.drop_pages())
        is_idle = self._lanes.is_idle
        if not is_idle and not self._lanes.wants_more:
            return ""
        quiet = self._pace.quiet()
        claims: Sequence[Claim] = ()
        if quiet is None or not quiet.is_long:
            claims = await self._site_crawl.claim(requisites_only=not has_pages)
        for claim in claims:
            self._lanes.put(claim)
        if claims or not is_idle or self._lanes.wants_more:
            return ""
        found = await self._site_crawl.outlook(requisites_only=not has_pages)
        if not self._lanes.is_idle:
            return ""
        if found.ended == FINISHED and not has_pages:
            return "limit"
        if found.until:
            self._site_crawl.tally.put_off_until = found.until
            self._site_crawl.tally.put_off_because = found.because
        self._wait_s = min(_LONGEST_SLEEP_S, found.wait_s)
        return found.ended

    def _wake(self) -> None:
        """Bring the next request in, which makes the engine ask for all others that may go."""
        if not self._given and self._is_open and (request := self._taken()) is not None:
            self._engine().crawl(request)

    def _engine(self) -> ExecutionEngine:
        engine = self._crawler.engine
        assert engine is not None
        return engine


def _set_aside_what_is_loaded() -> None:
    """Keep the garbage collector away from modules and classes: to look through them all takes 60 ms, in which nothing is fetched."""
    gc.collect()
    gc.freeze()


def manners_of(site: Site, settings: BaseSettings) -> Manners:
    """Return what a site, and above it the settings, want of the pace; quiet hours are for scheduled crawls."""
    is_scheduled = settings.getbool("MURAGAT_SCHEDULED")
    return Manners(
        delay_s=settings.getfloat("DOWNLOAD_DELAY"),
        at_once=max(1, settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")),
        daily_budget=site.daily_budget,
        quiet=site.quiet if is_scheduled else (),
        timezone=site.timezone,
    )
