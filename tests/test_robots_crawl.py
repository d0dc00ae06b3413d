"""Facts about robots.txt in crawls: servers that answer oddly, what is kept from crawl to crawl.

The misbehaving server is MURAGAT_LAB/nasty; an instance of its own is started. Skipped where there is none.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from archive import Collection
from tests.program import ROOT, command, environment
from tests.test_handler_nasty import LAB, free_port
from tests.test_site_crawl import MISSING, page, serving

if TYPE_CHECKING:
    from pathlib import Path

UNREACHABLE = {"127.0.0.11", "127.0.0.12", "127.0.0.22"}
TURNS = "127.0.0.29"
DELAYED = "127.0.0.18"
nasty = pytest.mark.skipif(
    not (LAB / "up").exists(),
    reason="no misbehaving server; set MURAGAT_LAB to the folder that holds nasty/up",
)


def write_sites(home: Path, **seeds: list[str]) -> None:
    home.mkdir()
    tables = []
    for name, urls in seeds.items():
        hosts = sorted({url.split("/")[2] for url in urls})
        tables.append(
            f'[[site]]\nname = "{name}"\ndelay = 0\nseeds = {json.dumps(urls)}\nallow = {json.dumps(hosts)}\n'
        )
    (home / "sites.toml").write_text("\n".join(tables), "utf-8")


def crawl(home: Path, site: str, **settings: object) -> None:
    """Crawl as `scrapy crawl` does: settings that the command line does not have."""
    settings |= {"MURAGAT_HOME": home, "MURAGAT_SITES": home / "sites.toml"}
    settings |= {"MURAGAT_ANALYSE": 0, "LOG_LEVEL": "ERROR"}
    words = [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]
    subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", site, *words],
        env=environment(),
        cwd=ROOT,
        timeout=100,
        check=True,
    )


def outcomes(home: Path) -> dict[str, str]:
    connection = sqlite3.connect(home / "state.sqlite")
    found = dict(connection.execute("SELECT url, outcome FROM frontier"))
    connection.close()
    return found


def asked_of(base: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{base}/__log") as answer:
        return list(json.load(answer))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The server, a first crawl of all its hosts, a second one of the host that turns."""
    folder = tmp_path_factory.mktemp("robots")
    port = str(free_port())
    variables = os.environ | {"LAB_STATE": str(folder), "LAB_PYTHON": sys.executable}
    subprocess.run([LAB / "up", port], env=variables, check=True, stdout=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{base}/__manifest") as answer:
            rows = [row for row in json.load(answer) if row["group"] == "robots"]
        urls = [row["url"] for row in rows]
        turning = [url for url in urls if TURNS in url]
        home = folder / "home"
        write_sites(home, odd=[url for url in urls if TURNS not in url], turning=turning)
        crawl(home, "odd", DOWNLOAD_TIMEOUT=2, MURAGAT_MAX_TIME=7)
        crawl(home, "turning")
        first = outcomes(home)
        crawl(home, "turning")
        yield rows, home, first, asked_of(base)
    finally:
        subprocess.run([LAB / "down", port], env=variables, check=True)


@nasty
def test_each_host_of_the_misbehaving_server_is_crawled_as_it_says(lab):
    rows, _, first, _ = lab
    wrong = {
        row["url"]: (row["good"], first[row["url"]])
        for row in rows
        if (first[row["url"]] in {"robots", "robots_unreachable"}) != (row["archive"] == "skip")
    }
    assert (len(rows), wrong) == (40, {})


@nasty
def test_disallowed_and_unreachable_are_told_apart(lab):
    _, _, first, _ = lab
    told = {url for url, outcome in first.items() if outcome == "robots_unreachable"}
    assert {url.split("/")[2].split(":")[0] for url in told} == UNREACHABLE


@nasty
def test_nothing_disallowed_is_asked_for(lab):
    rows, _, _, asked = lab
    disallowed = {row["url"] for row in rows if row["archive"] == "skip"}
    port = rows[0]["url"].split(":")[2].split("/")[0]
    assert disallowed.isdisjoint(f"http://{each['host']}:{port}{each['target']}" for each in asked)


@nasty
def test_what_is_allowed_is_archived_with_its_text(lab):
    rows, home, _, _ = lab
    with Collection(home) as collection:
        bodies = {
            capture.url: collection.read(capture).decoded().body
            for capture in collection.captures()
            if capture.status == 200
        }
    lost = [
        row["id"]
        for row in rows
        if row["marker"] and row["marker"].encode() not in bodies.get(row["url"], b"")
    ]
    assert lost == []


@nasty
def test_the_crawl_delay_lies_between_all_requests(lab):
    _, _, _, asked = lab
    times = [each["t"] for each in asked if each["host"] == DELAYED]
    assert len(times) >= 3
    assert min(after - before for before, after in pairwise(times)) >= 1.99


@nasty
def test_a_host_that_turns_is_obeyed_in_the_next_crawl(lab):
    rows, home, first, asked = lab
    [private] = [row["url"] for row in rows if TURNS in row["url"] and "private" in row["url"]]
    readings = [e for e in asked if e["host"] == TURNS and e["target"] == "/robots.txt"]
    assert (first[private], outcomes(home)[private], len(readings)) == ("stored", "robots", 2)


def readings(asked: list[str]) -> int:
    return asked.count("/robots.txt")


def shift(home: Path, seconds: float) -> None:
    """Make what is kept older."""
    connection = sqlite3.connect(home / "state.sqlite", isolation_level=None)
    connection.execute("UPDATE robots SET fetched = fetched - ?1, until = until - ?1", (seconds,))
    connection.close()


def crawled(home: Path, base: str, **settings: object) -> dict[str, Any]:
    """Crawl a site of one address and return the report."""
    if not home.exists():
        write_sites(home, one=[base])
    crawl(home, "one", MURAGAT_REQUISITES="none", **settings)
    newest = max((home / "crawls").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    report: dict[str, Any] = json.loads(newest.read_text("utf-8"))
    return report


def test_robots_txt_is_asked_for_once_a_day_by_all_requests_and_crawls(tmp_path):
    def answer(path, before):
        if path == "/robots.txt":
            rules = "/new" if before else "/old"
            return 200, {}, f"User-agent: *\nDisallow: {rules}\n".encode()
        return page("/old", "/new") if path in {"/", "/old", "/new"} else MISSING

    home = tmp_path / "h"
    told = []
    with serving(answer) as (base, asked):
        for older_s in (0, 3600, 86_400):
            if older_s:
                shift(home, older_s)
            crawled(home, base, CONCURRENT_REQUESTS_PER_DOMAIN=8)
            found = outcomes(home)
            told.append((readings(asked), found[f"{base}old"], found[f"{base}new"]))
    assert told == [
        (1, "robots", "duplicate"),
        (1, "robots", "unchanged"),
        (2, "duplicate", "robots"),
    ]


def test_what_could_not_be_asked_for_is_due_again_and_the_crawl_ends(tmp_path):
    def answer(path, before):
        if path == "/robots.txt":
            return (200, {}, b"") if before else (503, {}, b"")
        return page() if path == "/" else MISSING

    home = tmp_path / "h"
    with serving(answer) as (base, asked):
        first = crawled(home, base)
        again = crawled(home, base)
        shift(home, 600)
        connection = sqlite3.connect(home / "state.sqlite", isolation_level=None)
        connection.execute("UPDATE frontier SET due = due - 600 WHERE due IS NOT NULL")
        connection.close()
        last = crawled(home, base)
    assert (first["outcomes"], first["sites"][0]["ended"]) == ({"robots_unreachable": 1}, "put off")
    assert (again["pages"], last["pages"]) == (0, 1)
    assert readings(asked) == 2


@pytest.mark.faults
def test_rules_read_before_hold_while_the_server_fails(tmp_path):
    def answer(path, before):
        if path == "/robots.txt":
            return (500, {}, b"") if before else (200, {}, b"User-agent: *\nDisallow: /old\n")
        return page("/old", "/new") if path in {"/", "/new"} else MISSING

    home = tmp_path / "h"
    with serving(answer) as (base, asked):
        crawled(home, base)
        shift(home, 86_400)
        report = crawled(home, base)
    assert (readings(asked), "/old" in asked, report["pages"]) == (2, False, 2)


def test_a_redirected_robots_txt_is_archived_and_its_sitemaps_are_read(tmp_path):
    lines = b"User-agent: *\nDisallow: /no\nSitemap: /map.xml\n" + b"# filler line\n" * 600_000
    listed = b"<urlset><url><loc>/no</loc></url><url><loc>/yes</loc></url></urlset>"
    files = {
        "/robots.txt": (301, {"Location": "/endless"}, b""),
        "/endless": (200, {}, lines),
        "/map.xml": (200, {"Content-Type": "text/xml"}, listed),
        "/": page(),
        "/yes": page(),
    }
    with serving(lambda path, before: files.get(path, MISSING)) as (base, asked):
        crawled(tmp_path / "h", base)
    with Collection(tmp_path / "h") as collection:
        paths = {capture.url.removeprefix(base) for capture in collection.captures()}
    known = outcomes(tmp_path / "h").keys()
    subprocess.run(command(tmp_path / "h", "rebuild"), env=environment(), cwd=ROOT, check=True)
    assert known == outcomes(tmp_path / "h").keys()
    assert {"robots.txt", "endless", "map.xml", "yes"} <= paths
    assert {"/no", "/sitemap.xml"}.isdisjoint(asked)
