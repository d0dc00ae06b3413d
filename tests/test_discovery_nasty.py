"""Facts about discovery on the misbehaving server: what is asked for, and what is not.

The server is MURAGAT_LAB/nasty; an instance of its own is started. Skipped where there is none.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.program import Run, fetch

LAB = Path(os.environ.get("MURAGAT_LAB", Path(__file__).parents[2] / "shared" / "lab")) / "nasty"
pytestmark = pytest.mark.skipif(
    not (LAB / "up").exists(),
    reason="no misbehaving server; set MURAGAT_LAB to the folder that holds nasty/up",
)

GROUPS = ("sitemap-feed", "redirect", "duplicate")
TRAPS = ("trap-cal", "trap-facet")
CANARY = "127.0.0.66"


class Server(NamedTuple):
    base: str
    cases: dict[str, dict[str, object]]

    def log(self) -> list[dict[str, str]]:
        with urllib.request.urlopen(f"{self.base}__log") as answer:
            return list(json.load(answer))

    def crawl(self, home: Path, cases: list[str]) -> Run:
        """Crawl these cases alone, and what they lead to."""
        seeds = [str(self.cases[case]["url"]) for case in cases]
        prefixes = ("trap/", "d/", "h/tables", "m/canonical", "r/", "soft", "x/")
        table = {
            "name": "nasty",
            "seeds": seeds,
            "scope": [self.base + prefix for prefix in prefixes],
            "allow": [urlsplit(self.base).netloc],
        }
        home.mkdir()
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        (home / "sites.toml").write_text("\n".join(["[[site]]", *lines, "delay = 0"]), "utf-8")
        with urllib.request.urlopen(f"{self.base}__reset", data=b""):
            pass
        return fetch(home, "nasty", "--requisites", "none")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind((CANARY, 0))
        port = str(probe.getsockname()[1])
    environment = os.environ | {
        "LAB_STATE": str(tmp_path_factory.mktemp("nasty")),
        "LAB_PYTHON": sys.executable,
    }
    subprocess.run([LAB / "up", port], env=environment, check=True, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}/"
    try:
        with urllib.request.urlopen(f"{base}__manifest") as answer:
            manifest = json.load(answer)
        yield Server(base, {each["id"]: each for each in manifest})
    finally:
        subprocess.run([LAB / "down", port], env=environment, check=True)


@pytest.fixture(scope="module")
def asked(server, tmp_path_factory):
    """What was asked for in a crawl of the lists, redirects, duplicates and two traps; each with its host."""
    chosen = [case for case, each in server.cases.items() if each["group"] in GROUPS]
    chosen.remove("x-big.xml")
    run = server.crawl(tmp_path_factory.mktemp("crawled") / "home", [*chosen, *TRAPS])
    assert run.code == 0, run.err
    return Counter((each["host"], each["target"]) for each in server.log())


def below(asked, prefix):
    return sum(count for (_, target), count in asked.items() if target.startswith(prefix))


@pytest.mark.parametrize("case", TRAPS)
def test_a_trap_ends(server, asked, case):
    prefix = urlsplit(str(server.cases[case]["url"])).path
    assert 10 < below(asked, prefix) <= server.cases[case]["max_requests"]


def test_nothing_is_asked_of_the_canary(asked):
    assert [target for host, target in asked if host == CANARY] == []


def test_no_entity_is_read_from_a_file(asked):
    assert below(asked, "/x/leak") == 0


def test_each_list_is_read_once(server, asked):
    lists = [case for case in server.cases if case.startswith("x-") and case != "x-big.xml"]
    paths = [urlsplit(str(server.cases[case]["url"])).path for case in lists]
    assert {path: asked["127.0.0.1", path] for path in paths} == dict.fromkeys(paths, 1)


def test_the_entries_of_flawed_lists_are_asked_for_once(asked):
    assert asked["127.0.0.1", "/d/article"] == 1
    assert asked["127.0.0.1", "/h/tables"] == 1
    assert asked["127.0.0.1", "/d/article?a=1&b=2"] + asked["127.0.0.1", "/d/article?b=2&a=1"] == 1


def test_tracking_parameters_are_dropped_and_reply_links_left_but_for_seeds(asked):
    assert asked["127.0.0.1", "/d/article?utm_source=feed&utm_medium=rss"] <= 1


def test_endless_redirects_end(asked):
    assert below(asked, "/r/grow") <= 12
    assert below(asked, "/r/self") == 1


@pytest.mark.faults
def test_fifty_thousand_addresses_that_all_answer_not_found_end(server, tmp_path):
    run = server.crawl(tmp_path / "home", ["x-big.xml", "soft"])
    assert run.code == 0, run.err
    asked = Counter((each["host"], each["target"]) for each in server.log())
    assert 64 < below(asked, "/soft") <= server.cases["soft"]["max_requests"]
