"""Facts about what pages need: fetched whole, from any host, once while fresh, and known where it is missing."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

import pytest

from archive import Collection
from archive.model import Announcer
from tests.program import fetch, muragat
from tests.sites.client import nodes
from tests.sites.demo import DemoSite, theme
from tests.test_crawl_faults import crawl_until
from tests.test_site_crawl import Answer, crawled, page, serving

if TYPE_CHECKING:
    from pathlib import Path

    from archive.model import Capture

THEME = "wp-content/themes/kokdala/"
BELOW = [
    "style.css?ver=1.4",
    "fonts.css?ver=1.4",
    "fonts/steppe.woff2",
    "fonts/lost.woff",
    "mark.svg",
    "ridge.png",
    "icon-320.png",
]
"""What is reached by stylesheets, the manifest and style attributes alone."""

SHOWN = (
    "//img/@src | //img/@data-src | //script/@src | //video/@src | //video/@poster | //source/@src"
    " | //link[@rel='icon' or @rel='apple-touch-icon' or @rel='manifest']/@href"
    " | //meta[@property='og:image']/@content | //amp-img/@src"
)


def shown_on(body: bytes) -> set[str]:
    """What a page shows, as lxml sees it."""
    sizes = [one for srcset in nodes(body, "//@srcset") for one in srcset.split(",")]
    found = {*map(str, nodes(body, SHOWN)), *(one.split()[0] for one in sizes)}
    return {url for url in found if not url.startswith("data:")}


def captures(home: Path) -> list[Capture]:
    with Collection(home) as collection:
        return sorted(collection.captures(), key=lambda capture: capture.sequence)


class Saved(NamedTuple):
    site: DemoSite
    home: Path
    first: dict[str, Any]
    asked: int
    second: dict[str, Any]
    third: dict[str, Any]

    def needed(self) -> set[str]:
        """What the captured pages of the site need, save what robots.txt forbids."""
        pages = {urljoin(self.site.base, path): one for path, one in self.site.pages.items()}
        seen = {one.url for one in captures(self.home) if one.status == 200}
        bodies = [
            one.body for url, one in pages.items() if url in seen and "html" in one.media_type
        ]
        named = set().union(*map(shown_on, bodies)) - {urljoin(self.site.photos, "staff/badge.png")}
        return named | {f"{self.site.base}{THEME}{name}" for name in BELOW}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    home = tmp_path_factory.mktemp("requisites") / "home"
    with DemoSite() as site:
        words = (site.base, "--delay", 0, "--allow", site.photos[7:-1], "--json")
        [first] = fetch(home, *words).lines
        [second] = fetch(home, *words).lines
        asked = len(site.requests)
        site.lose(f"{site.base}{THEME}ridge.png")
        forget_freshness(home)
        [third] = fetch(home, *words).lines
        yield Saved(site, home, first, asked, second, third)


def forget_freshness(home: Path) -> None:
    """Let every requisite be stale."""
    with Collection(home, write=True) as collection:
        collection.state.execute("UPDATE frontier SET fresh_until = 0")


def first_crawl(saved: Saved) -> list[Capture]:
    """Its captures: those before the first page was captured a second time."""
    found = captures(saved.home)
    again = [n for n, one in enumerate(found) if one.url == saved.site.base][1]
    return [one for one in found[:again] if not one.url.endswith("/robots.txt")]


def test_all_that_pages_show_is_captured_and_exactly_once(saved):
    counts, needed = Counter(capture.url for capture in first_crawl(saved)), saved.needed()
    assert {url: counts[url] for url in needed if counts[url] != 1} == {}
    assert len(needed) > 100


def test_every_requisite_answers_but_the_one_that_nobody_has(saved):
    needed, lost = saved.needed(), urljoin(saved.site.base, theme.LOST)
    statuses = {c.url: c.status for c in first_crawl(saved) if c.url in needed}
    assert {url: status for url, status in statuses.items() if status != 200} == {lost: 404}


def test_robots_txt_of_another_host_is_obeyed(saved):
    asked = {seen.target for seen in saved.site.photo_requests}
    assert "/robots.txt" in asked
    assert not any(target.startswith("/staff/") for target in asked)


def test_the_report_counts_requisites_and_names_what_is_missing(saved):
    missing = {one["url"]: one for one in saved.first["missing"]}
    lost = urljoin(saved.site.base, theme.LOST)
    sheet = f"{saved.site.base}{THEME}fonts.css?ver=1.4"
    assert missing[lost] == {"url": lost, "reason": "http_error 404", "page": sheet}
    badge = urljoin(saved.site.photos, "staff/badge.png")
    assert (missing[badge]["reason"], missing[badge]["page"]) == ("robots", saved.site.base)
    counts = {"captured": len(saved.needed()) - 1, "missing": 2}
    assert saved.first["requisites"] == saved.first["sites"][0]["requisites"] == counts


def test_requisites_are_no_pages(saved):
    pages = [
        c for c in first_crawl(saved) if c.status == 200 and c.mime.partition(";")[0] == "text/html"
    ]
    assert saved.first["pages"] == len(pages)


def test_a_second_crawl_asks_for_no_fresh_requisite_again(saved):
    assert saved.second["requisites"] == {"captured": 0, "missing": 2}
    counts = Counter(seen.target for seen in saved.site.requests[: saved.asked])
    assert counts[f"/{THEME}style.css?ver=1.4"] == 1
    assert saved.third["requisites"]["captured"] == saved.first["requisites"]["captured"] - 1


def test_a_removed_requisite_is_reported_once_it_is_asked_for_again(saved):
    ridge = f"{saved.site.base}{THEME}ridge.png"
    assert ridge not in {one["url"] for one in saved.second["missing"]}
    assert ridge in {one["url"] for one in saved.third["missing"]}


def test_every_exchange_says_which_site_it_was_for(saved):
    name = saved.first["sites"][0]["name"]
    with Collection(saved.home) as collection:
        told: Counter[str | None] = Counter()
        for capture in collection.captures():
            closing = collection.exchange(capture)[-1]
            fields = dict(line.split(": ", 1) for line in closing.block.decode().splitlines())
            told[fields.get("site")] += 1
            if capture.url.endswith("ridge.png"):
                assert fields["announcedBy"] == Announcer.REQUISITE
    assert set(told) == {name}


def test_verify_is_silent(saved):
    run = muragat(saved.home, "verify")
    assert (run.code, run.out) == (0, "")


def test_a_private_host_of_photos_is_not_connected_to(tmp_path):
    with DemoSite() as site:
        [report] = fetch(tmp_path / "h", site.base, "--delay", 0, "--json").lines
        assert site.photo_requests == ()
    refused = [one for one in report["missing"] if one["reason"] == "forbidden"]
    assert report["outcomes"]["forbidden"] == len(refused) > 10
    assert all(one["url"].startswith(site.photos) for one in refused)


def test_images_alone_are_fetched_where_a_person_says_so(tmp_path):
    with DemoSite() as site:
        [report] = fetch(
            tmp_path / "h", site.base, "--delay", 0, "--requisites", "images", "--json"
        ).lines
        asked = {seen.target.partition("?")[0].rpartition(".")[2] for seen in site.requests}
    assert "png" in asked
    assert not {"css", "js", "woff2", "mp4", "mp3", "webmanifest"} & asked
    assert report["requisites"]["captured"] > 50


def test_no_requisite_is_fetched_where_a_person_says_so(tmp_path):
    with DemoSite() as site:
        [report] = fetch(
            tmp_path / "h", site.base, "--delay", 0, "--requisites", "none", "--json"
        ).lines
        assert not [seen for seen in site.requests if "/wp-content/" in seen.target]
    assert report["requisites"] == {"captured": 0, "missing": 0}


def test_pages_stop_at_their_limit_and_what_they_need_is_still_fetched(tmp_path):
    home = tmp_path / "h"
    with DemoSite() as site:
        words = ("--delay", 0, "--max-pages", 3, "--json", "--allow", site.photos[7:-1])
        [report] = fetch(home, site.base, *words).lines
        pages = {urljoin(site.base, path): one for path, one in site.pages.items()}
    urls = {capture.url for capture in captures(home)}
    bodies = [pages[url].body for url in urls if url in pages and "html" in pages[url].media_type]
    shown = set().union(*map(shown_on, bodies)) - {f"{site.photos}staff/badge.png"}
    assert (report["pages"], report["sites"][0]["ended"]) == (3, "limit")
    assert shown - urls == set()
    assert len(shown) > 10


@pytest.mark.parametrize(
    "requests",
    [60, *(pytest.param(number, marks=pytest.mark.faults) for number in (20, 120))],
)
def test_a_killed_crawl_is_made_whole_by_the_next_and_fetches_nothing_twice(tmp_path, requests):
    home = tmp_path / "home"
    with DemoSite() as site:
        words = ("--allow", site.photos[7:-1])
        crawl_until(home, site, requests, signal.SIGKILL, *words)
        [report] = fetch(home, site.base, "--delay", 0, "--json", *words).lines
        saved = Saved(site, home, report, 0, report, report)
        needed = saved.needed()
    counts = Counter(c.url for c in captures(home) if not c.url.endswith("/robots.txt"))
    assert {url: count for url, count in counts.items() if count > 1} == {}
    assert needed - set(counts) == set()
    assert muragat(home, "verify").out == ""


def served(path: str, files: dict[str, Answer]) -> Answer:
    return files.get(path, (404, {"Content-Type": "text/plain"}, b"no"))


def kind(media_type: str, body: bytes = b"x", **fields: str) -> Answer:
    return 200, {"Content-Type": media_type, **fields}, body


def shows(*tags: str) -> Answer:
    return 200, {}, f"<html><head></head><body>{''.join(tags)}</body></html>".encode()


def test_what_is_moved_is_followed_as_a_requisite(tmp_path):
    files = {
        "/": shows('<img src="/a.png">', '<img src="/away.png">'),
        "/a.png": (302, {"Location": "/b.png"}, b""),
        "/b.png": kind("image/png"),
        "/away.png": (302, {"Location": "/article"}, b""),
        "/article": page("/behind"),
        "/behind": page(),
    }
    with serving(lambda path, before: served(path, files)) as (base, asked):
        report = crawled(tmp_path / "h", base)
    assert "/b.png" in asked
    assert "/behind" not in asked
    assert report["requisites"] == {"captured": 2, "missing": 0}
    assert report["pages"] == 1


def test_an_endless_chain_of_moved_requisites_ends(tmp_path):
    def answer(path, before):
        if path.startswith("/r") and path.endswith(".png"):
            return 302, {"Location": f"/r{int(path[2:-4]) + 1}.png"}, b""
        return shows('<img src="/r0.png">') if path == "/" else MISSING

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
    assert sum(path.startswith("/r") and path.endswith("png") for path in asked) == 11


MISSING: Answer = (404, {}, b"no")


def test_stylesheets_that_import_each_other_without_end_are_left(tmp_path):
    def answer(path, before):
        if path.endswith(".css"):
            number = int(path[2:-4]) + 1
            return kind("text/css", f"@import '/s{number}.css';".encode())
        return shows('<link rel="stylesheet" href="/s0.css">') if path == "/" else MISSING

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
    assert [path for path in asked if path.endswith(".css")] == [f"/s{n}.css" for n in range(4)]


def test_what_is_too_large_is_kept_in_part_and_not_asked_for_again(tmp_path):
    files = {
        "/": shows('<video src="/film.mp4"></video>'),
        "/film.mp4": kind("video/mp4", b"x" * 9_000_000),
    }
    home = tmp_path / "h"
    home.mkdir()
    with serving(lambda path, before: served(path, files)) as (base, asked):
        (home / "sites.toml").write_text(
            f"[[site]]\nname = 'one'\nseeds = ['{base}']\nrequisite_max = '1MB'\n"
        )
        first = crawled(home, "one")
        second = crawled(home, "one")
    [film] = [capture for capture in captures(home) if capture.url.endswith(".mp4")]
    assert film.truncated == "length"
    assert film.length < 1_000_000
    assert first["missing"][0]["reason"] == "truncated"
    assert second["requisites"] == {"captured": 0, "missing": 0}
    assert asked.count("/film.mp4") == 1


def test_an_address_that_is_shown_and_linked_is_fetched_once(tmp_path):
    files = {
        "/": shows('<a href="/photo.png"><img src="/photo.png"></a>', '<a href="/full.png">x</a>'),
        "/photo.png": kind("image/png"),
        "/full.png": kind("image/png", b"y"),
    }
    with serving(lambda path, before: served(path, files)) as (base, asked):
        crawled(tmp_path / "h", base)
    assert (asked.count("/photo.png"), asked.count("/full.png")) == (1, 1)


def test_a_host_that_is_gone_is_asked_a_few_times_only(tmp_path):
    tags = [f'<img src="http://127.0.0.9:9/{n}.png">' for n in range(40)]
    with serving(lambda path, before: shows(*tags) if path == "/" else MISSING) as (base, _):
        report = crawled(tmp_path / "h", base, "--allow", "127.0.0.9:9")
    assert report["requisites"] == {"captured": 0, "missing": 40}
    assert {one["reason"] for one in report["missing"]} == {"connection"}
    assert report["seconds"] < 20


def test_a_slow_host_of_requisites_does_not_hold_up_the_site(tmp_path):
    tags = [f'<img src="http://127.0.0.2:PORT/{n}.png">' for n in range(6)]
    order: list[str] = []
    moments: list[float] = []

    def photos(path: str, before: int) -> Answer:
        order.append("photo")
        moments.append(time.monotonic())
        return kind("image/png", path.encode())

    def pages(path: str, before: int) -> Answer:
        order.append("page")
        if path == "/":
            return shows(*(tag.replace("PORT", port) for tag in tags), '<a href="/a">a</a>')
        return shows() if path == "/a" else MISSING

    with serving(photos, host="127.0.0.2") as (other, _), serving(pages) as (base, _):
        port = other.rstrip("/").rpartition(":")[2]
        run = fetch(tmp_path / "h", base, "--delay", 0.2, "--allow", f"127.0.0.2:{port}")
    assert run.code == 0
    assert min(later - earlier for earlier, later in pairwise(moments)) > 0.15
    half = order[: len(order) // 2]
    assert min(half.count("photo"), half.count("page")) >= 3


def test_requisites_that_a_page_names_again_are_known_before_the_frontier_is_asked(tmp_path):
    pages = {f"/{n}": shows('<img src="/same.png">') for n in range(5)}
    files = {"/": page(*pages), "/same.png": kind("image/png"), **pages}
    with serving(lambda path, before: served(path, files)) as (base, asked):
        crawled(tmp_path / "h", base)
    assert asked.count("/same.png") == 1


def test_a_report_on_the_terminal_tells_of_requisites(tmp_path):
    files = {"/": shows('<img src="/a.png"><img src="/b.png">'), "/a.png": kind("image/png")}
    with serving(lambda path, before: served(path, files)) as (base, _):
        run = fetch(tmp_path / "h", base, "--delay", 0)
    assert "1 requisites, 1 missing" in run.out
    [report] = (tmp_path / "h" / "crawls").iterdir()
    assert json.loads(report.read_text())["missing"][0]["url"] == f"{base}b.png"


def test_the_owner_of_a_site_owns_no_other_host(tmp_path):
    closed = kind("text/plain", b"User-agent: *\nDisallow: /\n")
    files = {"/robots.txt": closed, "/a.png": kind("image/png")}
    home = tmp_path / "h"
    home.mkdir()
    with serving(lambda path, before: served(path, files), host="127.0.0.2") as (other, asked):
        pages = {"/robots.txt": closed, "/": shows(f'<img src="{other}a.png">')}
        with serving(lambda path, before: served(path, pages)) as (base, _):
            (home / "sites.toml").write_text(
                f"[[site]]\nname = 'one'\nseeds = ['{base}']\nowner = true\n"
            )
            report = crawled(home, "one", "--allow", other.split("/")[2])
    assert report["pages"] == 1
    assert asked == ["/robots.txt"]
    assert [one["reason"] for one in report["missing"]] == ["robots"]
