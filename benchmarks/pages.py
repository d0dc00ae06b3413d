"""A news site of any size from a number: every page a function of its index, always the same bytes.

An article is about 45 kB of HTML (10 kB gzipped) with 97 links: sections, tags, months, popular, latest
and 24 related articles. The related ones form a ring, so that following links reaches every page.
"""

from __future__ import annotations

import random
from functools import cache, lru_cache

SECTIONS, TAGS, MONTHS, POPULAR, LATEST, RELATED, LISTED = 12, 25, 12, 10, 12, 24, 40
_SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "ji",
    "ke",
    "lo",
    "mu",
    "na",
    "pi",
    "que",
    "ro",
    "su",
    "ta",
    "vi",
    "wo",
    "xa",
    "ye",
    "zo",
    "an",
    "er",
    "il",
    "on",
    "ur",
    "ast",
    "est",
    "ind",
    "orm",
    "ulk",
]
_STYLE = "".join(
    f".wp-block-{kind}-{part}{{margin:{n % 7}px {n % 5}em;border-radius:{n % 3}px;line-height:1.{n % 9};padding:{n % 11}px;color:#{n * 7919 % 0xFFFFFF:06x}}}\n"
    for n, (kind, part) in enumerate(
        (kind, part)
        for kind in (
            "button",
            "gallery",
            "cover",
            "media-text",
            "quote",
            "table",
            "embed",
            "search",
            "navigation",
            "columns",
            "group",
            "latest-posts",
            "post-template",
            "separator",
            "social-links",
            "tag-cloud",
            "video",
        )
        for part in (
            "inner",
            "outer",
            "label",
            "caption",
            "icon",
            "wide",
            "full",
            "left",
            "right",
            "dark",
            "light",
            "small",
            "large",
        )
    )
)


def page_count(articles: int) -> int:
    """Return how many pages a site of so many articles has."""
    return articles + 1 + SECTIONS + TAGS + MONTHS


def article_path(index: int) -> str:
    """Return the path of an article."""
    return f"/2025/{index % MONTHS + 1:02}/{_title(index).lower().replace(' ', '-')}-{index}/"


def all_pages(articles: int, *, images: int = 0) -> dict[str, str]:
    """Return the HTML of every page by path."""
    pages = {"/": _listing(articles, "Kitap News", range(articles), 0)}
    for kind, count in (("section", SECTIONS), ("tag", TAGS), ("month", MONTHS)):
        for number in range(count):
            pages[f"/{kind}/{number}/"] = _listing(
                articles, f"{kind} {number}", range(number, articles, count), number
            )
    for index in range(articles):
        pages[article_path(index)] = _article(index, articles, images)
    return pages


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[str, ...]:
    dice = random.Random(2025)
    return tuple(
        sorted({"".join(dice.choices(_SYLLABLES, k=dice.randint(1, 4))) for _ in range(4000)})
    )


@cache
def _title(index: int) -> str:
    dice = random.Random(index * 31 + 7)
    return " ".join(dice.choices(_vocabulary(), k=dice.randint(4, 8))).capitalize()


def _paragraph(dice: random.Random) -> str:
    sentences = (
        " ".join(dice.choices(_vocabulary(), k=dice.randint(6, 22))).capitalize() + "."
        for _ in range(dice.randint(3, 7))
    )
    return f"<p>{' '.join(sentences)}</p>"


def _article(index: int, articles: int, images: int) -> str:
    dice, title, path = random.Random(index), _title(index), article_path(index)
    day = (
        f"2025-{index % MONTHS + 1:02}-{index % 28 + 1:02}T{index % 24:02}:{index % 60:02}:00+05:00"
    )
    text = "\n".join(_paragraph(dice) for _ in range(dice.randint(9, 13)))
    shown = "".join(
        f'<figure class="wp-block-image size-large"><img src="/images/{index}-{n}.png" alt="{title}" width="640" height="400"></figure>'
        for n in range(images)
    )
    related = ((index + step) % articles for step in range(1, RELATED + 1))
    head = (
        f'<link rel="canonical" href="{path}"><meta property="og:title" content="{title}"><meta property="og:type" content="article">'
        f'<meta property="article:published_time" content="{day}"><meta name="author" content="{_title(index % 40)}">'
        '<script type="application/ld+json">{"@context":"https://schema.org","@type":"NewsArticle",'
        f'"headline":"{title}","datePublished":"{day}","articleSection":"section {index % SECTIONS}"}}</script>'
    )
    main = (
        f'<article id="post-{index}" class="post-{index} post type-post status-publish format-standard hentry">'
        f'<header class="entry-header"><h1 class="entry-title">{title}</h1><time class="entry-date published" datetime="{day}">{day[:10]}</time> '
        f'<span class="byline"><span class="author vcard">{_title(index % 40)}</span></span></header>'
        f'<div class="entry-content">{shown}{text}</div></article>'
        f'<section class="related-posts"><h3>Related</h3>{_cards(related)}</section>'
    )
    return _shell(title, head, main, articles)


def _listing(articles: int, title: str, indexes: range, number: int) -> str:
    cards = _cards(indexes[:LISTED])
    return _shell(
        title,
        f'<meta name="robots" content="index, follow"><!-- {number} -->',
        f"<h1>{title}</h1>{cards}",
        articles,
    )


def _cards(indexes: object) -> str:
    return "".join(
        f'<article class="card post-{index} type-post"><h2 class="entry-title"><a href="{article_path(index)}" rel="bookmark">{_title(index)}</a></h2></article>'
        for index in indexes  # type: ignore[attr-defined]
    )


@lru_cache(maxsize=4)
def _surroundings(articles: int) -> tuple[str, str]:
    """Return what stands before and after the main part of every page."""
    menu = _links((f"/section/{n}/", f"Section {n}") for n in range(SECTIONS))
    tags = _links((f"/tag/{n}/", f"tag {_vocabulary()[n]}") for n in range(TAGS))
    months = _links((f"/month/{n}/", f"2025-{n + 1:02}") for n in range(MONTHS))
    step = max(1, articles // POPULAR)
    popular = _links(
        (article_path(n), _title(n)) for n in range(0, step * POPULAR, step) if n < articles
    )
    latest = _links(
        (article_path(n), _title(n)) for n in range(max(0, articles - LATEST), articles)
    )
    before = (
        f'<header id="masthead" class="site-header"><a class="site-title" href="/" rel="home">Kitap News</a><nav class="main-navigation"><ul>{menu}</ul></nav></header>'
        '<div id="content" class="site-content"><main id="primary" class="content-area">'
    )
    after = (
        '</main><aside id="secondary" class="widget-area"><section class="widget widget_search"><form role="search"><input name="s"></form></section>'
        f'<section class="widget popular-posts"><h2>Popular</h2><ul>{popular}</ul></section><section class="widget widget_recent"><h2>Latest</h2><ul>{latest}</ul></section>'
        f'<section class="widget widget_tag_cloud"><h2>Tags</h2><ul>{tags}</ul></section><section class="widget widget_archive"><h2>Archive</h2><ul>{months}</ul></section></aside></div>'
        '<footer id="colophon" class="site-footer"><a href="/#top">Kitap News</a></footer>'
    )
    return before, after


def _links(pairs: object) -> str:
    return "".join(
        f'<li class="menu-item menu-item-type-taxonomy menu-item-object-category"><a href="{path}">{text}</a></li>'
        for path, text in pairs  # type: ignore[attr-defined]
    )


def _shell(title: str, head: str, main: str, articles: int) -> str:
    before, after = _surroundings(articles)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title} - Kitap News</title>{head}'
        f'<style id="global-styles-inline-css">{_STYLE}</style></head>\n<body class="post-template-default single single-post">{before}{main}{after}</body></html>\n'
    )
