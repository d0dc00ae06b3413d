"""What the newspaper has: its articles, who names each, and every list as bytes. Functions of the state alone."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST = datetime(2024, 5, 1, 8, tzinfo=UTC)
NAMESPACE = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
)
REST_POSTS = 104
"""Posts that the REST interface alone names: more than one answer holds."""


@dataclass
class Article:
    """One article. `channels` are those that name it; `number` gives its dates."""

    path: str
    number: int
    channels: set[str]
    version: int = 1

    @property
    def published(self) -> datetime:
        return FIRST + timedelta(hours=self.number)

    @property
    def modified(self) -> datetime:
        return self.published + timedelta(days=self.version - 1)


@dataclass
class Newspaper:
    """All articles by their path; each channel's list is made of them."""

    articles: dict[str, Article] = field(default_factory=dict)

    def add(self, path: str, *channels: str) -> None:
        self.articles[path] = Article(path, len(self.articles), set(channels))

    def of(self, channel: str) -> list[Article]:
        """Return what a channel names, newest first."""
        found = [one for one in self.articles.values() if channel in one.channels]
        return sorted(found, key=lambda one: one.published, reverse=True)


def founded() -> Newspaper:
    """Return the newspaper as it begins: some articles that one channel alone knows, one that many do."""
    paper = Newspaper()
    for channel in CHANNELS:
        paper.add(f"/{channel}-only/", channel)
    for number in range(REST_POSTS):
        paper.add(f"/rest-{number:03}/", "rest")
    paper.add("/everywhere/", "feed", "sitemap", "rest", "listing", "link")
    paper.add("/feed-and-sitemap/", "feed", "sitemap")
    return paper


CHANNELS = (
    "feed", "older-feed", "atom", "json-feed", "sitemap", "news-sitemap", "rest", "rest-page", "listing",
    "older-listing", "archive", "link", "deep-link", "hreflang", "hreflang-field", "hreflang-sitemap", "canonical",
    "redirect", "second-seed",
)  # fmt: skip


def anchors(articles: Iterable[Article]) -> str:
    return "".join(f'<p><a href="{one.path}">{one.path}</a></p>' for one in articles)


def html(title: str, body: str, head: str = "") -> bytes:
    page = f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body><h1>{title}</h1>{body}</body></html>"
    return page.encode()


def rss(base: str, articles: Iterable[Article], older: str = "") -> bytes:
    items = "".join(
        f"<item><title>{one.path}</title><link>{base}{one.path[1:]}</link>"
        f"<pubDate>{format_datetime(one.published)}</pubDate></item>"
        for one in articles
    )
    link = f'<atom:link rel="next" href="{base}{older}"/>' if older else ""
    space = 'xmlns:atom="http://www.w3.org/2005/Atom"'
    return f'<rss version="2.0" {space}><channel><title>N</title>{link}{items}</channel></rss>'.encode()


def atom(base: str, articles: Iterable[Article]) -> bytes:
    entries = "".join(
        f'<entry><title>a</title><id>urn:{one.number}</id><link href="{base}{one.path[1:]}"/>'
        f"<published>{one.published.isoformat()}</published><updated>{one.modified.isoformat()}</updated></entry>"
        for one in articles
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title>{entries}</feed>'.encode()


def json_feed(base: str, articles: Iterable[Article]) -> bytes:
    items = [
        {"id": one.path, "url": base + one.path[1:], "date_published": one.published.isoformat()}
        for one in articles
    ]
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode()


def sitemap(base: str, articles: Iterable[Article], twins: Iterable[Article] = ()) -> bytes:
    links = "".join(
        f'<xhtml:link rel="alternate" hreflang="kk" href="{base}{one.path[1:]}"/>' for one in twins
    )
    entries = "".join(
        f"<url><loc>{base}{one.path[1:]}</loc><lastmod>{one.modified.isoformat()}</lastmod>{links}</url>"
        for one in articles
    )
    return gzip.compress(f"<urlset {NAMESPACE}>{entries}</urlset>".encode(), mtime=0)


def news_sitemap(base: str, articles: Iterable[Article]) -> bytes:
    entries = "".join(
        f"<url><loc>{base}{one.path[1:]}</loc><news:news><news:publication_date>{one.published.isoformat()}"
        f"</news:publication_date><news:title>{one.path}</news:title></news:news></url>"
        for one in articles
    )
    space = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    return f"<urlset {NAMESPACE} {space}>{entries}</urlset>".encode()


def index(base: str, *names: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{base}{name}</loc></sitemap>" for name in names)
    return f"<sitemapindex {NAMESPACE}>{entries}</sitemapindex>".encode()


def entries(base: str, articles: Iterable[Article], outside: str = "") -> bytes:
    """Return a REST answer; `outside` is an entry on another host."""
    listed: list[dict[str, object]] = [
        {
            "id": one.number,
            "link": base + one.path[1:],
            "date_gmt": one.published.strftime("%Y-%m-%dT%H:%M:%S"),
            "modified_gmt": one.modified.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        for one in articles
    ]
    return json.dumps([*listed, *([{"id": 9999, "link": outside}] if outside else [])]).encode()
