"""Whole commands on a file system that is full: exit 4 and one line that says so, and the next run completes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.backlog import drain
from archive.errors import StorageFull
from tests.program import Run, muragat
from tests.sites.demo import DemoSite
from tests.test_backlog import fill, first_crawl, second_crawl
from tests.test_kills import acknowledged, assert_whole, lose, published

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIB = 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB; skip where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "muragat-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def leave(disk: Path, room: int) -> None:
    """Fill the disk but for so many bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - room)))


def assert_says_so(run: Run) -> None:
    assert run.code == StorageFull.exit_code, (run.out, run.err)
    assert "room" in run.err
    assert "Traceback" not in run.err


@pytest.mark.faults
@pytest.mark.parametrize("room", [0, 60 * KIB, 300 * KIB, 600 * KIB, 1000 * KIB, 1500 * KIB])
def test_a_crawl_on_a_full_disk_says_so_and_the_next_completes(disk: Path, room: int) -> None:
    home = disk / "home"
    with DemoSite() as site:
        words = ("crawl", site.base, "--delay", 0, "--allow", site.photos[7:-1])
        leave(disk, room)
        assert_says_so(muragat(home, *words))
        seen = acknowledged(home)
        (disk / "ballast").unlink()
        last = muragat(home, *words)
        expected = sum(one.expected for one in site.truth)
    assert last.code == 0, last.err
    assert seen <= acknowledged(home)
    with Collection(home) as collection:
        urls = Counter(one.url for one in collection.captures() if "/robots.txt" not in one.url)
    assert max(urls.values()) == 1
    assert (home / "articles.jsonl").read_bytes().count(b"\n") == expected
    assert_whole(home)


@pytest.mark.faults
@pytest.mark.parametrize("room", [0, 100 * KIB, 300 * KIB, 500 * KIB])
@pytest.mark.parametrize("words", [(), ("--analyse",)])
def test_a_rebuild_on_a_full_disk_says_so_and_the_next_completes(
    disk: Path, room: int, words: tuple[str, ...]
) -> None:
    home = fill(disk / "home", first_crawl(), second_crawl())
    drain(home)
    with Collection(home, write=True) as collection:
        collection.publish()
    before = published(home)
    lose(home, "state.sqlite", "articles.sqlite", "index.cdxj", "articles.jsonl")
    leave(disk, room)
    assert_says_so(muragat(home, "rebuild", *words))
    (disk / "ballast").unlink()
    assert muragat(home, "rebuild", *words).code == 0
    assert published(home) == before
    assert_whole(home)


@pytest.mark.parametrize("room", [0, 8 * KIB])
def test_publishing_on_a_full_disk_leaves_the_old_files(disk: Path, room: int) -> None:
    home = fill(disk / "home", first_crawl())
    drain(home)
    with Collection(home, write=True) as collection:
        collection.publish()
        before = published(home)
    fill(home, second_crawl())
    leave(disk, room)
    with pytest.raises(StorageFull):
        drain(home)
    with pytest.raises(StorageFull), Collection(home, write=True) as collection:
        collection.publish()
    assert published(home) == before
    assert not [path for path in home.rglob("*") if path.name.endswith((".tmp", ".part"))]
    (disk / "ballast").unlink()
    drain(home)
    with Collection(home, write=True) as collection:
        collection.publish()
        assert list(collection.verify()) == []
    assert published(home)["articles.jsonl"] != before["articles.jsonl"]
    assert published(home)["index.cdxj"] != before["index.cdxj"]
