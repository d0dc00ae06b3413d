"""The index mended from the records: rows made again, never a payload touched.

What is done is told as problems without a repair: they are solved. Rows of records that are damaged stay, so that
verify goes on naming what was lost; only where a file of ours lost its end do they go with it, and come back
when the whole file is put back. An imported file whose bytes are not those that were imported changes no row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archive.model import Problem
from archive.store import cdxj, files, metadata, revisits, rows, scan, state
from archive.store.compare import is_known_elsewhere, is_same, walk
from archive.store.home import WARC
from archive.store.merge import Merge
from archive.warc.exchanges import Gap
from archive.warc.names import is_foreign
from archive.warc.records import Metadata, Stored

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from archive.store.scan import Piece


def mend(folder: Path, connection: sqlite3.Connection) -> tuple[Problem, ...]:
    """Make the rows of all files in `folder` say what the records say; return what was mended."""
    problems: list[Problem] = []
    for name, committed in rows.sizes(connection).items():
        if not files.is_there(folder, name):
            continue
        if is_foreign(name):
            problems += _mend_imported(folder, name, connection)
        else:
            problems += _mend_own(folder, name, committed, connection)
    with state.transaction(connection):
        revisits.forget(connection)
        revisits.settle(connection)
    return tuple(problems)


def _mend_own(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    path = files.find(folder, name)
    size = path.stat().st_size
    is_short = size < committed
    difference = _Difference(connection, name)
    difference.find(scan.pieces(path, name, 0, min(size, committed)))
    torn = difference.gaps[-1] if difference.gaps and difference.gaps[-1].end == size else None
    if is_short:
        size = torn.start if torn else size
        files.cut(path, size)
        message = (
            f"the file had lost its end, {committed - size} bytes; their captures are forgotten"
        )
        yield Problem(f"{WARC}/{name}", size, message)
        difference.forget_from(size)
    yield from _replace(connection, difference, (name, min(size, committed)))


def _mend_imported(folder: Path, name: str, connection: sqlite3.Connection) -> Iterator[Problem]:
    path = folder / name
    if not files.has_its_hash(path):
        return
    difference = _Difference(connection, name)
    difference.find(piece for piece in scan.pieces(path, name) if not isinstance(piece, Gap))
    yield from _replace(connection, difference, (name, path.stat().st_size))


@dataclass(slots=True)
class _Difference:
    """What rows and records of a file have not in common."""

    connection: sqlite3.Connection
    name: str
    fresh: list[Stored | Metadata] = field(default_factory=list)
    stale: list[Stored | Metadata] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def find(self, found: Iterable[Piece]) -> None:
        told = {record.offset: record for record in metadata.in_file(self.connection, self.name)}
        for row, piece in walk(rows.in_file(self.connection, self.name), found):
            if isinstance(piece, Gap):
                self.gaps.append(piece)
            elif isinstance(piece, Metadata):
                self._compare_metadata(told.pop(piece.offset, None), piece)
            else:
                self._compare(row, piece)
        self.stale += [record for record in told.values() if not self._is_in_gap(record.offset)]

    def forget_from(self, size: int) -> None:
        """Count what lies at or after `size` as gone, whatever was found there."""
        known = [*rows.in_file(self.connection, self.name)]
        self.stale += [row for row in known if row.capture.offset >= size and row not in self.stale]

    def _compare(self, row: Stored | None, record: Stored | None) -> None:
        if row and not (record and is_same(row, record)):
            self.stale.append(row)
            row = None
        if record and not row and not is_known_elsewhere(self.connection, record):
            self.fresh.append(record)

    def _compare_metadata(self, known: Metadata | None, record: Metadata) -> None:
        if known == record:
            return
        if known:
            self.stale.append(known)
        if not is_known_elsewhere(self.connection, record):
            self.fresh.append(record)

    def _is_in_gap(self, offset: int) -> bool:
        return any(gap.start <= offset < gap.end for gap in self.gaps)


def _replace(
    connection: sqlite3.Connection, difference: _Difference, size: tuple[str, int]
) -> Iterator[Problem]:
    """Commit what differs, and tell of it."""
    name, place = size[0], f"{WARC}/{size[0]}"
    fresh = {_offset(record) for record in difference.fresh}
    gone = {_offset(record) for record in difference.stale} - fresh
    if size[1] != rows.sizes(connection)[name] or fresh or gone:
        with state.transaction(connection):
            merge = Merge(connection, links_read=is_foreign(name))
            captures = [one for one in difference.stale if isinstance(one, Stored)]
            rows.delete(connection, [row.capture.sequence for row in captures])
            told = [one for one in difference.stale if isinstance(one, Metadata)]
            metadata.delete(connection, told)
            merge.take(name, size[1], difference.fresh)
            cdxj.Published.forget(connection)
    for offset in sorted(fresh):
        yield Problem(place, offset, "its capture was indexed again")
    for offset in sorted(gone):
        yield Problem(place, offset, "a capture without a record was forgotten")


def _offset(record: Stored | Metadata) -> int:
    return record.offset if isinstance(record, Metadata) else record.capture.offset
