"""The index made again from the WARC files: the same bytes, whatever was lost, and whenever it was killed."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive import Collection
from archive.errors import CollectionLocked, NotACollection
from archive.model import Via
from archive.rebuild import Progress, rebuild
from archive.store import scanning
from archive.store.draft import NAME, Draft
from tests.exchanges import exchange, numbered
from tests.imported import Page, lay, name_of, take_in, warc

PAYLOAD = b"<p>3</p>" * 250  # that of `numbered(3)`
PUBLISHED = (".cdxj", ".json")
STATE = ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm")
PAGES = [
    [Page(1, b"one"), Page(2, b"two"), Page(3, b"one", day=2)],
    [Page(4, day=3, repeats=b"one"), Page(1, day=4, repeats=b"two")],
    [
        Page(1, b"one"),
        Page(5, repeats=b"?", refers_to=("http://example.org/6", "2020-01-01T00:00:00Z")),
    ],
    [Page(6, b"six"), Page(7, b"one", day=1)],
    [Page(2, b"two"), Page(1, b"one")],
]


def fill(home: Path, numbers: range = range(60)) -> Path:
    """Fill a home with several files of everything, publish, and return it."""
    with Collection(home, write=True, max_file_bytes=6_000) as collection:
        collection.add_metadata("urn:muragat:crawl:20240131:start", b"{}")
        for number in numbers:
            collection.add(numbered(number))
        collection.add(exchange("http://example.com/again", PAYLOAD, via=Via(site="x")))
        collection.add_metadata("urn:muragat:crawl:20240131:report", b'{"a": 1}\n')
        collection.sync()
        collection.publish()
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return fill(tmp_path / "collection")


def published(home: Path) -> dict[str, bytes]:
    found = (path for path in home.rglob("*") if path.suffix in PUBLISHED)
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in found}


def rows(home: Path) -> list[tuple[object, ...]]:
    """Return what the rows say, but for sequences."""
    with contextlib.closing(sqlite3.connect(home / "state.sqlite")) as connection:
        captures = connection.execute("""SELECT files.name, offset, length, urlkey, date, url, method, status, mime,
 digest, kind, record_id, original, truncated, payload_length, is_original, site, span, stated, refers_to
 FROM captures JOIN files ON files.id = captures.file ORDER BY urlkey, date, record_id, url, kind""")
        told = connection.execute("""SELECT files.name, offset, length, target, date, record_id
 FROM metadata JOIN files ON files.id = metadata.file ORDER BY target, date, record_id""")
        sizes = connection.execute("SELECT name, bytes FROM files ORDER BY name")
        return [*captures, *told, *sizes]


def problems(home: Path) -> list[str]:
    with Collection(home) as collection:
        return [str(problem) for problem in collection.verify()]


def lose(home: Path, *names: str) -> None:
    for name in names:
        path = home / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


# the same again


@pytest.mark.parametrize("workers", [1, 3])
def test_rebuild_makes_the_published_files_and_the_rows_again(home: Path, workers: int) -> None:
    files, before = published(home), rows(home)
    assert sorted(files) == ["crawls/20240131.json", "index.cdxj"]
    lose(home, *STATE, "index.cdxj", "crawls")
    made = rebuild(home, workers=workers)
    assert (made.captures, made.metadata, made.problems) == (61, 2, ())
    assert (published(home), rows(home), problems(home)) == (files, before, [])


def test_rebuild_of_what_is_right_changes_nothing(home: Path) -> None:
    files, before = published(home), rows(home)
    rebuild(home)
    assert (published(home), rows(home), problems(home)) == (files, before, [])


@pytest.mark.parametrize(
    "content", [b"", b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_rebuild_replaces_a_state_that_is_none(home: Path, content: bytes) -> None:
    files = published(home)
    lose(home, *STATE)
    (home / "state.sqlite").write_bytes(content)
    rebuild(home)
    assert (published(home), problems(home)) == (files, [])


def test_rebuild_replaces_a_state_with_a_damaged_page(home: Path) -> None:
    files = published(home)
    data = bytearray((home / "state.sqlite").read_bytes())
    data[4096 : 4096 * 3] = os.urandom(8192)
    (home / "state.sqlite").write_bytes(data)
    rebuild(home)
    assert (published(home), problems(home)) == (files, [])


def test_rebuild_writes_reports_anew_that_are_not_what_was_reported(home: Path) -> None:
    files = published(home)
    (home / "crawls" / "20240131.json").write_bytes(b"{}")
    rebuild(home)
    assert published(home) == files


def test_rebuild_leaves_nothing_of_itself(home: Path) -> None:
    before = sorted(path.name for path in home.iterdir())
    rebuild(home)
    assert sorted(path.name for path in home.iterdir()) == before


def test_rebuild_says_that_the_articles_are_still_to_be_made(home: Path) -> None:
    rebuild(home)
    with Collection(home, write=True) as collection:
        (note,) = collection.state.execute("SELECT value FROM notes WHERE name = 'rebuild'")
    assert note == ("articles",)


def test_rebuild_tells_how_far_it_has_come(home: Path) -> None:
    told: list[Progress] = []
    made = rebuild(home, report=told.append)
    assert told[-1] == Progress(made.warc_bytes, made.warc_bytes, 61)
    assert [one.bytes_done for one in told] == sorted(one.bytes_done for one in told)


def test_reader_sees_the_old_rows_until_it_looks_again(home: Path) -> None:
    with Collection(home) as reader:
        captures = reader.captures()
        first = next(captures)
        rebuild(home)
        assert len(list(captures)) == 60
        assert reader.read(first).status == 200


def test_collection_goes_on_after_a_rebuild(home: Path) -> None:
    rebuild(home)
    with Collection(home, write=True) as collection:
        assert collection.add(exchange("http://example.com/3a", PAYLOAD)).kind == "revisit"
    assert problems(home) == []


def test_rebuild_waits_for_nobody(home: Path) -> None:
    with Collection(home, write=True), pytest.raises(CollectionLocked):
        rebuild(home)


def test_folder_without_warc_files_is_no_collection(tmp_path: Path) -> None:
    with pytest.raises(NotACollection, match="no collection here"):
        rebuild(tmp_path)


# what is wrong with the files


def test_torn_end_of_an_open_file_is_cut(home: Path) -> None:
    files, before = published(home), rows(home)
    last = max((home / "warc").iterdir())
    whole = last.read_bytes()
    collection = Collection(home, write=True)
    collection.add(numbered(70))
    collection.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    torn = next((home / "warc").glob("*.open"))
    torn.write_bytes(torn.read_bytes()[:-9])
    lose(home, *STATE)
    (problem,) = rebuild(home).problems
    assert "unfinished exchange" in problem.message
    assert last.read_bytes() == whole
    assert published(home)["index.cdxj"] == files["index.cdxj"]
    assert len(rows(home)) == len(before) + 1  # the file, of a warcinfo alone
    assert problems(home) == []


def test_damage_between_exchanges_is_kept_and_told(home: Path) -> None:
    with Collection(home) as collection:
        captures = list(collection.captures())
    hit = captures[7]
    path = home / "warc" / hit.file
    data = bytearray(path.read_bytes())
    data[hit.offset + 40] ^= 1
    path.write_bytes(data)
    made = rebuild(home)
    assert made.captures == 60
    assert [(one.place, "can't be read" in one.message) for one in made.problems] == [
        (f"warc/{hit.file}", True)
    ]
    assert path.read_bytes() == data


def test_stranger_among_the_files_is_told_with_the_command_that_takes_it_in(home: Path) -> None:
    (home / "warc" / "elsewhere.warc.gz").write_bytes(warc([Page(1, b"one")]))
    (problem,) = rebuild(home).problems
    assert "muragat import elsewhere.warc.gz" in problem.repair
    assert [found for found in problems(home) if "muragat import elsewhere.warc.gz" in found]


def test_worker_that_dies_is_told_and_its_file_read_all_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, before = published(home), rows(home)
    code = (
        "import os, sys; sys.stdin.readline(); print('[\"c\"', flush=True); os.kill(os.getpid(), 9)"
    )
    monkeypatch.setattr(scanning, "_COMMAND", (sys.executable, "-c", code))
    made = rebuild(home)
    assert len(made.problems) == made.files
    assert "signal 9" in made.problems[0].message
    assert (published(home), rows(home), problems(home)) == (files, before, [])


# kills


def killed(home: Path, after_s: float) -> bool:
    """Rebuild in a process that the kernel ends after so long; return whether it was ended."""
    code = (
        "import signal, sys; from pathlib import Path; from archive.rebuild import rebuild;"
        "signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2])); rebuild(Path(sys.argv[1]), workers=2)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home), str(after_s)], timeout=60, check=False
    )
    assert done.returncode in (0, -signal.SIGALRM)
    return done.returncode != 0


def rebuild_with_kills(folder: Path, times: int, seed: int) -> None:
    draw = random.Random(seed)
    home = fill(folder / "collection", range(120))
    files, before = published(home), rows(home)
    for _ in range(times):
        lose(home, *draw.sample([*STATE, "index.cdxj", "crawls"], 2))
        if (home / "state.sqlite").exists():
            lose(home, "index.cdxj")
        else:
            lose(home, *STATE)
        killed(home, draw.uniform(0.01, 1.2))
        if draw.random() < 0.3:
            Collection(home, write=True).close()
            assert problems(home) == []
    rebuild(home)
    assert (published(home), rows(home), problems(home)) == (files, before, [])


def test_rebuild_after_kills_is_the_same(tmp_path: Path) -> None:
    rebuild_with_kills(tmp_path, 4, 1)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(10))
def test_rebuild_after_many_kills_is_the_same(tmp_path: Path, seed: int) -> None:
    rebuild_with_kills(tmp_path, 10, seed)


def test_what_was_scanned_is_not_scanned_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, before = published(home), rows(home)
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if progress.captures > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(home, workers=1, report=stop)
    done = max(one.bytes_done for one in told)
    again: list[Progress] = []
    rebuild(home, report=again.append)
    assert again[0].bytes_done >= done > 0
    assert max(one.captures for one in again) < 61
    assert (published(home), rows(home), problems(home)) == (files, before, [])


def test_file_that_changed_since_it_was_scanned_is_scanned_again(home: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.captures > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(home, workers=1, report=stop)
    with Collection(home, write=True) as collection:
        collection.add(numbered(99))
        collection.sync()
        collection.publish()
    files = published(home)
    rebuild(home)
    assert published(home) == files


@pytest.mark.parametrize("name", ["z", "a\tb", ""])
def test_rebuild_that_was_killed_before_its_end_tells_what_was_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = tmp_path / "c"
    (home / "warc").mkdir(parents=True)
    if name:
        fill(home, range(2))
        (home / "warc" / f"{name}-00009-20260101000000.warc.gz").write_bytes(b"rubbish")
    with monkeypatch.context() as patched:
        patched.setattr(Draft, "copy_over", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rebuild(home, workers=1)
    assert len(rebuild(home, workers=1).problems) == len(problems(home)) == bool(name)


def test_draft_of_another_version_is_begun_again(home: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.captures > 30:
            raise KeyboardInterrupt

    files = published(home)
    with pytest.raises(KeyboardInterrupt):
        rebuild(home, workers=1, report=stop)
    with contextlib.closing(sqlite3.connect(home / NAME)) as connection:
        connection.executescript(
            "ALTER TABLE found DROP COLUMN stated; UPDATE notes SET value = '1 0.0'"
        )
    rebuild(home, workers=1)
    assert published(home) == files


# order


def test_capture_in_two_files_is_one_whatever_came_first(tmp_path: Path) -> None:
    found = []
    for number, order in enumerate(itertools.permutations(PAGES[:3], 2)):
        home = tmp_path / str(number)
        with Collection(home, write=True) as collection:
            for pages in order:
                take_in(collection, warc(pages))
            collection.publish()
        assert problems(home) == []
        key = tuple(sorted(map(PAGES.index, order)))
        found.append((key, published(home), rows(home)))
    for key, group in itertools.groupby(sorted(found, key=lambda one: one[0]), lambda one: one[0]):
        first, second = group
        assert first == second, key


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.permutations(range(len(PAGES))), st.integers(0, len(PAGES)), st.integers(0, 3))
def test_any_order_of_files_gives_the_same_index(
    order: list[int], recovered: int, batch: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "c"
        with Collection(home, write=True) as collection:
            collection.add_metadata("urn:x", b"{}")
        own = [(path.name, path.read_bytes()) for path in (home / "warc").iterdir()]
        reference = Path(folder) / "reference"
        (reference / "warc").mkdir(parents=True)
        for name, data in own + [(name_of(warc(each)), warc(each)) for each in PAGES]:
            (reference / "warc" / name).write_bytes(data)
        rebuild(reference, workers=1)
        for number in order[:recovered]:  # as a kill between renaming and committing leaves them
            data = warc(PAGES[number])
            lay(home, data, name_of(data)).rename(home / "warc" / name_of(data))
            if batch == 0:
                Collection(home, write=True).close()
        with Collection(home, write=True) as collection:
            for number in order[recovered:]:
                take_in(collection, warc(PAGES[number]))
                if batch == 1:
                    collection.publish()
            collection.publish()
        assert problems(home) == []
        assert (published(home), rows(home)) == (published(reference), rows(reference))


def test_own_record_counts_before_a_foreign_one_of_the_same_name(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        collection.add(numbered(1))
    (own,) = (home / "warc").iterdir()
    with Collection(home, write=True) as collection:
        adopted = take_in(collection, own.read_bytes(), "aaa")
        assert (adopted.new, adopted.known) == (0, 1)
        assert [capture.file for capture in collection.captures()] == [own.name]
        collection.publish()
    assert problems(home) == []
    files, before = published(home), rows(home)
    rebuild(home)
    assert (published(home), rows(home)) == (files, before)
