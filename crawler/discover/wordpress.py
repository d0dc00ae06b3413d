"""What WordPress's REST interface lists: posts and pages with their dates; hides its two ways of writing addresses.

Three addresses matter for each collection. The entrance (`orderby=modified`, newest change first) is asked again and
again. Its further pages are read while they bring news. The pass (`orderby=id`, an order that nothing shifts) lists
the whole collection. Which one an answer belongs to is said by its address alone, so that nothing has to be kept
between requests. Source: WordPress REST API handbook, "Posts" and "Pagination".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from archive import urls
from archive.model import Announcer
from crawler.discover.links import Link

if TYPE_CHECKING:
    from collections.abc import Mapping

RELATION = "https://api.w.org/"
"""The relation of a page, or of a `Link` field, to the root of the interface."""

TYPES = ("posts", "pages")
"""The collections that are asked for."""

PER_PAGE = 100
"""Entries of one answer: as many as WordPress gives."""

MAX_PAGES = 5_000
"""Pages of one collection that are read: half a million entries."""

MAX_BYTES = 4 * 1024 * 1024
"""Bytes of an answer that are read; a hundred entries take 25 kB."""

_FIELDS = "id,link,date_gmt,modified_gmt"
_ROUTE = re.compile(r"/wp/v2/(posts|pages)/?\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\Z")
_COUNT = re.compile(r"\d{1,9}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Which answer of which collection an address asks for; `entrance` is the collection's own address."""

    entrance: str
    is_pass: bool
    page: int


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of one answer, each address once, and what was wrong with it."""

    links: tuple[Link, ...] = ()
    problems: tuple[str, ...] = ()


def entrances(root: str) -> tuple[Link, ...]:
    """Return the collections of an interface, by its root: `https://h/wp-json/` or `https://h/?rest_route=/`.

    () for what is no such root; any folder may lie before either form, and a site may rename `wp-json`.
    """
    start, _, query = root.partition("?")
    if query:
        routes = [value for name, value in parse_qsl(query) if name == "rest_route"]
        if routes != ["/"]:
            return ()
    elif not start.endswith("/"):
        start += "/"
    return tuple(
        Link(_address(start, kind, is_plain=bool(query)), Announcer.REST, rel="collection")
        for kind in TYPES
    )


def place_of(url: str) -> Place | None:
    """Return which answer `url` asks for, None where it is not one that this module asks for."""
    start, _, query = url.partition("?")
    asked = dict(parse_qsl(query))
    path = asked.get("rest_route") or start
    found = _ROUTE.search(path)
    order = asked.get("orderby")
    if found is None or order not in {"modified", "id"} or asked.get("_fields") != _FIELDS:
        return None
    is_plain = "rest_route" in asked
    root = start if is_plain else start[: found.start() + 1]
    number = asked.get("page", "1")
    if not _COUNT.match(number):
        return None
    return Place(_address(root, found[1], is_plain=is_plain), order == "id", int(number))


def page_of(place: Place, page: int, *, is_pass: bool) -> Link:
    """Return the link to another answer of the same collection."""
    start, _, query = place.entrance.partition("?")
    asked = dict(parse_qsl(query))
    if is_pass:
        asked |= {"orderby": "id", "order": "asc"}
    if page > 1:
        asked["page"] = str(page)
    return Link(_joined(start, asked), Announcer.REST, rel="next")


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
    """Return the number of an `X-WP-Total` or `X-WP-TotalPages` field, -1 where it is none."""
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
    """Return a date of the interface, UTC without saying so, as ISO 8601."""
    return f"{value}Z" if isinstance(value, str) and _DATE.match(value) else ""


def _address(root: str, kind: str, *, is_plain: bool) -> str:
    asked = {"rest_route": f"/wp/v2/{kind}"} if is_plain else {}
    asked |= {"per_page": str(PER_PAGE), "orderby": "modified", "order": "desc", "_fields": _FIELDS}
    return _joined(root if is_plain else f"{root}wp/v2/{kind}", asked)


def _joined(start: str, asked: Mapping[str, str]) -> str:
    return f"{start}?{urlencode(asked, safe='/,')}"
