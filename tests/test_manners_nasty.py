"""Crawls over the statuses of the misbehaving server: its log shows what each was asked, as its manifest wants it.

The server is MURAGAT_LAB/nasty; an instance of its own is started. Skipped where there is none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from itertools import chain, zip_longest

import pytest

from archive import Collection
from tests.program import fetch
from tests.test_handler_nasty import LAB, free_port

pytestmark = pytest.mark.skipif(
    not (LAB / "up").exists(),
    reason="no misbehaving server; set MURAGAT_LAB to the folder that holds nasty/up",
)

TRIED_AGAIN = {"s-429": 3, "s-429-date": 2, "s-503": 3, "s-503-day": 1, "s-500": 3}


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """Crawl the group; return its cases by ID, how often each was asked for, its last status, and the report."""
    port = str(free_port())
    environment = os.environ | {
        "LAB_STATE": str(tmp_path_factory.mktemp("nasty")),
        "LAB_PYTHON": sys.executable,
    }
    subprocess.run([LAB / "up", port], env=environment, check=True, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        cases = {
            each["id"]: each for each in read(f"{base}/__manifest") if each["group"] == "status"
        }
        home = tmp_path_factory.mktemp("crawl") / "home"
        home.mkdir()
        (home / "sites.toml").write_text(site_of(cases, port))
        [report] = fetch(home, "status", "--json").lines
        asked = Counter(str(each).partition("?")[0] for each in requested(read(f"{base}/__log")))
    finally:
        subprocess.run([LAB / "down", port], env=environment, check=True)
    with Collection(home) as collection:
        last = {
            each.url: each.status
            for each in sorted(collection.captures(), key=lambda c: c.sequence)
        }
    return cases, asked, last, report["sites"][0]


def read(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def requested(log):
    """Return the paths of a log's lines, whatever else they say."""
    for line in log:
        fields = line.values() if isinstance(line, dict) else line
        yield next(str(field) for field in fields if str(field).startswith("/"))


def site_of(cases, port):
    """Return the table of a site whose seeds are the cases, good answers between those that fail."""
    failing = [each["url"] for each in cases.values() if each["id"] in TRIED_AGAIN]
    others = [each["url"] for each in cases.values() if each["id"] not in TRIED_AGAIN]
    seeds = [url for url in chain.from_iterable(zip_longest(failing, others)) if url]
    return (
        f"[[site]]\nname = 'status'\nseeds = {json.dumps(seeds)}\ndelay = 0\n"
        f"scope = ['http://127.0.0.1:{port}/s/']\nallow = ['127.0.0.1:{port}']\n"
    )


def test_the_crawl_comes_to_its_end(crawl):
    *_, report = crawl
    assert report["ended"] == "finished"


def test_each_address_is_asked_for_as_often_as_it_should(crawl):
    cases, asked, _, _ = crawl
    found = {name: asked["/" + each["url"].split("/", 3)[3]] for name, each in cases.items()}
    assert found == {name: TRIED_AGAIN.get(name, 1) for name in cases}


def test_what_recovers_is_archived_and_what_does_not_is_recorded(crawl):
    cases, _, last, _ = crawl
    found = {name: last[cases[name]["url"]] for name in TRIED_AGAIN}
    assert found == {"s-429": 200, "s-429-date": 200, "s-503": 200, "s-503-day": 503, "s-500": 500}
