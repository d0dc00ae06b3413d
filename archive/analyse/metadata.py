"""Gathers all fields of an article but its text: hides which module finds which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archive.analyse import linked_data
from archive.analyse.addresses import addresses
from archive.analyse.authors import authors
from archive.analyse.choice import Candidate, Chosen, choose, clean
from archive.analyse.dates import dates
from archive.analyse.headline import headline
from archive.analyse.images import images
from archive.analyse.labels import keywords, sections
from archive.analyse.linked_data import ARTICLE_TYPES, types_of
from archive.model import Article, PageType

if TYPE_CHECKING:
    from datetime import datetime

    from archive.analyse.addresses import Addresses
    from archive.analyse.page import Page
    from archive.model import Hints

_SCHEMA_TYPES = (
    "NewsArticle",
    "LiveBlogPosting",
    "OpinionNewsArticle",
    "BlogPosting",
    "Report",
    "Article",
)
_FALSE = frozenset({"false", "no", "0", "locked", "metered", "paid", "premium"})
_TRUE = frozenset({"true", "yes", "1", "free"})


def metadata(page: Page, captured: datetime, hints: Hints) -> tuple[Article, dict[str, Chosen]]:
    """Return an article without text, language and rights, and the choice behind each field."""
    found = addresses(page)
    name, alternative = headline(page, hints.outlet)
    publisher = _publisher(page, hints)
    people, people_chosen = authors(page, publisher.value or hints.outlet)
    when = dates(page, captured)
    tags, tags_chosen = keywords(page)
    parts, parts_chosen = sections(page)
    pictures, main_image, image_chosen = images(page)
    about = _description(page)
    article = Article(
        PageType.ARTICLE,
        headline=name.value,
        alternative_headline=alternative,
        description=about.value,
        authors=people,
        publisher=publisher.value,
        published=when.published.value,
        published_raw=when.published_raw,
        modified=when.modified.value,
        modified_raw=when.modified_raw,
        sections=parts,
        keywords=tags,
        main_image=main_image,
        images=pictures,
    )
    article = _placed(article, page, found)
    return article, {
        "headline": name,
        "description": about,
        "authors": people_chosen,
        "publisher": publisher,
        "published": when.published,
        "modified": when.modified,
        "sections": parts_chosen,
        "keywords": tags_chosen,
        "main_image": image_chosen,
        "canonical": found.canonical,
    }


def _placed(article: Article, page: Page, found: Addresses) -> Article:
    return replace(
        article,
        is_free=_is_free(page),
        schema_type=_schema_type(page),
        canonical=found.canonical.value,
        alternates=found.alternates,
        amp=found.amp,
        print_url=found.print_url,
        shortlink=found.shortlink,
        problems=found.problems,
    )


def _publisher(page: Page, hints: Hints) -> Chosen:
    found = [
        Candidate("json-ld publisher", linked_data.first(page.ld.resolve(node.get("publisher"))))
        for node in page.ld.of_type(ARTICLE_TYPES)[:3]
    ]
    metas = page.meta("og:site_name", "application-name", "publisher")
    found.extend(Candidate(f"meta {name}", value) for name, value in metas)
    found.append(Candidate("site's table", hints.outlet))
    return choose([Candidate(c.source, clean(c.value)[:200]) for c in found])


def _description(page: Page) -> Chosen:
    metas = page.meta("description", "og:description", "twitter:description")
    found = [Candidate(f"meta {name}", value) for name, value in metas]
    found.extend(
        Candidate("json-ld description", linked_data.first(node.get("description")))
        for node in page.ld.of_type(ARTICLE_TYPES)[:1]
    )
    return choose([Candidate(c.source, clean(linked_data.plain(c.value))[:2000]) for c in found])


def _is_free(page: Page) -> bool | None:
    nodes = page.ld.of_type(ARTICLE_TYPES)[:2]
    values: list[object] = [node.get("isAccessibleForFree") for node in nodes]
    values.extend(value for _, value in page.meta("article:content_tier", "isaccessibleforfree"))
    for value in values:
        word = str(value).strip().lower()
        if word in _TRUE | _FALSE:
            return word in _TRUE
    return None


def _schema_type(page: Page) -> str:
    """Return the schema.org type of the article among those that the index knows, or ""."""
    for node in page.ld.of_type(ARTICLE_TYPES)[:1]:
        types = types_of(node)
        for known in _SCHEMA_TYPES:
            if known in types:
                return known
        return "NewsArticle" if any(name.endswith("NewsArticle") for name in types) else "Article"
    return ""
