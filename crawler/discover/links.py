"""What a page or a redirect links to; hides markup, base addresses, charsets and who says what in which tag.

Linear in the size of the page (see `tags`). Nothing here decides what is fetched: scope does.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from archive import urls
from archive.charset import decode_html
from archive.directives import directives, directives_in
from archive.model import Announcer
from archive.requisites import MarkupReader, Requisites, link_field
from archive.tags import MAX_TAGS, attributes, tags
from crawler.discover import wordpress
from crawler.discover.anchors import target_of, words_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from archive.requisites import Requisite

MAX_LINKS = 5_000
"""Addresses taken from one page; the longest archive pages of news sites list about 2,000."""

MAX_FIELD_LINKS = 200
"""Links of an answer's fields that are read; all fields together have 64 kB at most."""

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of a page that are read for links. 16 MiB of different pictures take 3 s, of `<` 5 s, in a thread; the
event loop waits for it at most 0.2 s at a time: no match of a regular expression looks at more than `tags` says."""

_REFRESH = re.compile(
    r"\s*+[\d.]++(?:\s*+[;,]\s*+|\s++)(?:url\s*+=\s*+)?+(?:\"([^\"]*+)|'([^']*+)|(\S.*+))",
    re.IGNORECASE | re.DOTALL,
)
_FEED_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}
)
_COMMENT_FEED = re.compile(
    r"/comments?/(?:feed|rss|atom|default)|[?&]feed=comments|/feeds/\d++/comments", re.IGNORECASE
)
_COMMENT_TITLE = re.compile(
    r"comment|коммент|пікір|comentario|kommentar|评论|評論|コメント", re.IGNORECASE
)


WHOLE = "whole"
"""The relation by which a list names itself where it was read to its end: what it does not name is not on it."""


@dataclass(frozen=True, slots=True)
class Link:
    """An absolute address and who announced it.

    `text` is what stands between the tags, or a feed entry's title; `modified` and `published` the dates that the
    announcer gives, ISO 8601, or "". `rel` is the one relation that matters to a crawl: next, prev, canonical,
    alternate, amphtml, shortlink, refresh, frame, child (of an index of sitemaps), collection (of a REST interface),
    whole (see `WHOLE`), or "" for a plain link; of a requisite what it is for.
    """

    url: str
    announcer: Announcer
    text: str = ""
    modified: str = ""
    rel: str = ""
    published: str = ""


@dataclass(frozen=True, slots=True)
class PageLinks:
    """The links of a page in document order, its own address left out; an address once for anchors and frames, and
    once more where a `link` element says what else it is to the page.

    `follow` is False where the page forbids to follow its links (meta robots or X-Robots-Tag: nofollow or
    none); they are listed all the same. `refused` are those that only links with `rel=nofollow` give.
    `robots` are the directives that concern us, in lower case. `requisites` are what the page shows, if asked for.
    """

    links: tuple[Link, ...] = ()
    follow: bool = True
    refused: tuple[Link, ...] = ()
    robots: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    requisites: tuple[Requisite, ...] = ()


def read_links(
    body: bytes,
    *,
    url: str,
    content_type: str = "",
    robots: Iterable[str] = (),
    requisites: bool = False,
) -> PageLinks:
    """Return the links of an HTML page; `body` is content-decoded. Never raises on any bytes.

    `url` is the address that answered, `robots` the values of its X-Robots-Tag fields. With `requisites` the
    same pass over the page gives what `archive.requisites.requisites_in` would.
    """
    problems = []
    if len(body) > MAX_BYTES:
        problems.append(f"links: read from the first {MAX_BYTES} of {len(body)} bytes")
    decoded = decode_html(body[:MAX_BYTES], content_type)
    page = _Page(decoded.text, url, decoded.charset, requisites=requisites)
    page.robots.update(dict.fromkeys(sorted(directives_in(robots))))
    _read_all(page)
    if page.has_more_tags:
        problems.append(f"links: more than {MAX_TAGS} tags, the rest is not read")
    if page.is_full:
        problems.append(f"links: more than {MAX_LINKS}, the rest is not read")
    shown = page.shown.all() if page.shown else Requisites()
    return PageLinks(
        links=tuple(page.found.values())[:MAX_LINKS],
        follow=not {"nofollow", "none"} & page.robots.keys(),
        refused=tuple(link for url, link in page.refused.items() if not page.has(url)),
        robots=tuple(page.robots),
        problems=(*problems, *shown.problems),
        requisites=shown.found,
    )


def _read_all(page: _Page) -> None:
    """Fill `page` from its tags."""
    shown, is_full = page.shown, False
    for number, tag in enumerate(tags(page.text)):
        if number == MAX_TAGS:
            page.has_more_tags = True
            break
        read = _READERS.get(tag[0])
        if read is not None and not is_full:
            read(page, tag[1], tag[2])
            is_full = page.is_full
        if shown is not None:
            shown.read(tag)
        if is_full and (shown is None or shown.is_full):
            break


class _Page:
    """What has been found so far in one page."""

    def __init__(self, text: str, url: str, charset: str, *, requisites: bool) -> None:
        self.text = text
        self.url = url
        self.base = url
        self.origin = _origin(url)
        self.charset = charset
        self.has_base = False
        self.has_more_tags = False
        self.found: dict[str, Link] = {}
        self.refused: dict[str, Link] = {}
        self.robots: dict[str, None] = {}
        self.anchors: set[str] = set()
        self.shown = MarkupReader(text, url, charset) if requisites else None

    @property
    def is_full(self) -> bool:
        return len(self.found) + len(self.refused) > MAX_LINKS

    def resolve(self, href: str) -> str | None:
        """Return the address of `href`, or None where it is none, or the page's own."""
        address = urls.absolute(self.base, href, charset=self.charset)
        return None if address == self.url else address

    def add(self, href: str, announcer: Announcer, rel: str = "") -> None:
        """Note an address that a tag gives, unless it is known."""
        address = self.resolve(href)
        if address is not None:
            self.found.setdefault(f"{announcer} {address}", Link(address, announcer, rel=rel))

    def has(self, address: str) -> bool:
        """True where any tag gives `address` to be followed."""
        kinds = (f"{announcer} {address}" for announcer in Announcer)
        return address in self.found or any(kind in self.found for kind in kinds)


def _read_base(page: _Page, source: str, _end: int) -> None:
    href = attributes(source).get("href")
    if href is not None and not page.has_base:
        page.has_base = True
        page.base = urls.absolute(page.url, href, charset=page.charset) or page.url
        page.origin = _origin(page.base)


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _read_anchor(page: _Page, source: str, end: int) -> None:
    if source in page.anchors:
        return
    page.anchors.add(source)
    address, announcer, rel, is_refused = target_of(page.base, page.origin, page.charset, source)
    if address is None or address in page.found or address == page.url:
        return
    if page.shown is not None:
        page.shown.link(address)
    kept = page.refused if is_refused else page.found
    kept[address] = _shared(address, announcer, words_after(page.text, end), rel)


@functools.lru_cache(maxsize=8192)
def _shared(address: str, announcer: Announcer, words: str, rel: str) -> Link:
    """Return the link of an anchor, one for all pages that have it: most of a page's stand on the others too."""
    return Link(address, announcer, words, rel=rel)


def _read_link(page: _Page, source: str, _end: int) -> None:
    _relate(page, attributes(source))


def _relate(page: _Page, values: Mapping[str, str]) -> None:
    """Note what a `link` element, or an entry of a Link field, is to the page."""
    href = values.get("href", "")
    relations = values.get("rel", "").lower().split()
    if not href or not relations:
        return
    if "alternate" in relations:
        _read_alternate(page, href, values)
    elif wordpress.RELATION in relations:
        root = page.resolve(href)
        for collection in wordpress.entrances(root) if root else ():
            page.add(collection, Announcer.REST, "collection")
    else:
        announcer, rel = next(
            (_RELATIONS[relation] for relation in relations if relation in _RELATIONS), (None, "")
        )
        if announcer is not None:
            page.add(href, announcer, rel)


_RELATIONS = {
    "canonical": (Announcer.CANONICAL, "canonical"),
    "next": (Announcer.PAGINATION, "next"),
    "prev": (Announcer.PAGINATION, "prev"),
    "amphtml": (Announcer.LINK, "amphtml"),
    "shortlink": (Announcer.LINK, "shortlink"),
}


def _read_alternate(page: _Page, href: str, values: Mapping[str, str]) -> None:
    media_type = values.get("type", "").partition(";")[0].strip().lower()
    if media_type in _FEED_TYPES:
        if not is_comment_feed(href, values.get("title", "")):
            page.add(href, Announcer.FEED, "alternate")
    elif values.get("hreflang"):
        page.add(href, Announcer.HREFLANG, "alternate")


def links_in_fields(fields: Iterable[str], *, url: str) -> tuple[Link, ...]:
    """Return what the values of an answer's Link fields say as `link` elements would. Never raises.

    Each value is text, each byte one character (latin-1); `url` is the address that answered.
    """
    page = _Page("", url, "utf-8", requisites=False)
    for values in islice(link_field.links(fields), MAX_FIELD_LINKS):
        _relate(page, values)
    return tuple(page.found.values())


def is_comment_feed(address: str, title: str = "") -> bool:
    """True for a feed of comments, by its address or by its title (in the languages of the sites we know)."""
    return bool(_COMMENT_FEED.search(address) or _COMMENT_TITLE.search(title))


def _read_meta(page: _Page, source: str, _end: int) -> None:
    values = attributes(source)
    content = values.get("content", "")
    if values.get("name", "").strip().lower() in {"robots", "muragat"}:
        page.robots.update(dict.fromkeys(directives(content)))
    elif values.get("http-equiv", "").strip().lower() == "refresh":
        page.add(_refreshed(content), Announcer.REDIRECT, "refresh")


def _read_frame(page: _Page, source: str, _end: int) -> None:
    address = attributes(source).get("src", "")
    if address:
        page.add(address, Announcer.LINK, "frame")


_READERS: dict[str, Callable[[_Page, str, int], None]] = {
    "a": _read_anchor,
    "area": _read_anchor,
    "base": _read_base,
    "frame": _read_frame,
    "iframe": _read_frame,
    "link": _read_link,
    "meta": _read_meta,
}


def links_of_redirect(location: str, *, url: str, refresh: str = "") -> tuple[Link, ...]:
    """Return where an answer sends us: its Location, else its Refresh field; () where that is nowhere.

    Fields are given as text, each byte one character (latin-1). Raw UTF-8 in them is read as such, as
    browsers do. Source: RFC 9110 section 10.2.2; HTML Standard section 15.2 for Refresh.
    """
    target = location.strip() or _refreshed(refresh)
    try:
        target = target.encode("latin-1").decode("utf-8")
    except UnicodeError:  # not bytes, or not UTF-8: as it stands
        target = target.strip()
    address = urls.absolute(url, target) if target else None
    return (Link(address, Announcer.REDIRECT),) if address else ()


def _refreshed(content: str) -> str:
    """Return the address of a Refresh field or meta element, "" where it only reloads the page."""
    found = _REFRESH.match(content)
    return (found[1] or found[2] or found[3] or "").strip() if found else ""
