"""The Scrapy scheduler over the frontier: hands the engine what was claimed, claims more, ends the crawl.

Scrapy's scheduler methods are synchronous and the frontier lives in the writer's thread, so claims are
fetched ahead in batches by one task. It brings them in by `engine.crawl`, the public way to wake the engine,
and closes the spider itself when nothing is left: the engine alone would notice at its next heartbeat, 5 s on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from scrapy.core.scheduler import BaseScheduler
from scrapy.utils.defer import deferred_from_coro

from archive.errors import StorageError
from archive.model import Announcer
from crawler.asking import request_for
from crawler.discover.links import Link
from crawler.recorder import Recorder
from crawler.site_crawl import Limits, SiteCrawl
from crawler.spider import SiteSpider

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request, Spider
    from scrapy.core.engine import ExecutionEngine
    from scrapy.crawler import Crawler
    from twisted.internet.defer import Deferred

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
            at_once=settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"),
        )
        self._requisite_max = settings.getint("MURAGAT_REQUISITE_MAX")
        self._feeding: asyncio.Task[None] | None = None
        self._is_open = False

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
            self._lanes.put(request.meta["muragat_claim"], request)
            return True
        if request.method != "GET" or not self._site_crawl.scope.decide(request.url).in_scope:
            return False
        link = Link(request.url, Announcer.LINK)
        self._spider.keep(self._site_crawl.tidings.announce([link], referrer=self._spider.site.seeds[0]))
        return True

    def next_request(self) -> Request | None:
        """Return the next request, and ask for more when few are left."""
        if self._site_crawl.is_out_of_time:
            return None
        left = self._site_crawl.pages_left()
        request = self._lanes.take(pages=left is None or self._lanes.pages_under_way < left)
        if self._lanes.wants_more:
            self._site_crawl.changed.set()
        return request

    async def _open(self) -> None:
        recorder = self._crawler.get_extension(Recorder)
        assert recorder is not None
        site = self._spider.site
        self._site_crawl = SiteCrawl(site, recorder.session, self._limits)
        self._lanes = self._site_crawl.lanes
        self._spider.site_crawl = self._site_crawl
        await self._site_crawl.begin()
        for capture, claim in await self._site_crawl.unread():
            await self._spider.read_again(capture, claim)
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
            self._lanes.doubt()
        self._site_crawl.changed.clear()

    async def _refill(self) -> str:
        """Claim what is due; return why the crawl is to end, or ""."""
        if self._site_crawl.is_out_of_time:
            return "limit"
        has_pages = self._site_crawl.pages_left() != 0
        if not has_pages:
            self._lanes.drop_pages()
        is_idle = self._lanes.is_idle
        if not is_idle and not self._lanes.wants_more:
            return ""
        claims, due = await self._site_crawl.claim(requisites_only=not has_pages)
        for claim in claims if self._is_open else ():
            self._engine().crawl(
                request_for(
                    claim, self._spider, self._site_crawl, requisite_max=self._requisite_max
                )
            )
        if not is_idle or not self._lanes.is_idle:
            return ""
        if due is None:
            return "finished" if has_pages else "limit"
        await asyncio.sleep(min(_LONGEST_SLEEP_S, max(0.0, due - time.time())))
        self._lanes.doubt()
        self._site_crawl.changed.set()
        return ""

    def _engine(self) -> ExecutionEngine:
        engine = self._crawler.engine
        assert engine is not None
        return engine
