"""Facts about caching and directives on the misbehaving server, crawled three times.

The server is MURAGAT_LAB/nasty; an instance of its own is started. Skipped where there is none.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from archive import Collection
from archive.model import Kind
from tests.program import articles, muragat

if TYPE_CHECKING:
    from archive.model import Capture

LAB = Path(os.environ.get("MURAGAT_LAB", Path(__file__).parents[2] / "shared" / "lab")) / "nasty"
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(
        not (LAB / "up").exists(),
        reason="no misbehaving server; set MURAGAT_LAB to the folder that holds nasty/up",
    ),
]

GROUPS = {"cache", "directive"}
CANARY = "127.0.0.66"
CRAWLS = 3


class Crawled(NamedTuple):
    base: str
    home: Path
    cases: dict[str, dict[str, Any]]
    log: list[dict[str, Any]]
    captures: dict[str, list[Capture]]

    def conditions(self, case: str) -> list[bool]:
        path = urlsplit(self.cases[case]["url"]).path
        return [one["cond"] for one in self.log if one["target"] == path]

    def entry(self, case: str) -> dict[str, Any] | None:
        url = self.cases[case]["url"]
        return next((one for one in articles(self.home) if one["url"] == url), None)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind((CANARY, 0))
        port = str(probe.getsockname()[1])
    state = tmp_path_factory.mktemp("nasty")
    environment = os.environ | {"LAB_STATE": str(state), "LAB_PYTHON": sys.executable}
    subprocess.run([LAB / "up", port], env=environment, check=True, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}/"
    try:
        cases = {one["id"]: one for one in asked(f"{base}__manifest") if one["group"] in GROUPS}
        home = crawled_home(state / "home", base, cases)
        captures = defaultdict(list)
        with Collection(home) as collection:
            for capture in sorted(collection.captures(), key=lambda one: one.sequence):
                captures[capture.url].append(capture)
        yield Crawled(base, home, cases, asked(f"{base}__log"), captures)
    finally:
        subprocess.run([LAB / "down", port], env=environment, check=True)


def asked(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def crawled_home(home: Path, base: str, cases: dict[str, dict[str, Any]]) -> Path:
    table = {
        "name": "nasty",
        "seeds": [one["url"] for one in cases.values()],
        "scope": [f"{base}c/", f"{base}m/"],
        "allow": [urlsplit(base).netloc],
    }
    home.mkdir()
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    (home / "sites.toml").write_text("\n".join(["[[site]]", *lines, "delay = 0"]), "utf-8")
    for _ in range(CRAWLS):
        run = muragat(home, "crawl", "nasty", "--requisites", "none")
        assert run.code == 0, run.err
    return home


@pytest.mark.parametrize("case", ["c-etag", "c-weak", "c-lastmod"])
def test_a_page_that_has_not_changed_is_confirmed(crawled, case):
    first, *later = crawled.captures[crawled.cases[case]["url"]]
    assert crawled.conditions(case) == [False] + [True] * (CRAWLS - 1)
    assert [(one.status, one.kind, one.original) for one in later] == [
        (304, Kind.REVISIT, first.record_id)
    ] * (CRAWLS - 1)


def test_a_date_in_the_future_is_not_sent(crawled):
    assert crawled.conditions("c-future") == [False] * CRAWLS


@pytest.mark.parametrize("case", ["c-future", "c-etag-random"])
def test_the_same_payload_is_stored_once(crawled, case):
    kinds = [one.kind for one in crawled.captures[crawled.cases[case]["url"]]]
    assert kinds == [Kind.RESPONSE] + [Kind.REVISIT] * (CRAWLS - 1)


def test_a_304_without_a_condition_is_no_page(crawled):
    found = crawled.captures[crawled.cases["c-304-always"]["url"]]
    assert crawled.conditions("c-304-always") == [False] * CRAWLS
    assert {(one.status, one.kind) for one in found} == {(304, Kind.RESPONSE)}
    assert crawled.entry("c-304-always") is None


def test_noise_makes_no_version_and_a_paragraph_does(crawled):
    noise, changes = crawled.entry("c-noise"), crawled.entry("c-changes")
    digests = {one.digest for one in crawled.captures[crawled.cases["c-noise"]["url"]]}
    assert noise is not None
    assert changes is not None
    assert (len(noise["versions"]), noise["events"], len(digests)) == (1, [], CRAWLS)
    assert (len(changes["versions"]), len(changes["events"])) == (2, 1)


def test_a_page_in_several_languages_is_one_article(crawled):
    entry = crawled.entry("c-vary")
    assert entry is not None
    assert (len(entry["versions"]), entry["inLanguage"]) == (1, "en")


def test_what_is_to_be_stored_is_and_nothing_else(crawled):
    wanted = {one["url"]: one["archive"] for one in crawled.cases.values()}
    stored = {url for url in wanted if any(one.status == 200 for one in crawled.captures[url])}
    assert stored == {url for url, archive in wanted.items() if archive == "store"}


def test_what_is_to_be_found_is_an_article_and_nothing_else(crawled):
    known = {entry["url"] for entry in articles(crawled.home)}
    for case, told in crawled.cases.items():
        assert (told["url"] in known) == bool(told.get("marker")), case


def test_links_of_a_page_that_forbids_it_are_not_followed(crawled):
    followed = {one["target"] for one in crawled.log if one["target"].startswith("/m/child-")}
    assert "/m/child-m-nofollow" not in followed
    assert {"/m/child-m-noindex", "/m/child-m-x-noarchive", "/m/child-m-tdm"} <= followed


def test_a_reservation_is_noted(crawled):
    entry = crawled.entry("m-tdm")
    assert entry is not None
    assert entry["rights"]["tdmReservation"] is True


def test_canonicals_that_can_not_be_believed_change_nothing(crawled):
    off, two = crawled.entry("m-canonical-off"), crawled.entry("m-canonical-two")
    assert off is not None
    assert two is not None
    assert [one for one in crawled.log if one["host"] == CANARY] == []
    assert two["canonicalUrl"] == two["url"]
    assert off["id"] != two["id"]
