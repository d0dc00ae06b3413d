"""Metadata records of no exchange as rows of state.sqlite: put in, and found again by what they tell of.

Hides the statements. The same record in two files is one; its place is the smallest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archive.store.places import place_of
from archive.store.rows import as_date, microseconds
from archive.warc.records import Metadata

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_PAGE = 500
_SELECT = """SELECT target, date, record_id, files.name, offset, length
 FROM metadata JOIN files ON files.id = metadata.file"""
INSERT = """INSERT OR REPLACE INTO metadata (target, date, record_id, file, offset, length)
 VALUES (?, ?, ?, (SELECT id FROM files WHERE name = ?), ?, ?)"""
_AFTER_ALL = "\x7f"  # sorts after every character of a target


def insert(connection: sqlite3.Connection, records: Iterable[Metadata]) -> None:
    """Insert records, each at the smallest of its places; their files' sizes are there already."""
    for record in records:
        known = same(connection, record)
        if known is None or place_of(record) < place_of(known):
            connection.execute(INSERT, as_row(record))


def by_target(connection: sqlite3.Connection, prefix: str) -> Iterator[Metadata]:
    """Yield the records whose target begins with `prefix`, by date, then Record-ID."""
    statement = f"""{_SELECT} WHERE target >= ? AND target < ? AND (date, record_id, target) > (?, ?, ?)
 ORDER BY date, record_id, target LIMIT {_PAGE}"""
    after: tuple[int, str, str] = (-(2**62), "", "")
    limits = (prefix, prefix + _AFTER_ALL)
    while page := connection.execute(statement, (*limits, *after)).fetchall():
        yield from map(_metadata, page)
        after = (page[-1][1], page[-1][2], page[-1][0])


def in_file(connection: sqlite3.Connection, name: str) -> list[Metadata]:
    """Return what the rows say of a file, in the order of its bytes."""
    statement = f"{_SELECT} WHERE files.name = ? ORDER BY offset"
    return [_metadata(row) for row in connection.execute(statement, (name,))]


def delete(connection: sqlite3.Connection, records: Iterable[Metadata]) -> None:
    statement = "DELETE FROM metadata WHERE (target, date, record_id) = (?, ?, ?)"
    connection.executemany(statement, (as_row(record)[:3] for record in records))


def as_row(record: Metadata) -> tuple[str | int, ...]:
    """Return the values that `INSERT` takes."""
    identity = (record.target, microseconds(record.date), record.record_id)
    return (*identity, record.file, record.offset, record.length)


def same(connection: sqlite3.Connection, record: Metadata) -> Metadata | None:
    """Return what the rows say of the record with this identity, wherever it lies."""
    statement = f"{_SELECT} WHERE target = ? AND date = ? AND record_id = ?"
    row = connection.execute(statement, as_row(record)[:3]).fetchone()
    return _metadata(row) if row else None


def _metadata(row: tuple[Any, ...]) -> Metadata:
    target, date, record_id, file, offset, length = row
    return Metadata(target, as_date(date), record_id, file, offset, length)
