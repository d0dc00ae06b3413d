"""The links of stored answers, read again as the spider read them when they came.

Hides what need not be read twice: what is no page, feed, sitemap or stylesheet, and a payload that came again from
the same address under the same configuration.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING

from archive import urls
from archive.errors import RecordDamaged
from archive.model import Announcer
from archive.store.state import mark_read
from crawler.announcing import announcements, needs_of, parted
from crawler.announcing.lists import follow_up, list_read, shallow
from crawler.announcing.needs import Needs, below
from crawler.announcing.sieve import Sieve
from crawler.discover.announced import stored_response
from crawler.discover.sitemaps import sitemaps_of
from crawler.frontier import tables as frontier_tables
from crawler.report.tally import PAGE_TYPES
from crawler.scope import Scope
from crawler.spider import spider_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scrapy.http import Response

    from archive import Collection
    from archive.model import Capture, Via
    from crawler.announcing.lists import ListRead
    from crawler.discover.links import Link
    from crawler.frontier import SqliteFrontier
    from crawler.frontier.claims import Announcement, Claim
    from crawler.reconstruct.configurations import Configurations
    from crawler.reconstruct.replay import Clock
    from crawler.sites import Site

logger = logging.getLogger(__name__)

_CRAWLS = 16  # crawls of sites whose budgets and spiders are held; captures come by date
_LEADS_NOWHERE = ("image/", "audio/", "video/", "font/")
_SVG = "image/svg+xml"


class LinksAgain:
    """Reads captures in the order of their dates and makes known to `frontier` where they lead."""

    def __init__(
        self,
        collection: Collection,
        frontier: SqliteFrontier,
        configurations: Configurations,
        clock: Clock,
    ) -> None:
        self._collection = collection
        self._connection = collection.state
        self._frontier = frontier
        self._configurations = configurations
        self._clock = clock
        self._crawls: OrderedDict[tuple[str, Site], _Crawl] = OrderedDict()
        self._open = frontier_tables.open_rounds(self._connection)
        self._connection.executescript(_DONE)

    def read(self, capture: Capture, via: Via) -> None:
        """Announce what the stored answer names; its links count as read from then on."""
        mark_read(self._connection, (capture.sequence,))
        site = self._configurations.site_of(via)
        if site is None or not _may_lead(capture, site, via):
            return
        self._clock.now = capture.date.timestamp()
        crawl = self._crawl(via.crawl, site)
        crawl.pages += capture.mime in PAGE_TYPES and 200 <= capture.status < 300
        known = self._frontier.claim_of_url(capture.url)
        claim = known[1] if known else None
        is_open = self._is_open(site, capture)
        if (claim is None and not _is_robots(capture, via)) or not (
            is_open or self._is_news(capture, site)
        ):
            return
        told = self._told(crawl, capture, claim)
        fell_due = self._announce(site, told, is_open=is_open)
        if crawl.read is not None:
            told = list(follow_up(self, site.name, crawl.read, news=fell_due, now=self._clock.now))
            self._announce(site, told, is_open=is_open)

    @property
    def frontier(self) -> SqliteFrontier:
        """The frontier that learns it."""
        return self._frontier

    def commit(self) -> None:
        """Write what was announced; the transaction is another's."""
        self._frontier.flush(self._connection)
        self._frontier.flushed()

    def _told(self, crawl: _Crawl, capture: Capture, claim: Claim | None) -> list[Announcement]:
        try:
            response = stored_response(capture.url, self._collection.read(capture))
            return list(crawl.told(response, claim, now=self._clock.now))
        except RecordDamaged as error:
            logger.info("%s: its links are lost", error)  # `verify` tells of it
        except Exception:
            logger.exception("site=%s url=%s the spider fails on it", crawl.site.name, capture.url)
        return []

    def _announce(self, site: Site, told: list[Announcement], *, is_open: bool) -> bool:
        """Make known what is not; in a round that goes on what is stale falls due again, as in a crawl.

        Return whether anything fell due by it.
        """
        fell_due = False
        for each in told:
            known = self._frontier.claim_of(each.key) if each.is_requisite else None
            if known is None or is_open:
                if not each.is_requisite:
                    frontier_tables.put_in_place(self._connection, each)
                fell_due |= bool(self._frontier.announce(site.name, [each]))
                self.commit()
            if known is not None and known[1].is_requisite and not known[1].kind:
                frontier_tables.name_kind(self._connection, each.key, each.kind)
        return fell_due

    def _crawl(self, crawl: str, site: Site) -> _Crawl:
        found = self._crawls.pop((crawl, site), None) or _Crawl(site, self._frontier)
        if len(self._crawls) >= _CRAWLS:
            self._crawls.popitem(last=False)
        self._crawls[crawl, site] = found
        return found

    def _is_open(self, site: Site, capture: Capture) -> bool:
        opened = self._open.get(site.name)
        return opened is not None and capture.date.timestamp() >= opened

    def _is_news(self, capture: Capture, site: Site) -> bool:
        """False where the payload of the same address that was last read for the same site is the same."""
        if not 200 <= capture.status < 300:
            return True
        marks = (_mark(f"{capture.url} {site}"), _mark(capture.digest))
        statement = """INSERT INTO temp.links_read VALUES (?, ?)
 ON CONFLICT (place) DO UPDATE SET payload = excluded.payload WHERE payload <> excluded.payload"""
        return self._connection.execute(statement, marks).rowcount == 1


_DONE = """
DROP TABLE IF EXISTS temp.links_read;
CREATE TEMP TABLE links_read (place INTEGER PRIMARY KEY, payload INTEGER NOT NULL);
"""


def _mark(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class _Crawl:
    """One crawl of a site: its scope with the budgets spent so far, and what it has seen."""

    def __init__(self, site: Site, frontier: SqliteFrontier) -> None:
        self.site = site
        self.pages = 0
        self.read: ListRead | None = None
        """The list that the last answer was, None where it was none."""
        self._spider = spider_for(site)()
        self._scope = Scope.from_site(site)
        self._sieve = Sieve(self._scope)
        self._frontier = frontier
        self._needs = Needs(site.requisites)

    def told(
        self, response: Response, claim: Claim | None, *, now: float
    ) -> Iterable[Announcement]:
        """Return the announcements of an answer that came `now`; `claim` is its address as the frontier knows it."""
        self.read = None
        if claim is None:
            return self._of_robots(response, now)
        if claim.is_requisite:
            return self._of_requisite(response, claim)
        return self._of_page(tuple(self._spider.links(response)), response, claim, now)

    def _of_robots(self, response: Response, now: float) -> Iterable[Announcement]:
        is_redirect = 300 <= response.status < 400
        if is_redirect or not self._scope.has_host(urls.host_port(response.url)[0]):
            return ()
        links = sitemaps_of(response.body, url=response.url, status=response.status)
        return self._of_page(links, response, None, now)

    def _of_page(
        self, links: Sequence[Link], response: Response, claim: Claim | None, now: float
    ) -> Iterable[Announcement]:
        leading, shown = parted(links)
        url = response.url
        chosen = self._sieve.news(leading, referrer=url, response=response)
        needed = self._needs.new(shown, pages=self.pages)
        self.read = list_read(url, links, response)
        source = self.read.source if self.read else ""
        near = shallow(self._frontier, chosen, claim)
        pages = announcements(near, url, claim, now=now, source=source)
        return (*pages, *below(needed, url, claim))

    def _of_requisite(self, response: Response, claim: Claim) -> Iterable[Announcement]:
        is_redirect = 300 <= response.status < 400
        needed = self._needs.new(needs_of(response, claim), pages=self.pages)
        return below(needed, claim.url, claim, is_redirect=is_redirect)


def _is_robots(capture: Capture, via: Via) -> bool:
    """Say whether a capture is a robots.txt, or one that a robots.txt is redirected to (see `robots.reading`)."""
    is_target = via.announcer is Announcer.REDIRECT and not via.seed
    return (via.referrer if is_target else capture.url).endswith("/robots.txt")


def _may_lead(capture: Capture, site: Site, via: Via) -> bool:
    """False where no reader would find anything, known without opening the record."""
    is_robots = _is_robots(capture, via)
    is_cut = capture.truncated is not None and not is_robots
    if capture.method != "GET" or is_cut or capture.status == 304:
        return False
    if 300 <= capture.status < 400 or is_robots or site.spider:
        return True
    leads_nowhere = capture.mime.startswith(_LEADS_NOWHERE) and capture.mime != _SVG
    return capture.status < 300 and not leads_nowhere
