"""Facts about `muragat rebuild`: what is deleted comes back byte for byte, and the next crawl goes on as before."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest

from archive import Collection
from tests.program import Run, muragat, start
from tests.sites.demo import DemoSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MADE_AGAIN = ("state.sqlite", "articles.sqlite", "index.cdxj", "articles.jsonl", "crawls")
SEED = 20261123


class Crawled(NamedTuple):
    """A home crawled at two times, what it published, and the site."""

    site: DemoSite
    home: Path
    published: dict[str, bytes]


def published(home: Path) -> dict[str, bytes]:
    files = [home / "index.cdxj", home / "articles.jsonl", *sorted((home / "crawls").iterdir())]
    return {path.name: path.read_bytes() for path in files}


def change(site: DemoSite) -> None:
    edited, renamed, commented, removed, *_ = [one.path for one in site.truth if one.expected]
    site.edit(edited, title="Another headline", text="Another text, long enough to be one.")
    site.rename(renamed, "under-another-name")
    site.comment(commented, author="Aigul", text="A remark.", date=datetime(2026, 1, 2, tzinfo=UTC))
    site.remove(removed)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory) -> Iterator[Crawled]:
    home = tmp_path_factory.mktemp("rebuilt") / "home"
    with DemoSite() as site:
        first = muragat(home, "crawl", site.base, "--delay", 0)
        change(site)
        second = muragat(home, "crawl", site.base, "--delay", 0)
        assert (first.code, second.code) == (0, 0)
        yield Crawled(site, home, published(home))


@pytest.fixture
def home(crawled, tmp_path) -> Path:
    """A copy of the crawled home."""
    copy: Path = tmp_path / "home"
    shutil.copytree(crawled.home, copy)
    return copy


def lose(home: Path, *names: str) -> None:
    for name in names:
        for path in home.glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def rebuilt(home: Path, *words: object) -> Run:
    run = muragat(home, "rebuild", *words)
    assert run.code == 0, (run.out, run.err)
    return run


def test_everything_published_comes_back_byte_for_byte(crawled, home):
    lose(home, *MADE_AGAIN)
    run = rebuilt(home)
    assert (run.out, run.err) == ("", "")
    assert published(home) == crawled.published
    assert muragat(home, "verify").out == ""


def test_extracting_again_gives_the_same_bytes(crawled, home):
    rebuilt(home, "--analyse")
    assert published(home) == crawled.published


@pytest.mark.parametrize("names", [MADE_AGAIN[:1], MADE_AGAIN[1:2], MADE_AGAIN[2:]])
def test_what_alone_is_lost_comes_back(crawled, home, names):
    lose(home, *names)
    rebuilt(home)
    assert published(home) == crawled.published


def test_the_next_crawl_fetches_what_it_would_have_fetched(crawled, home, tmp_path):
    kept = shutil.copytree(home, tmp_path / "kept")
    lose(home, *MADE_AGAIN)
    rebuilt(home)
    reports, asked = [], []
    for place in (kept, home):
        before = len(crawled.site.requests)
        reports += muragat(place, "crawl", crawled.site.base, "--delay", 0, "--json").lines
        asked.append(sorted(seen.target for seen in crawled.site.requests[before:]))
    asked[1].remove(
        "/robots.txt"
    )  # what was kept of it is lost with the state, see docs/promises.md
    assert asked[0] == asked[1]
    assert reports[0]["outcomes"] == reports[1]["outcomes"]
    articles = reports[1]["articles"]
    assert (articles["new"], articles["changed"], articles["gone"]) == (0, 0, 0)


def test_a_crawl_makes_a_frontier_that_was_lost_again(crawled, home):
    lose(home, "state.sqlite")
    [report] = muragat(home, "crawl", crawled.site.base, "--delay", 0, "--json").lines
    assert report["outcomes"].get("stored", 0) == 0
    assert report["articles"]["new"] == 0


def test_the_report_tells_what_was_made(crawled, home):
    [told] = rebuilt(home, "--json").lines
    with Collection(home) as collection:
        assert told["captures"] == collection.stats().captures
    assert told["articles"] == crawled.published["articles.jsonl"].count(b"\n")
    assert told["problems"] == []


def test_a_folder_without_records_is_refused(tmp_path):
    assert muragat(tmp_path, "rebuild").code == 2


def test_a_stranger_in_the_folder_is_told_and_left(crawled, home):
    (home / "warc" / "notes.txt").write_text("mine")
    run = muragat(home, "rebuild")
    assert run.code == 1
    assert run.out.startswith("warc/notes.txt: ")
    assert (home / "warc" / "notes.txt").read_text() == "mine"
    assert published(home) == crawled.published


def end_within(home: Path, seconds: float, number: int) -> int:
    """Rebuild, and send a signal after so long unless it has ended; return the exit status."""
    process = start(home, "rebuild")
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    if process.poll() is None:
        process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


def check_kills(home: Path, expected: dict[str, bytes], moments: list[float]) -> None:
    for seconds in moments:
        end_within(home, seconds, signal.SIGKILL)
    rebuilt(home)
    assert published(home) == expected
    assert muragat(home, "verify").out == ""


def test_a_rebuild_that_was_killed_is_done_by_the_next(crawled, home):
    lose(home, *MADE_AGAIN)
    check_kills(home, crawled.published, [1.0, 2.5])


@pytest.mark.faults
def test_a_rebuild_that_is_killed_many_times_is_done_in_the_end(crawled, home):
    begun = time.monotonic()
    rebuilt(home)
    longest = time.monotonic() - begun
    lose(home, *MADE_AGAIN)
    moments = random.Random(SEED)
    check_kills(home, crawled.published, [moments.uniform(0.3, longest) for _ in range(20)])


def test_an_interrupted_rebuild_says_so_and_the_next_goes_on(crawled, home):
    lose(home, *MADE_AGAIN)
    assert end_within(home, 1.5, signal.SIGINT) in {0, 130}
    rebuilt(home)
    assert published(home) == crawled.published
