"""Imports that are killed, interrupted, or run out of room: the next start repairs, nothing is lost or doubled."""

from __future__ import annotations

import gzip
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.errors import StorageFull
from archive.importing import import_files
from tests.foreign_records import HEAD, packed, page, record
from tests.importing import check, saved, stored_files, take, wacz
from tests.program import ROOT, environment, muragat, start
from tests.test_store_faults import small_disk

__all__ = ["small_disk"]  # a fixture

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20261123
PAGES = 120


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files of each kind: kept as they are, salvaged, packed in a zip; pages in common."""
    numbers = iter(range(0, PAGES, PAGES // 6))
    pages = [[page(each) for each in range(first, first + PAGES // 6 + 5)] for first in numbers]
    return [
        saved(tmp_path / "a.warc.gz", packed(pages[0])),
        saved(tmp_path / "b.warc", b"".join(pages[1])),
        saved(tmp_path / "c.warc.gz", gzip.compress(b"".join(pages[2]), mtime=0)),
        wacz(tmp_path / "d.wacz", {"archive/1.warc.gz": packed(pages[3]), "archive/2.warc.gz": packed(pages[4])}),
        saved(tmp_path / "e.warc.gz", packed(pages[5])),
    ]  # fmt: skip


def killed_import(home: Path, files: list[Path], alarm_s: float) -> int:
    """Import in a process that is ended after so many seconds; return its exit status."""
    command = [
        sys.executable,
        "-m",
        "tests.store_importer",
        str(home),
        f"{alarm_s:.6f}",
        *map(str, files),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode in (0, -signal.SIGALRM), done.stderr
    return done.returncode


def check_kills(home: Path, files: list[Path], kills: int) -> None:
    whole = home.with_name("whole")
    began = time.monotonic()
    take(whole, *files)
    longest = 2 * (time.monotonic() - began)
    moments = random.Random(SEED)
    killed = 0
    while killed < kills:
        status = killed_import(home, files, moments.uniform(0.001, longest))
        killed += status != 0
        with Collection(home, write=True) as collection:  # the next start repairs
            assert [str(problem) for problem in collection.verify()] == []
        assert [path.name for path in (home / "warc").glob(".*")] == []
        if status == 0:  # all is in: begin anew
            check_same(home, whole)
            shutil.rmtree(home)
    assert all(taken.is_whole for taken in take(home, *files))
    check_same(home, whole)


def check_same(home: Path, whole: Path) -> None:
    """Fail unless an import that was killed gave what an undisturbed one gives."""
    assert check(home) == check(whole) == PAGES + 5
    assert stored_files(home) == stored_files(whole)
    assert (home / "index.cdxj").read_bytes() == (whole / "index.cdxj").read_bytes()
    assert set(notes(home)) == set(notes(whole))
    assert len(notes(home)) == 6


def notes(home: Path) -> list[str]:
    """The targets of the records of where files came from."""
    with Collection(home) as collection:
        return [record.target for record in collection.metadata("urn:muragat:import:")]


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path, files: list[Path]) -> None:
    check_kills(tmp_path / "home", files, kills=5)


@pytest.mark.faults
def test_fifty_kills_lose_nothing_and_double_nothing(tmp_path: Path, files: list[Path]) -> None:
    check_kills(tmp_path / "home", files, kills=50)


def test_an_interrupt_leaves_out_the_file_at_hand_and_nothing_half_done(
    tmp_path: Path, files: list[Path]
) -> None:
    home = tmp_path / "home"
    looks = iter(range(10**6))

    def check_() -> None:
        if next(looks) == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(import_files(home, files, check=check_))
    assert [path.name for path in (home / "warc").glob(".*")] == []
    assert check(home) in range(1, PAGES)
    take(home, *files)
    assert check(home) == PAGES + 5


def test_a_signal_ends_the_command_with_130(tmp_path: Path) -> None:
    home = tmp_path / "home"
    many = [saved(tmp_path / f"{number}.warc", page(number)) for number in range(300)]
    process = start(home, "import", *many)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert muragat(home, "verify").out == ""
    assert 0 < check(home) < 300


@pytest.mark.parametrize("kind", ["as it is", "salvaged", "zip"])
def test_a_full_disk_ends_the_import_and_a_later_one_completes(
    tmp_path: Path, small_disk: Path, kind: str
) -> None:
    noise = random.Random(SEED)
    bodies = [HEAD + noise.randbytes(20_000) for _ in range(50)]
    records = [
        record(block=body, WARC_Target_URI=f"http://example.com/{n}")
        for n, body in enumerate(bodies)
    ]
    data = gzip.compress(b"".join(records)) if kind == "salvaged" else packed(records)
    path = saved(tmp_path / "a.warc.gz", data)
    if kind == "zip":
        path = wacz(tmp_path / "a.wacz", {"archive/a.warc.gz": data})
    home = small_disk / "home"
    filler = saved(small_disk / "filler", bytes(2_300_000))
    assert muragat(home, "import", path).code == StorageFull.exit_code
    left = [each.name for each in (home / "warc").iterdir()]
    assert [name for name in left if "muragat" not in name] == []
    filler.unlink()
    [taken] = take(home, path)
    assert taken.new == 50
    assert check(home) == 50
