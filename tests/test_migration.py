"""Homes of older and of other versions: brought up, read as they are, or refused with the command that helps."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.errors import SchemaUnknown
from archive.rebuild import rebuild
from archive.store import schema
from tests.exchanges import exchange, numbered

if TYPE_CHECKING:
    from pathlib import Path

VERSION_1 = """
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE captures (
  sequence INTEGER PRIMARY KEY,
  urlkey TEXT NOT NULL,
  date INTEGER NOT NULL,
  url TEXT NOT NULL,
  method TEXT NOT NULL,
  status INTEGER NOT NULL,
  mime TEXT NOT NULL,
  digest BLOB NOT NULL,
  kind TEXT NOT NULL,
  file INTEGER NOT NULL REFERENCES files,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  original TEXT NOT NULL,
  truncated TEXT NOT NULL,
  payload_length INTEGER NOT NULL,
  is_original INTEGER NOT NULL,
  links_read INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX captures_place ON captures (urlkey, date, record_id);
CREATE INDEX captures_file ON captures (file, offset);
CREATE INDEX captures_payload ON captures (digest) WHERE is_original = 1;
CREATE INDEX captures_unread ON captures (sequence) WHERE links_read = 0;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
PRAGMA user_version = 1;
"""
PAYLOAD = b"<p>3</p>" * 250  # that of `numbered(3)`
COLUMNS = """sequence, urlkey, date, url, method, status, mime, digest, kind, file, offset, length, record_id,
 original, truncated, payload_length, is_original, links_read"""


def rows(home: Path) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(home / "state.sqlite")) as connection:
        return connection.execute(
            f"SELECT files.name, {COLUMNS.replace(' file,', '')}, site, span, stated, refers_to"
            " FROM captures JOIN files ON files.id = captures.file ORDER BY sequence"
        ).fetchall()


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A home of this version, in several files."""
    home = tmp_path / "new"
    with Collection(home, write=True, max_file_bytes=8_000) as collection:
        for number in range(20):
            collection.add(numbered(number))
        collection.add(exchange("http://example.com/again", PAYLOAD))
        collection.sync()
        collection.publish()
    return home


@pytest.fixture
def old(tmp_path: Path, new: Path) -> Path:
    """The same home as the first version left it."""
    home = tmp_path / "old"
    shutil.copytree(new, home)
    (home / "state.sqlite").unlink()
    with contextlib.closing(sqlite3.connect(home / "state.sqlite")) as connection:
        connection.executescript(VERSION_1)
        connection.execute("ATTACH ? AS new", (str(new / "state.sqlite"),))
        connection.execute("INSERT INTO files SELECT * FROM new.files")
        connection.execute(f"INSERT INTO captures SELECT {COLUMNS} FROM new.captures")
        connection.execute("INSERT INTO notes SELECT * FROM new.notes")
        connection.commit()
    return home


def test_home_of_version_1_is_migrated_when_it_is_opened_for_writing(old: Path, new: Path) -> None:
    Collection(old, write=True).close()
    assert rows(old) == rows(new)
    with Collection(old) as collection:
        assert list(collection.verify()) == []


def test_reports_of_version_1_are_kept_by_a_rebuild(old: Path) -> None:
    """Its crawls wrote them to crawls/ alone."""
    report = old / "crawls" / "20260301000000.json"
    report.parent.mkdir()
    report.write_bytes(b'{"pages": 1}\n')
    Collection(old, write=True).close()
    report.unlink()
    rebuild(old, workers=1)
    assert report.read_bytes() == b'{"pages": 1}\n'


def test_migrated_home_has_the_tables_and_indexes_of_a_new_one(old: Path, new: Path) -> None:
    Collection(old, write=True).close()
    names = "SELECT type, name, tbl_name FROM sqlite_schema ORDER BY name"
    found = []
    for home in (old, new):
        with contextlib.closing(sqlite3.connect(home / "state.sqlite")) as connection:
            found.append(connection.execute(names).fetchall())
    assert found[0] == found[1]


def test_home_of_version_1_is_read_as_it_is(old: Path, new: Path) -> None:
    with Collection(old) as collection, Collection(new) as other:
        assert list(collection.captures()) == list(other.captures())
        assert list(collection.metadata("urn:")) == []
        assert list(collection.verify()) == []
        revisit = next(collection.captures("http://example.com/again"))
        assert collection.read(revisit).body.read() == PAYLOAD
    with contextlib.closing(sqlite3.connect(old / "state.sqlite")) as connection:
        assert schema.version(connection) == 1


def test_reader_of_version_1_goes_on_while_it_is_migrated(old: Path) -> None:
    with Collection(old) as reader:
        before = list(reader.captures())
        Collection(old, write=True).close()
        assert list(reader.captures()) == before


def test_migration_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(sqlite3.connect(old / "state.sqlite")) as connection:
        before = list(connection.iterdump())
    monkeypatch.setattr(schema, "_FROM_1", schema._FROM_1 + "CREATE TABLE captures (a);")
    with pytest.raises(sqlite3.OperationalError):
        Collection(old, write=True)
    with contextlib.closing(sqlite3.connect(old / "state.sqlite")) as connection:
        assert list(connection.iterdump()) == before
    monkeypatch.undo()
    Collection(old, write=True).close()


@pytest.mark.parametrize("write", [True, False])
def test_state_of_a_newer_version_is_refused_and_rebuild_named(new: Path, write: bool) -> None:
    with contextlib.closing(sqlite3.connect(new / "state.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SchemaUnknown, match="newer one; or run 'muragat rebuild'"):
        Collection(new, write=write)


@pytest.mark.parametrize("version", [0, 99])
def test_rebuild_makes_a_state_of_this_version_of_any_other(new: Path, version: int) -> None:
    before = rows(new)
    with contextlib.closing(sqlite3.connect(new / "state.sqlite")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    rebuild(new, workers=1)
    assert rows(new) == before
