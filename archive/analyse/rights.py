"""Reads what a page says about its use: robots directives, TDM reservation, licence.

Sources: robots meta and X-Robots-Tag (Google's robots documentation), the TDM Reservation Protocol
(W3C community group), rel=license (HTML standard 4.6.7.11), schema.org license.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive import urls
from archive.analyse import linked_data
from archive.analyse.dates import parse
from archive.analyse.linked_data import ARTICLE_TYPES
from archive.directives import AGENT, NOARCHIVE, NOINDEX, directives
from archive.model import Rights

if TYPE_CHECKING:
    from datetime import datetime

    from archive.analyse.page import Page
    from archive.model import Hints

_WITHHOLDING = {NOINDEX: NOINDEX, "none": NOINDEX, NOARCHIVE: NOARCHIVE}
"""Directive -> what a site's table says to ignore it."""


def rights(page: Page) -> Rights:
    """Return the directives for all robots and for ours, and the reservation and licence, as stated."""
    return Rights(tuple(dict.fromkeys(_directives(page))), _reservation(page), _license(page))


def withheld(stated: Rights, captured: datetime, hints: Hints) -> str:
    """Return the wish that keeps the page out of an index, or "" where there is none or its site's table ignores it.

    `none` stands for noindex and nofollow, and a page that is past its `unavailable_after` is one for no index.
    """
    for directive in stated.robots:
        if _WITHHOLDING.get(directive, "") in hints.ignore:
            continue
        if directive in _WITHHOLDING or _is_over(directive, captured, hints):
            return f"robots: {directive}"
    is_reserved = stated.tdm_reservation and hints.tdm == "withhold"
    return "tdm-reservation: 1" if is_reserved else ""


def _is_over(directive: str, captured: datetime, hints: Hints) -> bool:
    if not directive.startswith("unavailable_after:") or NOINDEX in hints.ignore:
        return False
    end = parse(directive.partition(":")[2])
    return end is not None and end < captured


def _directives(page: Page) -> list[str]:
    found: list[str] = []
    for value in (*(v for _, v in page.meta("robots", AGENT)), *page.header("x-robots-tag")):
        found.extend(directives(value))
    return found[:50]


def _reservation(page: Page) -> bool | None:
    values = [*page.header("tdm-reservation"), *(v for _, v in page.meta("tdm-reservation"))]
    for value in values:
        if value.strip() in {"0", "1"}:
            return value.strip() == "1"
    return None


def _license(page: Page) -> str:
    stated = [element.get("href") or "" for rels, element in page.links if "license" in rels]
    stated.extend(
        a.get("href") or ""
        for a in page.main.iter("a")
        if "license" in (a.get("rel") or "").lower().split()
    )
    for node in page.ld.of_type(ARTICLE_TYPES)[:2]:
        value = node.get("license")
        stated.extend([value] if isinstance(value, str) else linked_data.strings(value))
    return next((url for href in stated if href and (url := urls.absolute(page.url, href))), "")
