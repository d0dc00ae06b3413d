"""Everything read again: members, grammar, digests, ties, and the index against the records.

Hides how two accounts of the same captures, the records and the rows, are walked side by side. One pass over the
files, in bounded memory. While another process writes, what lies beyond the last committed byte is its own
affair and not looked at.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from archive.model import Problem
from archive.store import cdxj, files, rows, scan, state
from archive.store.compare import BACKUP, LOST, MEND, Comparison
from archive.store.home import WARC
from archive.warc.exchanges import Gap
from archive.warc.foreign import is_foreign
from archive.warc.second_opinion import objections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REBUILD = "run 'muragat rebuild'"


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
            yield Problem(state.NAME, -1, f"damaged: {error}", _REBUILD)


def _check_all(home: Path, connection: sqlite3.Connection) -> Iterator[Problem]:
    yield from _check_state(connection)
    sizes = rows.sizes(connection)
    yield from _check_folder(home, sizes)
    for name, size in sizes.items():
        try:
            if files.is_there(home / WARC, name):
                yield from _check_twice(home / WARC, name, size, connection)
        except OSError as error:
            message = f"can't be read: {error.strerror}"
            yield Problem(f"{WARC}/{name}", -1, message, f"see its rights and the disk; {BACKUP}")
    yield from _check_index(home / cdxj.NAME, connection)


def _check_state(connection: sqlite3.Connection) -> Iterator[Problem]:
    for (message,) in connection.execute("PRAGMA quick_check(20)"):
        if message != "ok":
            yield Problem(state.NAME, -1, f"damaged: {message}", _REBUILD)


def _check_folder(home: Path, sizes: dict[str, int]) -> Iterator[Problem]:
    folder, is_locked = home / WARC, files.is_locked(home)
    found = {path.name for path in folder.iterdir()}
    finals = {name.removesuffix(files.OPEN) for name in found}
    for name in sorted(set(sizes) - finals):
        yield Problem(f"{WARC}/{name}", -1, "the file is gone", BACKUP)
    for name in sorted(found):
        final = name.removesuffix(files.OPEN)
        if not (files.serial_of(final) or is_foreign(name)):
            yield from _stranger(name, is_locked=is_locked)
        elif is_locked:
            continue
        elif name != final:
            yield Problem(f"{WARC}/{name}", -1, "left open by a process that was killed", MEND)
        elif final not in sizes:
            yield Problem(f"{WARC}/{name}", -1, "the index does not know this file", MEND)


def _stranger(name: str, *, is_locked: bool) -> Iterator[Problem]:
    if not files.is_part(name):
        yield Problem(f"{WARC}/{name}", -1, "not a file of this collection", files.take_in(name))
    elif not is_locked:
        yield Problem(f"{WARC}/{name}", -1, "left by an import that was killed", MEND)


def _check_twice(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    """Check a file of ours ourselves, then ask warcio about one in which nothing was found."""
    if is_foreign(name):
        yield from _check_imported(folder, name, committed, connection)
        return
    count = 0
    for problem in _check_own(folder, name, committed, connection):
        count += 1
        yield problem
    if not count:
        for offset, reason in objections(files.find(folder, name), committed):
            message = f"warcio objects to the record: {reason}"
            yield Problem(f"{WARC}/{name}", offset, message, BACKUP)


def _check_own(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    path = files.find(folder, name)
    size = path.stat().st_size
    if size < committed:
        message = f"the file ends {committed - size} bytes before what was acknowledged"
        yield Problem(f"{WARC}/{name}", size, message, LOST)
    elif size > committed and not files.is_locked(folder.parent):
        message = f"the index does not know the last {size - committed} bytes"
        yield Problem(f"{WARC}/{name}", committed, message, MEND)
    limit = min(size, committed)
    found = scan.pieces(path, name, 0, limit)
    yield from Comparison(connection, name).with_records(found, limit)


def _check_imported(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    """Check the bytes of a file by its name, and its rows by its records.

    Its flaws were told when it was imported; where its bytes are others now, what differs was damaged since.
    """
    path, place = folder / name, f"{WARC}/{name}"
    size = path.stat().st_size
    is_as_imported = size == committed and files.has_its_hash(path)
    found = scan.pieces(path, name)
    if is_as_imported:
        found = (piece for piece in found if not isinstance(piece, Gap))
    comparison = Comparison(connection, name, mend=MEND if is_as_imported else LOST)
    count = 0
    for problem in comparison.with_records(found, max(size, committed)):
        count += 1
        yield problem
    if not is_as_imported:
        where = "" if count else "; no record shows where"
        message = f"its bytes are not those that were imported: its SHA-256 is another{where}"
        yield Problem(place, -1, message, BACKUP)


def _check_index(path: Path, connection: sqlite3.Connection) -> Iterator[Problem]:
    published = cdxj.Published.noted(connection)
    if published is None:
        return  # the next start writes it again
    if not path.exists():
        yield Problem(cdxj.NAME, -1, "the file is gone", MEND)
        return
    last = published.sequence
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
