"""The metadata of a post's page, in the five habits met on real sites: `Post.markup` chooses one."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from tests.sites.demo.posts import read_site
from tests.sites.demo.press import Press, section_path, words

if TYPE_CHECKING:
    from tests.sites.demo.posts import Post


def metadata(press: Press, post: Post) -> str:
    """Return what stands in the page's head about this post."""
    lines = [*_links(press, post)]
    if post.markup != "none":
        lines.append(f'<meta name="description" content="{escape(post.summary)}">')
    if post.markup in {"news", "graph", "opengraph"}:
        lines.extend(_opengraph(press, post))
    if post.markup == "news":
        lines.append(_script(_news(press, post)))
    if post.markup == "graph":
        lines.append(_script(_graph(press, post)))
    return "\n".join(lines)


def _links(press: Press, post: Post) -> list[str]:
    lines = []
    if post.canonical:
        lines.append(f'<link rel="canonical" href="{press.url(post.path)}">')
    if post.markup != "none":
        lines.append(f'<link rel="shortlink" href="{press.base}/?p={post.id}">')
    twins = [twin for twin in press.twins(post) if twin.announced_by("hreflang")]
    for twin in twins:
        address = press.link(twin, "hreflang")
        lines.append(
            f'<link rel="alternate" hreflang="{words(twin.lang)["code"]}" href="{address}">'
        )
    if twins:
        own = press.url(post.path)
        lines.append(f'<link rel="alternate" hreflang="{words(post.lang)["code"]}" href="{own}">')
    if "amp" in post.variants:
        lines.append(f'<link rel="amphtml" href="{press.url(post.path)}amp/">')
    return lines


def _opengraph(press: Press, post: Post) -> list[str]:
    site = read_site()["name"]
    pairs = [
        ("og:locale", words(post.lang)["locale"]),
        ("og:type", "article"),
        ("og:title", f"{post.title} – {site}" if post.markup == "opengraph" else post.title),
        ("og:description", post.summary),
        ("og:url", press.url(post.path)),
        ("og:site_name", site),
        ("og:image", press.url(f"/wp-content/uploads/{post.image}.png")),
        ("article:published_time", post.date.isoformat()),
        *([("article:modified_time", post.modified.isoformat())] if post.modified else []),
        ("article:section", post.category),
        *(("article:tag", tag) for tag in post.tags),
    ]
    lines = [f'<meta property="{name}" content="{escape(value)}">' for name, value in pairs]
    return [*lines, f'<meta name="author" content="{escape(press.author(post))}">']


def _news(press: Press, post: Post) -> dict[str, Any]:
    return {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": {"@type": "WebPage", "@id": press.url(post.path)},
        **_article(press, post),
        "author": [
            {"@type": "Person", "name": press.author(post), "url": _author_url(press, post)}
        ],
        "publisher": {
            "@type": "Organization",
            "name": read_site()["name"],
            "logo": {"@type": "ImageObject", "url": press.url("/wp-content/uploads/logo.svg")},
        },
    }


def _graph(press: Press, post: Post) -> dict[str, Any]:
    own, person = press.url(post.path), f"{press.base}/#/schema/person/{post.author}"
    crumbs = [(read_site()["name"], press.url("/")), (post.category, ""), (post.title, "")]
    return {
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": "BlogPosting",
                "@id": f"{own}#article",
                "isPartOf": {"@id": own},
                **_article(press, post),
                "author": {"name": press.author(post), "@id": person},
            },
            {
                "@type": "Person",
                "@id": person,
                "name": press.author(post),
                "url": _author_url(press, post),
            },
            {
                "@type": "BreadcrumbList",
                "itemListElement": [
                    {
                        "@type": "ListItem",
                        "position": place,
                        "name": name,
                        **({"item": url} if url else {}),
                    }
                    for place, (name, url) in enumerate(crumbs, 1)
                ],
            },
        ],
    }


def _article(press: Press, post: Post) -> dict[str, Any]:
    return {
        "headline": post.title,
        "description": post.summary,
        "datePublished": post.date.isoformat(),
        "dateModified": post.changed.isoformat(),
        "image": [press.url(f"/wp-content/uploads/{post.image}.png")],
        "articleSection": [post.category],
        "keywords": list(post.tags),
        "inLanguage": words(post.lang)["code"],
    }


def _author_url(press: Press, post: Post) -> str:
    return press.url(section_path(post.lang, "author", post.author))


def _script(value: dict[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'
