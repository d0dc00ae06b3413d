"""Which reader an answer needs, from its first bytes, its media type and its address, in this order.

Servers call feeds text/html and sitemaps text/plain, so what the bytes say counts most.
"""

from __future__ import annotations

import re
from enum import StrEnum

from crawler.discover.wordpress import place_of

_HEAD_BYTES = 4096
_GZIP = b"\x1f\x8b"
_ROOT = re.compile(
    rb"(?:\s++|<\?[^>]*+>|<!--(?:[^-]++|-(?!->))*+-->|<!(?!--|doctype\s++html)[^>\[]*+(?:\[[^\]]*+\]\s*+)?+>)*+"
    rb"<(!doctype\s++html|[A-Za-z][\w:.-]*+)",
    re.IGNORECASE,
)
_BINARY = re.compile(
    rb"%PDF-|\x89PNG|\xff\xd8\xff|GIF8|PK\x03\x04|RIFF|OggS|\x00\x00\x01\x00|ID3|wOF[F2]|\x1aE\xdf\xa3"
)
_JSON_FEED = re.compile(
    rb'"version"\s*+:\s*+"https?+:(?:\\?/){2}(?:www\.)?+jsonfeed\.org', re.IGNORECASE
)
_WEB_ADDRESS = re.compile(rb"https?+://\S++\s*+(?:\Z|https?+://)", re.IGNORECASE)
_FEED_ROOTS = frozenset({b"rss", b"feed", b"rdf:rdf"})
_SITEMAP_ROOTS = frozenset({b"urlset", b"sitemapindex"})
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
_SITEMAP_NAME = re.compile(r"(?:sitemap[^/?]*\.(?:txt|xml|gz)|\.xml\.gz)(?:\?|\Z)", re.IGNORECASE)


class Reader(StrEnum):
    """What reads an answer."""

    HTML = "html"
    FEED = "feed"
    JSON_FEED = "json_feed"
    SITEMAP = "sitemap"
    ROBOTS = "robots"
    REST = "rest"
    NONE = "none"


def reader_for(body: bytes, *, url: str, content_type: str = "") -> Reader:
    """Return who reads `body`, which is content-decoded; never raises."""
    media_type = content_type.partition(";")[0].strip().lower()
    head = body[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf")
    root = _ROOT.match(head)
    if root:
        return _by_root(root[1].lower().split()[0], media_type)
    if _BINARY.match(head):
        return Reader.NONE
    return _by_address(head.lstrip(), url, media_type)


def _by_address(start: bytes, url: str, media_type: str) -> Reader:
    """Return who reads what does not begin with a tag."""
    if url.partition("?")[0].endswith("/robots.txt"):
        return Reader.ROBOTS
    if _SITEMAP_NAME.search(url) and start.startswith(_GZIP):
        return Reader.SITEMAP
    if media_type in {"", "text/plain"} and _WEB_ADDRESS.match(start):
        return Reader.SITEMAP
    if start.startswith(b"[") and place_of(url):
        return Reader.REST
    if start.startswith(b"{") and (_JSON_FEED.search(start) or media_type in _FEED_TYPES):
        return Reader.JSON_FEED
    return Reader.HTML if media_type in _HTML_TYPES and not start.startswith(_GZIP) else Reader.NONE


def _by_root(root: bytes, media_type: str) -> Reader:
    if root in _FEED_ROOTS:
        return Reader.FEED
    if root in _SITEMAP_ROOTS:
        return Reader.SITEMAP
    if root in {b"!doctype", b"html"} or media_type in _HTML_TYPES or not media_type:
        return Reader.HTML
    if media_type in _FEED_TYPES:
        return Reader.FEED
    return Reader.HTML if media_type in {"text/plain", "application/octet-stream"} else Reader.NONE
