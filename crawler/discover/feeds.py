"""What a feed announces: RSS 0.9x to 2.0, RDF, Atom and JSON Feed; hides feedparser, which is used nowhere else.

feedparser is pure Python and takes 25 ms for twenty full-text entries, so callers run this off the event loop.
It is given bytes and never fetches; declarations of entities are cut out before it sees them, and what makes it
take quadratic time (thousands of attributes in one tag) is refused.
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import feedparser

from archive import urls
from archive.model import Announcer
from crawler.discover.links import Link, is_comment_feed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MAX_BYTES = 8 * 1024 * 1024
"""Bytes of a feed that are read; the biggest full-text feeds have 2 MB."""

MAX_TAGS = 200_000
"""Tags of a feed that are read. feedparser takes up to 40 microseconds for each, linearly: 8 s at worst."""

MAX_ENTRIES = 5_000
"""Entries that are read: 1.3 s. Feeds of news sites have 10 to 100, a few hundred at most."""

_MAX_ATTRIBUTES = 200
_ENTRY = re.compile(rb"<(?:[A-Za-z]\w*+:)?+(?:item|entry)[\s/>]", re.IGNORECASE)
_NESTED_ENTITY = re.compile(rb"<!ENTITY[^>&]*+&")
_MARKED_TITLE = re.compile(rb"<(?:\w+:)?title\s[^<>]*(?:html|xml|base64)", re.IGNORECASE)
"""A title with markup. Where there is none, feedparser need not resolve the links in markup: nobody reads other
texts here, and it takes half of its time."""

_DECLARATION = re.compile(rb"<!DOCTYPE[^\[>]*+(?:\[[^\]]*+\]?+[^>]*+)?+>?+", re.IGNORECASE)


_HARMLESS = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry: `url` absolute or "", `id` as given, dates ISO 8601 in UTC or "", `title` may hold markup."""

    url: str
    title: str = ""
    id: str = ""
    published: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """The entries of a feed in its order; `older` is the next page of a paged feed (RFC 5005) or "".

    A feed of comments has no entries and a problem that says so.
    """

    entries: tuple[FeedEntry, ...] = ()
    older: str = ""
    problems: tuple[str, ...] = ()

    @property
    def links(self) -> tuple[Link, ...]:
        """The entries' addresses, each once, then the feed's next page."""
        found: dict[str, Link] = {}
        for entry in self.entries:
            if entry.url:
                found.setdefault(
                    entry.url,
                    Link(
                        entry.url,
                        Announcer.FEED,
                        entry.title,
                        entry.updated,
                        published=entry.published,
                    ),
                )
        if self.older:
            found.setdefault(self.older, Link(self.older, Announcer.PAGINATION, rel="next"))
        return tuple(found.values())


def read_feed(body: bytes, *, url: str, content_type: str = "") -> Feed:
    """Return the entries of a feed; `body` is content-decoded. Never raises; a broken feed gives what it can.

    `url` is the address that answered; relative links are resolved against it (or `xml:base`).
    """
    if is_comment_feed(url):
        return Feed(problems=("feed: comments, not read",))
    problems: list[str] = []
    if len(body) > MAX_BYTES:
        problems.append(f"feed: read from the first {MAX_BYTES} of {len(body)} bytes")
        body = body[:MAX_BYTES]
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return _read_json(body, url, problems)
    if any(piece.count(b"=") > _MAX_ATTRIBUTES for piece in _heads(body)):
        return Feed(problems=(*problems, "feed: thousands of attributes in one tag, not read"))
    body = _bounded(body, problems)
    return _read_xml(body, url, content_type, problems)


def _heads(body: bytes) -> Iterator[bytes]:
    """Yield what stands between `<` and `>` where it is long."""
    for piece in body.split(b"<"):
        if len(piece) > 2 * _MAX_ATTRIBUTES:
            yield piece.partition(b">")[0]


def _bounded(body: bytes, problems: list[str]) -> bytes:
    """Return `body` without entity declarations, cut before the entry that is one too many."""
    if _NESTED_ENTITY.search(body):  # feedparser drops external ones itself
        body = _DECLARATION.sub(b"", body)
        problems.append("feed: entities within entities, not expanded")
    if body.count(b"<") > MAX_TAGS:
        problems.append(f"feed: more than {MAX_TAGS} tags, the rest is not read")
        body = b"<".join(body.split(b"<", MAX_TAGS)[:MAX_TAGS])
    for count, found in enumerate(_ENTRY.finditer(body)):
        if count >= MAX_ENTRIES:
            problems.append(f"feed: more than {MAX_ENTRIES} entries, the rest is not read")
            return body[: found.start()]
    return body


def _read_xml(body: bytes, url: str, content_type: str, problems: list[str]) -> Feed:
    fields = {"content-location": url, "content-type": content_type}
    headers = {name: value for name, value in fields.items() if value}
    with warnings.catch_warnings():  # feedparser warns of its own old names
        warnings.simplefilter("ignore", DeprecationWarning)
        parsed = feedparser.parse(
            body,
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=_MARKED_TITLE.search(body) is not None,
        )
    flaw = parsed.get("bozo_exception")
    if flaw is not None and not isinstance(flaw, _HARMLESS):
        problems.append(f"feed: not well-formed ({str(flaw)[:80]})")
    if parsed.entries and all("#comment" in (entry.get("link") or "") for entry in parsed.entries):
        return Feed(problems=(*problems, "feed: comments, not read"))
    entries = tuple(_entry(entry, url, body) for entry in parsed.entries)
    return Feed(entries, _older(parsed.feed.get("links", ()), url), tuple(problems))


def _entry(entry: dict[str, Any], url: str, body: bytes) -> FeedEntry:
    link = str(entry.get("feedburner_origlink") or entry.get("link") or "")
    is_guid = entry.get("guidislink") and link == entry.get("id")
    if is_guid and link.partition("&")[0].encode() not in body:
        link = ""  # a guid such as `12345`: an address only since feedparser resolved it
    return FeedEntry(
        url=(urls.absolute(url, link) or "") if link else "",
        title=str(entry.get("title") or ""),
        id=str(entry.get("id") or ""),
        published=_iso(dict.get(entry, "published_parsed")),  # entry.get gives one date for another
        updated=_iso(dict.get(entry, "updated_parsed")),
    )


def _older(links: Iterable[Mapping[str, str]], url: str) -> str:
    for link in links:
        if link.get("rel") == "next" and link.get("href"):
            return urls.absolute(url, link["href"]) or ""
    return ""


def _iso(parsed: Sequence[int] | None) -> str:
    """Return a UTC time of nine numbers as ISO 8601; "" where there is none or it can't be."""
    if not parsed:
        return ""
    try:
        year, month, day, hour, minute, second = parsed[:6]
        date = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return ""
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_json(body: bytes, url: str, problems: list[str]) -> Feed:
    """Read a JSON Feed (jsonfeed.org, version 1.1)."""
    try:
        feed = json.loads(body.decode("utf-8-sig", "replace"))
        items = [item for item in feed["items"] if isinstance(item, dict)]
    except (ValueError, RecursionError, KeyError, TypeError):
        return Feed(problems=(*problems, "feed: not a JSON Feed"))
    if len(items) > MAX_ENTRIES:
        problems.append(f"feed: more than {MAX_ENTRIES} entries, the rest is not read")
    entries = tuple(_json_entry(item, url) for item in items[:MAX_ENTRIES])
    older = feed.get("next_url")
    older = urls.absolute(url, older) if isinstance(older, str) and older else None
    return Feed(entries, older or "", tuple(problems))


def _json_entry(item: Mapping[str, object], url: str) -> FeedEntry:
    texts = {name: value for name, value in item.items() if isinstance(value, str)}
    link = texts.get("url") or texts.get("external_url") or ""
    return FeedEntry(
        url=(urls.absolute(url, link) or "") if link else "",
        title=texts.get("title", ""),
        id=str(item.get("id") or ""),
        published=_iso_of_rfc3339(texts.get("date_published", "")),
        updated=_iso_of_rfc3339(texts.get("date_modified", "")),
    )


def _iso_of_rfc3339(text: str) -> str:
    try:
        date = datetime.fromisoformat(text)
        return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if date.tzinfo else ""
    except (ValueError, OverflowError):
        return ""
