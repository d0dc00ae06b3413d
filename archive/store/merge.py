"""Captures that may be known already put into the rows: the same capture in two files is one.

A capture's identity is its Record-ID, date, address and kind; of its places the smallest counts. So the rows are
a function of the set of files. Hides which rows change: one that does gets a new sequence, so that whatever
follows the sequence sees it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archive.store import cdxj, metadata, rows
from archive.store.places import place_of
from archive.store.scan import unresolved
from archive.warc.records import Metadata, Stored

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


class Merge:
    """Rows put in inside one transaction; `new` and `known` count captures, `following` is the next sequence."""

    def __init__(self, connection: sqlite3.Connection, *, links_read: bool) -> None:
        self._connection = connection
        self._links_read = links_read
        self.new = 0
        self.known = 0
        self.following = rows.last_sequence(connection) + 1

    def take(self, name: str, size: int, pieces: Iterable[Stored | Metadata]) -> None:
        """Put in what lies in the file `name`, of which `size` bytes count."""
        rows.insert(self._connection, (), {name: size})
        for piece in pieces:
            if isinstance(piece, Metadata):
                metadata.insert(self._connection, (piece,))
            else:
                self._put(unresolved(piece))

    def resize(self, name: str, size: int) -> None:
        """Note that other bytes of a file count."""
        rows.insert(self._connection, (), {name: size})

    def _put(self, stored: Stored) -> None:
        known = rows.same(self._connection, stored.capture)
        if known is None:
            self.new += 1
            self._insert(stored, links_read=self._links_read)
            return
        self.known += 1
        if place_of(stored.capture) < place_of(known.capture):
            was_read = rows.is_read(self._connection, known.capture.sequence)
            rows.delete(self._connection, (known.capture.sequence,))
            self._insert(stored, links_read=was_read)
            cdxj.Published.forget(self._connection)

    def _insert(self, stored: Stored, *, links_read: bool) -> None:
        capture = replace(stored.capture, sequence=self.following)
        self.following += 1
        rows.insert(
            self._connection, (replace(stored, capture=capture),), {}, links_read=links_read
        )
