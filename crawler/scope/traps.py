"""Signs that a server makes up addresses without end: repetition, and budgets for each pattern of address.

A pattern is an address with its numbers and dates folded: `/news/N`, `/cal/N/N`, `/list?page=N`. What the site's own
lists name (feeds, sitemaps, REST) has no budget: a list is finite. What pages name has one for each pattern, smaller
where pages of a pattern name pages of the same pattern, as calendars do; and it grows while the pattern's pages bring
news (see `Budgets.read`). An address that ends in words and has no query shares its pattern with few, so that a trap
takes nothing from articles. The signs of repetition are Heritrix's (PathologicalPathDecideRule,
TooManyPathSegmentsDecideRule); the budgets are our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from crawler.scope.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MAX_BARREN = 1_000
"""Barren patterns of one site that are remembered."""

_MAX_PATTERNS = 10_000
_MAX_READ = 256
_MAX_NAMES = 4_096
_MAX_LOOKED_AT = 200
_MAX_REPEATS = 2

_DIGITS = re.compile(r"\d+")
_DATE = re.compile(
    r"(?<!\d)(?:19|20|21)\d\d[-./_]?\d{1,2}(?:[-./_]?\d{1,2})?(?!\d)|(?<!\d)\d{1,4}(?!\d)"
)
_DATE_ARCHIVE = re.compile(
    r"/\d{4}(?:/\d{1,2}){0,2}/?+\Z|/(?:19|20|21)\d\d[-_.]\d{1,2}(?:[-_.]\d{1,2})?/?+\Z"
)
_PAGED_PATH = re.compile(r"/page/\d++/?+\Z|/p\d++/?+\Z")
_NUMBERED = frozenset(
    """
    id p page paged pg page_id pageid post postid post_id article articleid article_id aid news newsid news_id nid
    story storyid item itemid item_id doc docid element_id start offset sid tid catid
    """.split()  # noqa: SIM905 - a list of thirty quoted names hides them
)
_PAGING = frozenset({"page", "paged", "pg", "start", "offset"})
_SLUGGED = re.compile(r"\d{1,12}[:-]\D")
_DATED = re.compile(r"(?:^|[-_])(?:date|day|week|month|year|ym|yr|mon|[dmy])\Z")


class Kind(StrEnum):
    """What the addresses of a pattern differ by."""

    DATE = "date"
    PAGE = "page"
    NUMBER = "number"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class _Budget:
    """Addresses that pages may name: those of other patterns, those of the same one; `grown` is the end of growing.

    A page that brings news adds `growth`.
    """

    named: int
    inbred: int
    growth: int
    grown: int


BUDGETS = {
    Kind.DATE: _Budget(named=366, inbred=40, growth=2, grown=10_000),
    Kind.PAGE: _Budget(named=2_000, inbred=100, growth=3, grown=20_000),
    Kind.NUMBER: _Budget(named=50_000, inbred=5_000, growth=2, grown=200_000),
    Kind.QUERY: _Budget(named=512, inbred=64, growth=1, grown=10_000),
}
"""A home page that lists twenty years names 240 months; a shop's filters bring the same goods after some pages; a
listing has its last page's number on each page. 40, 100 and 64 are what a trap costs."""


def is_repetitive(segments: list[str]) -> bool:
    """True where a path names the same folder more than twice: a relative link that resolves to itself again."""
    words = [segment for segment in segments if not segment.isdigit()]
    return any(words.count(word) > _MAX_REPEATS for word in set(words))


@dataclass(frozen=True, slots=True)
class Pattern:
    """The pattern of an address and what tells the address from others of it."""

    text: str
    kind: Kind
    own: str

    @property
    def is_numbered(self) -> bool:
        """False where the address ends in words of its own, as most articles do: the pattern has few others."""
        return self.text.rpartition("/")[2][:-1] != self.own.rpartition("/")[2]


def place_of(origin: str, path: str) -> str:
    """Return what all addresses of a folded path share; pages of one place may make up each other's queries."""
    return f"{origin}{_DIGITS.sub('N', path)}"


def patterns_of(origin: str, path: str, query: str) -> tuple[Pattern, ...]:
    """Return the patterns that an address counts for, the widest first; () for one that has none.

    The parts are those of a fetch key: `https://example.com/`, `/list`, `page=2`.
    """
    found = []
    variant = _folded_query(query) if query else ""
    if query:
        found.append(Pattern(f"{origin}{path}?", Kind.QUERY, variant))
    has_number = any(map(str.isdigit, path))
    if variant != query or has_number:
        kind = _kind(path, query, variant)
        found.append(Pattern(f"{place_of(origin, path)}?{variant}", kind, path + query))
    return tuple(found)


@dataclass(slots=True)
class _Count:
    """What a pattern has had: `total` addresses that pages named, `credit` for pages that brought news."""

    marks: Marks
    total: int = 0
    credit: int = 0


class Budgets:
    """The budgets of one crawl. Memory is bounded: the pattern that was asked for longest ago is forgotten.

    `barren` are the patterns whose pages named each other until their budget was spent, and brought nothing. Those of
    earlier crawls may be put there: they get no budget again until they bring something.
    """

    def __init__(self) -> None:
        self.barren: set[str] = set()
        self._counts: dict[str, _Count] = {}
        self._names: dict[str, set[int]] = {}

    def refusal(
        self, patterns: tuple[Pattern, ...], *, is_inbred: bool = False, is_listed: bool = False
    ) -> str:
        """Return why an address is refused, or ""; one that was admitted stays admitted.

        `is_inbred` where a page of the same place names it; `is_listed` where a list of the site does.
        """
        for pattern in patterns:
            if is_listed and not pattern.is_numbered:
                continue
            count = self._count(pattern.text)
            if pattern.own in count.marks:
                continue
            if not is_listed:
                if count.total >= self._allowed(pattern, count, is_inbred=is_inbred):
                    if is_inbred and not count.credit and len(self.barren) < MAX_BARREN:
                        self.barren.add(pattern.text)
                    return _REFUSALS[pattern.kind]
                count.total += 1
            count.marks.add(pattern.own)
        return ""

    def read(
        self,
        patterns: tuple[Pattern, ...],
        links: Collection[str],
        is_brought: Callable[[str], bool],
    ) -> None:
        """Note a page and what it names; `is_brought` tells what is more than one of the page's own kind.

        Where no page of its pattern named such an address before, the pattern may have more pages; of the first page,
        with all of the site's menu, nothing is said. Archives of months
        name articles that no other month does; an empty calendar names nothing but its neighbours.
        """
        watched = [pattern for pattern in patterns if self._is_watched(pattern)]
        marks = [hash(link) for link in links] if watched else []
        for pattern in watched:
            known = self._names.pop(pattern.text, None) or set()
            if len(self._names) >= _MAX_READ:
                del self._names[next(iter(self._names))]
            self._names[pattern.text] = known
            unknown = (link for link, mark in zip(links, marks, strict=True) if mark not in known)
            if known and any(map(is_brought, islice(unknown, _MAX_LOOKED_AT))):
                self._count(pattern.text).credit += BUDGETS[pattern.kind].growth
            if len(known) > _MAX_NAMES:
                known.clear()
            known.update(marks)

    def _allowed(self, pattern: Pattern, count: _Count, *, is_inbred: bool) -> int:
        budget = BUDGETS[pattern.kind]
        if is_inbred and not count.credit and pattern.text in self.barren:
            return 0
        return min((budget.inbred if is_inbred else budget.named) + count.credit, budget.grown)

    def _is_watched(self, pattern: Pattern) -> bool:
        """Say whether it matters what pages of a pattern bring; numbers are mostly articles, and there are many."""
        if pattern.kind is not Kind.NUMBER:
            return True
        known = self._counts.get(pattern.text)
        return known is not None and known.total > BUDGETS[Kind.NUMBER].inbred // 2

    def _count(self, pattern: str) -> _Count:
        count = self._counts.pop(pattern, None) or _Count(Marks())
        if len(self._counts) >= _MAX_PATTERNS:
            del self._counts[next(iter(self._counts))]
        self._counts[pattern] = count
        return count


_REFUSALS = {
    Kind.DATE: "calendar",
    Kind.PAGE: "endless_listing",
    Kind.NUMBER: "pattern_budget",
    Kind.QUERY: "query_variants",
}


def _folded_query(query: str) -> str:
    """Replace the numbers of articles and pages by N, dates by D: `id=12&lang=fr` gives `id=N&lang=fr`."""
    parts = [parameter.partition("=") for parameter in query.split("&")]
    return "&".join(
        f"{name}={_folded(name.lower(), value)}" if equals else name
        for name, equals, value in parts
    )


def _folded(name: str, value: str) -> str:
    if name in _NUMBERED and (value.isdigit() or _SLUGGED.match(value)):
        return "N"
    return "D" if _DATED.search(name) and _DATE.fullmatch(value) else value


def _kind(path: str, query: str, variant: str) -> Kind:
    names = {parameter.partition("=")[0].lower() for parameter in query.split("&")}
    if names & _PAGING or _PAGED_PATH.search(path):
        return Kind.PAGE
    if names & _NUMBERED:
        return Kind.NUMBER
    return Kind.DATE if "=D" in variant or _DATE_ARCHIVE.search(path) else Kind.NUMBER
