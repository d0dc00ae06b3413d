"""The Scrapy extension that puts every exchange into the collection.

The download handler hands it each `Exchange`; it hides the session, the writer's thread and the frontier
from the handler. It works in any Scrapy project (see `addon.py`); where our own scheduler runs the crawl, an
address is done in the same transaction that commits its capture.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scrapy import signals

from archive import Warcinfo, http
from archive.directives import FIELD, NOARCHIVE, directives_of
from archive.model import Outcome
from crawler.crawl_records import Start
from crawler.frontier.claims import host_of
from crawler.reconstruct import FrontierInStep
from crawler.report.tally import outcome_of, size_on_wire
from crawler.session import CrawlSession, SessionOptions
from crawler.sites import Site
from crawler.visits import again_at, visit_of
from crawler.visits.rereading import fields_confirmed
from crawler.visits.retries import is_soon
from crawler.wire.gate import PACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from archive.model import Capture, Exchange
    from crawler.frontier import Claim
    from crawler.manners import SitePace
    from crawler.session.writer import Store
    from crawler.visits import Fields

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A capture and what it means; `claim` is None for addresses that are not the frontier's (robots.txt).

    `mime` is the media type of what the capture shows: of a 304, that of the answer it confirms. `is_final` is
    False where the address is tried again in this crawl.
    """

    capture: Capture
    outcome: Outcome
    site: str = ""
    claim: Claim | None = None
    mime: str = ""
    is_final: bool = True


class Recorder:
    """Records exchanges; one for each Scrapy crawler, all of one process and home on one session."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._options = session_options(crawler.settings, [crawler.spidercls])
        self._site = "".join(site.name for site in self._options.start.sites)
        self._obeys_noarchive = NOARCHIVE not in crawler.settings.getlist("MURAGAT_IGNORE")
        self.session = CrawlSession.take(Path(crawler.settings["MURAGAT_HOME"]), self._options)
        crawler.signals.connect(self._started, signals.engine_started)
        crawler.signals.connect(self._stopped, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Open the collection that MURAGAT_HOME names; raises what opening it raises."""
        return cls(crawler)

    async def record(self, exchange: Exchange) -> Capture | None:
        """Store an exchange and return its capture, which is durable a moment later.

        None where its fields say `X-Robots-Tag: noarchive`, and the site's wishes count: then nothing is stored.
        Raises StorageError where the collection can't be written; the crawl is then being stopped.
        """
        if self._obeys_noarchive and _is_unwanted(exchange):
            self.session.tally.wire_bytes += size_on_wire(exchange, _size(exchange.body))
            logger.debug("url=%s outcome=%s", exchange.url, Outcome.WITHHELD)
            return None
        told, closed_until = self._told(exchange), self._closed_until(exchange.url)
        recorded, body_bytes = await asyncio.wrap_future(
            self.session.writer.submit(lambda store: _record(store, told, closed_until))
        )
        tally = self.session.tally
        tally.wire_bytes += size_on_wire(exchange, body_bytes)
        tally.current = exchange.url
        if recorded.claim is not None:
            tally.site(recorded.site).saw(
                recorded.claim,
                recorded.capture,
                recorded.outcome,
                mime=recorded.mime,
                is_final=recorded.is_final,
            )
        return recorded.capture

    def _closed_until(self, url: str) -> float:
        """Return until when the host of an address is closed (seconds since 1970), 0 where it is open."""
        pace: SitePace | None = getattr(self._crawler.spider, PACE, None)
        closing = pace.closing(host_of(url)) if pace is not None else None
        return 0.0 if closing is None else closing.until

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
        is_scheduled=settings.getbool("MURAGAT_SCHEDULED"),
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


def _record(store: Store, exchange: Exchange, closed_until: float) -> tuple[Recorded, int]:
    capture = store.collection.add(exchange)
    store.is_dirty = True
    body_bytes = _size(exchange.body)
    known = store.frontier.claim_of_url(exchange.url) if exchange.method == "GET" else None
    if known is None:
        store.read.append(capture.sequence)
        return Recorded(capture, outcome_of(capture, last_digest=None)), body_bytes
    site, claim = known
    fields, now = _fields(exchange.head), time.time()
    visit = visit_of(
        capture,
        claim,
        fields,
        again=again_at(capture, claim, fields, now=now, closed_until=closed_until),
        confirmed=lambda one: fields_confirmed(store.collection, one),
    )
    store.frontier.done(visit)
    mime = capture.mime
    if visit.outcome is Outcome.NOT_MODIFIED:
        mime = store.collection.confirmed(capture).mime
    is_final = not is_soon(visit.retry_at, now)
    return Recorded(capture, visit.outcome, site, claim, mime=mime, is_final=is_final), body_bytes


def _fields(head: bytes) -> Fields:
    try:
        return http.split_head(head).fields
    except ValueError:
        return ()


def _is_unwanted(exchange: Exchange) -> bool:
    """Say whether the answer's fields ask that no copy of it is kept."""
    if FIELD not in exchange.head.lower():
        return False
    return NOARCHIVE in directives_of(_fields(exchange.head))


def _size(body: bytes | BinaryIO) -> int:
    return len(body) if isinstance(body, bytes) else body.seek(0, os.SEEK_END)
