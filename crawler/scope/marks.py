"""Which addresses were seen, as 4 bytes of a digest each: little memory for many."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SMALL = 4_096
_MOST = 1 << 20


class Marks:
    """A set of texts that may take one for another: of 200,000 one in 20,000.

    A set takes 60 bytes for each; past `_SMALL` they go into a table with open places, of twice as many places as
    marks at least. Past `_MOST` places (4 MB) nothing more is noted.
    """

    __slots__ = ("_few", "_table", "_taken")

    def __init__(self) -> None:
        self._few: set[int] = set()
        self._table: array[int] | None = None
        self._taken = 0

    @staticmethod
    def of(text: str) -> int:
        """Return the mark of a text, never 0, the same in every process."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest()
        return int.from_bytes(digest, "big") or 1

    def __contains__(self, text: str) -> bool:
        mark = self.of(text)
        if self._table is None:
            return mark in self._few
        return self._table[_place(self._table, mark)] == mark

    def __len__(self) -> int:
        return len(self._few) + self._taken

    @property
    def size(self) -> int:
        """Bytes of the table, 0 while there is none."""
        return 0 if self._table is None else len(self._table) * self._table.itemsize

    def add(self, text: str) -> None:
        """Note a text."""
        mark = self.of(text)
        if self._table is None:
            self._few.add(mark)
            if len(self._few) > _SMALL:
                few, self._few = self._few, set()
                self._table = _table(4 * _SMALL, few)
                self._taken = len(few)
            return
        place = _place(self._table, mark)
        if self._table[place] == mark or 2 * self._taken >= _MOST:
            return
        self._table[place] = mark
        self._taken += 1
        if 2 * self._taken > len(self._table) and len(self._table) < _MOST:
            self._table = _table(2 * len(self._table), (each for each in self._table if each))


def _table(places: int, marks: Iterable[int]) -> array[int]:
    table = array("I", bytes(4 * places))
    for mark in marks:
        table[_place(table, mark)] = mark
    return table


def _place(table: array[int], mark: int) -> int:
    """Return where `mark` stands or would stand; 0 is an open place."""
    place = mark % len(table)
    while table[place] not in {0, mark}:
        place = (place + 1) % len(table)
    return place
