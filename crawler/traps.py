"""Signs that a server makes up addresses without end: repetition, and budgets for each pattern of address.

A pattern is an address with its numbers folded: `/news/N`, `/cal/N/N`, `/list?page=N`. An address whose last part
has no number, and that has no query, is never counted, so that a trap takes nothing from articles. The signs are
Heritrix's (PathologicalPathDecideRule, TooManyPathSegmentsDecideRule); the budgets for patterns are our own.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from hashlib import blake2b

DATES = 366
"""Date archives of one folder: a year of days, or thirty years of months."""

PAGES = 2_000
"""Pages of one listing: the back catalogue of 20,000 articles at ten a page."""

NUMBERS = 50_000
"""Addresses that differ by numbers alone; what one sitemap may list."""

VARIANTS = 64
"""Queries of one path that differ by more than an article's or a page's number."""

_MAX_PATTERNS = 20_000
_SMALL = 4_096
_PLACES = 1 << 17
_DIGITS = re.compile(r"\d+")
_DATE_ARCHIVE = re.compile(r"/\d{4}(?:/\d{1,2}){0,2}/?+\Z")
_PAGED_PATH = re.compile(r"/page/\d++/?+\Z|/p\d++/?+\Z")
_NUMBERED = frozenset(
    """
    id p page paged pg page_id pageid post postid post_id article articleid article_id aid news newsid news_id nid
    story storyid item itemid item_id doc docid element_id start offset sid tid
    """.split()  # noqa: SIM905 - a list of thirty quoted names hides them
)
_PAGING = frozenset({"page", "paged", "pg", "start", "offset"})
_MAX_REPEATS = 2


def is_repetitive(segments: list[str]) -> bool:
    """True where a path names the same folder more than twice: a relative link that resolves to itself again."""
    words = [segment for segment in segments if not segment.isdigit()]
    return any(words.count(word) > _MAX_REPEATS for word in set(words))


@dataclass(slots=True)
class _Count:
    """Which different addresses a pattern has had, as 4 bytes of a digest each.

    Two addresses may share them (one in 100,000 at most), and then count as one. A set takes 60 bytes for each; past
    `_SMALL` they go into a table of half a megabyte with open places (load 0.4 when `NUMBERS` is spent).
    """

    marks: set[int] = field(default_factory=set)
    table: array[int] | None = None
    total: int = 0

    def admits(self, address: str, budget: int) -> bool:
        """Count `address` unless it is known; False where it is new and the budget is spent."""
        digest = blake2b(address.encode(), digest_size=4).digest()
        mark = int.from_bytes(digest, "big") or 1
        if mark in self.marks if self.table is None else self._place(self.table, mark)[1]:
            return True
        if self.total >= budget:
            return False
        self.total += 1
        self._note(mark)
        return True

    def _note(self, mark: int) -> None:
        if self.table is None:
            self.marks.add(mark)
            if len(self.marks) <= _SMALL:
                return
            self.table = array("I", bytes(4 * _PLACES))
            marks, self.marks = self.marks, set()
        else:
            marks = {mark}
        for each in marks:
            self.table[self._place(self.table, each)[0]] = each

    @staticmethod
    def _place(table: array[int], mark: int) -> tuple[int, bool]:
        """Return where `mark` stands or would stand, and whether it is there; 0 is an open place."""
        place = mark % _PLACES
        while table[place] not in {0, mark}:
            place = (place + 1) % _PLACES
        return place, table[place] == mark


class Budgets:
    """The budgets of one crawl; memory is bounded by `_MAX_PATTERNS` counts; the pattern that was asked for longest ago is forgotten."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def refusal(self, origin: str, path: str, query: str) -> str:
        """Return why an address is refused, or ""; one that was admitted stays admitted.

        The parts are those of a fetch key: `https://example.com/`, `/list`, `page=2`.
        """
        variant = _folded_query(query)
        if query and not self._count(f"{origin}{path}?").admits(variant, VARIANTS):
            return "query_variants"
        if variant == query and not any(map(str.isdigit, path.rstrip("/").rpartition("/")[2])):
            return ""
        pattern = f"{origin}{_DIGITS.sub('N', path)}?{variant}"
        return (
            ""
            if self._count(pattern).admits(path + query, _budget(path, query))
            else "pattern_budget"
        )

    def _count(self, pattern: str) -> _Count:
        count = self._counts.pop(pattern, None) or _Count()
        if len(self._counts) >= _MAX_PATTERNS:
            del self._counts[next(iter(self._counts))]
        self._counts[pattern] = count
        return count


def _folded_query(query: str) -> str:
    """Replace the numbers of articles and pages by N: `id=12&lang=fr` gives `id=N&lang=fr`."""
    parts = (parameter.partition("=") for parameter in query.split("&"))
    return "&".join(
        f"{name}=N" if value.isdigit() and name.lower() in _NUMBERED else name + equals + value
        for name, equals, value in parts
    )


def _budget(path: str, query: str) -> int:
    names = {parameter.partition("=")[0].lower() for parameter in query.split("&")}
    if names & _PAGING or _PAGED_PATH.search(path):
        return PAGES
    return DATES if _DATE_ARCHIVE.search(path) else NUMBERS
