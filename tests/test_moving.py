"""Facts about moving, backing up and merging collections: each is a sentence of docs/collection.md."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest

from archive import Collection
from tests.program import articles, muragat, start
from tests.sites.demo import DemoSite

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = ("index.cdxj", "articles.jsonl", "crawls/*.json")
DATABASES = shutil.ignore_patterns("*.sqlite*")


class Homes(NamedTuple):
    whole: Path
    """A home at rest."""
    other: Path
    """Another, of the same site."""
    held: Path
    """A home as it lay in the middle of a crawl, without its databases."""
    backed_up: Path
    """The same with databases copied by SQLite, and before the records."""
    finished: Path
    """The same home when its crawl had ended."""
    committed: set[str]
    """Record-IDs that were acknowledged when the crawl was held."""


def published(home: Path) -> dict[str, bytes]:
    """The files that others read."""
    found = (path for pattern in PUBLISHED for path in home.glob(pattern))
    return {str(path.relative_to(home)): path.read_bytes() for path in found}


def records(home: Path) -> set[str]:
    with Collection(home) as collection:
        return {capture.record_id for capture in collection.captures()}


def back_up(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def hold_a_crawl(site: DemoSite, folder: Path) -> set[str]:
    """Crawl, take copies in the middle while the crawl stands still, let it end; return what was acknowledged."""
    process = start(folder / "finished", "crawl", site.base, "--delay", 0, "--max-pages", 50)
    enough = len(site.requests) + 40
    while len(site.requests) < enough and process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        (folder / "backed-up").mkdir()
        back_up(folder / "finished" / "state.sqlite", folder / "backed-up" / "state.sqlite")
        shutil.copytree(folder / "finished" / "warc", folder / "backed-up" / "warc")
        shutil.copytree(folder / "finished", folder / "held", ignore=DATABASES)
        committed = records(folder / "finished")
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    process.communicate(timeout=120)
    assert process.returncode == 0
    return committed


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("homes")
    with DemoSite() as site:
        assert (
            muragat(folder / "whole", "crawl", site.base, "--delay", 0, "--max-pages", 25).code == 0
        )
        words = ("crawl", site.base, "--delay", 0, "--max-pages", 12)
        assert muragat(folder / "other", *words).code == 0
        committed = hold_a_crawl(site, folder)
    return Homes(
        whole=folder / "whole",
        other=folder / "other",
        held=folder / "held",
        backed_up=folder / "backed-up",
        finished=folder / "finished",
        committed=committed,
    )


@pytest.fixture
def copied(homes, tmp_path):
    """A copy of the home at rest, under another name and elsewhere."""
    return shutil.copytree(homes.whole, tmp_path / "elsewhere" / "archiv, второй")


def test_nothing_in_a_home_depends_on_where_it_lies(homes, copied):
    for words in (("list", "*"), ("coverage",), ("show", articles(copied)[0]["id"])):
        assert muragat(copied, *words) == muragat(homes.whole, *words)
    assert muragat(copied, "verify").out == ""


def test_a_home_is_found_from_any_folder(copied):
    run = muragat(copied.relative_to(copied.parent), "verify", cwd=copied.parent)
    assert (run.code, run.out) == (0, "")


def test_a_moved_home_is_crawled_on(copied):
    before = records(copied)
    with DemoSite() as site:
        assert muragat(copied, "crawl", site.base, "--delay", 0, "--max-pages", 2).code == 0
    assert muragat(copied, "verify").out == ""
    assert before < records(copied)


def test_the_records_alone_give_all_that_is_published(homes, tmp_path):
    shutil.copytree(homes.whole / "warc", tmp_path / "warc")
    assert muragat(tmp_path, "rebuild").code == 0
    assert published(tmp_path) == published(homes.whole)
    assert muragat(tmp_path, "verify").out == ""


def test_a_copy_taken_during_a_crawl_is_mended_by_rebuild(homes, tmp_path):
    home = shutil.copytree(homes.held, tmp_path / "home")
    assert muragat(home, "rebuild").code == 0
    assert muragat(home, "verify").out == ""
    assert homes.committed <= records(home)


def test_finished_files_never_change_and_the_open_one_only_grows(homes):
    for early in (homes.held / "warc").iterdir():
        late = homes.finished / "warc" / early.name.removesuffix(".open")
        assert late.read_bytes().startswith(early.read_bytes())


def test_databases_copied_by_sqlite_before_the_records_fit_them(homes, tmp_path):
    home = shutil.copytree(homes.backed_up, tmp_path / "home")
    assert muragat(home, "verify", "--repair").code == 0
    assert muragat(home, "verify").out == ""
    assert homes.committed <= records(home)


def test_a_damaged_file_is_put_back_from_a_backup(homes, copied):
    file = next(iter((copied / "warc").iterdir()))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert f"warc/{file.name}: byte " in muragat(copied, "verify").out
    shutil.copyfile(homes.whole / "warc" / file.name, file)
    assert muragat(copied, "verify").out == ""


def test_a_file_that_was_lost_is_put_back_from_a_backup(homes, copied):
    file = next(iter((copied / "warc").iterdir()))
    file.unlink()
    assert file.name in muragat(copied, "verify").out
    shutil.copyfile(homes.whole / "warc" / file.name, file)
    assert muragat(copied, "verify").out == ""


def test_two_collections_become_one_whichever_takes_the_other_in(homes, copied, tmp_path):
    other = shutil.copytree(homes.other, tmp_path / "other")
    assert muragat(copied, "import", homes.other).code == 0
    assert muragat(other, "import", homes.whole).code == 0
    assert records(copied) == records(homes.whole) | records(homes.other)
    assert published(copied)["articles.jsonl"] == published(other)["articles.jsonl"]
    assert published(copied)["index.cdxj"] == published(other)["index.cdxj"]
    assert muragat(copied, "verify").out == ""


def test_a_collection_taken_in_twice_counts_once(homes, copied):
    muragat(copied, "import", homes.other)
    once = published(copied)
    assert muragat(copied, "import", homes.other).code == 0
    assert published(copied) == once
