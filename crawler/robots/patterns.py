"""The rules that concern one crawler, in an order that holds a path against few of them.

Hides how: rules without wildcards are looked up by the path's beginnings, the others are tried from the longest
down. A wildcard rule is matched piece after piece, each looked for behind the one before, so that a path is gone
through once however many `*` there are; no regular expression is made of a stranger's text.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.robots.spelling import plain_rule

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_WILD = 2_000
MAX_PIECES = 20_000
"""Wildcard rules and the pieces between their wildcards; sites have some tens. With as many as this the worst
path of 2 kB takes some 10 ms (`python -m benchmarks.robots`)."""

_INDEX = "index.htm"


@dataclass(frozen=True, slots=True)
class _Wild:
    """A rule with wildcards: `head`, then `pieces` in their order, then `tail` at the very end of the path."""

    rank: int
    head: str
    pieces: tuple[str, ...]
    tail: str | None

    def matches(self, path: str) -> bool:
        """Say whether the rule covers `path`."""
        if self.tail is not None and not path.endswith(self.tail):
            return False
        if not path.startswith(self.head):
            return False
        at = len(self.head)
        for piece in self.pieces:
            found = path.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return self.tail is None or len(path) - len(self.tail) >= at


class Patterns:
    """What Allow and Disallow say of a path. A rank is twice a rule's length in octets, one more for Allow.

    The greatest rank of the rules that match decides (RFC 9309 section 2.2.2); rank 1, allowed, where none does.
    Beyond the limits a Disallow counts up to its first wildcard, and an Allow does not count.
    """

    def __init__(self, rules: Iterable[tuple[bool, str]]) -> None:
        """Take `(is_allow, text)`, texts as `spelling.coded` returns them."""
        self._exact: dict[str, int] = {}
        self._beginnings: dict[str, int] = {}
        self._wild: dict[tuple[bool, str], _Wild] = {}
        self._pieces = 0
        beginnings = self._beginnings
        for is_allow, text in rules:
            if "*" in text or "%" in text or "$" in text or _INDEX in text:
                (self._allow if is_allow else self._disallow)(text)
            else:
                rank = 2 * len(text) + is_allow
                if rank > beginnings.get(text, 0):
                    beginnings[text] = rank
        self._lengths = sorted({len(text) for text in self._beginnings})
        self._tried = sorted(self._wild.values(), key=lambda wild: wild.rank, reverse=True)

    @property
    def is_slow(self) -> bool:
        """True where there are so many wildcard rules that a match may take a millisecond and more."""
        return len(self._tried) > 100

    def rank(self, path: str) -> int:
        """Return the rank of the rule that decides; it allows where the rank is odd."""
        best = self._exact.get(path, 1)
        beginnings, lengths = self._beginnings, self._lengths
        for length in lengths[: bisect_right(lengths, len(path))]:
            rank = beginnings.get(path[:length], 0)
            best = max(best, rank)
        for wild in self._tried:
            if wild.rank <= best:
                break
            if wild.matches(path):
                return wild.rank
        return best

    def _allow(self, text: str) -> None:
        """Add a rule as it is spelled, and that an index page stands for its folder."""
        self._add(text, 2 * len(plain_rule(text)) + 1)
        if _INDEX in text:
            folder, _, name = text.rpartition("/")
            if name.startswith(_INDEX):
                self._add(f"{folder}/$", 2 * len(f"{folder}/$") + 1)

    def _disallow(self, text: str) -> None:
        """Add a rule as it is spelled, and in the one spelling."""
        plain = plain_rule(text)
        rank = 2 * len(plain)
        self._add(plain, rank)
        if text != plain:
            self._add(text, rank)

    def _add(self, text: str, rank: int) -> None:
        if "*" in text:
            self._add_wild(text, rank)
        elif text.endswith("$"):
            _raise(self._exact, text[:-1], rank)
        else:
            _raise(self._beginnings, text, rank)

    def _add_wild(self, text: str, rank: int) -> None:
        is_whole = text.endswith("$")
        head, _, rest = (text[:-1] if is_whole else text).partition("*")
        pieces = rest.count("*")
        if not is_whole and not rest.strip("*"):
            _raise(self._beginnings, head, rank)
        elif len(self._wild) < MAX_WILD and self._pieces + pieces < MAX_PIECES:
            self._pieces += pieces + 1
            *middle, last = rest.split("*")
            kept = tuple(filter(None, middle if is_whole else [*middle, last]))
            self._wild[bool(rank & 1), text] = _Wild(rank, head, kept, last if is_whole else None)
        elif not rank & 1:
            _raise(self._beginnings, head, rank)


def _raise(ranks: dict[str, int], text: str, rank: int) -> None:
    ranks[text] = max(rank, ranks.get(text, 0))
