"""The articles made again from the captures: byte for byte, after any loss, taken up after any kill."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import archive
from archive.backlog import Control, drain, rebuild_articles
from archive.errors import CollectionLocked, NotACollection, StorageError
from archive.index import Index
from archive.index.lock import Lock
from tests.observing import SITE, answer, entries_of, page, seen, story
from tests.test_backlog import copy_of, fill, first_crawl, second_crawl

NAME = "articles.jsonl"
STATE = "articles.sqlite"
DRAFT = "articles.sqlite.rebuild"
ROOT = Path(__file__).parent.parent
CODE = "import sys, pathlib; from archive.backlog import rebuild_articles; rebuild_articles(pathlib.Path(sys.argv[1]), analyse=len(sys.argv) > 2)"


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    home = fill(tmp_path_factory.mktemp("analysed"), first_crawl(), second_crawl())
    drain(home)
    return home


@pytest.fixture
def home(analysed, tmp_path):
    return copy_of(analysed, tmp_path)


def same_bytes(home, other):
    return (home / NAME).read_bytes() == (other / NAME).read_bytes()


def versions_of_articles(home):
    with closing(sqlite3.connect(home / STATE)) as connection:
        return {version for (version,) in connection.execute("SELECT version FROM article")}


def test_lost_articles_are_made_again(analysed, home):
    for name in (STATE, NAME):
        (home / name).unlink()
    progress = rebuild_articles(home)
    assert (progress.backlog, progress.articles.new, progress.is_whole) == (0, 7, True)
    assert same_bytes(home, analysed)
    assert not list(home.glob(f"{DRAFT}*"))


def test_what_is_stored_is_taken_over_without_a_worker(analysed, home, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a page was analysed again")

    monkeypatch.setattr("archive.analyse.supervisor.Supervisor.submit", refuse)
    rebuild_articles(home)
    assert same_bytes(home, analysed)


def test_all_is_analysed_again_where_asked(analysed, home):
    with closing(sqlite3.connect(home / STATE)) as connection:
        connection.execute("UPDATE article SET version = ?, body = x'00'", (archive.__version__,))
        connection.commit()
    rebuild_articles(home, analyse=True)
    assert same_bytes(home, analysed)


@pytest.mark.parametrize("column", ["body = x'1234'", "digest = digest || 'x'"])
def test_a_damaged_article_is_analysed_again(analysed, home, column):
    with closing(sqlite3.connect(home / STATE)) as connection:
        connection.execute(f"UPDATE article SET {column}")
        connection.commit()
    rebuild_articles(home)
    assert same_bytes(home, analysed)


def test_another_version_analyses_again(home, monkeypatch):
    monkeypatch.setattr(archive, "__version__", "99.0")
    rebuild_articles(home)
    assert versions_of_articles(home) == {"99.0"}
    assert b'"version":"99.0"' in (home / NAME).read_bytes()


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_made_new(analysed, home, seed):
    drawn = random.Random(seed)
    size = (home / STATE).stat().st_size
    with (home / STATE).open("r+b") as file:
        for _ in range([1, 5, 50, 0][seed]):
            file.seek(drawn.randrange(size - 4096))
            file.write(drawn.randbytes(4096))
    if seed == 3:
        (home / STATE).write_bytes(drawn.randbytes(50_000))
        (home / f"{STATE}-wal").write_bytes(drawn.randbytes(5_000))
    rebuild_articles(home)
    assert same_bytes(home, analysed)
    drain(home)
    assert same_bytes(home, analysed)


def test_what_is_observed_of_captures_that_are_gone_is_not_kept(analysed, home):
    with Index(home, write=True) as index:
        entries_of(index, [seen("/never", 1, story("Never", "Was."))])
        index.publish()
    assert not same_bytes(home, analysed)
    rebuild_articles(home)
    assert same_bytes(home, analysed)


def test_a_draft_that_was_left_keeps_nothing_of_captures_that_are_gone(analysed, home):
    made = f"{archive.__version__} taken over"
    with Lock(home) as lock, Index(home, write=True, lock=lock, draft=True) as draft:
        draft.set_note("made", made)
        entries_of(draft, [seen("/never", 1, story("Never", "Was."))])
    rebuild_articles(home)
    assert same_bytes(home, analysed)


@pytest.mark.parametrize("draft", [b"rubbish" * 1000, b""])
def test_a_draft_that_is_damaged_is_begun_again(analysed, home, draft):
    (home / DRAFT).write_bytes(draft)
    rebuild_articles(home)
    assert same_bytes(home, analysed)


def test_a_reader_sees_the_old_entries_until_the_new_are_there(home):
    with Index(home) as reader:
        entries = reader.entries()
        next(entries)
        rebuild_articles(home)
        assert len(list(entries)) == 6
        assert len(list(reader.entries())) == 7


def test_a_crawl_goes_on_where_the_rebuild_ended(home):
    rebuild_articles(home)
    assert drain(home).articles.new == 0
    fill(home, [answer("/story/77", 9000, page("Story seventy-seven"))])
    assert drain(home).articles.new == 1


def test_a_rebuild_that_is_stopped_changes_nothing_and_is_taken_up(analysed, home):
    with Index(home, write=True) as index:
        entries_of(index, [seen("/never", 1, story("Never", "Was."))])
        index.publish()
    before = (home / NAME).read_bytes()
    control = Control()
    control.stopping.set()
    assert not rebuild_articles(home, control=control).is_whole
    assert (home / NAME).read_bytes() == before
    rebuild_articles(home)
    assert same_bytes(home, analysed)


def test_one_process_rebuilds_at_a_time(home):
    with Lock(home), pytest.raises(CollectionLocked):
        rebuild_articles(home)


def test_a_folder_without_a_collection_is_refused(tmp_path):
    with pytest.raises(NotACollection):
        rebuild_articles(tmp_path)


# Articles of an earlier format


def as_version_1(home):
    """Give articles.sqlite the tables of format 1."""
    with closing(sqlite3.connect(home / STATE, isolation_level=None)) as connection:
        columns = "record_id, identity, date, url, status, mime, digest, kind, file, offset, length, original, truncated, article, target, problem"
        connection.executescript(
            f"""ALTER TABLE observation RENAME TO later; DROP INDEX observation_identity; DROP INDEX observation_payload;
            CREATE TABLE observation (
              record_id TEXT PRIMARY KEY, identity TEXT NOT NULL, date TEXT NOT NULL, url TEXT NOT NULL,
              status INTEGER NOT NULL, mime TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
              file TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, original TEXT NOT NULL,
              truncated TEXT, article TEXT, target TEXT NOT NULL, problem TEXT NOT NULL);
            INSERT INTO observation SELECT {columns} FROM later; DROP TABLE later; DROP TABLE again;
            CREATE INDEX observation_identity ON observation (identity);
            CREATE INDEX observation_payload ON observation (digest, url) WHERE article IS NOT NULL;
            UPDATE node SET moved_at = substr(moved_at, 1, 32) || ' ' || substr(moved_at, 34, 45) WHERE moved_at != '';
            UPDATE meta SET value = '1234' WHERE name = 'published';
            PRAGMA user_version = 1"""
        )
    return home


def test_articles_of_format_1_are_brought_up_to_date_by_the_next_run(analysed, home):
    assert drain(as_version_1(home)).articles.new == 0
    assert same_bytes(home, analysed)
    with (
        closing(sqlite3.connect(home / STATE)) as one,
        closing(sqlite3.connect(analysed / STATE)) as two,
    ):
        query = "SELECT identity, moves_to, moved_at >= '2026' FROM node ORDER BY identity"
        assert one.execute(query).fetchall() == two.execute(query).fetchall()


def test_articles_of_format_1_are_taken_over_by_a_rebuild(analysed, home, monkeypatch):
    monkeypatch.setattr("archive.analyse.supervisor.Supervisor.submit", None)
    rebuild_articles(as_version_1(home))
    assert same_bytes(home, analysed)


def test_articles_of_format_1_are_read_as_they_are(analysed, home):
    with Index(as_version_1(home)) as old, Index(analysed) as new:
        assert list(old.entries()) == list(new.entries())
        assert old.find(f"{SITE}/short/1") == new.find(f"{SITE}/short/1") != []


def test_articles_that_are_not_what_format_1_was_are_refused_with_what_helps(home, analysed):
    with closing(sqlite3.connect(as_version_1(home) / STATE)) as connection:
        connection.execute("DROP TABLE observation")
    with pytest.raises(StorageError, match="'muragat rebuild'"):
        drain(home)
    rebuild_articles(home)
    assert same_bytes(home, analysed)


# Kills


def check_kills(analysed, home, seed, kills):
    """Kill the rebuild again and again at random moments; readers always see a whole file; then let it finish."""
    drawn = random.Random(seed)
    with Index(home, write=True) as index:
        entries_of(index, [seen("/never", 1, story("Never", "Was."))])
        index.publish()
    (home / NAME).unlink()
    for _ in range(kills):
        command = [sys.executable, "-c", CODE, str(home), *(["analyse"] if seed % 2 else [])]
        with subprocess.Popen(command, cwd=ROOT) as process:
            try:
                process.wait(drawn.uniform(0.2, 4.0 if seed % 2 else 1.2))
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
        with Index(home) as reader:
            assert len(list(reader.entries())) in {7, 8}
    rebuild_articles(home, analyse=bool(seed % 2))
    assert same_bytes(home, analysed)
    assert not list(home.glob(f"{DRAFT}*"))


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_random_moments_change_nothing(analysed, home, seed):
    check_kills(analysed, home, seed, kills=3)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_kills_at_random_moments_change_nothing(analysed, home, seed):
    check_kills(analysed, home, seed, kills=5)
