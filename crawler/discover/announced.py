"""Where an answer leads, whatever it is: the one function that the spider asks.

Chooses the reader (page, feed, sitemap, redirect) by what the answer is, not by what was expected of it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy.http import Headers
from scrapy.responsetypes import responsetypes

from archive import urls
from archive.directives import NOFOLLOW, directives_in
from archive.model import Announcer
from archive.requisites import RequisiteKind, requisites_in, requisites_in_fields
from crawler.discover.feeds import read_feed
from crawler.discover.links import WHOLE, Link, links_in_fields, links_of_redirect, read_links
from crawler.discover.rest import read_entries
from crawler.discover.sitemaps import read_sitemap
from crawler.discover.sniff import Reader, reader_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import Response

    from archive.http import Message
    from archive.requisites import Requisite
    from crawler.discover.links import PageLinks

logger = logging.getLogger(__name__)

_SLOW_BYTES = 48 * 1024
"""Pages up to this size are read in the event loop, in a thread above it, which costs 0.1 ms. 45 kB of an article
take about 1 ms, 256 kB of nothing but `<img src=1>` 250 ms."""

_SLOW_TAGS = 1_000
"""The same for their tags, ends of elements included: so many different addresses take 8 ms. Articles have 500."""

_SAME_PAGE = frozenset({"shortlink"})
"""Relations whose target is this very page by another address: asking for it would double every crawl."""


LISTS = frozenset({Reader.FEED, Reader.JSON_FEED, Reader.SITEMAP, Reader.REST})
"""Readers of what leads to pages and is none."""


def announced_in(
    response: Response, *, requisites: bool = False, obeys_nofollow: bool = True
) -> Iterable[Link]:
    """Return the links of an answer, feeds and sitemaps included; () where it has none or forbids to follow.

    A field of a redirect or of a feed may forbid that as a page does; a sitemap exists to be followed.
    With `requisites` also what a page, stylesheet, web app manifest or SVG picture shows, whatever it says of
    following: as `Announcer.REQUISITE`, `rel` its kind; such an address is no link besides. Where a page names no
    icon, the one that browsers then ask for is among them.
    Never raises on any bytes; what could not be read is logged. `response.body` is content-decoded.
    """
    if response.status >= 400:
        return ()
    follows = not (obeys_nofollow and _forbids_to_follow(response))
    location, refresh = _field(response, "Location"), _field(response, "Refresh")
    if 300 <= response.status < 400:
        return links_of_redirect(location, url=response.url) if follows else ()
    read = _read(response, requisites=requisites, obeys_nofollow=obeys_nofollow)
    if refresh and follows:
        return (*links_of_redirect("", url=response.url, refresh=refresh), *read)
    return read


def needed_in(response: Response, kind: RequisiteKind | None = None) -> tuple[Link, ...]:
    """Return what a requisite needs itself: a stylesheet, a manifest, an SVG picture, never a page.

    `kind` is what it was asked for as. Links are those of `announced_in`; () for answers other than 2xx.
    """
    content_type = _field(response, "Content-Type")
    if not 200 <= response.status < 300 or _reader(response) is Reader.HTML:
        return ()
    read = requisites_in(response.body, url=response.url, content_type=content_type, kind=kind)
    return _reported(response, read.problems, _as_links(read.found))


def stored_response(url: str, message: Message) -> Response:
    """Return a stored answer as Scrapy would have given it to the spider, its body decoded."""
    body = message.decoded().body
    headers = Headers(message.fields)
    headers.pop("Content-Encoding", None)
    kind = responsetypes.from_args(headers=headers, url=url, body=body)
    return kind(url, status=message.status, headers=headers, body=body)


def is_slow_to_read(response: Response) -> bool:
    """True where reading the links may take longer than the event loop should wait."""
    body = response.body
    return len(body) > _SLOW_BYTES or body.count(b"<") > _SLOW_TAGS or is_list(response)


def is_list(response: Response) -> bool:
    """True for a feed, a sitemap or a REST list: it leads to pages and shows nothing."""
    return _reader(response) in LISTS


def is_page(response: Response) -> bool:
    """True for HTML."""
    return _reader(response) is Reader.HTML


def _forbids_to_follow(response: Response) -> bool:
    return not directives_in(_fields(response, "X-Robots-Tag")).isdisjoint(NOFOLLOW)


def _read(response: Response, *, requisites: bool, obeys_nofollow: bool) -> tuple[Link, ...]:
    content_type = _field(response, "Content-Type")
    match _reader(response):
        case Reader.HTML:
            return _read_page(response, requisites=requisites, obeys_nofollow=obeys_nofollow)
        case Reader.FEED | Reader.JSON_FEED:
            if obeys_nofollow and _forbids_to_follow(response):
                return ()
            feed = read_feed(response.body, url=response.url, content_type=content_type)
            return _reported(response, feed.problems, feed.links)
        case Reader.SITEMAP:
            sitemap = read_sitemap(response.body, url=response.url, content_type=content_type)
            end = (_end_of(response.url),) if sitemap.is_whole else ()
            return _reported(response, sitemap.problems, (*sitemap.children, *sitemap.links, *end))
        case Reader.REST:
            listed = read_entries(response.body, url=response.url)
            return _reported(response, listed.problems, listed.links)
        case _:
            return needed_in(response) if requisites else ()


def _read_page(response: Response, *, requisites: bool, obeys_nofollow: bool) -> tuple[Link, ...]:
    page = read_links(
        response.body,
        url=response.url,
        content_type=_field(response, "Content-Type"),
        robots=_fields(response, "X-Robots-Tag"),
        requisites=requisites,
    )
    needed = page.requisites
    if requisites:
        needed += requisites_in_fields(_fields(response, "Link"), url=response.url)
    shown = {requisite.url for requisite in needed}
    named = links_in_fields(_fields(response, "Link"), url=response.url) if page.follow else ()
    links = (
        link
        for link in (*_followed(page, obeys_nofollow=obeys_nofollow), *named)
        if link.rel not in _SAME_PAGE and link.url not in shown
    )
    icons = _favicon(response.url, needed) if requisites else ()
    return _reported(response, page.problems, (*links, *_as_links(needed), *icons))


def _end_of(url: str) -> Link:
    return Link(url, Announcer.SITEMAP, rel=WHOLE)


def _followed(page: PageLinks, *, obeys_nofollow: bool) -> tuple[Link, ...]:
    if not obeys_nofollow:
        return (*page.links, *page.refused)
    return page.links if page.follow else ()


def _favicon(url: str, named: Iterable[Requisite]) -> tuple[Link, ...]:
    """Return what browsers ask for where a page names no icon. Source: HTML Standard section 4.6.7.9."""
    if any(one.kind is RequisiteKind.ICON for one in named):
        return ()
    address = urls.absolute(url, "/favicon.ico")
    return (Link(address, Announcer.REQUISITE, rel=RequisiteKind.FAVICON),) if address else ()


def _as_links(requisites: Iterable[Requisite]) -> tuple[Link, ...]:
    return tuple(Link(each.url, Announcer.REQUISITE, rel=each.kind) for each in requisites)


def _reader(response: Response) -> Reader:
    return reader_for(
        response.body, content_type=_field(response, "Content-Type"), url=response.url
    )


def _reported(
    response: Response, problems: Iterable[str], links: tuple[Link, ...]
) -> tuple[Link, ...]:
    for problem in problems:
        logger.info("url=%s %s", response.url, problem)
    return links


def _fields(response: Response, name: str) -> list[str]:
    return [value.decode("latin-1") for value in response.headers.getlist(name)]


def _field(response: Response, name: str) -> str:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else ""
