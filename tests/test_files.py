"""Where WARC files live: names, rotation, locks, and appends that are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from archive.errors import CollectionLocked, StorageError, StorageFull
from archive.store import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATE = datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC)


def writer(folder: Path, *, serial: int = 1, max_bytes: int = 1000) -> files.Writer:
    return files.Writer(folder, "n", serial=serial, max_bytes=max_bytes, begin=lambda _: b"begin ")


def put(to: files.Writer, *pieces: bytes) -> None:
    with to.append() as append:
        append.write(pieces)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextlib.contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, call: str, error: int) -> Iterator[None]:
    def fail(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        yield


def test_name_holds_serial_before_date() -> None:
    name = files.file_name("muragat", 7, DATE)
    assert name == "muragat-00007-20240131235959.warc.gz"
    assert files.serial_of(name) == 7


@pytest.mark.parametrize(
    "name",
    [
        "x.warc.gz",
        "x-7-20240131235959.warc.gz",
        "x-00007-2024.warc.gz",
        "x-00007-20240131235959.warc.gz.open",
        "x-00007-20240131235959.warc",
        "x-٠٠٠٠٧-20240131235959.warc.gz",
    ],
)
def test_other_names_have_no_serial(name: str) -> None:
    assert files.serial_of(name) == 0


def test_own_files_come_in_the_order_of_serials_whatever_the_clock_said(tmp_path: Path) -> None:
    names = ["a-00010-20200101000000.warc.gz", "b-00009-20240101000000.warc.gz"]
    for name in [names[0], names[1] + ".open", "stranger.txt"]:
        (tmp_path / name).touch()
    assert files.own_files(tmp_path) == [names[1], names[0]]


def test_file_is_found_under_either_name(tmp_path: Path) -> None:
    (tmp_path / "f.open").touch()
    assert files.find(tmp_path, "f") == tmp_path / "f.open"
    files.finish(tmp_path, "f")
    assert files.find(tmp_path, "f") == tmp_path / "f"
    files.finish(tmp_path, "f")


def test_missing_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"warc/f: the file is gone; put it back"):
        files.find(tmp_path, "f")


def test_nothing_is_made_before_the_first_append(tmp_path: Path) -> None:
    one = writer(tmp_path)
    one.sync()
    one.finish()
    assert contents(tmp_path) == {}


def test_append_says_where_its_members_lie(tmp_path: Path) -> None:
    one = writer(tmp_path)
    with one.append() as append:
        first, second = append.write([b"ab", b"c"]), append.write([b"defg"])
    assert (first.offset, first.length) == (6, 3)
    assert (second.offset, second.length) == (9, 4)
    assert one.sizes == {one.name: 13}
    one.finish()
    assert list(contents(tmp_path).values()) == [b"begin abcdefg"]


def test_file_has_its_final_name_only_when_finished(tmp_path: Path) -> None:
    one = writer(tmp_path)
    put(one, b"x")
    name = one.name
    assert list(contents(tmp_path)) == [name + ".open"]
    one.finish()
    assert list(contents(tmp_path)) == [name]


def test_closed_file_is_left_as_a_kill_would_leave_it(tmp_path: Path) -> None:
    one = writer(tmp_path)
    put(one, b"x")
    one.close()
    assert [name.endswith(".open") for name in contents(tmp_path)] == [True]


def test_next_file_is_begun_when_the_size_is_reached(tmp_path: Path) -> None:
    one = writer(tmp_path, serial=99_999, max_bytes=10)
    for _ in range(3):
        put(one, b"1234")
    one.finish()
    assert sorted(map(files.serial_of, contents(tmp_path))) == [99_999, 100_000, 100_001]
    assert set(contents(tmp_path).values()) == {b"begin 1234"}


def test_finished_file_is_synced_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 7: an original in an earlier file is durable before a revisit of it is written."""
    calls: list[str] = []
    fsync, pwrite = os.fsync, os.pwrite

    def noted_fsync(file: int) -> None:
        calls.append("sync")
        fsync(file)

    def noted_pwrite(file: int, data: bytes, offset: int) -> int:
        calls.append("write")
        return pwrite(file, data, offset)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "pwrite", noted_pwrite)
    one = writer(tmp_path, max_bytes=10)
    put(one, b"1234")
    calls.clear()
    put(one, b"5678")
    one.close()
    assert calls[:2] == ["sync", "sync"]  # the file, then the folder with its new name
    assert calls[2] == "write"


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    one = writer(tmp_path)
    put(one, b"x")
    one.finish()
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_append_that_fails_leaves_the_file_as_before(tmp_path: Path) -> None:
    one = writer(tmp_path, max_bytes=1 << 30)
    put(one, b"whole")
    with pytest.raises(KeyError), one.append() as append:  # noqa: PT012 - the append must fail inside
        append.write([b"x" * (2 << 20)])
        raise KeyError
    put(one, b"next")
    one.finish()
    assert list(contents(tmp_path).values()) == [b"begin wholenext"]


def test_file_without_any_append_is_removed(tmp_path: Path) -> None:
    one = writer(tmp_path)
    with pytest.raises(KeyError), one.append():
        raise KeyError
    one.finish()
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_is_told_and_writing_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    one = writer(tmp_path)
    put(one, b"whole")
    with (
        failing(monkeypatch, "pwrite", error),
        pytest.raises(StorageFull, match="Make room, then run the same command again"),
    ):
        put(one, b"lost")
    put(one, b"next")
    one.finish()
    assert list(contents(tmp_path).values()) == [b"begin wholenext"]


def test_short_write_is_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:2], at))
    one = writer(tmp_path)
    put(one, b"abcdefg")
    one.finish()
    assert list(contents(tmp_path).values()) == [b"begin abcdefg"]


def test_write_of_nothing_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = writer(tmp_path)
    put(one, b"whole")
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    with pytest.raises(StorageFull):
        put(one, b"lost")
    one.close()
    assert list(contents(tmp_path).values()) == [b"begin whole"]


def test_broken_disk_is_not_called_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = writer(tmp_path)
    put(one, b"whole")
    with failing(monkeypatch, "pwrite", errno.EIO), pytest.raises(StorageError) as caught:
        put(one, b"lost")
    one.close()
    assert not isinstance(caught.value, StorageFull)
    assert "Input/output error" in str(caught.value)


@pytest.mark.parametrize("call", ["open", "pwrite", "fsync"])
def test_file_that_can_not_be_begun_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    one = writer(tmp_path)
    with failing(monkeypatch, call, errno.ENOSPC), pytest.raises(StorageFull):
        put(one, b"x")
    assert contents(tmp_path) == {}
    put(one, b"x")
    one.finish()
    assert list(contents(tmp_path).values()) == [b"begin x"]


def test_nothing_is_written_after_a_failed_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = writer(tmp_path)
    put(one, b"x")
    with failing(monkeypatch, "fsync", errno.EIO), pytest.raises(StorageError):
        one.sync()
    with pytest.raises(StorageError, match="start again"):
        one.sync()
    with pytest.raises(StorageError, match="start again"):
        put(one, b"y")
    one.close()


def test_nothing_is_written_where_a_failed_append_can_not_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = writer(tmp_path)
    put(one, b"x")
    with (
        failing(monkeypatch, "ftruncate", errno.EIO),
        pytest.raises(StorageError, match="Input/output"),
        one.append(),
    ):
        raise KeyError
    with pytest.raises(StorageError, match="start again"):
        put(one, b"y")
    one.close()


def test_sync_waits_for_the_disk_only_when_something_was_appended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = writer(tmp_path)
    put(one, b"x")
    one.sync()
    one.committed()
    with failing(monkeypatch, "fsync", errno.EIO):
        one.sync()
    one.finish()


def test_cut_shortens_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"123456")
    files.cut(tmp_path / "f", 4)
    assert (tmp_path / "f").read_bytes() == b"1234"


def test_lock_is_held_once_and_names_its_holder(tmp_path: Path) -> None:
    assert not files.is_locked(tmp_path)
    lock = files.Lock(tmp_path)
    with pytest.raises(CollectionLocked, match=f"process {os.getpid()} is writing"):
        files.Lock(tmp_path)
    assert files.is_locked(tmp_path)
    lock.close()
    assert not files.is_locked(tmp_path)
    files.Lock(tmp_path).close()


def test_lock_whose_holder_did_not_say_its_name_is_a_lock(tmp_path: Path) -> None:
    lock = files.Lock(tmp_path)
    (tmp_path / "lock").write_bytes(b"")
    with pytest.raises(CollectionLocked, match="process unknown"):
        files.Lock(tmp_path)
    lock.close()
