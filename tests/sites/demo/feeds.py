"""What machines read: RSS, Atom, the two sitemaps and their index, robots.txt.

None of them is complete, as on real sites: the feeds hold the latest ten, the sitemaps miss some posts
and still name one that is gone. Only together with the pages do they name everything.
"""

from __future__ import annotations

import gzip
from datetime import UTC
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape as xml

from tests.sites.demo import markup
from tests.sites.demo.posts import encoded, read_site
from tests.sites.demo.press import Page, Press, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.sites.demo.posts import Post

FEED_LENGTH = 10
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def feeds(press: Press) -> Iterator[tuple[str, Page]]:
    """Yield path and page of feeds, sitemaps and robots.txt."""
    latest = [post for post in press.public if post.announced_by("feed")][:FEED_LENGTH]
    yield "/feed/", Page("feed", _rss(press, latest), "application/rss+xml; charset=UTF-8")
    yield "/feed/atom/", Page("feed", _atom(press, latest), "application/atom+xml; charset=UTF-8")
    named = [
        post for post in press.posts if post.announced_by("sitemap") and post.state != "deleted"
    ]
    west = [post for post in named if post.lang in {"fr", "en", "es"}]
    east = [post for post in named if post not in west]
    yield "/sitemap.xml", Page("sitemap", _index(press), "application/xml; charset=UTF-8")
    yield (
        "/post-sitemap1.xml",
        Page("sitemap", _sitemap(press, west), "application/xml; charset=UTF-8"),
    )
    packed = gzip.compress(_sitemap(press, east), 9, mtime=0)
    yield "/post-sitemap2.xml.gz", Page("sitemap", packed, "application/gzip")
    yield "/robots.txt", Page("robots", _robots(press), "text/plain; charset=UTF-8")


def _rss(press: Press, posts: Sequence[Post]) -> bytes:
    site = read_site()["name"]
    items = "".join(_rss_item(press, post) for post in posts)
    return (
        f'{_HEAD}<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">\n<channel>\n'
        f"<title>{xml(site)}</title><link>{press.base}/</link>"
        f'<atom:link href="{press.base}/feed/" rel="self" type="application/rss+xml"/>'
        f"<description>{xml(words('fr')['tagline'])}</description>\n{items}</channel>\n</rss>\n"
    ).encode()


def _rss_item(press: Press, post: Post) -> str:
    tags = "".join(
        f"<category><![CDATA[{name}]]></category>" for name in (post.category, *post.tags)
    )
    whole = markup.to_html(post.blocks[:2], title=post.title, address=press.url)
    return (
        f"<item><title>{xml(post.title)}</title><link>{xml(press.link(post, 'feed'))}?utm_source=rss</link>"
        f"<dc:creator><![CDATA[{press.author(post)}]]></dc:creator>"
        f"<pubDate>{format_datetime(post.date.astimezone(UTC), usegmt=True)}</pubDate>{tags}"
        f'<guid isPermaLink="false">{press.base}/?p={post.id}</guid>'
        f"<description><![CDATA[{escape(post.summary, quote=False)}]]></description>"
        f"<content:encoded><![CDATA[{whole}]]></content:encoded></item>\n"
    )


def _atom(press: Press, posts: Sequence[Post]) -> bytes:
    entries = "".join(
        f'<entry xml:lang="{words(post.lang)["code"]}"><title>{xml(post.title)}</title>'
        f'<link rel="alternate" type="text/html" href="{xml(press.link(post, "feed"))}"/>'
        f"<id>{press.base}/?p={post.id}</id><published>{post.date.isoformat()}</published>"
        f"<updated>{post.changed.isoformat()}</updated><author><name>{xml(press.author(post))}</name></author>"
        f"<summary>{xml(post.summary)}</summary></entry>\n"
        for post in posts
    )
    updated = max(post.changed for post in posts).isoformat()
    return (
        f'{_HEAD}<feed xmlns="http://www.w3.org/2005/Atom"><title>{xml(read_site()["name"])}</title>'
        f'<link rel="self" href="{press.base}/feed/atom/"/><link href="{press.base}/"/>'
        f"<id>{press.base}/feed/atom/</id><updated>{updated}</updated>\n{entries}</feed>\n"
    ).encode()


def _index(press: Press) -> bytes:
    names = "".join(
        f"<sitemap><loc>{press.base}/{name}</loc></sitemap>\n"
        for name in ("post-sitemap1.xml", "post-sitemap2.xml.gz")
    )
    return f"{_HEAD}<sitemapindex {_SITEMAP}>\n{names}</sitemapindex>\n".encode()


def _sitemap(press: Press, posts: Sequence[Post]) -> bytes:
    rows = "".join(
        f"<url>\n<loc>\n{xml(_announced(press, post))}\n</loc><lastmod>{post.changed.isoformat()}</lastmod></url>\n"
        for post in posts
    )
    return f"{_HEAD}<urlset {_SITEMAP}>\n{rows}</urlset>\n".encode()


def _announced(press: Press, post: Post) -> str:
    """Return the address a sitemap gives: a stale one for posts that have moved."""
    address = press.link(post, "sitemap")
    return press.url(encoded(post.moved_from[0])) if post.moved_from else address


def _robots(press: Press) -> bytes:
    return (
        "User-agent: *\nDisallow: /wp-admin/\nDisallow: /en/embargo/\nDisallow: /*?replytocom=\n"
        f"Allow: /wp-admin/admin-ajax.php\n\nSitemap: {press.base}/sitemap.xml\n"
    ).encode()
