"""`articles.sqlite.rebuild`: the next articles.sqlite while it is made; hides how it takes the old one's place.

Readers of the old file see all of it until all of the new one is there: SQLite's backup writes one transaction.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING, Final

from archive.errors import SchemaUnknown, StorageError, StorageFull
from archive.index import Index, schema
from archive.index.articles import Articles
from archive.store import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archive.index.lock import Lock
    from archive.index.observation import Reading
    from archive.model import Capture

logger = logging.getLogger(__name__)

_MADE: Final = "made"
_LOG_NAMES: Final = ("-wal", "-shm", "-journal")


def open_draft(home: Path, lock: Lock, made: str) -> Index:
    """Return the draft that an earlier run left, where it was `made` the same way, else a new one."""
    try:
        index = Index(home, write=True, lock=lock, draft=True)
        if index.note(_MADE) in {"", made}:
            index.set_note(_MADE, made)
            return index
        index.close()
    except StorageFull:
        raise
    except StorageError as error:
        if not isinstance(error, SchemaUnknown) and "damaged" not in str(error):
            raise
        logger.warning("%s; it is begun again", error)
    discard(home)
    index = Index(home, write=True, lock=lock, draft=True)
    index.set_note(_MADE, made)
    return index


def discard(home: Path) -> None:
    """Remove the draft, where there is one."""
    _remove(home / schema.DRAFT)


def take_over(home: Path) -> None:
    """Make the draft, which is closed, what articles.sqlite holds, in one transaction; the draft stays.

    A file that is no database, or damaged, is removed first. Raises StorageFull and StorageError.
    """
    path = home / schema.NAME
    try:
        _copy(home / schema.DRAFT, path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") not in _DAMAGED:
            with schema.told(path):
                raise
        logger.warning("%s: damaged (%s); it is made new", path, error)
        _remove(path)
        with schema.told(path):
            _copy(home / schema.DRAFT, path)
    with files.reported(str(path)):
        files.sync_folder(home)


_DAMAGED: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_READONLY"})
"""What a backup onto a damaged file says; read-only is what one says whose pages have another size."""


def _copy(draft: Path, path: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as source,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target,
    ):
        path.chmod(0o600)
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        source.backup(target)


def _remove(path: Path) -> None:
    with files.reported(str(path)):
        for name in ("", *_LOG_NAMES):
            path.with_name(path.name + name).unlink(missing_ok=True)


class Former:
    """What the articles.sqlite that is to be replaced holds of captures; nothing where it can't be read.

    Any format will do in which an observation and its article are found as they are in this one.
    """

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection

    def reading(self, capture: Capture, hints: str) -> Reading | None:
        """Return what this version of muragat read from this very capture with these hints, None where that is not to be had."""
        if self._connection is None:
            return None
        try:
            articles = Articles(self._connection)
            if schema.knows_hints(self._connection):
                return articles.stored(capture, hints)
            return None if hints else articles.stored(capture, None)
        except sqlite3.Error as error:
            logger.warning("%s: %s; pages are analysed again", schema.NAME, error)
            self._connection = None
            return None


@contextlib.contextmanager
def former(home: Path, *, is_wanted: bool) -> Iterator[Former]:
    """Give what the articles.sqlite at `home` holds; nothing unless `is_wanted`."""
    path = home / schema.NAME
    if not is_wanted or not path.is_file():
        yield Former(None)
        return
    with contextlib.closing(_read_only(path)) as connection:
        yield Former(connection)


def _read_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    connection.isolation_level = None
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
    return connection
