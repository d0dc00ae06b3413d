"""The index mended from the records: rows made again, never a payload touched.

What is done is told as problems without a repair: they are solved. Rows of records that are damaged stay, so that
verify goes on naming what was lost; only where a file lost its end do they go with it, and come back
when the whole file is put back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archive.model import Problem
from archive.store import files, rows, state
from archive.store.home import WARC
from archive.store.verify import is_same
from archive.warc.exchanges import Gap, salvage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from archive.warc.records import Stored


def mend(folder: Path, connection: sqlite3.Connection) -> tuple[Problem, ...]:
    """Make the rows of all files in `folder` say what the records say; return what was mended."""
    sizes = rows.sizes(connection)
    names = [name for name in files.own_files(folder) if name in sizes]
    return tuple(
        problem for name in names for problem in _mend_file(folder, name, sizes[name], connection)
    )


def _mend_file(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    path = files.find(folder, name)
    size = path.stat().st_size
    is_short = size < committed
    known = {row.capture.offset: row for row in rows.in_file(connection, name)}
    fresh: list[Stored] = []
    for piece in salvage(path, name, 0, min(size, committed)):
        if not isinstance(piece, Gap):
            fresh.append(piece)
        elif is_short and piece.end == size:
            size = piece.start
        else:
            known = {
                offset: row
                for offset, row in known.items()
                if not piece.start <= offset < piece.end
            }
    if is_short:
        files.cut(path, size)
        message = (
            f"the file had lost its end, {committed - size} bytes; their captures are forgotten"
        )
        yield Problem(f"{WARC}/{name}", size, message)
    changed = [record for record in fresh if not _is_known(known, record)]
    gone = set(known) - {record.capture.offset for record in fresh}
    if is_short or changed or gone:
        _replace(connection, known, changed, gone=gone, size=(name, min(size, committed)))
    for record in changed:
        yield Problem(f"{WARC}/{name}", record.capture.offset, "its capture was indexed again")
    for offset in sorted(gone):
        yield Problem(f"{WARC}/{name}", offset, "a capture without a record was forgotten")


def _is_known(known: dict[int, Stored], record: Stored) -> bool:
    row = known.get(record.capture.offset)
    return row is not None and is_same(row, record)


def _replace(
    connection: sqlite3.Connection,
    known: dict[int, Stored],
    changed: list[Stored],
    *,
    gone: set[int],
    size: tuple[str, int],
) -> None:
    """Commit new rows for what changed, with their old sequences where they had one."""
    following = rows.last_sequence(connection)
    fresh: list[Stored] = []
    for record in changed:
        row = known.get(record.capture.offset)
        following += row is None
        sequence = row.capture.sequence if row else following
        fresh.append(replace(record, capture=replace(record.capture, sequence=sequence)))
    stale = [record.capture.sequence for record in fresh]
    with state.transaction(connection):
        rows.delete(connection, [*stale, *(known[offset].capture.sequence for offset in gone)])
        rows.insert(connection, fresh, dict([size]))
