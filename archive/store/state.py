"""state.sqlite: the captures as rows, and how far into each WARC file they reach.

Hides how SQLite is opened, and what its errors mean. Everything here can be made again from `warc/`; what must not be lost is only
the order of writing: first the files are synced, then the rows are committed, in one transaction with whatever
the crawl acknowledges.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from archive.errors import SchemaUnknown, StorageError, StorageFull
from archive.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "state.sqlite"

_BUSY_MS = 30_000
REPAIR = "run 'muragat rebuild', which makes it again from warc/"

_STORAGE = frozenset(
    [
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    ]
)


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that writes durably; transactions are begun by hand. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
    path.chmod(0o600)
    try:
        _configure(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_replacing(path: Path) -> sqlite3.Connection:
    """Return a connection to a state that is about to be written anew; a damaged one is removed first."""
    try:
        connection = connect(path)
        try:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found == "ok":
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return connect(path)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Return a connection to the state, made or migrated where needed; transactions are begun by hand.

    Raises SchemaUnknown for a state of a newer muragat, StorageError for a file that is no database.
    """
    with reported(path):
        connection = connect(path)
        try:
            if not schema.bring_up(connection):
                raise _schema_unknown(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Return a read-only connection. Raises as `open_for_writing`."""
    with reported(path):
        connection = connect_read_only(path)
        try:
            _configure(connection)
            if not schema.look_through(connection):
                raise _schema_unknown(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Connect to a database that another process may be writing; on a medium that can't be written to it is read too."""
    address = path.absolute().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=_BUSY_MS / 1000)
    try:
        schema.version(connection)
    except sqlite3.OperationalError:
        connection.close()
        connection = _connect_unwritable(path, address)
    connection.isolation_level = None
    return connection


def _connect_unwritable(path: Path, address: str) -> sqlite3.Connection:
    """Connect where SQLite can make no files beside the state: its log, if there is one, can't be read there."""
    log = path.with_name(f"{path.name}-wal")
    if not (log.exists() and log.stat().st_size):
        return sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True)
    folder = tempfile.TemporaryDirectory(prefix="muragat-")
    try:
        for each in (path, log):
            shutil.copyfile(each, Path(folder.name) / each.name)
        connection = sqlite3.connect(Path(folder.name) / path.name, factory=_Copied)
    except BaseException:
        folder.cleanup()
        raise
    connection.folder = folder
    return connection


class _Copied(sqlite3.Connection):
    """A connection to a copy, which goes when it is closed."""

    folder: tempfile.TemporaryDirectory[str]

    def close(self) -> None:
        super().close()
        self.folder.cleanup()


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def _schema_unknown(connection: sqlite3.Connection, path: Path) -> SchemaUnknown:
    found, known = schema.version(connection), schema.VERSION
    if not found:
        return SchemaUnknown(f"{path}: nothing was written into it yet; {REPAIR}")
    repair = f"use that version, or a newer one; or {REPAIR}" if found > known else REPAIR
    return SchemaUnknown(
        f"{path}: its schema is {found}, this muragat knows {known}: written by another version; {repair}"
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether an error means that the file is no whole database."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


@contextlib.contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn SQLite's errors of storage into StorageError and StorageFull, named for the file, with the repair.

    Errors in a statement (a constraint, a missing table) are the caller's own and pass.
    """
    try:
        yield
    except sqlite3.Error as error:
        whole_code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        code = whole_code & 0xFF
        if code not in _STORAGE:
            raise
        # The second: no room for the index of SQLite's log.
        if whole_code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):
            message = f"{path}: no room left; what was acknowledged is safe. Make room, then run the same command again"
            raise StorageFull(message) from error
        if is_damage(error):
            message = f"{path}: not a whole database ({error}); {REPAIR}"
        else:
            message = f"{path}: {error}; see the rights, the quota and the disk, then run the same command again"
        raise StorageError(message) from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def mark_read(connection: sqlite3.Connection, sequences: Iterable[int]) -> None:
    """Note that the links of these captures are in the frontier; inside the transaction that puts them there."""
    statement = "UPDATE captures SET links_read = 1 WHERE sequence = ?"
    connection.executemany(statement, ((sequence,) for sequence in sequences))


def note(connection: sqlite3.Connection, name: str) -> str:
    """Return a note that was set before, "" if none was."""
    row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
    return row[0] if row else ""


def set_note(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
