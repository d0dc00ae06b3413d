"""Finds the addresses that a page gives for itself: canonical, translations, AMP, print, short link.

Every address is absolute http(s) or left out. Two different canonicals are none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive import urls
from archive.analyse.choice import Candidate, Chosen, choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.analyse.page import Page

_LINK_HEADER = re.compile(r"<([^<>]{1,4000})>([^,<]{0,500})")
_LANGUAGE = re.compile(r"^(?:x-default|[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3})$")
_MAX_ALTERNATES = 200


@dataclass(frozen=True, slots=True)
class Addresses:
    """Absolute addresses, empty where the page gives none; `alternates` are (language tag, address)."""

    canonical: Chosen
    alternates: tuple[tuple[str, str], ...]
    amp: str
    print_url: str
    shortlink: str
    problems: tuple[str, ...] = ()


def addresses(page: Page) -> Addresses:
    """Return what link elements and Link headers say."""
    canonical, problems = _canonical(page)
    return Addresses(
        canonical,
        _alternates(page),
        next(_linked(page, "amphtml"), ""),
        next(_print(page), ""),
        next(_linked(page, "shortlink"), ""),
        problems,
    )


def base_of(page: Page) -> str:
    """Return the address that relative ones are resolved against."""
    return (urls.absolute(page.url, page.base) if page.base else None) or page.url


def _canonical(page: Page) -> tuple[Chosen, tuple[str, ...]]:
    stated = [Candidate("link rel=canonical", url) for url in _linked(page, "canonical")]
    stated.extend(Candidate("header link canonical", url) for url in _from_header(page))
    witnesses = [
        Candidate("meta og:url", url)
        for _, value in page.meta("og:url")
        if (url := urls.absolute(base_of(page), value))
    ]
    if len({candidate.value for candidate in stated}) > 1:
        return Chosen(), ("canonical: the page names two, both are left out",)
    return (choose([*stated, *witnesses], str) if stated else Chosen()), ()


def _from_header(page: Page) -> Iterator[str]:
    for value in page.header("link"):
        for href, parameters in _LINK_HEADER.findall(value):
            if re.search(r"rel\s*=\s*\"?canonical\b", parameters, re.IGNORECASE):
                url = urls.absolute(page.url, href)
                if url:
                    yield url


def _linked(page: Page, rel: str) -> Iterator[str]:
    base = base_of(page)
    for rels, element in page.links:
        if rel in rels:
            url = urls.absolute(base, (element.get("href") or "").strip())
            if url:
                yield url


def _print(page: Page) -> Iterator[str]:
    base = base_of(page)
    for rels, element in page.links:
        if "alternate" in rels and "print" in (element.get("media") or "").lower():
            url = urls.absolute(base, (element.get("href") or "").strip())
            if url:
                yield url


def _alternates(page: Page) -> tuple[tuple[str, str], ...]:
    base = base_of(page)
    found: dict[tuple[str, str], None] = {}
    for rels, element in page.links:
        tag = (element.get("hreflang") or "").strip()
        if "alternate" in rels and _LANGUAGE.match(tag):
            url = urls.absolute(base, (element.get("href") or "").strip())
            if url:
                found[tag.replace("_", "-"), url] = None
    return tuple(list(found)[:_MAX_ALTERNATES])
