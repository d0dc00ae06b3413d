"""Facts about lists that never come to rest: new dates at each look, lists that name themselves and each other."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.program import muragat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST = 3
"""Requests for one address in one crawl: its turn in the round, and what a list's word may add."""

XML = "application/xml"
SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
WORDS = "A sentence of a story that goes on for quite a while. " * 30


class Restless(ThreadingHTTPServer):
    """Answers by functions of its base address and a number that grows with each request."""

    daemon_threads = True

    def __init__(self, answers: dict[str, Callable[[str, int], tuple[str, str]]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.answers = answers
        self.asked: Counter[str] = Counter()


class _Handler(BaseHTTPRequestHandler):
    server: Restless

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        number = self.server.asked.total()
        found = self.server.answers.get(self.path.partition("?")[0])
        kind, body = found(self.server.base, number) if found else ("text/html", "not here")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("ETag", f'"{number}"')
        self.send_header("X-WP-Total", str(1_000 + number))
        self.send_header("X-WP-TotalPages", str(10 + number))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def serving(**answers: Callable[[str, int], tuple[str, str]]) -> Iterator[Restless]:
    paths = {"/" + name.replace("__", "."): answer for name, answer in answers.items()}
    with Restless({"/": page, **paths}) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def later(number: int) -> str:
    """A date that is always news: within the day by which clocks may be ahead."""
    return (datetime.now(UTC) + timedelta(hours=1, seconds=number)).isoformat(timespec="seconds")


def page(base: str, number: int) -> tuple[str, str]:
    head = '<link rel="https://api.w.org/" href="/wp-json/">'
    head += '<link rel="alternate" type="application/rss+xml" href="/feed">'
    return (
        "text/html; charset=utf-8",
        f"<html><head>{head}<title>P</title></head><p>{number} {WORDS}</p>",
    )


def index(*names: str) -> Callable[[str, int], tuple[str, str]]:
    def answer(base: str, number: int) -> tuple[str, str]:
        listed = "".join(
            f"<sitemap><loc>{base}{name}</loc><lastmod>{later(number)}</lastmod></sitemap>"
            for name in names
        )
        return XML, f'<sitemapindex xmlns="{SPACE}">{listed}</sitemapindex>'

    return answer


def sitemap(*names: str) -> Callable[[str, int], tuple[str, str]]:
    def answer(base: str, number: int) -> tuple[str, str]:
        listed = "".join(
            f"<url><loc>{base}{name}</loc><lastmod>{later(number)}</lastmod></url>"
            for name in names
        )
        return XML, f'<urlset xmlns="{SPACE}">{listed}</urlset>'

    return answer


def feed(*names: str) -> Callable[[str, int], tuple[str, str]]:
    def answer(base: str, number: int) -> tuple[str, str]:
        listed = "".join(
            f"<entry><id>{name}</id><link href='{base}{name}'/><updated>{later(number)}</updated></entry>"
            for name in names
        )
        return (
            "application/atom+xml",
            f"<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title>{listed}</feed>",
        )

    return answer


def rest(*names: str) -> Callable[[str, int], tuple[str, str]]:
    def answer(base: str, number: int) -> tuple[str, str]:
        date = later(number)[:19]
        entries = [{"id": 1, "link": base + name, "modified_gmt": date} for name in names]
        return "application/json", json.dumps(entries)

    return answer


LISTS = {
    "an index that names itself": {"sitemap__xml": index("/sitemap.xml")},
    "indexes that name each other": {
        "sitemap__xml": index("/a.xml", "/b.xml"),
        "a__xml": index("/b.xml", "/sitemap.xml"),
        "b__xml": index("/a.xml", "/sitemap.xml"),
    },
    "a sitemap that names itself": {"sitemap__xml": sitemap("/sitemap.xml", "/page")},
    "sitemaps of one page": {
        "sitemap__xml": index(*(f"/{letter}.xml" for letter in "abcdefgh")),
        **{f"{letter}__xml": sitemap("/page") for letter in "abcdefgh"},
    },
    "feeds that name each other": {
        "feed": feed("/feed", "/rss.xml", "/page"),
        "rss__xml": feed("/feed", "/page"),
    },
    "a REST list that names itself and grows": {
        "wp-json/wp/v2/posts": rest(
            "/page",
            "/wp-json/wp/v2/posts?per_page=100&orderby=modified&order=desc&_fields=id,link,date_gmt,modified_gmt",
        )
    },
    "all of them": {
        "sitemap__xml": index("/a.xml", "/b.xml", "/sitemap.xml"),
        "b__xml": index("/a.xml", "/sitemap.xml"),
        "a__xml": sitemap("/page", "/feed", "/a.xml", "/"),
        "feed": feed("/page", "/a.xml", "/sitemap.xml", "/"),
        "wp-json/wp/v2/posts": rest("/page", "/feed", "/a.xml", "/"),
    },
}


ALL = "all of them"


@pytest.mark.parametrize(
    "lists",
    [
        pytest.param(lists, id=name, marks=() if name == ALL else pytest.mark.faults)
        for name, lists in LISTS.items()
    ],
)
def test_a_crawl_ends_whatever_lists_say_of_dates(tmp_path, lists):
    with serving(page=page, **lists) as server:
        words = ("--delay", 0, "--max-time", 20, "--requisites", "none", "--json")
        run = muragat(tmp_path / "home", "crawl", server.base, *words)
        assert run.code == 0, run.err
        [report] = run.lines
    assert report["sites"][0]["ended"] == "finished"
    assert {path: n for path, n in server.asked.items() if n > MOST} == {}
