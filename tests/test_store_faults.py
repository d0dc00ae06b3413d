"""Kills, full disks and torn files: the next start repairs, verify is clean, nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.errors import StorageFull
from archive.model import Kind
from archive.rebuild import rebuild
from archive.store.files import OPEN
from tests.exchanges import exchange, judge, numbered, warc_files

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20240131
REPOSITORY = Path(__file__).parents[1]


class Killed(Exception):  # noqa: N818 - what it stands for
    """Ends a writer in the tests as a signal would: nothing is synced, named or closed in good order."""


@contextlib.contextmanager
def killed(home: Path) -> Iterator[Collection]:
    with contextlib.suppress(Killed), Collection(home, write=True) as collection:
        yield collection
        raise Killed


def assert_sound(home: Path) -> None:
    with Collection(home) as collection:
        assert list(collection.verify()) == []


# kills


def run_writer(home: Path, upto: int, every: int, alarm_s: float) -> tuple[int, list[int]]:
    """Run the writer until it ends or is killed; return its exit code and what it said it had acknowledged."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store_writer", *map(str, (home, upto, every, alarm_s))],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    return done.returncode, [int(line) for line in done.stdout.splitlines()]


def kill_many_times(home: Path, draw: random.Random, *, kills: int) -> None:
    upto, seen_kills = 0, 0
    for _ in range(kills):
        upto += 40
        code, told = run_writer(home, upto, draw.randint(1, 9), draw.uniform(0.001, 0.15))
        assert code in (0, -signal.SIGALRM)
        seen_kills += code != 0
        with Collection(home, write=True) as collection:
            numbers = [int(one.url.rpartition("/")[2]) for one in collection.captures(after=0)]
            done = {number for (number,) in collection.state.execute("SELECT number FROM done")}
            kinds = {one.kind for one in collection.captures()}
        assert numbers == list(range(len(numbers))), "lost, doubled or out of order"
        assert done | set(told[-1:]) <= set(numbers), "an acknowledged one is lost"
        assert set(told[-1:]) <= done
        assert kinds <= {Kind.RESPONSE}, "something was stored twice"
        assert_sound(home)
    assert seen_kills
    assert run_writer(home, upto, 5, 60)[0] == 0
    assert_sound(home)
    for file in warc_files(home)[:3]:
        judge(file)


def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_many_times(tmp_path / "c", random.Random(SEED), kills=6)


@pytest.mark.faults
def test_many_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_many_times(tmp_path / "c", random.Random(), kills=60)


def test_whole_exchanges_that_were_not_committed_are_found(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with killed(home) as collection:
        collection.add(numbered(1))
        collection.sync()
        late = [collection.add(numbered(2)), collection.add(numbered(3))]
    with Collection(home, write=True) as collection:
        assert list(collection.recovered) == late
        assert collection.repairs == ()
        assert [one.sequence for one in collection.unread()] == [1, 2, 3]
        assert collection.add(numbered(2)).original == late[0].record_id
    assert_sound(home)


def test_exchange_in_an_earlier_file_that_was_not_committed_is_found(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with (
        contextlib.suppress(Killed),
        Collection(home, write=True, max_file_bytes=100) as collection,
    ):
        late = [collection.add(numbered(number)) for number in range(3)]
        raise Killed
    assert [file.name.endswith(OPEN) for file in warc_files(home)] == [False, False, True]
    with Collection(home, write=True) as collection:
        assert list(collection.recovered) == late
    assert_sound(home)


def test_records_are_synced_before_the_rows_are_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync = os.fsync

    def noted(file: int) -> None:
        calls.append("fsync " + Path(f"/proc/self/fd/{file}").readlink().suffix)
        fsync(file)

    with Collection(tmp_path / "c", write=True) as collection:
        collection.add(numbered(1))
        monkeypatch.setattr(os, "fsync", noted)
        collection.state.set_trace_callback(lambda sql: calls.append(sql.split()[0]))
        collection.sync()
        collection.state.set_trace_callback(None)
        assert calls.index("fsync .open") < calls.index("BEGIN") < calls.index("COMMIT")
        (full,) = collection.state.execute("PRAGMA synchronous").fetchone()
        assert full == 2


# torn tails


def torn(home: Path) -> tuple[Path, int, int]:
    """Leave a file with one committed and one uncommitted exchange; return it, the second's start and its end."""
    with killed(home) as collection:
        collection.add(numbered(1, 100))
        collection.sync()
        late = collection.add(exchange("http://example.com/late", b"late"))
    (file,) = warc_files(home)
    return file, late.offset, file.stat().st_size


def cut_and_reopen(home: Path, file: Path, start: int, size: int) -> None:
    with file.open("r+b") as cut:
        cut.truncate(size)
    with Collection(home, write=True) as collection:
        assert collection.recovered == ()
        assert [one.url for one in collection.captures()] == ["http://example.com/1"]
        (problem,) = collection.repairs or (None,)
        assert (problem is None) is (size == start)
        assert problem is None or (problem.offset, problem.place) == (start, f"warc/{file.stem}")
    assert warc_files(home)[0].stat().st_size == start
    assert_sound(home)


def each_cut(tmp_path: Path, draw: random.Random | None) -> None:
    left = tmp_path / "left"
    file, start, end = torn(left)
    cuts = range(start, end)
    for size in sorted(draw.sample(cuts, 25)) if draw else cuts:
        home = tmp_path / "c"
        shutil.copytree(left, home)
        cut_and_reopen(home, home / "warc" / file.name, start, size)
        shutil.rmtree(home)


def test_torn_tail_is_cut_at_the_last_whole_exchange(tmp_path: Path) -> None:
    each_cut(tmp_path, random.Random(SEED))


@pytest.mark.faults
def test_tail_torn_at_every_byte_is_cut_at_the_last_whole_exchange(tmp_path: Path) -> None:
    each_cut(tmp_path, None)


def test_repair_at_start_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, start, end = torn(tmp_path / "c")
    with file.open("r+b") as cut:
        cut.truncate(end - 1)
    Collection(tmp_path / "c", write=True).close()
    assert f"{end - 1 - start} bytes of an unfinished exchange were cut off" in caplog.text
    assert caplog.records[0].levelname == "WARNING"


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"\x1f\x8b\x08" * 100, b"rubbish"])
def test_tail_that_a_power_cut_filled_with_rubbish_is_cut(tmp_path: Path, tail: bytes) -> None:
    file, _, end = torn(tmp_path / "c")
    with file.open("ab") as more:
        more.write(tail)
    with Collection(tmp_path / "c", write=True) as collection:
        assert len(collection.recovered) == 1
        assert len(collection.repairs) == 1
    assert warc_files(tmp_path / "c")[0].stat().st_size == end
    assert_sound(tmp_path / "c")


def test_damage_between_whole_exchanges_is_kept_and_told(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with killed(home) as collection:
        added = [collection.add(numbered(number)) for number in range(3)]
    (file,) = warc_files(home)
    data = bytearray(file.read_bytes())
    data[added[1].offset + 50] ^= 1
    file.write_bytes(data)
    with Collection(home, write=True) as collection:
        assert [one.url for one in collection.recovered] == [added[0].url, added[2].url]
        (problem,) = collection.repairs
        assert (problem.offset, "kept as they are" in problem.message) == (added[1].offset, True)
    assert warc_files(home)[0].read_bytes() == data


def test_finished_file_is_never_cut(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        collection.add(numbered(1))
    (file,) = warc_files(home)
    with file.open("ab") as more:
        more.write(b"appended by a strange hand")
    size = file.stat().st_size
    with Collection(home, write=True) as collection:
        assert "kept as they are" in collection.repairs[0].message
    assert file.stat().st_size == size


def test_file_without_a_whole_record_is_removed(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        collection.add(numbered(1))
    (home / "warc" / f"muragat-00002-20240131235959.warc.gz{OPEN}").write_bytes(b"\x1f\x8b")
    with Collection(home, write=True) as collection:
        assert collection.add(numbered(2)).file.startswith("muragat-00002-")
    assert len(warc_files(home)) == 2
    assert_sound(home)


def test_file_shorter_than_what_was_acknowledged_is_told_and_left(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        collection.add(numbered(1))
    (file,) = warc_files(home)
    with file.open("r+b") as cut:
        cut.truncate(700)
    with Collection(home, write=True) as collection:
        assert "before what was acknowledged" in collection.repairs[0].message
    assert file.stat().st_size == 700


# lost state


@pytest.mark.parametrize("how", ["deleted", "emptied", "deleted beside its log"])
def test_lost_state_is_made_again_from_the_records(tmp_path: Path, how: str) -> None:
    home, copy = tmp_path / "c", tmp_path / "copy"
    with killed(home) as collection:
        added = [collection.add(numbered(number)) for number in range(3)]
        added.append(collection.add(numbered(1)))
        collection.sync()
        collection.publish()
        shutil.copytree(home, copy)  # as a kill leaves it: the write-ahead log is still there
    index = (copy / "index.cdxj").read_bytes()
    if how == "emptied":
        (copy / "state.sqlite").write_bytes(b"")
    else:
        (copy / "state.sqlite").unlink()
    if how == "deleted":
        (copy / "state.sqlite-wal").unlink()
        (copy / "state.sqlite-shm").unlink()
    with Collection(copy, write=True) as collection:
        assert list(collection.captures(after=0)) == added
        assert [one.sequence for one in collection.unread()] == [1, 2, 3, 4]
    assert (copy / "index.cdxj").read_bytes() == index
    assert_sound(copy)


def test_serials_go_on_after_the_state_was_lost(tmp_path: Path) -> None:
    home = tmp_path / "c"
    for _ in range(2):
        with Collection(home, write=True) as collection:
            collection.add(exchange())
    (home / "state.sqlite").unlink()
    with Collection(home, write=True) as collection:
        assert collection.add(exchange()).file.startswith("muragat-00003-")


# full disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB; where none can be mounted, skip: the writer's own tests fake it."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "muragat-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(collection: Collection, start: int) -> int:
    """Add and sync exchanges until the disk is full; return how many were acknowledged."""
    acknowledged = start
    with pytest.raises(StorageFull, match="Make room"):  # noqa: PT012 - any of the three may meet it
        for number in range(start, 10_000):
            collection.add(numbered(number, 200))
            collection.add(exchange(f"http://example.com/big/{number}", random.randbytes(9000)))
            collection.sync()
            acknowledged = number + 1
    return acknowledged


def test_rebuild_on_a_full_disk_says_so_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    home, ballast = small_disk / "c", small_disk / "ballast"
    with Collection(home, write=True) as collection:
        for number in range(300):
            collection.add(numbered(number, 200))
        collection.sync()
        collection.publish()
    index = (home / "index.cdxj").read_bytes()
    (home / "index.cdxj").unlink()
    ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 150_000))
    with pytest.raises(StorageFull, match="Make room"):
        rebuild(home)
    with Collection(home) as collection:
        assert len(list(collection.captures())) == 300
    ballast.unlink()
    rebuild(home)
    assert (home / "index.cdxj").read_bytes() == index
    with Collection(home) as collection:
        assert list(collection.verify()) == []


def test_full_disk_stops_cleanly_and_the_same_process_goes_on_when_there_is_room(
    small_disk: Path,
) -> None:
    home, ballast = small_disk / "c", small_disk / "ballast"
    ballast.write_bytes(b"x" * (1 << 20))
    with Collection(home, write=True) as collection:
        first = fill(collection, 0)
        assert first > 10
        ballast.unlink()
        collection.add(exchange("http://example.com/after", b"room again"))
        collection.sync()
        urls = {one.url for one in collection.captures()}
        assert urls >= {f"http://example.com/{number}" for number in range(first)}
        assert "http://example.com/after" in urls
    assert_sound(home)


def test_full_disk_loses_nothing_acknowledged_for_the_next_run(small_disk: Path) -> None:
    home, ballast = small_disk / "c", small_disk / "ballast"
    ballast.write_bytes(b"x" * (1 << 20))
    with contextlib.suppress(StorageFull), Collection(home, write=True) as collection:
        first = fill(collection, 0)
    ballast.unlink()
    with Collection(home, write=True) as collection:
        urls = [one.url for one in collection.captures()]
        assert set(urls) >= {f"http://example.com/{number}" for number in range(first)}
        assert len(urls) == len(set(urls))
        collection.add(exchange("http://example.com/after", b"room again"))
        collection.publish()
    assert_sound(home)


def test_full_state_leaves_records_for_a_later_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        (pages,) = collection.state.execute("PRAGMA page_count").fetchone()
        collection.state.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(100):
            collection.add(numbered(number, 16))
        with pytest.raises(StorageFull, match=r"state\.sqlite"):
            collection.sync()
        assert list(collection.captures()) == []
        collection.state.execute("PRAGMA max_page_count = 100000")
        assert collection.sync() == 100
    assert_sound(home)


def test_half_written_exchange_is_cut_off_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, pwrite = tmp_path / "c", os.pwrite

    def full(file: int, data: bytes, offset: int) -> int:
        if offset > before:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(file, data[:100], offset)

    with Collection(home, write=True) as collection:
        collection.add(numbered(1))
        before = warc_files(home)[0].stat().st_size
        with monkeypatch.context() as patch, pytest.raises(StorageFull):  # noqa: PT012
            patch.setattr(os, "pwrite", full)
            collection.add(numbered(2))
        assert warc_files(home)[0].stat().st_size == before
        assert collection.add(numbered(3)).sequence == 2
        assert collection.add(numbered(2)).kind is Kind.RESPONSE
    assert_sound(home)


def test_limit_on_file_size_is_told_as_a_full_disk(tmp_path: Path) -> None:
    code = (
        "import sys, resource; from pathlib import Path; from archive import Collection\n"
        "from archive.errors import StorageFull; from tests.exchanges import numbered\n"
        "collection = Collection(Path(sys.argv[1]), write=True)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    for number in range(1000): collection.add(numbered(number, 90_000))\n"
        "except StorageFull as error: print(error)\n"
    )
    home = tmp_path / "c"
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"Make room" in done.stdout
    Collection(home, write=True).close()
    assert_sound(home)


def test_error_while_closing_releases_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    home = tmp_path / "c"
    collection = Collection(home, write=True)
    collection.add(numbered(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageFull):
            collection.close()
    with Collection(home, write=True) as collection:
        assert len(collection.recovered) == 1


def test_state_that_can_not_be_opened_releases_the_lock(tmp_path: Path) -> None:
    home = tmp_path / "c"
    Collection(home, write=True).close()
    connection = sqlite3.connect(home / "state.sqlite")
    connection.execute("DROP TABLE files")
    connection.close()
    with pytest.raises(sqlite3.OperationalError):
        Collection(home, write=True)
    (home / "state.sqlite").unlink()
    Collection(home, write=True).close()


def test_index_that_can_not_be_caught_up_releases_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise StorageFull("index.cdxj: no room")

    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        collection.add(numbered(1))
    (home / "index.cdxj").write_bytes(b"changed")
    with monkeypatch.context() as patch:
        patch.setattr("archive.store.cdxj.publish", fail)
        with pytest.raises(StorageFull):
            Collection(home, write=True)
    Collection(home, write=True).close()
    assert_sound(home)
