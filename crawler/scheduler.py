"""The Scrapy scheduler over the frontier: hands the engine what was claimed, claims more, ends the crawl.

Scrapy's scheduler methods are synchronous and the frontier lives in the writer's thread, so claims are
fetched ahead in batches by one task. It brings them in by `engine.crawl`, the public way to wake the engine,
and closes the spider itself when nothing is left: the engine alone would notice at its next heartbeat, 5 s on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from scrapy import Request, Spider, signals
from scrapy.core.scheduler import BaseScheduler
from scrapy.utils.defer import deferred_from_coro

from archive.errors import StorageError
from archive.model import Announcer
from crawler.discover.links import Link
from crawler.discover.sitemaps import sitemaps_in_robots, usual_places
from crawler.recorder import Recorder
from crawler.site_crawl import Limits, SiteCrawl
from crawler.spider import SiteSpider

if TYPE_CHECKING:
    from typing import Self

    from scrapy.core.engine import ExecutionEngine
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.defer import Deferred

    from crawler.frontier import Claim

logger = logging.getLogger(__name__)

_AHEAD = 2
"""Claims held ready for each request that may be under way: enough to hide the writer's group commit."""

_LONGEST_SLEEP_S = 1.0


class FrontierScheduler(BaseScheduler):
    """Feeds the engine from the frontier; only for spiders that know their site."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        settings = crawler.settings
        self._limits = Limits(
            max_pages=settings.getint("MURAGAT_MAX_PAGES"),
            max_time_s=settings.getfloat("MURAGAT_MAX_TIME"),
        )
        self._batch = max(8, _AHEAD * settings.getint("CONCURRENT_REQUESTS"))
        self._ready: deque[Request] = deque()
        self._feeding: asyncio.Task[None] | None = None
        self._is_open = False
        crawler.signals.connect(self._robots_came, signals.response_received)

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
        """True until the feeding task has seen that the site is done."""
        return self._is_open

    def enqueue_request(self, request: Request) -> bool:
        """Take a claimed request, or announce one that a spider with code has made."""
        if "muragat_claim" in request.meta:
            self._ready.append(request)
            return True
        if request.method != "GET" or not self._site_crawl.scope.decide(request.url).in_scope:
            return False
        link = Link(request.url, Announcer.LINK)
        self._spider.keep(self._site_crawl.announce([link], referrer=self._spider.site.seeds[0]))
        return True

    def next_request(self) -> Request | None:
        """Return the next request, and ask for more when few are left."""
        if len(self._ready) < self._batch // 2:
            self._site_crawl.changed.set()
        if not self._ready or self._site_crawl.limit_reached():
            return None
        left = self._site_crawl.pages_left()
        if left is not None and len(self._site_crawl.in_flight) >= left:
            return None
        request = self._ready.popleft()
        self._site_crawl.in_flight.add(request.meta["muragat_claim"].key)
        return request

    async def _open(self) -> None:
        recorder = self._crawler.get_extension(Recorder)
        assert recorder is not None
        self._site_crawl = SiteCrawl(self._spider.site, recorder.session, self._limits)
        self._spider.site_crawl = self._site_crawl
        await self._site_crawl.begin()
        for capture in await self._site_crawl.unread():
            await self._spider.read_again(capture)
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
            self._spider.keep(self._engine().close_spider_async(reason=reason))

    async def _fed(self) -> str:
        """Return why the crawl is to end, "" where somebody else has closed the spider."""
        reason = ""
        while self._is_open and not reason:
            await self._sleep()
            reason = await self._refill()
        return reason if self._is_open else ""

    async def _sleep(self) -> None:
        """Wait until the engine wants requests; look by itself once a second, for limits and retries."""
        try:
            await asyncio.wait_for(self._site_crawl.changed.wait(), _LONGEST_SLEEP_S)
        except TimeoutError:
            logger.debug("site=%s looks for due addresses", self._spider.name)
        self._site_crawl.changed.clear()

    async def _refill(self) -> str:
        """Claim what is due; return why the crawl is to end, or ""."""
        if self._site_crawl.limit_reached():
            return "limit"
        if len(self._ready) > self._batch // 2:
            return ""
        busy = bool(self._site_crawl.in_flight) or bool(self._ready)
        claims, due = await self._site_crawl.claim(self._batch)
        if not claims and not busy:
            if due is None:
                return "finished"
            await asyncio.sleep(min(_LONGEST_SLEEP_S, max(0.0, due - time.time())))
            self._site_crawl.changed.set()
        for claim in claims if self._is_open else ():
            self._engine().crawl(self._request(claim))
        return ""

    def _engine(self) -> ExecutionEngine:
        engine = self._crawler.engine
        assert engine is not None
        return engine

    def _request(self, claim: Claim) -> Request:
        return Request(
            claim.url,
            callback=self._spider.parse,
            errback=self._spider.failed,
            dont_filter=True,
            meta={
                "muragat_claim": claim,
                "muragat_via": claim.via,
                "dont_redirect": True,
                "dont_retry": True,
                "handle_httpstatus_all": True,
            },
        )

    def _robots_came(self, response: Response, request: Request, spider: Spider) -> None:
        """Announce the sitemaps that a robots.txt names, or the usual places where it names none."""
        if spider is not self._spider or not request.url.endswith("/robots.txt"):
            return
        named = (
            sitemaps_in_robots(response.body, url=response.url) if response.status == 200 else ()
        )
        links = named or usual_places(response.url)
        self._spider.keep(self._site_crawl.announce(links, referrer=response.url))
