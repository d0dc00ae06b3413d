"""Facts about crawls that are killed, interrupted, or run out of room."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.backlog import drain
from tests.program import ROOT, articles, muragat, start
from tests.sites.demo import DemoSite

if TYPE_CHECKING:
    from collections.abc import Iterator


SEED = 20260301


def crawl_until(home: Path, site: DemoSite, requests: int, number: int, *words: object) -> int:
    """Crawl until the site has been asked so often, then signal; return the exit status."""
    process = start(home, "crawl", site.base, "--delay", 0, *words)
    while len(site.requests) < requests and process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    if process.poll() is None:
        os.kill(process.pid, number)
    process.communicate(timeout=60)
    return process.returncode


def acknowledged(home: Path) -> set[str]:
    """Record-IDs of what is committed."""
    if not (home / "state.sqlite").exists():
        return set()
    with Collection(home) as collection:
        return {capture.record_id for capture in collection.captures()}


def killed_crawls(home: Path, site: DemoSite, kills: int) -> set[str]:
    """Kill a crawl so often at random moments; return all that was ever acknowledged."""
    moments = random.Random(SEED)
    seen: set[str] = set()
    for _ in range(kills):
        crawl_until(home, site, len(site.requests) + moments.randint(1, 40), signal.SIGKILL)
        seen |= acknowledged(home)
    return seen


def check_after_kills(home: Path, site: DemoSite, kills: int) -> None:
    seen = killed_crawls(home, site, kills)
    last = muragat(home, "crawl", site.base, "--delay", 0)
    assert last.code == 0, last.err
    assert muragat(home, "verify").out == ""
    with Collection(home) as collection:
        captures = list(collection.captures())
    assert seen <= {capture.record_id for capture in captures}
    stored = Counter(c.url for c in captures if not c.url.endswith("/robots.txt"))
    assert {url: count for url, count in stored.items() if count > 1} == {}
    expected = [truth for truth in site.truth if truth.expected]
    assert len(articles(home)) == len(expected)


def test_kills_lose_nothing_acknowledged_and_store_nothing_twice(tmp_path):
    with DemoSite() as site:
        check_after_kills(tmp_path / "home", site, kills=2)


class GeneratedSite:
    """A site of as many pages as are asked for, in a process of its own; counts what is asked of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        self.base, self.pages = str(ready["base"]), int(ready["pages"])
        self.requests = 0

    def ask(self) -> int:
        """Return how often the site has been asked so far."""
        with urllib.request.urlopen(f"{self.base}__tally") as answer:
            self.requests += json.load(answer)["requests"]
        return self.requests


@contextmanager
def generated_site(articles: int) -> Iterator[GeneratedSite]:
    command = [sys.executable, "-m", "benchmarks.site", "--articles", str(articles)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield GeneratedSite(process)
        finally:
            process.terminate()
            process.communicate()


def kill_after(home: Path, site: GeneratedSite, requests: int, *, beside: bool = False) -> None:
    """Start a crawl and kill it once it has asked so often; `beside` it a second one is tried, and refused."""
    process = start(home, "crawl", site.base, "--delay", 0, "--concurrency", AT_ONCE)
    enough = site.ask() + requests
    while site.ask() < enough and process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    assert process.poll() is None, "the crawl ended before it was killed"
    if beside:
        os.killpg(
            process.pid, signal.SIGSTOP
        )  # it holds the collection for as long as the other tries
        second = muragat(home, "crawl", site.base, "--delay", 0)
        assert second.code == 4
        assert f"process {process.pid} is writing" in second.err
    process.kill()
    os.killpg(process.pid, signal.SIGCONT)
    process.communicate(timeout=60)


AT_ONCE = 4
UNDER_WAY = 2 * AT_ONCE
"""Requests that a crawl has given out at most: those on the wire, and as many answers on their way to the disk."""


def check_kills_of_a_large_crawl(home: Path, *, kills: int, articles_: int, most: int) -> None:
    moments, seen = random.Random(SEED), set[str]()
    with generated_site(articles_) as site:
        for number in range(kills):
            kill_after(home, site, moments.randint(1, most), beside=number % 10 == 1)
            seen |= acknowledged(home)
        last = muragat(home, "crawl", site.base, "--delay", 0, "--concurrency", AT_ONCE)
        assert (last.code, last.err.count("analysis")) == (0, 0), last.err
        pages, requests = site.pages, site.ask()
    assert muragat(home, "verify").out == ""
    with Collection(home) as collection:
        captures = [one for one in collection.captures() if not one.url.endswith("/robots.txt")]
    assert seen <= {one.record_id for one in captures} | robots(home)
    assert max(Counter(one.url for one in captures).values()) == 1
    assert sum(one.status == 200 for one in captures) == pages
    assert requests - len(captures) - len(robots(home)) <= kills * UNDER_WAY
    assert waiting(home) == []
    check_rebuild(home, articles_)


def waiting(home: Path) -> list[str]:
    """The addresses that are known and were not fetched."""
    with closing(sqlite3.connect(home / "state.sqlite")) as connection:
        query = "SELECT url FROM frontier WHERE ready = 1 OR owner > '' OR outcome IS NULL"
        return [url for (url,) in connection.execute(query)]


def robots(home: Path) -> set[str]:
    with Collection(home) as collection:
        return {one.record_id for one in collection.captures() if one.url.endswith("/robots.txt")}


def check_rebuild(home: Path, count: int) -> None:
    """What came out of all the kills is what the same captures give in one go."""
    published = (home / "articles.jsonl").read_bytes()
    assert published.count(b"\n") == count
    for name in ("articles.sqlite", "articles.jsonl"):
        (home / name).unlink()
    for left in home.glob("articles.sqlite-*"):
        left.unlink()
    drain(home)
    assert (home / "articles.jsonl").read_bytes() == published


@pytest.mark.faults
def test_fifty_kills_lose_nothing_acknowledged_and_store_nothing_twice(tmp_path):
    check_kills_of_a_large_crawl(tmp_path / "home", kills=50, articles_=960, most=30)


def test_kills_of_a_crawl_leave_the_index_that_its_captures_give(tmp_path):
    check_kills_of_a_large_crawl(tmp_path / "home", kills=4, articles_=60, most=20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_crawl_cleanly_and_the_next_goes_on(tmp_path, number):
    home = tmp_path / "home"
    with DemoSite() as site:
        assert crawl_until(home, site, 30, number) == 130
        before = acknowledged(home)
        asked = {seen.target for seen in site.requests}
        [report] = muragat(home, "crawl", site.base, "--delay", 0, "--json").lines
        counts = Counter(seen.target for seen in site.requests)
    assert before <= acknowledged(home)
    assert report["sites"][0]["resumed"] is True
    again = {target for target in asked if counts[target] > 1}
    assert again <= {"/robots.txt"}


def test_an_interrupted_crawl_leaves_a_report_that_says_so(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        crawl_until(home, site, 30, signal.SIGINT)
    [report] = (home / "crawls").iterdir()
    assert '"interrupted": true' in report.read_text("utf-8")


def analysis_of(crawl_pid: int) -> list[int]:
    """The analysis process that a crawl has started."""
    children = Path(f"/proc/{crawl_pid}/task/{crawl_pid}/children").read_text("ascii").split()
    return [
        int(pid)
        for pid in children
        if b"archive.backlog" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_a_killed_analysis_does_not_disturb_its_crawl(tmp_path):
    home = tmp_path / "home"
    with generated_site(30) as site:
        process = start(home, "crawl", site.base, "--delay", 0)
        while site.ask() < 10:
            assert process.poll() is None
        [analysis] = analysis_of(process.pid)
        os.kill(analysis, signal.SIGKILL)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "it is started again" in told
    assert len(articles(home)) == 30


def test_a_second_crawl_of_a_home_is_refused_and_the_first_undisturbed(tmp_path):
    home = tmp_path / "home"
    with generated_site(10) as site:
        process = start(home, "crawl", site.base, "--delay", 0)
        while site.ask() < 5:
            assert process.poll() is None
        # Stopped, it holds the collection for as long as the others take.
        os.killpg(process.pid, signal.SIGSTOP)
        second = muragat(home, "crawl", site.base, "--delay", 0)
        beside = [muragat(home, *words) for words in (("verify",), ("stats",))]
        os.killpg(process.pid, signal.SIGCONT)
        process.communicate(timeout=60)
    assert second.code == 4
    assert f"process {process.pid} is writing" in second.err
    assert [(run.code, run.err) for run in beside] == [(0, ""), (0, "")]
    assert (process.returncode, len(articles(home))) == (0, 10)


def test_analysis_that_can_not_write_is_told_and_loses_no_capture(tmp_path):
    home = tmp_path / "home"
    with generated_site(6) as site:
        muragat(home, "crawl", site.base, "--delay", 0, "--max-pages", 2)
        for name in ("articles.sqlite", "articles.sqlite-wal", "articles.sqlite-shm"):
            (home / name).unlink(missing_ok=True)
        (home / "articles.sqlite").write_bytes(b"no database" * 500)
        run = muragat(home, "crawl", site.base, "--delay", 0, "--json")
        assert run.code == 4
        assert "analysis did not finish" in run.lines[0]["warnings"][0]
        assert "articles.sqlite" in run.err
        (home / "articles.sqlite").unlink()
        assert muragat(home, "crawl", site.base, "--delay", 0).code == 0
    assert len(articles(home)) == 6
