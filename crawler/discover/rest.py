"""What an answer of WordPress's REST interface lists; hides its JSON, and the counts in its fields."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive import urls
from archive.model import Announcer
from crawler.discover.links import Link
from crawler.discover.wordpress import PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 4 * 1024 * 1024
"""Bytes of an answer that are read; a hundred entries take 25 kB."""

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\Z", re.ASCII)
_COUNT = re.compile(r"\d{1,9}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of one answer, each address once, and what was wrong with it."""

    links: tuple[Link, ...] = ()
    problems: tuple[str, ...] = ()


def read_entries(body: bytes, *, url: str) -> Entries:
    """Return what an answer lists; `body` is content-decoded. Never raises; what is no list gives nothing."""
    if len(body) > MAX_BYTES:
        return Entries(problems=(f"rest: {len(body)} bytes, not read",))
    try:
        listed = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return Entries(problems=("rest: not JSON",))
    if not isinstance(listed, list):
        return Entries(problems=("rest: not a list",))
    found: dict[str, Link] = {}
    for entry in listed[:PER_PAGE]:
        link = _link(entry, url) if isinstance(entry, dict) else None
        if link is not None:
            found.setdefault(link.url, link)
    problems = (f"rest: more than {PER_PAGE} entries",) if len(listed) > PER_PAGE else ()
    return Entries(tuple(found.values()), problems)


def count_in(value: str) -> int:
    """Return the number of an `X-WP-Total` or `X-WP-TotalPages` field, -1 where it is none.

    >>> count_in("150"), count_in("many")
    (150, -1)
    """
    text = value.strip()
    return int(text) if _COUNT.match(text) else -1


def _link(entry: Mapping[str, object], url: str) -> Link | None:
    named = entry.get("link")
    address = urls.absolute(url, named) if isinstance(named, str) and named else None
    if address is None:
        return None
    return Link(
        address,
        Announcer.REST,
        modified=_date(entry.get("modified_gmt")),
        published=_date(entry.get("date_gmt")),
    )


def _date(value: object) -> str:
    """Return a date of the interface, which is UTC without saying so, as ISO 8601."""
    return f"{value}Z" if isinstance(value, str) and _DATE.match(value) else ""
