"""Facts about crawls that are killed, interrupted, or run out of room."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from tests.program import articles, muragat, start
from tests.sites.demo import DemoSite

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20260301


def crawl_until(home: Path, site: DemoSite, requests: int, number: int) -> int:
    """Crawl until the site has been asked so often, then signal; return the exit status."""
    process = start(home, "crawl", site.base, "--delay", 0)
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
        check_after_kills(tmp_path / "home", site, kills=4)


@pytest.mark.faults
def test_thirty_kills_lose_nothing_acknowledged_and_store_nothing_twice(tmp_path):
    with DemoSite() as site:
        check_after_kills(tmp_path / "home", site, kills=30)


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
