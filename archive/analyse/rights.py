"""Reads what a page says about its use: robots directives, TDM reservation, licence.

Sources: robots meta and X-Robots-Tag (Google's robots documentation), the TDM Reservation Protocol
(W3C community group), rel=license (HTML standard 4.6.7.11), schema.org license.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive import urls
from archive.analyse import linked_data
from archive.analyse.dates import parse
from archive.analyse.linked_data import ARTICLE_TYPES
from archive.model import Rights

if TYPE_CHECKING:
    from datetime import datetime

    from archive.analyse.page import Page

AGENT = "muragat"
_AGENT_PREFIX = re.compile(r"^\s*([A-Za-z][\w.-]{1,60})\s*:\s*(.*)$", re.DOTALL)
_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_WITHHOLDING = frozenset({"noindex", "none", "noarchive"})


def rights(page: Page) -> Rights:
    """Return the directives for all robots and for ours, and the reservation and licence, as stated."""
    return Rights(tuple(dict.fromkeys(_directives(page))), _reservation(page), _license(page))


def withheld(stated: Rights, captured: datetime) -> str:
    """Return the directive that keeps the page out of an index, or ""."""
    for directive in stated.robots:
        if directive in _WITHHOLDING:
            return directive
        if directive.startswith("unavailable_after:"):
            end = parse(directive.partition(":")[2])
            if end and end < captured:
                return directive
    return ""


def _directives(page: Page) -> list[str]:
    found = []
    for _, value in page.meta("robots", AGENT):
        found.extend(_split(value))
    for value in page.header("x-robots-tag"):
        prefix = _AGENT_PREFIX.match(value)
        if prefix and prefix.group(1).lower() not in _WITH_VALUE:
            if prefix.group(1).lower() in {AGENT, "robots"}:
                found.extend(_split(prefix.group(2)))
        else:
            found.extend(_split(value))
    return found[:50]


def _split(value: str) -> list[str]:
    lowered = value[:1000].lower().strip()
    if lowered.startswith("unavailable_after"):
        return [lowered]
    return [word.strip() for word in lowered.split(",") if word.strip()]


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
