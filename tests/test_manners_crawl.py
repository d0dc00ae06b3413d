"""Facts about crawls and the pace of hosts, by what a real server sees."""

from __future__ import annotations

import signal
import sqlite3
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.program import fetch, start
from tests.test_site_crawl import crawled, page, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.test_site_crawl import Answer

DELAY_S = 0.15


class Newspaper:
    """A home page with articles, each with a picture; says when each request came, and is down when told so."""

    def __init__(self, articles: int = 3) -> None:
        self.moments: list[float] = []
        self.links = [f"/{number}" for number in range(articles)]
        self.is_down = False
        self.asked_s = ""
        self.good_answers = 10**6

    def __call__(self, path: str, before: int) -> Answer:
        self.moments.append(time.monotonic())
        if self.is_down:
            return 503, {"Retry-After": self.asked_s} if self.asked_s else {}, b"down"
        if path.endswith(".png"):
            return 200, {"Content-Type": "image/png"}, path.encode()
        if path == "/robots.txt":
            return 404, {}, b""
        if path == "/" or path in self.links:
            status, fields, body = page(*self.links)
            return status, fields, body + f'<img src="{path}.png">'.encode()
        return 404, {}, b""

    @property
    def least_gap(self) -> float:
        return min(later - earlier for earlier, later in pairwise(self.moments))


def reopened(home: Path) -> None:
    """Let the closings of hosts be over, and what waits for that be due."""
    connection = sqlite3.connect(home / "state.sqlite", isolation_level=None)
    connection.execute("UPDATE hosts SET closed_until = 1")
    connection.execute("UPDATE frontier SET due = 1 WHERE ready = 0 AND due IS NOT NULL")
    connection.close()


def test_every_request_keeps_the_pause_over_a_restart_too(tmp_path):
    site = Newspaper()
    with serving(site) as (base, asked):
        for _ in range(2):
            fetch(tmp_path / "h", base, "--delay", DELAY_S, "--max-pages", 2)
    assert {"/robots.txt", "/", "/.png", "/0.png"} <= set(asked)
    assert site.least_gap >= DELAY_S


def test_every_request_keeps_the_pause_over_a_kill(tmp_path):
    site = Newspaper(articles=40)
    with serving(site) as (base, _):
        words = (base, "--delay", DELAY_S, "--max-pages", 4)
        killed = start(tmp_path / "h", "crawl", *words)
        while len(site.moments) < 4:
            time.sleep(0.01)
        killed.kill()
        killed.communicate()
        fetch(tmp_path / "h", *words)
    assert len(site.moments) > 6
    assert site.least_gap >= DELAY_S


def test_sigterm_ends_a_crawl_that_waits_for_a_host(tmp_path):
    site = Newspaper()
    with serving(site) as (base, _):
        crawl = start(tmp_path / "h", "crawl", base, "--delay", 250)
        while not site.moments:
            time.sleep(0.01)
        crawl.send_signal(signal.SIGTERM)
        crawl.communicate(timeout=100)
    assert (crawl.returncode, len(site.moments)) == (130, 1)


def test_an_outage_puts_a_crawl_off_and_the_next_one_goes_on(tmp_path):
    site, home = Newspaper(), tmp_path / "h"
    with serving(site) as (base, asked):
        fetch(home, base, "--delay", 0, "--max-pages", 1)
        site.is_down, site.asked_s = True, "70"
        before = len(asked)
        [down] = fetch(home, base, "--delay", 0, "--json").lines
        while_down = len(asked) - before
        reopened(home)
        site.is_down = False
        up = crawled(home, base)
    assert down["sites"][0]["ended"] == "put off"
    assert down["sites"][0]["put_off"]["because"] == "answers with 503"
    assert while_down <= 6
    assert up["sites"][0]["ended"] == "finished"
    assert up["sites"][0]["resumed"]
    assert up["sites"][0]["due"] == 0
    assert {"/0", "/1", "/2", "/2.png"} <= set(asked)


def test_a_host_that_is_closed_is_not_asked_at_all_by_the_next_crawl(tmp_path):
    site, home = Newspaper(), tmp_path / "h"
    site.is_down, site.asked_s = True, "110"
    with serving(site) as (base, asked):
        for _ in range(2):
            fetch(home, base, "--delay", 0)
            before = len(asked)
        fetch(home, base, "--delay", 0)
        assert len(asked) == before


def test_a_short_outage_is_waited_out(tmp_path):
    site = Newspaper(articles=6)

    def answer(path: str, before: int) -> Answer:
        site.is_down, site.asked_s = path[1:].isdigit() and before == 0, "1"
        return site(path, before)

    with serving(answer) as (base, asked):
        report = crawled(tmp_path / "h", base)
    assert report["sites"][0]["ended"] == "finished"
    assert report["sites"][0]["due"] == 0
    assert all(asked.count(link) == 2 for link in site.links)


def test_a_page_that_asks_for_a_day_is_put_off_alone(tmp_path):
    def answer(path: str, before: int) -> Answer:
        if path == "/day":
            return 503, {"Retry-After": "86400"}, b"tomorrow"
        return page("/day", "/a") if path == "/" else page()

    begun = time.time()
    with serving(answer) as (base, asked):
        report = crawled(tmp_path / "h", base)
    assert (asked.count("/day"), asked.count("/a")) == (1, 1)
    assert report["sites"][0]["ended"] == "finished"
    connection = sqlite3.connect(tmp_path / "h" / "state.sqlite")
    [(due,)] = connection.execute("SELECT due FROM frontier WHERE url LIKE '%/day'")
    connection.close()
    assert due >= begun + 86_400


def test_a_spent_budget_puts_a_crawl_off(tmp_path):
    site, home = Newspaper(), tmp_path / "h"
    home.mkdir()
    with serving(site) as (base, asked):
        (home / "sites.toml").write_text(
            f"[[site]]\nname = 'paper'\nseeds = ['{base}']\ndelay = 0\ndaily_budget = 5\n"
            f"allow = ['{base.split('/')[2]}']\n"
        )
        reports = [fetch(home, "paper", "--json").lines[0] for _ in range(2)]
    assert len(asked) == 5
    assert [report["sites"][0]["ended"] for report in reports] == ["put off", "put off"]
    assert reports[0]["sites"][0]["put_off"]["because"] == "daily budget of 5 requests"


def test_what_was_claimed_and_not_fetched_is_given_back(tmp_path):
    site = Newspaper(articles=30)
    with serving(site) as (base, _):
        fetch(tmp_path / "h", base, "--delay", 0, "--max-pages", 3)
    connection = sqlite3.connect(tmp_path / "h" / "state.sqlite")
    [(leased,)] = connection.execute("SELECT count(*) FROM frontier WHERE owner > ''")
    connection.close()
    assert leased == 0
