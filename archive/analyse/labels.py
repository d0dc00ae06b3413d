"""Finds an article's sections and keywords: hides the six places where sites put tags, and their tag clouds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive.analyse import linked_data
from archive.analyse.choice import Candidate, Chosen, choose, clean, word_key
from archive.analyse.linked_data import ARTICLE_TYPES
from archive.analyse.markup import Element, text_of
from archive.analyse.page import Page, outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_LABELS = 60
_MAX_LETTERS = 100
_COMMA = re.compile(r"\s*[,;，、|]\s*")
_CATEGORY = re.compile(r"categor|cat-links|section|rubric|rubrik|rubrique", re.IGNORECASE)
_TAG_BOX = re.compile(
    r"(?:^|[\s_-])(?:tags?|tags?-?(?:links|list|items?)|keywords|topics?|post_tag|mots-cles|schlagworte)(?:$|[\s_-])",
    re.IGNORECASE,
)
_POST_CLASS = re.compile(r"^(tag|category)-(.+)$")


def keywords(page: Page) -> tuple[tuple[str, ...], Chosen]:
    """Return the article's tags as the page spells them, and their provenance."""
    return _first(_keyword_sources(page))


def sections(page: Page) -> tuple[tuple[str, ...], Chosen]:
    """Return the article's sections (categories) as the page spells them, and their provenance."""
    return _first(_section_sources(page))


def _first(sources: Iterable[tuple[str, Iterable[str]]]) -> tuple[tuple[str, ...], Chosen]:
    found = [(source, labels) for source, raw in sources if (labels := _tidied(raw))]
    chosen = choose([Candidate(source, "; ".join(labels)) for source, labels in found], _set_key)
    return (found[0][1] if found else ()), chosen


def _set_key(value: str) -> str:
    return " ".join(sorted(word_key(label) for label in value.split(";")))


def _keyword_sources(page: Page) -> Iterator[tuple[str, Iterable[str]]]:
    yield "meta article:tag", _metas(page, "article:tag", "og:article:tag")
    for node in page.ld.of_type(ARTICLE_TYPES)[:3]:
        yield "json-ld keywords", _linked(node.get("keywords"))
    yield "meta news_keywords", _metas(page, "news_keywords")
    yield "rel=tag", [text_of(a) for a in _tag_links(page) if not _is_category(a)]
    yield "tag list", [text_of(a) for a in _tag_boxes(page)]
    yield "post classes", _post_classes(page, "tag")
    yield "meta keywords", _metas(page, "keywords", "parsely-tags", "sailthru.tags", "dc.subject")


def _section_sources(page: Page) -> Iterator[tuple[str, Iterable[str]]]:
    yield "rel=category", [text_of(a) for a in _tag_links(page) if _is_category(a)]
    for node in page.ld.of_type(ARTICLE_TYPES)[:3]:
        yield "json-ld articleSection", _linked(node.get("articleSection"), split=False)
    yield (
        "meta article:section",
        _metas(page, "article:section", "parsely-section", "section", split=False),
    )
    yield "post classes", _post_classes(page, "category")


def _linked(value: object, *, split: bool = True) -> list[str]:
    labels = linked_data.strings(value)
    if len(labels) == 1 and split:
        return _COMMA.split(labels[0])
    return labels


def _metas(page: Page, *names: str, split: bool = True) -> list[str]:
    """Return the labels of the first of `names` that the page has."""
    for name in names:
        values = [linked_data.plain(value) for _, value in page.meta(name)]
        if values:
            return [
                label for value in values for label in (_COMMA.split(value) if split else [value])
            ]
    return []


def _tag_links(page: Page) -> list[Element]:
    """Return the rel=tag links of the article: not those of sidebars, other articles and tag clouds."""
    return [
        anchor
        for anchor in page.root.iter("a")
        if (rel := anchor.get("rel"))
        and "tag" in rel.lower().split()
        and not outside(anchor)
        and not (anchor.get("class") or "").startswith("tag-cloud")
        and (
            page.main.tag != "article"
            or next(anchor.iterancestors("article"), page.main) is page.main
        )
    ][:_MAX_LABELS]


def _is_category(anchor: Element) -> bool:
    if "category" in (anchor.get("rel") or "").lower().split():
        return True
    return any(_CATEGORY.search(parent.get("class") or "") for parent in _parents(anchor, 2))


def _tag_boxes(page: Page) -> list[Element]:
    found: list[Element] = []
    for box in page.main.iter("ul", "div", "p", "span", "section"):
        names = box.get("class")
        if names and _TAG_BOX.search(names[:200]) and not outside(box, page.main):
            links = [a for a in box.iter("a") if 0 < len(text_of(a)) <= 60]
            if links and len("".join(box.itertext()).split()) < 80:
                return links[:_MAX_LABELS]
    return found


def _parents(element: Element, levels: int) -> Iterator[Element]:
    for level, parent in enumerate(element.iterancestors()):
        if level >= levels:
            return
        yield parent


def _post_classes(page: Page, kind: str) -> list[str]:
    """Read WordPress's post classes; they hold slugs, so numbers are left out as they say nothing."""
    labels = []
    for name in (page.main.get("class") or "").split():
        match = _POST_CLASS.match(name)
        if match and match.group(1) == kind and not match.group(2).isdigit() and "%" not in name:
            labels.append(match.group(2).replace("-", " "))
    return labels


def _tidied(labels: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for label in labels:
        text = clean(label).strip(" #.,;:")
        if text and len(text) <= _MAX_LETTERS:
            kept.setdefault(text.casefold(), text)
    return tuple(list(kept.values())[:_MAX_LABELS])
