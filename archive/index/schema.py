"""Opens `articles.sqlite`; hides its tables, its version, and how SQLite's errors are told.

    observation  one row a capture that can matter; `article` names a row of article, or is null
    again        captures that were observed and must be once more: which of them is to be analysed has changed
    article      an analysed page by the digest of its JSON, compressed: recaptures that differ in markup share it
    node         an identity URL: which entry it is in, where it redirects last, whether it was seen as no article
    shows        node -> folded text and headline of the articles seen there
    claim        node -> addresses that its articles name (canonical, amp, print, short), or that it redirected to
    payload      registrable domain and payload digest -> nodes that showed an article in these bytes; a digest of
                 text, headline and date stands there as well
    entry        id -> line of articles.jsonl, compressed; null where the entry is gone and not yet unpublished
    address      identity of each URL of an entry, and its former ids -> entry
    meta         cursor and publication

All but observation, article and again could be made again from these two.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Final

from archive.errors import SchemaUnknown, StorageError, StorageFull
from archive.store import state

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "articles.sqlite"
DRAFT: Final = f"{NAME}.rebuild"
VERSION: Final = 3

_REPAIR: Final = "delete it, or run 'muragat rebuild': it is made again from the WARC files"

_logger = logging.getLogger(__name__)

_OF_THE_DISK: Final = tuple(
    f"SQLITE_{name}"
    for name in ("IOERR", "CANTOPEN", "READONLY", "BUSY", "LOCKED", "PERM", "PROTOCOL")
)

_OBSERVATION: Final = """
CREATE TABLE observation (
  record_id TEXT NOT NULL, identity TEXT NOT NULL, date TEXT NOT NULL, url TEXT NOT NULL,
  status INTEGER NOT NULL, mime TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
  file TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, original TEXT NOT NULL,
  truncated TEXT, article TEXT, target TEXT NOT NULL, problem TEXT NOT NULL, hints TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (record_id, date, url, kind));
CREATE INDEX observation_identity ON observation (identity);
CREATE INDEX observation_payload ON observation (digest, url) WHERE article IS NOT NULL;
CREATE TABLE again (
  record_id TEXT NOT NULL, date TEXT NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL,
  PRIMARY KEY (record_id, date, url, kind)) WITHOUT ROWID;
"""

_OTHERS: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE article (digest TEXT PRIMARY KEY, text TEXT NOT NULL, words INTEGER NOT NULL, version TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE node (
  identity TEXT PRIMARY KEY, domain TEXT NOT NULL, entry TEXT, moves_to TEXT NOT NULL DEFAULT '',
  moved_at TEXT NOT NULL DEFAULT '', is_page INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX node_entry ON node (entry) WHERE entry IS NOT NULL;
CREATE INDEX node_moves_to ON node (moves_to) WHERE moves_to != '';
CREATE TABLE shows (
  identity TEXT NOT NULL, text TEXT NOT NULL, headline TEXT NOT NULL,
  PRIMARY KEY (identity, text, headline)) WITHOUT ROWID;
CREATE TABLE claim (
  identity TEXT NOT NULL, target TEXT NOT NULL, is_redirect INTEGER NOT NULL,
  PRIMARY KEY (identity, target, is_redirect)) WITHOUT ROWID;
CREATE INDEX claim_target ON claim (target);
CREATE TABLE payload (
  domain TEXT NOT NULL, digest TEXT NOT NULL, identity TEXT NOT NULL,
  PRIMARY KEY (domain, digest, identity)) WITHOUT ROWID;
CREATE INDEX payload_identity ON payload (identity);
CREATE TABLE entry (
  id TEXT PRIMARY KEY, site TEXT NOT NULL, line BLOB, is_changed INTEGER NOT NULL,
  history TEXT NOT NULL, is_gone INTEGER NOT NULL, run INTEGER NOT NULL, before TEXT,
  was_gone INTEGER NOT NULL, outcome TEXT NOT NULL);
CREATE INDEX entry_site ON entry (site, id);
CREATE INDEX entry_changed ON entry (id) WHERE is_changed;
CREATE TABLE address (
  identity TEXT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (identity, entry)) WITHOUT ROWID;
CREATE INDEX address_entry ON address (entry);
"""


_COLUMNS: Final = (
    "record_id, identity, date, url, status, mime, digest, kind, file, offset, length, original,"
    " truncated, article, target, problem"
)

# Version 1 knew a capture by its Record-ID alone, and a redirect's place in time by date and Record-ID.
_FROM_1: Final = f"""
ALTER TABLE observation RENAME TO former;
DROP INDEX observation_identity;
DROP INDEX observation_payload;
{_OBSERVATION}
INSERT INTO observation ({_COLUMNS}) SELECT {_COLUMNS} FROM former;
DROP TABLE former;
UPDATE node SET moved_at = replace(moved_at, ' ', char(1));
DELETE FROM meta WHERE name = 'published';
"""  # noqa: S608 - constants

# Version 2 read every page without hints.
_FROM_2: Final = "ALTER TABLE observation ADD COLUMN hints TEXT NOT NULL DEFAULT '';"


def connect(home: Path, *, write: bool, name: str = NAME) -> sqlite3.Connection:
    """Open the articles of the collection at `home`; made where absent, and brought up to date, where `write`.

    Without `write` an absent file reads as one without articles. Raises SchemaUnknown for a file of another
    version, StorageFull and StorageError as SQLite finds the disk.
    """
    path = home / name
    with told(path):
        connection = _open(path, write=write)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA busy_timeout = 10000")
            connection.execute("PRAGMA cache_size = -32768")  # KiB
            _prepare(connection, path, write=write)
        except BaseException:
            connection.close()
            raise
    return connection


def _open(path: Path, *, write: bool) -> sqlite3.Connection:
    if write:
        connection = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection
    if path.exists():
        connection = state.connect_read_only(path)
        if _version(connection):
            return connection
        connection.close()  # a writer has just begun to make it
    return sqlite3.connect(":memory:", isolation_level=None)


def _prepare(connection: sqlite3.Connection, path: Path, *, write: bool) -> None:
    """Have the tables of this version, made or migrated in one transaction. Raises SchemaUnknown."""
    version = _version(connection)
    if version == 0:
        _run(connection, _OBSERVATION + _OTHERS)
    elif version not in {*_STEPS, VERSION}:
        raise SchemaUnknown(
            f"{path}: format {version}, and this muragat reads {VERSION}: written by another version; use that"
            " one, or run 'muragat rebuild', which makes it again from the WARC files"
        )
    elif version in _STEPS and write:  # its entries are read as they are
        _migrate(connection, path, version)


_STEPS: Final = {1: _FROM_1, 2: _FROM_2}
"""Version -> what makes this one of it; in version 1's own step the table is made anew, as it is now."""


def _migrate(connection: sqlite3.Connection, path: Path, version: int) -> None:
    try:
        _run(connection, _STEPS[version])
    except (sqlite3.OperationalError, sqlite3.IntegrityError) as error:
        if getattr(error, "sqlite_errorname", "") not in {"SQLITE_ERROR", "SQLITE_CONSTRAINT"}:
            raise
        raise StorageError(
            f"{path}: of an earlier version and not as that made it ({error}); {_REPAIR}"
        ) from error
    _logger.info("%s: brought from format %d to %d", path, version, VERSION)


def _run(connection: sqlite3.Connection, script: str) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;{script}PRAGMA user_version = {VERSION};COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def knows_hints(connection: sqlite3.Connection) -> bool:
    """Say whether the rows tell with which hints pages were read; before version 3 it was always without."""
    return any(row[1] == "hints" for row in connection.execute("PRAGMA table_info(observation)"))


def _version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 where there are none."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


class told:  # noqa: N801 - a context manager, written as a function is
    """Raise SQLite's errors of storage as StorageFull or StorageError; those in a statement pass.

    A class, as this is entered several times for each capture: a generator costs ten times as much.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, sqlite3.Error):
            _tell(error, self._path)


def _tell(error: sqlite3.Error, path: Path) -> None:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name in {
        "SQLITE_FULL",
        "SQLITE_IOERR_SHMSIZE",
    }:  # the second: no room for the log's own index
        raise StorageFull(f"{path}: no room on the disk; make room and run it again") from error
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        raise StorageError(f"{path}: damaged ({error}); {_REPAIR}") from error
    if name.startswith(_OF_THE_DISK):
        raise StorageError(f"{path}: {error}; look at the disk and the file's rights") from error
