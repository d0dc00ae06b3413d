"""What follows when a list was read: its further pages, and what is no longer on it.

What is to be read next is decided by the frontier and by the address of the answer alone, so that a kill costs at most
a pass: the next look at the list begins it again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from archive.model import Announcer
from crawler.announcing import announcements
from crawler.discover.channels import CHILD
from crawler.discover.links import WHOLE, Link
from crawler.discover.rest import count_in
from crawler.discover.wordpress import PER_PAGE, Place, page_of, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import Response

    from crawler.frontier import Announcement, Claim, SqliteFrontier

MAX_PAGES = 5_000
"""Pages of one REST list that are read: half a million entries."""

MAX_DEPTH = 3
"""Indexes of sitemaps below each other that are read."""


@dataclass(frozen=True, slots=True)
class ListRead:
    """An answer that lists: a sitemap read to its end, or a page of a REST list.

    `total` and `pages` are what the REST list says of itself, -1 where it says nothing; `size` how many entries it
    gave.
    """

    url: str
    place: Place | None = None
    total: int = -1
    pages: int = -1
    size: int = 0

    @property
    def source(self) -> str:
        """The address that all pages of the list count for."""
        return self.place.entrance if self.place else self.url


def list_read(url: str, links: Iterable[Link], response: Response | None) -> ListRead | None:
    """Return the list that the answer of `url` with these links was, None where it was none, or was cut short."""
    found = tuple(links)
    if any(link.rel == WHOLE for link in found):
        return ListRead(url)
    place = place_of(url) if response is not None and response.status == 200 else None
    if place is None or response is None or not response.body.lstrip().startswith(b"["):
        return None
    total, pages = (
        count_in((response.headers.get(name) or b"").decode("latin-1"))
        for name in ("X-WP-Total", "X-WP-TotalPages")
    )
    return ListRead(url, place, total, pages, len(found))


class Knows(Protocol):
    """Whoever knows addresses and who told of them: a frontier."""

    def claim_of_url(self, url: str) -> tuple[str, Claim] | None:
        """Return the site and the standing of a known address."""


class Keeps(Protocol):
    """Whoever writes a frontier: a crawl's store, or what makes it again."""

    @property
    def frontier(self) -> SqliteFrontier:
        """The frontier."""

    def commit(self) -> None:
        """Write what was announced and done."""


def shallow(frontier: Knows, links: Iterable[Link], parent: Claim | None) -> list[Link]:
    """Return the links without sitemaps that lie deeper than `MAX_DEPTH` indexes; `parent` names them."""
    found = list(links)
    if parent is None or not any(link.rel == CHILD for link in found):
        return found
    depth, above = 1, parent
    while above.via.announcer is Announcer.SITEMAP and depth <= MAX_DEPTH:
        known = frontier.claim_of_url(above.via.referrer)
        if known is None:
            break
        depth, above = depth + 1, known[1]
    return found if depth <= MAX_DEPTH else [link for link in found if link.rel != CHILD]


def follow_up(
    store: Keeps, site: str, read: ListRead, *, news: bool, now: float
) -> Iterable[Announcement]:
    """Note what a list says by not naming it, after what it names was announced; yield what is to be read next.

    `news` where something fell due by it; `now` is a moment before that (seconds since 1970, UTC).
    """
    frontier, place = store.frontier, read.place
    if place is None:
        frontier.listed(site, read.source, now)
        return ()
    following = _following(read, place, frontier.listing_size(site, read.source), news=news)
    if following and place.is_pass and _is_repeating(read, place, frontier.named(read.source)):
        return ()
    if following:
        known = frontier.claim_of_url(read.url)
        parent = known[1] if known else None
        link = Link(following, Announcer.REST, rel="next")
        told = announcements([link], read.url, parent, now=now, source=following)
        return [replace(each, wanted=True) for each in told]
    if place.is_pass and place.page > 1:
        store.commit()  # so that the visit which began the pass is in the table
        first = frontier.claim_of_url(page_of(place.entrance, 1, is_pass=True))
        since = first[1].visited if first else None
    else:
        since = now
    is_end = place.page >= read.pages > 0 and (place.is_pass or read.pages == 1)
    if is_end and since is not None and read.total >= 0:
        frontier.listed(site, read.source, since, read.total)
    return ()


def _is_repeating(read: ListRead, place: Place, named: int) -> bool:
    """Say whether the pages of a pass are far from naming as much as they hold; `named` are the list's addresses.

    Servers that know no pages give the first one for each; and one in ten may lie in scope.
    """
    return named * 10 < read.size * place.page


def _following(read: ListRead, place: Place, known: int, *, news: bool) -> str:
    """Return the address of the REST list to read after this answer, "" for none; `known` is the list's size to us.

    A list of one answer is complete with it. Where the size is another than the list says, all of it is read. Else the
    newest changes are, as far as there was news.
    """
    pages = min(MAX_PAGES if read.pages < 0 else read.pages, MAX_PAGES)
    if place.is_pass:
        has_more = read.size > 0 and place.page < pages
        return page_of(place.entrance, place.page + 1, is_pass=True) if has_more else ""
    if pages <= 1:
        return ""
    if 0 <= read.total != known:
        return page_of(place.entrance, 1, is_pass=True)
    has_more = news and read.size >= PER_PAGE and place.page < pages
    return page_of(place.entrance, place.page + 1, is_pass=False) if has_more else ""
