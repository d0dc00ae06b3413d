"""The Scrapy extension that puts every exchange into the collection.

The download handler hands it each `Exchange`; it hides the session, the writer's thread and the frontier
from the handler. It works in any Scrapy project (see `addon.py`); where our own scheduler runs the crawl, an
address is done in the same transaction that commits its capture.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scrapy import signals

from archive import Warcinfo, http
from archive.model import Truncation
from crawler.crawl_records import Start
from crawler.frontier import Claim, Visit
from crawler.frontier.freshness import fresh_until
from crawler.reconstruct import FrontierInStep
from crawler.retries import is_passing, retry_at
from crawler.session import CrawlSession, SessionOptions
from crawler.sites import Site
from crawler.tally import outcome_of, size_on_wire

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from archive.model import Capture, Exchange, Outcome
    from crawler.writer import Store


@dataclass(frozen=True, slots=True)
class Recorded:
    """A capture and what it means; `claim` is None for addresses that are not the frontier's (robots.txt).

    `is_final` is False where the address is tried again in this crawl.
    """

    capture: Capture
    outcome: Outcome
    site: str = ""
    claim: Claim | None = None
    is_final: bool = True


class Recorder:
    """Records exchanges; one for each Scrapy crawler, all of one process and home on one session."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._options = session_options(crawler.settings, [crawler.spidercls])
        self._site = "".join(site.name for site in self._options.start.sites)
        self.session = CrawlSession.take(Path(crawler.settings["MURAGAT_HOME"]), self._options)
        crawler.signals.connect(self._started, signals.engine_started)
        crawler.signals.connect(self._stopped, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Open the collection that MURAGAT_HOME names; raises what opening it raises."""
        return cls(crawler)

    async def record(self, exchange: Exchange) -> Capture:
        """Store an exchange and return its capture, which is durable a moment later.

        Raises StorageError where the collection can't be written; the crawl is then being stopped.
        """
        told = self._told(exchange)
        recorded, body_bytes = await asyncio.wrap_future(
            self.session.writer.submit(lambda store: _record(store, told))
        )
        tally = self.session.tally
        tally.wire_bytes += size_on_wire(exchange, body_bytes)
        tally.current = exchange.url
        if recorded.claim is not None:
            tally.site(recorded.site).saw(
                recorded.claim, recorded.capture, recorded.outcome, is_final=recorded.is_final
            )
        return recorded.capture

    def _told(self, exchange: Exchange) -> Exchange:
        """Return the exchange with its crawl and site where no announcement said them: another project's."""
        if exchange.via.crawl:
            return exchange
        via = replace(exchange.via, crawl=self.session.crawl, site=self._site)
        return replace(exchange, via=via)

    def _started(self) -> None:
        self.session.when_storage_fails(self._give_up)

    def _give_up(self) -> None:
        engine = self._crawler.engine
        if engine is not None and engine.spider is not None:
            self._closing = asyncio.ensure_future(engine.close_spider_async(reason="storage"))

    async def _stopped(self) -> None:
        await asyncio.to_thread(self.session.give_back)


def session_options(settings: BaseSettings, spiders: Sequence[type[Spider]]) -> SessionOptions:
    """Return what the settings say of the session of these spiders: who crawls, what, and how."""
    about = Warcinfo(
        user_agent=settings.get("USER_AGENT") or "",
        operator=settings.get("MURAGAT_OPERATOR") or "",
        robots="obey" if settings.getbool("ROBOTSTXT_OBEY") else "ignore",
    )
    start = Start(
        sites=tuple(_configured(spider, settings) for spider in spiders if _has_site(spider)),
        spiders=tuple(str(spider.name) for spider in spiders if not _has_site(spider)),
        user_agent=about.user_agent,
        robots=about.robots,
        options={option: settings.get(name) for option, name in _OPTIONS.items()},
    )
    return SessionOptions(
        about,
        analyse=settings.getbool("MURAGAT_ANALYSE", True),
        start=start,
        keeper=FrontierInStep({site.name: site for site in start.sites}),
    )


_OPTIONS = {
    "max_pages": "MURAGAT_MAX_PAGES",
    "max_time": "MURAGAT_MAX_TIME",
    "delay": "DOWNLOAD_DELAY",
    "concurrency": "CONCURRENT_REQUESTS_PER_DOMAIN",
    "allow": "MURAGAT_ALLOW_MORE",
    "timeout": "DOWNLOAD_TIMEOUT",
    "download_max": "DOWNLOAD_MAXSIZE",
    "response_max": "MURAGAT_RESPONSE_MAX",
}
"""What of the settings is recorded. Named one by one: others may hold passwords."""


def _has_site(spider: type[Spider]) -> bool:
    return isinstance(getattr(spider, "site", None), Site)


def _configured(spider: type[Spider], settings: BaseSettings) -> Site:
    """Return the spider's site with what the settings, those of the command line above all, make of it."""
    final = settings.copy()
    spider.update_settings(final)
    site: Site = spider.site  # type: ignore[attr-defined] # a SiteSpider's
    return replace(
        site,
        delay_s=final.getfloat("DOWNLOAD_DELAY"),
        concurrency=final.getint("CONCURRENT_REQUESTS_PER_DOMAIN"),
        max_pages=final.getint("MURAGAT_MAX_PAGES"),
        max_time_s=final.getfloat("MURAGAT_MAX_TIME"),
        requisites=final.get("MURAGAT_REQUISITES"),
        requisite_max=final.getint("MURAGAT_REQUISITE_MAX"),
    )


def _record(store: Store, exchange: Exchange) -> tuple[Recorded, int]:
    capture = store.collection.add(exchange)
    store.is_dirty = True
    body_bytes = _size(exchange.body)
    known = store.frontier.claim_of_url(exchange.url) if exchange.method == "GET" else None
    last_digest = known[1].digest if known else None
    outcome = outcome_of(capture, last_digest=last_digest)
    if known is None:
        store.read.append(capture.sequence)
        return Recorded(capture, outcome), body_bytes
    site, claim = known
    again = None
    if is_passing(capture):
        again = retry_at(time.time(), failures=claim.failures, retry_after=_retry_after(exchange))
    until = _fresh_until(claim, capture, exchange)
    store.frontier.done(Visit(claim.key, outcome, capture.digest, again, until))
    return Recorded(capture, outcome, site, claim, is_final=again is None), body_bytes


def _fresh_until(claim: Claim, capture: Capture, exchange: Exchange) -> float | None:
    """Return until when a requisite need not be asked for again; one that was too large would be again."""
    if not claim.is_requisite or capture.truncated not in {None, Truncation.LENGTH}:
        return None
    return fresh_until(exchange.head, status=capture.status, received=capture.date.timestamp())


def _size(body: bytes | BinaryIO) -> int:
    return len(body) if isinstance(body, bytes) else body.seek(0, os.SEEK_END)


def _retry_after(exchange: Exchange) -> str:
    values = http.split_head(exchange.head).get_all(b"retry-after") if exchange.head else ()
    return values[0].decode("latin-1") if values else ""
