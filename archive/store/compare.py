"""One file's records held against its rows; hides how two accounts of the same captures are walked side by side.

A capture that lies in two files has one row, at the smallest of its places; its record elsewhere needs none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archive.model import Kind, Problem
from archive.store import metadata, revisits, rows
from archive.store.home import WARC
from archive.store.places import place_of
from archive.warc.exchanges import Gap
from archive.warc.names import is_foreign
from archive.warc.records import Metadata, Stored, refers_to

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from archive.store.scan import Piece

MEND = "run 'muragat verify --repair'"
BACKUP = "put the file back from a backup"
LOST = f"{BACKUP}; without one, crawl the page again"


def walk(
    known: Iterator[Stored], found: Iterable[Piece]
) -> Iterator[tuple[Stored | None, Piece | None]]:
    """Yield rows and records of one file in the order of its bytes, in pairs where they lie at one place.

    Rows of what lies in a gap are passed over: nothing can be said of them.
    """
    row = next(known, None)
    for piece in found:
        if isinstance(piece, Metadata):
            yield None, piece
            continue
        start = piece.start if isinstance(piece, Gap) else piece.capture.offset
        while row and row.capture.offset < start:
            yield row, None
            row = next(known, None)
        if isinstance(piece, Gap):
            yield None, piece
            while row and row.capture.offset < piece.end:
                row = next(known, None)
        elif row and row.capture.offset == start:
            yield row, piece
            row = next(known, None)
        else:
            yield None, piece
    while row:
        yield row, None
        row = next(known, None)


class Comparison:
    """The rows of the file `name` on one side; `mend` is the repair for what they say otherwise than its records."""

    def __init__(self, connection: sqlite3.Connection, name: str, *, mend: str = MEND) -> None:
        self._connection = connection
        self._name = name
        self._mend = mend
        self._metadata = {record.offset: record for record in metadata.in_file(connection, name)}

    def with_records(self, found: Iterable[Piece], limit: int) -> Iterator[Problem]:
        """Yield what differs up to the byte `limit`."""
        for row, piece in walk(rows.in_file(self._connection, self._name), found):
            if isinstance(piece, Gap):
                self._pass_over(piece)
                yield self._damaged(piece)
            elif isinstance(piece, Metadata):
                yield from self._compare_metadata(piece)
            elif piece:
                yield from self._compare(row, piece)
            elif row and row.capture.offset < limit:
                message = f"no record for the capture of {row.capture.url}"
                yield self._problem(row.capture.offset, message)
        for offset, record in sorted(self._metadata.items()):
            if offset < limit:
                yield self._problem(offset, f"no record for {record.target}")

    def _compare(self, row: Stored | None, record: Stored) -> Iterator[Problem]:
        capture = record.capture
        if row is None:
            if not is_known_elsewhere(self._connection, record):
                message = f"the index does not know the capture of {capture.url}"
                yield self._problem(capture.offset, message)
        elif not is_same(row, record):
            message = f"the index says something else of the capture of {capture.url}"
            yield self._problem(capture.offset, message)
        elif capture.kind is Kind.REVISIT:
            yield from self._check_original(row, record)

    def _compare_metadata(self, record: Metadata) -> Iterator[Problem]:
        known = self._metadata.pop(record.offset, None)
        if known != record and not is_known_elsewhere(self._connection, record):
            yield self._problem(
                record.offset, f"the index does not know the record {record.target}"
            )

    def _pass_over(self, gap: Gap) -> None:
        for offset in [offset for offset in self._metadata if gap.start <= offset < gap.end]:
            del self._metadata[offset]

    def _check_original(self, row: Stored, record: Stored) -> Iterator[Problem]:
        capture = row.capture
        if is_foreign(capture.file):
            if not is_right_original(self._connection, row):
                message = f"the index names a wrong original for the capture of {capture.url}"
                yield self._problem(capture.offset, message)
            return
        target = rows.original(self._connection, capture.digest, capture.original)
        place = f"{WARC}/{self._name}"
        if target is None:
            message = f"points to {capture.original}, which is not in this collection"
            yield Problem(place, capture.offset, message, "put the file with that record back")
        elif record.refers_to != refers_to(target):
            message = f"says a wrong address or date for {capture.original}"
            yield Problem(place, capture.offset, message, BACKUP)

    def _damaged(self, gap: Gap) -> Problem:
        capture = rows.before(self._connection, self._name, gap.damage.offset)
        which = f" (capture of {capture.url}, {capture.record_id})" if capture else ""
        message = f"the record {gap.damage.reason}{which}"
        return Problem(f"{WARC}/{self._name}", gap.damage.offset, message, LOST)

    def _problem(self, offset: int, message: str) -> Problem:
        return Problem(f"{WARC}/{self._name}", offset, message, self._mend)


def is_same(row: Stored, record: Stored) -> bool:
    """Say whether a row holds what its record says; sequence and a found original are no part of a record."""
    found = row.capture
    capture = replace(record.capture, sequence=found.sequence)
    if rows.is_unresolved(capture):
        capture = replace(capture, digest=found.digest, original=found.original)
    end = (
        record.end if row.end > found.offset else row.end
    )  # rows of an older version may not know it
    said = replace(record, capture=capture, end=end)
    is_imported = is_foreign(found.file) and found.kind is Kind.REVISIT
    return said == row if is_imported else replace(said, refers_to="") == row


def is_known_elsewhere(connection: sqlite3.Connection, record: Stored | Metadata) -> bool:
    """Say whether the rows know the same capture or metadata record at a smaller place."""
    if isinstance(record, Metadata):
        known = metadata.same(connection, record)
        return known is not None and place_of(known) < place_of(record)
    row = rows.same(connection, record.capture)
    return row is not None and place_of(row.capture) < place_of(record.capture)


def is_right_original(connection: sqlite3.Connection, row: Stored) -> bool:
    """Say whether an imported revisit has the original that it should; what just came is not looked at yet."""
    if not revisits.is_settled(connection):
        return True
    capture = row.capture
    digest, original = revisits.original_of(connection, capture.url, row.refers_to, row.stated)
    if capture.original != original:
        return False
    return not original or rows.digest_bytes(capture.digest) == digest
