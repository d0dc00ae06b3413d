"""What a sitemap announces, and where sitemaps are found; hides XML, gzip and the extensions.

Read as a stream and flat in memory; no entity is expanded, nothing is fetched. A broken file gives what it can.
Source: sitemaps.org protocol 0.9; Google's news and image extensions and `xhtml:link` alternates.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING

from lxml import etree

from archive import urls
from archive.model import Announcer
from crawler.discover.channels import CHILD, USUAL
from crawler.discover.feeds import read_feed
from crawler.discover.links import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 50 * 1024 * 1024
"""Bytes of a sitemap after decompression (sitemaps.org: 50 MB)."""

MAX_LINKS = 50_000
"""Addresses of one sitemap (sitemaps.org)."""

USUAL_PLACES = (
    "/sitemap.xml",
    "/sitemap_index.xml",
    "/wp-sitemap.xml",
    "/sitemap-news.xml",
    "/news-sitemap.xml",
    "/sitemap.xml.gz",
)
"""Where sitemaps are when robots.txt names none: the protocol's own place, Yoast, WordPress core, news plugins."""

USUAL_FEEDS = ("/feed/", "/rss.xml", "/atom.xml", "/feed.xml", "/rss", "/index.xml", "/feed.json")
"""Where feeds are when no page links one: WordPress, then the habits of other systems."""

_GZIP = b"\x1f\x8b"
_FEED_ROOTS = frozenset({"rss", "feed", "rdf", "RDF"})
_BARE_AMPERSAND = re.compile(rb"&(?!(?:[a-zA-Z][a-zA-Z0-9]{0,31}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309 section 2.5
_ROBOTS_LINE = re.compile(r"[ \t]*+sitemap[ \t]*+:[ \t]*+([^\r\n]*+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sitemap:
    """`links` are pages and their language twins, each once for either; `children` other sitemaps that an index lists.

    `is_whole` where the file was read to its end: an address that it does not name is not listed there.
    """

    links: tuple[Link, ...] = ()
    children: tuple[Link, ...] = ()
    problems: tuple[str, ...] = ()
    is_whole: bool = False


def read_sitemap(body: bytes, *, url: str, content_type: str = "") -> Sitemap:
    """Return what a sitemap lists; `body` may be gzipped beyond its content coding. Never raises.

    XML (`urlset`, `sitemapindex`), plain text with one address a line, and feeds used as sitemaps are read;
    image and video addresses are not.
    """
    found = _Found(url)
    body = _plain(body, found)
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return _read_xml(body, content_type, found)
    if start == b"{":
        return _as_sitemap(body, content_type, found)
    for line in body.decode("utf-8-sig", "replace").splitlines():
        if line.lstrip().lower().startswith(("http://", "https://")):
            found.add(line.strip(), Announcer.SITEMAP)
    return found.sitemap()


@dataclass(slots=True)
class _Found:
    """What has been found so far in one sitemap."""

    url: str
    links: dict[tuple[str, Announcer], Link] = field(default_factory=dict)
    children: dict[str, Link] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(
        self,
        location: str,
        announcer: Announcer,
        *,
        text: str = "",
        modified: str = "",
        published: str = "",
    ) -> None:
        address = urls.absolute(self.url, location)
        if address and len(self.links) < MAX_LINKS:
            link = Link(address, announcer, text, modified, published=published)
            self.links.setdefault((address, announcer), link)

    def add_child(self, location: str, modified: str) -> None:
        address = urls.absolute(self.url, location) if location else None
        if address and len(self.children) < MAX_LINKS:
            child = Link(address, Announcer.SITEMAP, modified=modified, rel=CHILD)
            self.children.setdefault(address, child)

    def is_full(self) -> bool:
        return len(self.links) >= MAX_LINKS or len(self.children) >= MAX_LINKS

    def sitemap(self) -> Sitemap:
        if self.is_full():
            self.problems.append(f"sitemap: {MAX_LINKS} addresses read, the rest is not")
        return Sitemap(
            tuple(self.links.values()),
            tuple(self.children.values()),
            tuple(self.problems),
            is_whole=not self.problems,
        )


def _plain(body: bytes, found: _Found) -> bytes:
    """Return `body` decompressed where it is gzip, cut at `MAX_BYTES`."""
    if body.startswith(_GZIP):
        body = _decompressed(body, found)
    if len(body) > MAX_BYTES:
        found.problems.append(f"sitemap: read from its first {MAX_BYTES} bytes")
    return body[:MAX_BYTES]


def _decompressed(body: bytes, found: _Found) -> bytes:
    decompressor = zlib.decompressobj(wbits=31)
    try:
        plain = decompressor.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        found.problems.append(f"sitemap: damaged gzip ({error})")
        return _salvaged(body)
    if not decompressor.eof and len(plain) <= MAX_BYTES:
        found.problems.append("sitemap: gzip ends early")
    return plain


def _salvaged(body: bytes) -> bytes:
    """Return what comes before the damage, decompressing in small steps."""
    decompressor = zlib.decompressobj(wbits=31)
    plain = bytearray()
    try:
        for start in range(0, len(body), 4096):
            plain += decompressor.decompress(body[start : start + 4096], MAX_BYTES + 1 - len(plain))
            if len(plain) > MAX_BYTES:
                break
    except zlib.error:
        return bytes(plain)
    return bytes(plain)


def _read_xml(body: bytes, content_type: str, found: _Found) -> Sitemap:
    try:
        is_feed = _read_elements(body, found, recover=False)
    except etree.XMLSyntaxError as error:
        found.problems.append(f"sitemap: not well-formed ({error.msg})")
        is_feed = _read_again(body, found)
    if is_feed:
        return _as_sitemap(body, content_type, found)
    if not (found.links or found.children):
        found.problems.append("sitemap: names no address")
    return found.sitemap()


def _read_again(body: bytes, found: _Found) -> bool:
    """Read a broken file as far as libxml2 can follow it, bare ampersands mended first."""
    try:
        return _read_elements(_BARE_AMPERSAND.sub(b"&amp;", body), found, recover=True)
    except etree.XMLSyntaxError:  # nothing that libxml2 could recover; what was found stays
        return False


def _read_elements(body: bytes, found: _Found, *, recover: bool) -> bool:
    """Note what `url` and `sitemap` elements say; return True, at once, where the root is a feed's."""
    for element in _elements(body, recover=recover):
        name = _name(element)
        if name in _FEED_ROOTS:
            return True
        if name == "url":
            _read_url(element, found)
        elif name == "sitemap":
            values = _values(element)
            found.add_child(values.get("loc", ""), _date(values.get("lastmod", "")))
        if found.is_full():
            break
    return False


def _elements(body: bytes, *, recover: bool) -> Iterator[etree._Element]:
    """Yield the root when it begins, then each `url` and `sitemap` when it ends; frees what has been read."""
    events = etree.iterparse(
        BytesIO(body),
        events=("start", "end"),
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    has_begun = False
    for event, element in events:
        if not has_begun:
            has_begun = True
            yield element
        elif event == "end" and _name(element) in {"url", "sitemap"}:
            yield element
            parent = element.getparent()
            element.clear()
            while parent is not None and element.getprevious() is not None:
                del parent[0]


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _values(element: etree._Element) -> dict[str, str]:
    """Return the texts of an element's children of its own namespace, by name; the first of each counts.

    What holds more than text is left out: an entity that is not expanded is no part of an address.
    """
    space = str(element.tag).rpartition("}")[0]
    values: dict[str, str] = {}
    for child in element.iterchildren(tag=etree.Element):
        child_space, _, name = str(child.tag).rpartition("}")
        if child_space == space and len(child) == 0:
            values.setdefault(name, (child.text or "").strip())
    return values


def _read_url(element: etree._Element, found: _Found) -> None:
    values = _values(element)
    if not values.get("loc"):
        return
    news: dict[str, str] = {}
    twins: list[str] = []
    if len(element) > len(values):
        for child in element.iterchildren(tag=etree.Element):
            if _name(child) == "news":
                news = _values(child)
            elif _name(child) == "link" and child.get("hreflang"):
                twins.append(child.get("href", ""))
    found.add(
        values["loc"],
        Announcer.SITEMAP,
        text=news.get("title", ""),
        modified=_date(values.get("lastmod", "")),
        published=_date(news.get("publication_date", "")),
    )
    for twin in filter(None, twins):
        found.add(twin, Announcer.HREFLANG)


def _date(text: str) -> str:
    """Return a W3C date as given, "" where it is none; whether to trust it is not decided here."""
    try:
        return text if text and datetime.fromisoformat(text) else ""
    except ValueError:
        return ""


def _as_sitemap(body: bytes, content_type: str, found: _Found) -> Sitemap:
    feed = read_feed(body, url=found.url, content_type=content_type)
    links = tuple(replace(link, announcer=Announcer.SITEMAP) for link in feed.links)
    return Sitemap(links, (), (*found.problems, *feed.problems))


def sitemaps_in_robots(body: bytes, *, url: str) -> tuple[Link, ...]:
    """Return the addresses of a robots.txt's `Sitemap:` lines, each once. Source: sitemaps.org, RFC 9309."""
    found: dict[str, Link] = {}
    for line in body[:_MAX_ROBOTS_BYTES].decode("utf-8-sig", "replace").splitlines():
        named = _ROBOTS_LINE.match(line)
        address = urls.absolute(url, named[1].partition("#")[0]) if named else None
        if address and address != url:
            found.setdefault(address, Link(address, Announcer.ROBOTS))
    return tuple(found.values())


def sitemaps_of(body: bytes, *, url: str, status: int) -> tuple[Link, ...]:
    """Return the sitemaps that the answer to robots.txt names, else the places where hosts keep them."""
    named = sitemaps_in_robots(body, url=url) if status == 200 else ()
    return named or usual_places(url)


def usual_places(url: str) -> tuple[Link, ...]:
    """Return where the host of `url` may keep sitemaps and feeds; to be asked when nothing names any."""
    return tuple(
        Link(address, announcer, rel=USUAL)
        for places, announcer in ((USUAL_PLACES, Announcer.SITEMAP), (USUAL_FEEDS, Announcer.FEED))
        for place in places
        if (address := urls.absolute(url, place))
    )
