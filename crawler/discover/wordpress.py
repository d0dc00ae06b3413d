"""The addresses of WordPress's REST interface that are asked for; hides its two ways of writing them.

Three matter for each collection. The entrance (`orderby=modified`, newest change first) is asked again and again. Its
further pages are read while they bring news. The pass (`orderby=id`, an order that nothing shifts) lists the whole
collection. Which one an answer belongs to is said by its address alone, so that nothing has to be kept between
requests. Source: WordPress REST API handbook, "Posts" and "Pagination".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

RELATION = "https://api.w.org/"
"""The relation of a page, or of a `Link` field, to the root of the interface."""

COLLECTIONS = ("posts", "pages")
"""What is asked for."""

PER_PAGE = 100
"""Entries of one answer: as many as WordPress gives."""

_FIELDS = "id,link,date_gmt,modified_gmt"
_ROUTE = re.compile(r"/wp/v2/(posts|pages)/?\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}\Z")
_MAX_PARAMETERS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Which answer of which collection an address asks for; `entrance` is the collection's own address."""

    entrance: str
    is_pass: bool
    page: int


def entrances(root: str) -> tuple[str, ...]:
    """Return the collections of an interface, by its root: `https://h/wp-json/` or `https://h/?rest_route=/`.

    () for what is no such root; any folder may lie before either form, and a site may rename `wp-json`.

    >>> entrances("https://example.com/wp-json/")[1].partition("?")[0]
    'https://example.com/wp-json/wp/v2/pages'
    """
    start, _, query = root.partition("?")
    if query:
        if _parameters(query).get("rest_route") != "/":
            return ()
    elif not start.endswith("/"):
        start += "/"
    return tuple(_entrance(start, kind, is_plain=bool(query)) for kind in COLLECTIONS)


def place_of(url: str) -> Place | None:
    """Return which answer `url` asks for, None where it is none of those that this module writes."""
    start, _, query = url.partition("?")
    if _FIELDS.partition(",")[0] not in query:
        return None
    asked = _parameters(query)
    is_plain = "rest_route" in asked
    found = _ROUTE.search(asked["rest_route"] if is_plain else start)
    order, number = asked.get("orderby"), asked.get("page", "1")
    if found is None or order not in {"modified", "id"} or asked.get("_fields") != _FIELDS:
        return None
    if not _NUMBER.match(number):
        return None
    root = start if is_plain else start[: found.start() + 1]
    return Place(_entrance(root, found[1], is_plain=is_plain), order == "id", int(number))


def page_of(entrance: str, page: int, *, is_pass: bool) -> str:
    """Return the address of another answer of a collection."""
    start, _, query = entrance.partition("?")
    asked = _parameters(query)
    if is_pass:
        asked |= {"orderby": "id", "order": "asc"}
    if page > 1:
        asked["page"] = str(page)
    return _joined(start, asked)


def _entrance(root: str, kind: str, *, is_plain: bool) -> str:
    asked = {"rest_route": f"/wp/v2/{kind}"} if is_plain else {}
    asked |= {"per_page": str(PER_PAGE), "orderby": "modified", "order": "desc", "_fields": _FIELDS}
    return _joined(root if is_plain else f"{root}wp/v2/{kind}", asked)


def _parameters(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, max_num_fields=_MAX_PARAMETERS))
    except ValueError:  # more than that: not an address of ours
        return {}


def _joined(start: str, asked: Mapping[str, str]) -> str:
    return f"{start}?{urlencode(asked, safe='/,')}"
