"""Everything read again: members, grammar, digests, ties, and the index against the records.

Hides how two accounts of the same captures, the records and the rows, are walked side by side. One pass over the
files, in bounded memory. While another process writes, what lies beyond the last committed byte is its own
affair and not looked at.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

from archive.model import Kind, Problem
from archive.store import cdxj, files, rows, state
from archive.store.home import WARC
from archive.warc.exchanges import Gap, salvage
from archive.warc.records import refers_to
from archive.warc.second_opinion import objections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archive.warc.records import Stored

MEND = "run 'muragat verify --repair'"
_BACKUP = "put the file back from a backup"
_LOST = f"{_BACKUP}; without one, crawl the page again"
_MOVE = f"move {state.NAME} away, then {MEND}"


def verify(home: Path) -> Iterator[Problem]:
    """Yield everything that is wrong in a collection; nothing is changed.

    Raises StorageError where the rows can't be opened at all.
    """
    path = home / state.NAME
    with state.reported(path), contextlib.closing(state.open_for_reading(path)) as connection:
        connection.execute("BEGIN")  # one view of the rows from here to the end
        try:
            yield from _check_all(home, connection)
        except sqlite3.DatabaseError as error:
            yield Problem(state.NAME, -1, f"damaged: {error}", _MOVE)


def _check_all(home: Path, connection: sqlite3.Connection) -> Iterator[Problem]:
    yield from _check_state(connection)
    sizes = rows.sizes(connection)
    yield from _check_folder(home, sizes)
    for name, size in sizes.items():
        try:
            if _is_there(home / WARC, name):
                yield from _check_twice(home / WARC, name, size, connection)
        except OSError as error:
            message = f"can't be read: {error.strerror}"
            yield Problem(f"{WARC}/{name}", -1, message, f"see its rights and the disk; {_BACKUP}")
    yield from _check_index(home / cdxj.NAME, connection)


def _is_there(folder: Path, name: str) -> bool:
    return (folder / name).exists() or (folder / (name + files.OPEN)).exists()


def _check_state(connection: sqlite3.Connection) -> Iterator[Problem]:
    for (message,) in connection.execute("PRAGMA quick_check(20)"):
        if message != "ok":
            yield Problem(state.NAME, -1, f"damaged: {message}", _MOVE)


def _check_folder(home: Path, sizes: dict[str, int]) -> Iterator[Problem]:
    folder, is_locked = home / WARC, files.is_locked(home)
    found = {path.name for path in folder.iterdir()}
    finals = {name.removesuffix(files.OPEN) for name in found}
    for name in sorted(set(sizes) - finals):
        yield Problem(f"{WARC}/{name}", -1, "the file is gone", _BACKUP)
    for name in sorted(found):
        final = name.removesuffix(files.OPEN)
        if not files.serial_of(final):
            yield Problem(f"{WARC}/{name}", -1, "not a file of this collection", "move it away")
        elif is_locked:
            continue
        elif name != final:
            yield Problem(f"{WARC}/{name}", -1, "left open by a process that was killed", MEND)
        elif final not in sizes:
            yield Problem(f"{WARC}/{name}", -1, "the index does not know this file", MEND)


def _check_twice(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    """Check a file ourselves, then ask warcio about one in which nothing was found."""
    count = 0
    for problem in _check_file(folder, name, committed, connection):
        count += 1
        yield problem
    if not count:
        for offset, reason in objections(files.find(folder, name), committed):
            message = f"warcio objects to the record: {reason}"
            yield Problem(f"{WARC}/{name}", offset, message, _BACKUP)


def _check_file(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    path = files.find(folder, name)
    size = path.stat().st_size
    if size < committed:
        message = f"the file ends {committed - size} bytes before what was acknowledged"
        yield Problem(f"{WARC}/{name}", size, message, _LOST)
    elif size > committed and not files.is_locked(folder.parent):
        message = f"the index does not know the last {size - committed} bytes"
        yield Problem(f"{WARC}/{name}", committed, message, MEND)
    known = rows.in_file(connection, name)
    row = next(known, None)
    for piece in salvage(path, name, 0, min(size, committed)):
        if isinstance(piece, Gap):
            yield _damaged(connection, name, piece)
            while row and row.capture.offset < piece.end:
                row = next(known, None)
            continue
        while row and row.capture.offset < piece.capture.offset:
            yield _without_record(row)
            row = next(known, None)
        if row and row.capture.offset == piece.capture.offset:
            yield from _compare(row, piece, connection)
            row = next(known, None)
        else:
            message = f"the index does not know the capture of {piece.capture.url}"
            yield Problem(f"{WARC}/{name}", piece.capture.offset, message, MEND)
    while row and size >= committed:
        yield _without_record(row)
        row = next(known, None)


def _damaged(connection: sqlite3.Connection, name: str, gap: Gap) -> Problem:
    capture = rows.before(connection, name, gap.damage.offset)
    which = f" (capture of {capture.url}, {capture.record_id})" if capture else ""
    message = f"the record {gap.damage.reason}{which}"
    return Problem(f"{WARC}/{name}", gap.damage.offset, message, _LOST)


def _without_record(row: Stored) -> Problem:
    message = f"no record for the capture of {row.capture.url}"
    return Problem(f"{WARC}/{row.capture.file}", row.capture.offset, message, MEND)


def _compare(row: Stored, record: Stored, connection: sqlite3.Connection) -> Iterator[Problem]:
    capture = record.capture
    place = f"{WARC}/{capture.file}"
    if not is_same(row, record):
        message = f"the index says something else of the capture of {capture.url}"
        yield Problem(place, capture.offset, message, MEND)
    if capture.kind is not Kind.REVISIT:
        return
    target = rows.original(connection, capture.digest, capture.original)
    if target is None:
        message = f"points to {capture.original}, which is not in this collection"
        yield Problem(place, capture.offset, message, "put the file with that record back")
    elif record.refers_to != refers_to(target):
        message = f"says a wrong address or date for {capture.original}"
        yield Problem(place, capture.offset, message, _BACKUP)


def is_same(row: Stored, record: Stored) -> bool:
    """Say whether a row holds what its record says; sequence and end are no part of a record."""
    capture = replace(record.capture, sequence=row.capture.sequence)
    return replace(record, capture=capture, end=0, refers_to="") == row


def _check_index(path: Path, connection: sqlite3.Connection) -> Iterator[Problem]:
    published = cdxj.Published.noted(connection)
    if not path.exists():
        if published:
            yield Problem(cdxj.NAME, -1, "the file is gone", MEND)
        return
    last = published.sequence if published else 0
    wanted = (
        cdxj.line(capture)
        for capture in rows.by_place(connection, rows.Query())
        if capture.sequence <= last
    )
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(wanted, 1):
            if file.readline(len(line)) != line:
                message = f"line {number} is not what the records say"
                yield Problem(cdxj.NAME, offset, message, MEND)
                return
            offset += len(line)
        if file.read(1):
            yield Problem(cdxj.NAME, offset, "more lines than captures", MEND)
