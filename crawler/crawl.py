"""Runs a crawl from beginning to end: settings, Scrapy without a reactor, signals, the report.

Hides how Scrapy is driven. SIGINT and SIGTERM end the crawl cleanly: requests under way are given
`_GRACE_S` to finish, then everything is committed and what is left is due in the next crawl. A second signal
ends the process at once, which costs no more than what was under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from archive.errors import MuragatError, UsageError
from crawler.recorder import session_options
from crawler.report.display import CrawlDisplay
from crawler.session import CrawlSession
from crawler.spider import spider_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from crawler.report import Report
    from crawler.sites import Site
    from crawler.spider import SiteSpider

logger = logging.getLogger(__name__)

_GRACE_S = 8.0

_GRACE_WITHOUT_STORAGE_S = 1.0
"""Where nothing can be stored any more, no answer is worth waiting for."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """What the command line says of a crawl; None leaves the sites' own values."""

    max_pages: int | None = None
    max_time_s: float | None = None
    delay_s: float | None = None
    concurrency: int | None = None
    requisites: str | None = None
    allow: tuple[str, ...] = ()
    analyse: bool = True
    is_scheduled: bool = False


def crawl(home: Path, sites: Sequence[Site], options: CrawlOptions) -> Report:
    """Crawl `sites` into the collection at `home`, and return the report.

    Raises what opening the collection raises, and StorageError where it could not be written to the end.
    """
    settings = crawl_settings(home, options)
    spiders = _spiders(sites, options)
    session = CrawlSession.take(home, session_options(settings, spiders))
    display = CrawlDisplay(session)
    crawling = _Crawling(session, settings, at_once=display.abandon)
    with crawling.stopped_by_signals(), display:
        try:
            asyncio.run(crawling.run(spiders))
        finally:
            display.analysing()
            session.end()
    assert session.report is not None
    return session.report


def _spiders(sites: Sequence[Site], options: CrawlOptions) -> list[type[SiteSpider]]:
    """Return the spiders of the sites. Raises UsageError; nobody being there to mend one, the others go on without it."""
    spiders: list[type[SiteSpider]] = []
    wrong: list[UsageError] = []
    for site in sites:
        try:
            spiders.append(spider_for(site))
        except UsageError as error:
            wrong.append(error)
    if wrong and not (options.is_scheduled and spiders):
        raise wrong[0]
    for each in wrong:
        logger.error("%s", each)
    return spiders


def options_from(chosen: Mapping[str, object]) -> CrawlOptions:
    """Return the options of the `crawl` command, by the names it gives them."""
    return CrawlOptions(
        max_pages=cast("int | None", chosen["max_pages"]),
        max_time_s=cast("float | None", chosen["max_time"]),
        delay_s=cast("float | None", chosen["delay"]),
        concurrency=cast("int | None", chosen["concurrency"]),
        requisites=cast("str | None", chosen["requisites"]),
        allow=cast("tuple[str, ...]", chosen["allow"]),
    )


def crawl_settings(home: Path, options: CrawlOptions) -> Settings:
    """Return Scrapy's settings: the project's, and above them what the command line says."""
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    wanted = {
        "MURAGAT_HOME": str(home),
        "MURAGAT_ANALYSE": options.analyse,
        "MURAGAT_MAX_PAGES": options.max_pages,
        "MURAGAT_MAX_TIME": options.max_time_s,
        "MURAGAT_SCHEDULED": options.is_scheduled or None,
        "MURAGAT_ALLOW_MORE": list(options.allow) or None,
        "DOWNLOAD_DELAY": options.delay_s,
        "CONCURRENT_REQUESTS_PER_DOMAIN": options.concurrency,
        "MURAGAT_REQUISITES": options.requisites,
        "TWISTED_REACTOR_ENABLED": False,
    }
    for name, value in wanted.items():
        if value is not None:
            settings.set(name, value, priority="cmdline")
    return settings


class _Crawling:
    """The sites that are being crawled in this process, and the way to stop them."""

    def __init__(
        self, session: CrawlSession, settings: Settings, at_once: Callable[[], None]
    ) -> None:
        self._session = session
        self._settings = settings
        self._at_once = at_once
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def run(self, spiders: Sequence[type[SiteSpider]]) -> None:
        """Crawl all sites side by side; return when all have ended or the grace after a signal is over.

        Raises MuragatError; whatever else breaks off a site's crawl is logged and leaves the others alone.
        """
        if self._session.interrupted:
            return
        self._runner = AsyncCrawlerRunner(self._settings)
        self._crawls = [self._runner.crawl(spider) for spider in spiders]
        self._loop = asyncio.get_running_loop()
        self._session.when_storage_fails(self._stop_soon)
        results = await asyncio.gather(*self._crawls, return_exceptions=True)
        for spider, result in zip(spiders, results, strict=True):
            if isinstance(result, MuragatError):
                raise result
            if isinstance(result, Exception):
                logger.error("site=%s the crawl broke off", spider.name, exc_info=result)
                self._session.tally.site(spider.site.name).ended = "error"

    @contextlib.contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Within it, SIGINT and SIGTERM stop the crawl instead of the process."""
        before = {number: signal.signal(number, self._signalled) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self._session.interrupted:
            self._at_once()
            os._exit(130)
        self._session.interrupt()
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stop_soon)

    def _stop_soon(self) -> None:
        self._stopping = asyncio.ensure_future(self._stop())

    async def _stop(self) -> None:
        self._session.pace.stop()
        stop = asyncio.ensure_future(self._runner.stop())
        grace_s = _GRACE_S if self._session.failure is None else _GRACE_WITHOUT_STORAGE_S
        await asyncio.wait([stop], timeout=grace_s)
        for crawl in self._crawls:
            crawl.cancel()
