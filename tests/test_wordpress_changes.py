"""Facts about a real WordPress that is edited between crawls: what of it becomes a version, a role or an event.

The crawls are scheduled ones, which ask for little: what says that it changed, and what is not on its list any more.
Three are by hand, which visit all: two of the unchanged site, and one in another theme, after an article was withdrawn
without a word to any list.

MURAGAT_WORDPRESS names the folder of a running, freshly made one; MURAGAT_LAB the folder that holds
`wordpress/edit`, which changes the site and writes each change to `log/changes.jsonl`. The site is not as it was
afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from tests.program import articles, muragat

STATE = os.environ.get("MURAGAT_WORDPRESS", "")
LAB = Path(os.environ.get("MURAGAT_LAB", Path(__file__).parents[2] / "shared" / "lab"))
EDIT = LAB / "wordpress" / "edit"

pytestmark = pytest.mark.skipif(
    not STATE or not EDIT.exists(), reason="MURAGAT_WORDPRESS names no running WordPress"
)

OWN = {"update": 1100, "typo": 1101, "retitle": 1102, "rename": 1103, "delete": 1104, "gone": 1105}
TRASHED, LOCKED, COMMENTED, PICTURED, TOUCHED = 1106, 1107, 1108, 1109, 1110
DAY: list[tuple[object, ...]] = [
    ("update", OWN["update"], "A paragraph that was not there before."),
    ("typo", OWN["typo"]),
    ("retitle", OWN["retitle"], "A headline of another kind altogether"),
    ("rename", OWN["rename"], "another-name-altogether"),
    ("delete", OWN["delete"]),
    ("trash", TRASHED),
    ("password", LOCKED),
    ("comment", COMMENTED, "I have been there, too."),
    ("image", PICTURED),
    ("touch", TOUCHED),
    ("new", "en", "A message of today", "Something happened today, and everybody was there: all 120 of them."),
]  # fmt: skip


class Day(NamedTuple):
    changes: list[dict[str, Any]]
    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    report: dict[str, Any]
    size: int
    requests: int

    def entry(self, url: str) -> dict[str, Any]:
        [found] = [entry for entry in self.after.values() if address(url) in addresses(entry)]
        return found

    def events(self, ident: str) -> list[str]:
        """What happened to an entry on that day, without what had happened before."""
        known = len(self.before.get(ident, {"events": []})["events"])
        return [event["change"] for event in self.after[ident]["events"][known:]]

    def versions(self, ident: str) -> int:
        known = len(self.before.get(ident, {"versions": []})["versions"])
        return len(self.after[ident]["versions"]) - known

    def touched(self) -> set[str]:
        """The entries that have news."""
        return {one for one in self.after if self.events(one) or self.versions(one)}


def address(url: str) -> str:
    return unquote(url).rstrip("/")


def addresses(entry: dict[str, Any]) -> set[str]:
    return {address(item["url"]) for item in entry["urls"]}


TABLE = """
[[site]]
name = "lab"
seeds = ["{base}/"]
allow = ["{images}"]
every = "1s"
delay = "0s"
concurrency = 4
"""


class Lab:
    """The site, its collection, and the days so far."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.base = json.loads((Path(STATE) / "truth.json").read_text("utf-8"))["base"].rstrip("/")
        self.entries: dict[str, dict[str, Any]] = {}
        self.bytes = 0
        home.mkdir()
        images = self.base.split("/")[2].replace("127.0.0.1", "127.0.0.2")
        (home / "sites.toml").write_text(TABLE.format(base=self.base, images=images))

    def edit(self, *words: object) -> list[dict[str, Any]]:
        port = str(urlsplit(self.base).port)
        environment = {**os.environ, "LAB_STATE": STATE}
        done = subprocess.run(
            [str(EDIT), port, *map(str, words)],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def day(self, *operations: tuple[object, ...], by_hand: bool = False) -> Day:
        changes = [change for words in operations for change in self.edit(*words)]
        before = self.entries
        log = Path(STATE) / "log" / "access.log"
        asked = log.read_bytes().count(b"\n")
        run = muragat(self.home, *(("crawl", "lab") if by_hand else ("run",)), "--json")
        self.entries = {entry["id"]: entry for entry in articles(self.home)}
        size = sum(path.stat().st_size for path in (self.home / "warc").iterdir())
        grown, self.bytes = size - self.bytes, size
        requests = log.read_bytes().count(b"\n") - asked
        return Day(changes, before, self.entries, run.lines[0], grown, requests)


class Days(NamedTuple):
    first: Day
    same: Day
    again: Day
    third: Day
    ticks: tuple[Day, ...]
    edited: Day
    restored: Day
    dressed: Day
    out: Day
    slow: Day
    home: Path


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("changes") / "home")
    try:
        found = Days(
            first=lab.day(),
            same=lab.day(),
            again=lab.day(by_hand=True),
            third=lab.day(by_hand=True),
            ticks=tuple(lab.day(("tick", number)) for number in (1, 2, 3)),
            edited=lab.day(*DAY),
            restored=lab.day(("restore", TRASHED)),
            dressed=lab.day(("theme", "twentytwentyone"), ("gone", OWN["gone"]), by_hand=True),
            out=lab.day(("theme", "gazette"), ("outage", "on")),
            slow=lab.day(("outage", "off"), ("slow", 20)),
            home=lab.home,
        )
    finally:
        lab.edit("outage", "off")
        lab.edit("slow", 0)
    return found


def of_kind(day: Day, *operations: str) -> list[dict[str, Any]]:
    found = [change for change in day.changes if change["op"] in operations]
    assert found
    return found


@pytest.fixture(scope="module", params=["tick 1", "tick 2", "tick 3", "edited"])
def edited(days, request):
    """A day with changes of each kind, and the scheduled crawl that followed."""
    if request.param == "edited":
        return days.edited
    return days.ticks[int(request.param[-1]) - 1]


def test_another_text_is_a_version_and_an_event(edited):
    for change in of_kind(edited, "update", "typo"):
        ident = edited.entry(change["url"])["id"]
        assert (edited.versions(ident), edited.events(ident)) == (1, ["text"]), change


def test_another_title_is_a_version_and_an_event(edited):
    for change in of_kind(edited, "retitle"):
        entry = edited.entry(change["url"])
        assert (edited.versions(entry["id"]), edited.events(entry["id"])) == (1, ["headline"])
        assert entry["headline"] == change["title"]


def test_a_new_post_is_a_new_entry(edited):
    for change in of_kind(edited, "new"):
        entry = edited.entry(change["url"])
        assert entry["id"] not in edited.before
        assert (entry["headline"], edited.events(entry["id"])) == (change["title"], [])


def test_a_renamed_post_stays_one_entry_with_both_addresses(edited):
    for change in of_kind(edited, "rename"):
        entry = edited.entry(change["url"])
        roles = {address(item["url"]): item["role"] for item in entry["urls"]}
        assert edited.entry(change["old_url"])["id"] == entry["id"]
        assert roles[address(change["old_url"])] == "redirect"
        assert roles[address(change["url"])] == "canonical"
        assert edited.events(entry["id"]) == ["moved"]


def gone_in(day: Day, *operations: str) -> None:
    for change in of_kind(day, *operations):
        ident = day.entry(change.get("old_url") or change["url"])["id"]
        assert (day.versions(ident), day.events(ident)) == (0, ["gone"]), change


def test_what_is_deleted_is_gone(edited):
    gone_in(edited, "delete")


def test_what_is_thrown_away_or_locked_is_gone(days):
    gone_in(days.edited, "trash", "password")


def test_what_is_withdrawn_without_a_word_is_gone_when_it_is_visited(days):
    gone_in(days.dressed, "gone")


def test_what_is_restored_is_back(days):
    [change] = of_kind(days.restored, "restore")
    ident = days.restored.entry(change["url"])["id"]
    assert (days.restored.versions(ident), days.restored.events(ident)) == (0, ["back"])
    assert days.restored.touched() == {ident}


def test_nothing_else_changes(edited):
    changed = {
        edited.entry(change.get("old_url") or change["url"])["id"]
        for change in edited.changes
        if change.get("main_text_changed", True)
    }
    assert edited.touched() == changed
    gone = [one for one in edited.changes if one["op"] in ("delete", "trash", "password")]
    counts = edited.report["articles"]
    assert (counts["new"], counts["gone"]) == (len(of_kind(edited, "new")), len(gone))


def test_a_scheduled_crawl_asks_for_what_changed_and_for_little_else(days, edited):
    assert edited.requests <= len(edited.changes) + 15
    assert days.same.requests <= 10


def test_a_scheduled_crawl_of_an_unchanged_site_moves_and_adds_next_to_nothing(days):
    assert days.same.size < 0.01 * days.first.size
    assert days.same.report["bytes"]["wire"] < 0.01 * days.first.report["bytes"]["wire"]


def test_an_outage_is_told_and_the_next_crawl_goes_on(days):
    assert days.out.report["sites"][0]["ended"] == "put off"
    assert days.slow.report["sites"][0]["ended"] == "finished"
    assert 0 < days.slow.requests <= 20


@pytest.mark.parametrize("day", ["same", "again", "third", "out", "slow"])
def test_an_outage_and_a_slow_day_change_no_article(days, day):
    assert getattr(days, day).touched() == set()
    assert getattr(days, day).after.keys() == getattr(days, day).before.keys()


def test_a_theme_changes_no_article(days):
    withdrawn = {days.dressed.entry(one["url"])["id"] for one in of_kind(days.dressed, "gone")}
    assert days.dressed.touched() == withdrawn
    assert days.dressed.after.keys() == days.dressed.before.keys()


def test_feeds_are_not_sent_again(days):
    assert days.third.report["outcomes"]["not_modified"] > 50


def test_an_unchanged_site_adds_little(days):
    assert days.again.size < 0.08 * days.first.size


def test_verify_is_silent(days):
    run = muragat(days.home, "verify")
    assert (run.code, run.out) == (0, "")
