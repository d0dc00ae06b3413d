"""The downloader middleware that lets nothing through which a robots.txt disallows; in the place of Scrapy's own.

Hides when a robots.txt is asked for: once for all requests that wait for it, again when its time is over, also in
a later run. Scrapy's takes 5xx, time-outs and resets for a licence, forgets everything at the end of a run, and
hands rules to a parser whose time on a hostile file has no bound.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from scrapy.exceptions import IgnoreRequest, NotConfigured

from archive import urls
from crawler.discover.sitemaps import sitemaps_of
from crawler.frontier.freshness import DAY_S
from crawler.robots.reading import Unreachable, answer_of
from crawler.robots.rules import Rules
from crawler.robots.table import make_table, store, stored
from crawler.visits.retries import seconds_asked

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler

    from crawler.discover.links import Link
    from crawler.robots.standing import Standing
    from crawler.session.writer import Store
    from crawler.site_crawl import SiteCrawl

logger = logging.getLogger(__name__)

LEAST_S = 300.0
"""For how long a run goes by what it has read, though the server says that it may have changed by now."""

_SLOW_BYTES = 16 * 1024  # of rules: 1 ms
_HELD = 500  # origins whose rules are held in memory


class RobotsDisallowed(IgnoreRequest):
    """The rules of the address's origin disallow it."""


class RobotsUnreachable(IgnoreRequest):
    """Nobody says what may be asked for; `until` is when to ask again (seconds since 1970, UTC)."""

    def __init__(self, message: str, until: float) -> None:
        super().__init__(message)
        self.until = until


@dataclass(frozen=True, slots=True)
class _Known:
    """How an origin stands, and its rules, read; good until `until`."""

    standing: Standing
    rules: Rules
    until: float

    def holds(self, now: float) -> bool:
        """Say whether it is gone by at a moment; not where the clock was set back meanwhile."""
        return now < self.until <= now + DAY_S


class RobotsMiddleware:
    """Asks each origin before anything else is asked of it; only for spiders that know their site."""

    def __init__(self, crawler: Crawler, clock: Callable[[], float] = time.time) -> None:
        settings = crawler.settings
        if not settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._clock = clock
        self._agent: str = settings.get("ROBOTSTXT_USER_AGENT") or "muragat"
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Known]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the settings; raises NotConfigured where robots.txt is not to be obeyed."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request pass, or raise RobotsDisallowed or RobotsUnreachable.

        What kept us from asking the origin for its robots.txt at all is raised as it came.
        """
        if request.meta.get("dont_obey_robotstxt"):
            return
        origin = origin_of(request.url)
        if not origin:
            return
        known = await self._of(origin)
        if not known.standing.is_known(self._clock()):
            until = known.standing.until
            message = f"{origin}/robots.txt can't be read; asked again at {_shown(until)}"
            raise RobotsUnreachable(message, until)
        if not await _allows(known.rules, request.url):
            message = f"disallowed by {known.standing.url}"
            raise RobotsDisallowed(message)

    async def _of(self, origin: str) -> _Known:
        known = self._known.get(origin)
        if known is not None and known.holds(self._clock()):
            self._known.move_to_end(origin)
            return known
        asking = self._asking.get(origin)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(origin))
            self._asking[origin] = asking
            asking.add_done_callback(lambda task: self._asked(origin, task))
        return await asyncio.shield(asking)  # who waits for it may be cancelled, the others wait on

    def _asked(self, origin: str, task: asyncio.Task[_Known]) -> None:
        del self._asking[origin]
        if task.cancelled() or task.exception() is not None:
            return  # told to those who wait
        self._known[origin] = task.result()
        self._known.move_to_end(origin)
        if len(self._known) > _HELD:
            self._known.popitem(last=False)

    async def _ask(self, origin: str) -> _Known:
        """Return how an origin stands: as it was kept, or as it is now where that is over."""
        now = self._clock()
        standing = await self._stored(origin, now)
        if not standing.holds(now):
            standing = await self._answered(standing)
            await self._store(standing)
            now = self._clock()
        rules = await _rules(standing.body, self._agent)
        known = _Known(standing, rules, until=max(standing.until, now + LEAST_S))
        if standing.failures:
            known = replace(known, until=standing.until)
        if standing.is_known(now):
            await self._tell(known)
        return known

    async def _answered(self, standing: Standing) -> Standing:
        try:
            answer = await answer_of(self._crawler, standing.origin)
        except Unreachable as error:
            now = self._clock()
            asked = seconds_asked(error.retry_after, now) or 0.0
            standing = standing.unreachable(now, retry_after_s=asked)
            logger.warning(
                "site=%s url=%s/robots.txt outcome=robots_unreachable %s; %s until %s",
                self._site_crawl.site.name,
                standing.origin,
                error,
                "the rules read before hold" if standing.is_known(now) else "nothing is asked for",
                _shown(standing.until),
            )
            return standing
        return standing.answered(answer, self._clock())

    async def _tell(self, known: _Known) -> None:
        """Tell the pace of a delay, and the frontier of sitemaps: those named, else the usual places."""
        standing = known.standing
        pace = getattr(self._crawler.spider, "muragat_pace", None)
        if pace is not None:
            pace.set_crawl_delay(standing.origin.partition("//")[2], known.rules.crawl_delay_s)
        if self._site_crawl.scope.has_host(urls.host_port(standing.origin)[0]):
            links = await _sitemaps(standing)
            await self._site_crawl.tidings.announce(links, referrer=standing.url)

    async def _stored(self, origin: str, now: float) -> Standing:
        def job(store: Store) -> Standing:
            make_table(store.collection.state, now)
            return stored(store.collection.state, origin)

        return await asyncio.wrap_future(self._site_crawl.session.writer.submit(job))

    async def _store(self, standing: Standing) -> None:
        def job(writing: Store) -> None:
            writing.commit()  # the capture before what is made of it
            store(writing.collection.state, standing)

        await asyncio.wrap_future(self._site_crawl.session.writer.submit(job))

    @property
    def _site_crawl(self) -> SiteCrawl:
        site_crawl: SiteCrawl = self._crawler.spider.site_crawl  # type: ignore[union-attr] # a SiteSpider's
        return site_crawl


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, the port left out where it is the scheme's own; "" for no http(s).

    >>> origin_of("https://Example.org:443/a"), origin_of("http://[::1]:8080/"), origin_of("data:,a")
    ('https://example.org', 'http://[::1]:8080', '')
    """
    host, port = urls.host_port(url)
    if not host:
        return ""
    scheme = url.partition(":")[0].lower()
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" + (f":{port}" if port != _PORTS[scheme] else "")


_PORTS = {"http": 80, "https": 443}


async def _rules(body: bytes, agent: str) -> Rules:
    if len(body) > _SLOW_BYTES:
        return await asyncio.to_thread(Rules, body, agent)
    return Rules(body, agent)


async def _sitemaps(standing: Standing) -> tuple[Link, ...]:
    read = partial(sitemaps_of, standing.body, url=standing.url, status=200)
    return await asyncio.to_thread(read) if len(standing.body) > _SLOW_BYTES else read()


async def _allows(rules: Rules, url: str) -> bool:
    if rules.is_slow:
        return await asyncio.to_thread(rules.allows, url)
    return rules.allows(url)


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
