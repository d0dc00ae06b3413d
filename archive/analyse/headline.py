"""Finds the headline that a reader sees: hides search wordings, site names and where themes put the title."""

from __future__ import annotations

import re

from archive.analyse import linked_data
from archive.analyse.choice import Candidate, Chosen, choose, clean, word_key
from archive.analyse.linked_data import ARTICLE_TYPES
from archive.analyse.markup import Element, text_of
from archive.analyse.page import Page, outside

_SEPARATOR = re.compile(r"\s+[-–—|·•:»«/~⋆]+\s+|\s*[|»]\s*|:\s+")
_TAIL_SEPARATOR = re.compile(r"\s+[|–—·•»-]\s+|\s*[|»]\s*")
_TITLE_CLASS = re.compile(r"(?:^|[\s_-])(?:title|headline|heading)(?:$|[\s_-])", re.IGNORECASE)
_MAX_HEADLINE = 400


def headline(page: Page, outlet: str) -> tuple[Chosen, str]:
    """Return the headline and the alternative one ("" where the page has only one wording)."""
    head = _from_head(page, outlet)
    heading = _heading(page, [candidate.value for candidate in head])
    candidates = _ordered(head, heading)
    chosen = choose(candidates)
    return chosen, _alternative(page, chosen, candidates)


def titles(chosen: Chosen, page: Page) -> frozenset[str]:
    """Return the keys of every wording of the title, for finding it again in the text."""
    wordings = [page.title]
    if chosen.provenance:
        wordings.extend(value for _, value in chosen.provenance.candidates)
    wordings.extend(text_of(h)[:_MAX_HEADLINE] for h in page.headings[:5] if h.tag == "h1")
    return frozenset(key for wording in wordings if len(key := word_key(wording)) > 3)


def without_site(title: str, names: frozenset[str]) -> str:
    """Return a title without the site's name at its end or start; `names` are word keys."""
    pieces = list(_SEPARATOR.finditer(title))
    if pieces and word_key(title[pieces[-1].end() :]) in names:
        return title[: pieces[-1].start()].strip()
    for piece in pieces:
        if word_key(title[piece.end() :]) in names:
            return title[: piece.start()].strip()
    if pieces and word_key(title[: pieces[0].start()]) in names:
        return title[pieces[0].end() :].strip()
    return title


def _ordered(head: list[Candidate], heading: Candidate | None) -> list[Candidate]:
    """Order the wordings: JSON-LD's headline, the heading, then Open Graph and title, made for search.

    A heading with a kicker before the head's wording gives way to that wording.
    """
    if heading is None:
        return head
    stated = [candidate for candidate in head if candidate.source.startswith("json-ld")]
    if stated:
        first = _first_of(stated[0], heading)
        rest = [c for c in (stated[0], heading) if c is not first]
        return [first, *rest, *(c for c in head if c is not stated[0])]
    key = word_key(heading.value)
    for candidate in head:
        wording = word_key(candidate.value)
        if wording != key and key.endswith(wording) and 2 * len(wording) > len(key):
            return [candidate, heading, *(c for c in head if c is not candidate)]
    return [heading, *head]


def _first_of(stated: Candidate, heading: Candidate) -> Candidate:
    """Choose the heading where JSON-LD has the same with a tail (a site's name), else JSON-LD."""
    one, other = word_key(stated.value), word_key(heading.value)
    return heading if one == other or one.startswith(other) else stated


def _alike(one: str, other: str) -> bool:
    one, other = word_key(one), word_key(other)
    return one in other or other in one


def _from_head(page: Page, outlet: str) -> list[Candidate]:
    names = _site_names(page, outlet)
    found = []
    for node in page.ld.of_type(ARTICLE_TYPES)[:3]:
        found.append(Candidate("json-ld headline", linked_data.first(node.get("headline"))))
        if not node.get("headline"):
            found.append(Candidate("json-ld name", linked_data.first(node.get("name"))))
    for name, value in page.meta("og:title", "twitter:title", "dc.title", "title", "parsely-title"):
        found.append(Candidate(f"meta {name}", value))
    found.append(Candidate("title", _without_tail(page.title)))
    return [
        Candidate(
            candidate.source,
            without_site(clean(linked_data.plain(candidate.value)), names)[:_MAX_HEADLINE],
        )
        for candidate in found
        if candidate.value
    ]


def _without_tail(title: str) -> str:
    """Return <title> without a last piece of one to four words behind a bar or dash: the site's name."""
    pieces = list(_TAIL_SEPARATOR.finditer(title))
    if pieces:
        tail = title[pieces[-1].end() :]
        rest = title[: pieces[-1].start()]
        if len(tail.split()) <= 4 and len(rest.split()) >= 3 and len(tail) < len(rest):
            return rest
    return title


def _site_names(page: Page, outlet: str) -> frozenset[str]:
    names = [
        value
        for _, value in page.meta("og:site_name", "application-name", "apple-mobile-web-app-title")
    ]
    names.append(outlet)
    host = re.sub(r"^https?://(?:www\d?\.)?", "", page.url).partition("/")[0].partition(":")[0]
    names.extend([host, host.rpartition(".")[0]])
    for node in page.ld.of_type({"NewsMediaOrganization", "Organization", "WebSite"})[:5]:
        names.extend(linked_data.strings(node.get("name")))
    names.extend(name + ".com" for name in list(names) if name)
    names.extend(_title_tail(page))
    return frozenset(key for name in names if (key := word_key(name)))


def _title_tail(page: Page) -> list[str]:
    """Return what <title> has after a heading of the page: the site's name, whatever it is."""
    keys = {word_key(text_of(heading)) for heading in page.headings[:5] if heading.tag == "h1"}
    for piece in _SEPARATOR.finditer(page.title):
        if word_key(page.title[: piece.start()]) in keys:
            return [page.title[piece.end() :]]
    return []


def _heading(page: Page, wordings: list[str]) -> Candidate | None:
    """Return the heading of the article: the one that the head confirms best, or the article's own h1.

    The site's name is a heading too on many pages: a heading that is nothing but a link to the home page.
    """
    confirmed = [key for wording in wordings if len(key := word_key(wording)) > 3]
    best, found = 0, None
    inside = None
    for element in page.headings[:60]:
        text = clean(text_of(element))[:_MAX_HEADLINE]
        key = word_key(text)
        if len(key) < 4 or _is_logo(element, text):
            continue
        marked = element.tag == "h1" or _marked_title(element)
        rank = max((_rank(key, wording) for wording in confirmed), default=0)
        if rank > best and (marked or rank == _EXACT):
            best, found = rank, Candidate(f"{element.tag}, confirmed by the head", text)
        if inside is None and element.tag == "h1" and _within(page.main, element):
            inside = None if outside(element) else Candidate("h1 in the article", text)
    return found or inside


_EXACT = 4


def _rank(key: str, wording: str) -> int:
    """Return how well a heading fits a wording of the head: 4 the same, 3 its start, 2 holds it, 1 within it."""
    if key == wording:
        return _EXACT
    if wording.startswith(key):
        return 3
    if wording in key and len(wording) > 12:
        return 2
    return 1 if key in wording and 3 * len(key) > len(wording) else 0


def _is_logo(element: Element, text: str) -> bool:
    links = element.findall(".//a")
    if len(links) != 1 or len(text_of(links[0])) < 0.8 * len(text):
        return False
    path = re.sub(r"^https?://[^/]*", "", links[0].get("href") or "")
    return path in {"", "/", "/index.php", "/index.html"} or links[0].get("rel") == "home"


def _marked_title(element: Element) -> bool:
    return element.get("itemprop") == "headline" or bool(
        _TITLE_CLASS.search(element.get("class") or "")
    )


def _within(top: Element, element: Element) -> bool:
    return any(parent is top for parent in element.iterancestors())


def _alternative(page: Page, chosen: Chosen, candidates: list[Candidate]) -> str:
    for node in page.ld.of_type(ARTICLE_TYPES)[:3]:
        stated = clean(linked_data.first(node.get("alternativeHeadline")))
        if stated and word_key(stated) != word_key(chosen.value):
            return stated[:_MAX_HEADLINE]
    for candidate in candidates:
        if candidate.source in {"json-ld headline", "meta og:title"} and not _alike(
            candidate.value, chosen.value
        ):
            return candidate.value
    return ""
