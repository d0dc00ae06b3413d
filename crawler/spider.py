"""The one spider: it reads each answer for addresses and announces them; it builds no item.

A site needs no code, only its table in sites.toml. Where it does (see spiders/dimashnews.py), a subclass
overrides `links`. What it returns is announced as if the page had linked it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from scrapy import Spider
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadTimeoutError,
    IgnoreRequest,
    UnsupportedURLSchemeError,
)
from scrapy.utils.misc import load_object

import archive
from archive.errors import StorageError, UsageError
from archive.model import Outcome
from crawler.announcing import needs_of
from crawler.discover.announced import announced_in, is_slow_to_read
from crawler.manners import HostClosed
from crawler.robots.middleware import RobotsUnreachable
from crawler.visits.rereading import is_confirmation, response_again
from crawler.wire.guard import AddressForbidden
from crawler.wire.tls import HandshakeFailed

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

    from archive.model import Capture, Via
    from crawler.discover.links import Link
    from crawler.frontier import Claim
    from crawler.manners import SitePace
    from crawler.session.writer import Store
    from crawler.site_crawl import SiteCrawl
    from crawler.sites import Site

logger = logging.getLogger(__name__)


class SiteSpider(Spider):
    """Archives one site; `site` is set by `spider_for`, `site_crawl` by the scheduler when it opens."""

    site: ClassVar[Site]
    site_crawl: SiteCrawl
    muragat_pace: SitePace

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Put what the site's table says above the project's settings, below the command line's."""
        super().update_settings(settings)
        site = getattr(cls, "site", None)
        if site is None:
            return
        for name, value in _settings_of(site, settings).items():
            settings.set(name, value, priority="spider")

    def links(self, response: Response) -> Iterable[Link]:
        """Return where `response` leads and what it shows; called for every answer but those to requisites.

        Override it to add addresses that no reader finds; those with Announcer.REQUISITE, and a RequisiteKind
        in `rel`, are fetched from any host and lead nowhere. It may be called again for the same stored answer
        after a crash, so it depends on nothing but the response.
        """
        site_crawl = getattr(self, "site_crawl", None)
        return announced_in(
            response,
            requisites=site_crawl is None or site_crawl.wants_requisites,
            obeys_nofollow="nofollow" not in self.site.ignore,
        )

    @property
    def muragat_via(self) -> Via | None:
        """What is said of requests that the frontier does not know of: those for robots.txt."""
        site_crawl = getattr(self, "site_crawl", None)
        return None if site_crawl is None else site_crawl.via

    async def parse(self, response: Response) -> None:
        """Announce the links of an answer, of one that has not changed those it had when it was stored."""
        claim: Claim = response.meta["muragat_claim"]
        capture: Capture | None = response.meta.get("muragat_capture")
        try:
            if capture is None:
                await self._pass_over(response, claim)
            elif is_confirmation(capture):
                await self.read_again(capture, claim)
            else:
                await self._announce(capture, response, claim)
        finally:
            self.site_crawl.handled(claim)

    async def failed(self, failure: Failure) -> None:
        """Give back an address that brought no answer, or one that could only be kept in part."""
        request = failure.request  # type: ignore[attr-defined] # set by Scrapy on every errback
        claim: Claim = request.meta["muragat_claim"]
        capture: Capture | None = request.meta.get("muragat_capture")
        try:
            if capture is not None:
                await self.site_crawl.tidings.announce((), referrer=claim.url, capture=capture)
            elif isinstance(failure.value, HostClosed):
                await self.site_crawl.put_back(claim)
            elif not isinstance(failure.value, StorageError):
                outcome = _outcome(failure.value)
                logger.info(
                    "site=%s url=%s outcome=%s %s", self.name, claim.url, outcome, failure.value
                )
                until = getattr(failure.value, "until", None)
                await self.site_crawl.failed(claim, outcome, until=until)
        except StorageError:
            logger.debug("site=%s url=%s is due in the next crawl", self.name, claim.url)
        finally:
            self.site_crawl.handled(claim, has_answered=capture is not None)

    async def read_again(self, capture: Capture, claim: Claim) -> None:
        """Announce the links of a stored capture, from its record."""

        def job(store: Store) -> Response:
            return response_again(store.collection, capture)

        try:
            response = await asyncio.wrap_future(self.site_crawl.session.writer.submit(job))
        except StorageError:
            logger.debug("site=%s url=%s its links wait for the next crawl", self.name, capture.url)
            return
        await self._announce(capture, response, claim)

    def keep(self, work: Coroutine[object, object, object]) -> None:
        """Run `work` beside the crawl, and hold it so that it is not lost."""
        task = asyncio.ensure_future(work)
        _KEPT.add(task)
        task.add_done_callback(_KEPT.discard)

    async def _announce(self, capture: Capture | None, response: Response, claim: Claim) -> None:
        """Announce the links of an answer; where the spider fails on it, its capture stays unread for the next crawl."""
        try:
            if claim.is_requisite:
                await self._announce_below(capture, response, claim)
                return
            links = await self._links_of(response)
            referrer = capture.url if capture else claim.url
            await self.site_crawl.tidings.announce(
                links, referrer=referrer, capture=capture, response=response
            )
        except StorageError:
            logger.debug("site=%s url=%s its links wait for the next crawl", self.name, claim.url)
        except Exception:
            self.site_crawl.tally.unread += 1
            logger.exception("site=%s url=%s the spider fails on it", self.name, claim.url)

    async def _pass_over(self, response: Response, claim: Claim) -> None:
        """Announce the links of an answer that is not to be kept, then give its address back.

        In this order: where the process dies in between it is asked for again, and nothing it names is lost.
        """
        try:
            await self._announce(None, response, claim)
            await self.site_crawl.withheld(claim, response.status)
        except StorageError:
            logger.debug("site=%s url=%s is due in the next crawl", self.name, claim.url)

    async def _announce_below(
        self, capture: Capture | None, response: Response, claim: Claim
    ) -> None:
        """Announce what a requisite needs, or where it is to be had; it leads nowhere else."""
        read = partial(needs_of, response, claim)
        is_slow = is_slow_to_read(response)
        links = await asyncio.to_thread(read) if is_slow else read()
        is_redirect = 300 <= response.status < 400
        await self.site_crawl.tidings.announce_below(
            claim, links, capture=capture, is_redirect=is_redirect
        )

    async def _links_of(self, response: Response) -> tuple[Link, ...]:
        if is_slow_to_read(response):
            return await asyncio.to_thread(lambda: tuple(self.links(response)))
        return tuple(self.links(response))


_KEPT: set[asyncio.Task[object]] = set()


def spider_for(site: Site) -> type[SiteSpider]:
    """Return the spider class of `site`: its own where its table names one, else one without code.

    Raises UsageError for a name that leads to no SiteSpider.
    """
    base = _base_of(site) if site.spider else SiteSpider
    return type(base.__name__, (base,), {"name": site.name, "site": site})


def _base_of(site: Site) -> type[SiteSpider]:
    try:
        base = load_object(site.spider)
    except (ImportError, NameError, ValueError) as error:
        message = f"site {site.name}: spider {site.spider!r} can't be loaded: {error}"
        raise UsageError(message) from error
    if not (isinstance(base, type) and issubclass(base, SiteSpider)):
        message = f"site {site.name}: spider {site.spider!r} is no crawler.spider.SiteSpider"
        raise UsageError(message)
    return base


def _settings_of(site: Site, settings: BaseSettings) -> dict[str, object]:
    values: dict[str, object] = {
        "DOWNLOAD_DELAY": site.delay_s,
        "CONCURRENT_REQUESTS_PER_DOMAIN": site.concurrency,
        "MURAGAT_ALLOW": [*site.allow, *settings.getlist("MURAGAT_ALLOW_MORE")],
        "MURAGAT_MAX_PAGES": site.max_pages,
        "MURAGAT_MAX_TIME": site.max_time_s,
        "MURAGAT_REQUISITES": site.requisites,
        "MURAGAT_REQUISITE_MAX": site.requisite_max,
        "MURAGAT_IGNORE": list(site.ignore),
    }
    if site.contact:
        values["USER_AGENT"] = f"muragat/{archive.__version__} (+{site.contact})"
        values["MURAGAT_OPERATOR"] = site.contact
    return values


def _outcome(error: BaseException | None) -> Outcome:
    """Return the outcome that an exception of the download stands for."""
    for kinds, outcome in _OUTCOMES:
        if isinstance(error, kinds):
            return outcome
    return Outcome.CONNECTION


_OUTCOMES: tuple[tuple[tuple[type[BaseException], ...], Outcome], ...] = (
    ((AddressForbidden,), Outcome.FORBIDDEN),
    ((RobotsUnreachable,), Outcome.ROBOTS_UNREACHABLE),
    ((IgnoreRequest,), Outcome.ROBOTS),
    ((UnsupportedURLSchemeError,), Outcome.OUT_OF_SCOPE),
    ((CannotResolveHostError,), Outcome.DNS),
    ((DownloadTimeoutError,), Outcome.TIMEOUT),
    ((HandshakeFailed,), Outcome.TLS),
)
