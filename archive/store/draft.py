"""state.sqlite.rebuild: what scans of the WARC files found, kept file by file, and the state that is made of it.

Hides the tables of the draft. Rows come as they are found, without order and with what is found twice; `finish`
sorts them, counts what lies twice once, and leaves nothing but a state. A file that was scanned to its end and has
not changed since is not scanned again.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import astuple
from typing import TYPE_CHECKING, Self

import archive
from archive.model import Problem
from archive.store import metadata, revisits, rows, schema, state
from archive.store.files import serial_of

if TYPE_CHECKING:
    from collections.abc import Collection as Some
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NAME = f"{state.NAME}.rebuild"

_BUILT = "rebuilt"
_PROBLEMS = "rebuild problems"
_BY = "rebuild by"
_VERSION = f"{schema.VERSION} {archive.__version__}"
"""What another version found would be mixed with what this one finds."""

_STAGES = """
CREATE TABLE found AS SELECT * FROM captures;
CREATE TABLE told AS SELECT * FROM metadata;
CREATE TABLE scans (name TEXT PRIMARY KEY, stamp TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE problems (name TEXT, place TEXT, offset INTEGER, message TEXT, repair TEXT) STRICT;
"""
_FOUND = rows.INSERT.format("found")
_TOLD = metadata.INSERT.replace("metadata", "told").replace("OR REPLACE ", "")
_COLUMNS = """urlkey, date, url, method, status, mime, digest, kind, file, offset, length, record_id, original,
 truncated, payload_length, is_original, links_read, site, span, stated, refers_to"""
_PLACE = "is_own(files.name) DESC, files.name, offset"

# Of what lies twice the smallest place counts: `archive.store.places`.
_DISTINCT = """
DELETE FROM {table} WHERE rowid IN (SELECT id FROM (
  SELECT {table}.rowid AS id, row_number() OVER (PARTITION BY {identity} ORDER BY {place}) AS number
  FROM {table} JOIN files ON files.id = {table}.file) WHERE number > 1)
"""
_FINAL = f"""
INSERT INTO captures ({_COLUMNS})
 SELECT {_COLUMNS} FROM found JOIN files ON files.id = found.file ORDER BY {_PLACE}
"""  # noqa: S608 - constants
_METADATA = """INSERT INTO metadata (file, offset, length, target, date, record_id)
 SELECT file, offset, length, target, date, record_id FROM told"""


class Draft:
    """The draft beside the state at `path`, taken up where an earlier run left it; a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(NAME)
        with state.reported(self.path):
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                if not state.is_damage(error):
                    raise
                self.remove()
                self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def forgotten_if_damaged(self) -> Iterator[None]:
        """Remove the draft where it turns out to be no whole database, so that the next run begins anew."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if state.is_damage(error):
                self.remove()
            raise

    @property
    def is_built(self) -> bool:
        """Say whether the draft is a state already."""
        return bool(state.note(self._connection, _BUILT))

    def stamps(self) -> dict[str, str]:
        """Return the stamps of the files that were scanned to their end."""
        if self.is_built:
            return dict(json.loads(state.note(self._connection, _BUILT)))
        statement = "SELECT name, stamp FROM scans WHERE stamp != ''"
        return dict(self._connection.execute(statement))

    def begin_again(self) -> None:
        """Forget everything: a state was made of files that have changed since."""
        self._connection.close()
        self.remove()
        self._connection = self._open()

    def forget(self, names: Iterable[str]) -> None:
        """Forget what was found in these files."""
        with state.transaction(self._connection):
            for name in names:
                for table in ("found", "told"):
                    statement = (
                        f"DELETE FROM {table} WHERE file IN (SELECT id FROM files WHERE name = ?)"  # noqa: S608
                    )
                    self._connection.execute(statement, (name,))
                for table in ("scans", "files", "problems"):
                    self._connection.execute(f"DELETE FROM {table} WHERE name = ?", (name,))  # noqa: S608

    def unfinished(self) -> list[str]:
        """Return the files whose scan was begun and not ended."""
        if self.is_built:
            return []
        statement = "SELECT name FROM files WHERE name NOT IN (SELECT name FROM scans)"
        return [name for (name,) in self._connection.execute(statement)]

    def put(
        self, name: str, captures: Iterable[list[object]], told: Iterable[list[object]]
    ) -> None:
        """Keep what was found in a file, as rows of `archive.store.scan_worker`."""
        with state.transaction(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO files VALUES (NULL, ?, 0)", (name,))
            self._connection.executemany(_FOUND, map(_with_digest, captures))
            self._connection.executemany(_TOLD, told)

    def end(self, name: str, size: int, stamp: str, problems: Iterable[Problem]) -> None:
        """Note that a file was scanned to its end, how much of it counts, and what was wrong."""
        with state.transaction(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO files VALUES ((SELECT id FROM files WHERE name = ?), ?, ?)",
                (name, name, size),
            )
            self._connection.execute("INSERT INTO scans VALUES (?, ?)", (name, stamp))
            self._connection.executemany(
                "INSERT INTO problems VALUES (?, ?, ?, ?, ?)",
                ((name, one.place, one.offset, one.message, one.repair) for one in problems),
            )

    def problems(self) -> list[Problem]:
        """Return what was wrong with the files, by name and offset."""
        if self.is_built:
            return [Problem(*row) for row in json.loads(state.note(self._connection, _PROBLEMS))]
        statement = "SELECT place, offset, message, repair FROM problems ORDER BY name, offset"
        return [Problem(*row) for row in self._connection.execute(statement)]

    def finish(self, notes: dict[str, str]) -> None:
        """Make the state of what was found, in one transaction, with `notes`; nothing where it is made already."""
        if self.is_built:
            return
        stamps = json.dumps(self.stamps())
        problems = json.dumps([astuple(problem) for problem in self.problems()])
        connection = self._connection
        connection.create_function("is_own", 1, _is_own, deterministic=True)
        with state.reported(self.path), state.transaction(connection):
            for table, identity in (
                ("found", "date, record_id, url, kind"),
                ("told", "target, date, record_id"),
            ):
                connection.execute(_DISTINCT.format(table=table, identity=identity, place=_PLACE))
            connection.execute(_FINAL)
            connection.execute(_METADATA)
            for statement in schema.INDEXES.strip().split(";")[:-1]:
                connection.execute(statement)
            revisits.settle(connection)
            for table in ("found", "told", "scans", "problems"):
                connection.execute(f"DROP TABLE {table}")
            for name, value in {**notes, _BUILT: stamps, _PROBLEMS: problems}.items():
                state.set_note(connection, name, value)
            connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        with state.reported(self.path):
            connection.execute("VACUUM")

    def copy_over(self, path: Path) -> None:
        """Copy the finished state over the one at `path` in one transaction; who reads there goes on reading."""
        with state.reported(path), contextlib.closing(state.open_for_replacing(path)) as target:
            self._connection.backup(target)
            for name in (_BUILT, _PROBLEMS, _BY):
                state.set_note(target, name, "")

    def remove(self) -> None:
        """Remove the files of the draft."""
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        connection = state.connect(self.path)
        try:
            if not self._is_draft(connection):
                connection.close()
                self.remove()
                connection = state.connect(self.path)
                connection.executescript(
                    f"BEGIN; {schema.TABLES} {schema.METADATA} {_STAGES} COMMIT"
                )
                state.set_note(connection, _BY, _VERSION)
            connection.execute(
                "PRAGMA synchronous = NORMAL"
            )  # what a power cut takes is scanned again
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_draft(self, connection: sqlite3.Connection) -> bool:
        tables: Some[str] = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema")
        }
        return "notes" in tables and state.note(connection, _BY) == _VERSION


def _with_digest(row: list[object]) -> list[object]:
    row[7] = bytes.fromhex(str(row[7]))
    return row


def _is_own(name: str) -> bool:
    return bool(serial_of(name))
