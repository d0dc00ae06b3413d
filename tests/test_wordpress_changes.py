"""Facts about a real WordPress that is edited between crawls: what of it becomes a version, a role or an event.

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
    ("tick", 1),
    ("update", OWN["update"], "A paragraph that was not there before."),
    ("typo", OWN["typo"]),
    ("retitle", OWN["retitle"], "A headline of another kind altogether"),
    ("rename", OWN["rename"], "another-name-altogether"),
    ("delete", OWN["delete"]),
    ("gone", OWN["gone"]),
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


class Lab:
    """The site, its collection, and the days so far."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.base = json.loads((Path(STATE) / "truth.json").read_text("utf-8"))["base"]
        self.entries: dict[str, dict[str, Any]] = {}
        self.bytes = 0

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

    def day(self, *operations: tuple[object, ...]) -> Day:
        changes = [change for words in operations for change in self.edit(*words)]
        before = self.entries
        images = self.base.split("/")[2].replace("127.0.0.1", "127.0.0.2")
        words = ("crawl", self.base, "--allow", images, "--delay", 0, "--concurrency", 4, "--json")
        run = muragat(self.home, *words)
        self.entries = {entry["id"]: entry for entry in articles(self.home)}
        size = sum(path.stat().st_size for path in (self.home / "warc").iterdir())
        grown, self.bytes = size - self.bytes, size
        return Day(changes, before, self.entries, run.lines[0], grown)


class Days(NamedTuple):
    first: Day
    same: Day
    again: Day
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
        found = [
            lab.day(),
            lab.day(),
            lab.day(),
            lab.day(*DAY),
            lab.day(("restore", TRASHED)),
            lab.day(("theme", "twentytwentyone")),
            lab.day(("theme", "gazette"), ("outage", "on")),
            lab.day(("outage", "off"), ("slow", 20)),
        ]
    finally:
        lab.edit("outage", "off")
        lab.edit("slow", 0)
    first, same, again, edited, restored, dressed, out, slow = found
    return Days(first, same, again, edited, restored, dressed, out, slow, lab.home)


def of_kind(day: Day, *operations: str) -> list[dict[str, Any]]:
    found = [change for change in day.changes if change["op"] in operations]
    assert found
    return found


def test_another_text_is_a_version_and_an_event(days):
    for change in of_kind(days.edited, "update", "typo"):
        ident = days.edited.entry(change["url"])["id"]
        assert (days.edited.versions(ident), days.edited.events(ident)) == (1, ["text"]), change


def test_another_title_is_a_version_and_an_event(days):
    for change in of_kind(days.edited, "retitle"):
        entry = days.edited.entry(change["url"])
        assert (days.edited.versions(entry["id"]), days.edited.events(entry["id"])) == (
            1,
            ["headline"],
        )
        assert entry["headline"] == change["title"]


def test_a_new_post_is_a_new_entry(days):
    for change in of_kind(days.edited, "new"):
        entry = days.edited.entry(change["url"])
        assert entry["id"] not in days.edited.before
        assert (entry["headline"], days.edited.events(entry["id"])) == (change["title"], [])


def test_a_renamed_post_stays_one_entry_with_both_addresses(days):
    for change in of_kind(days.edited, "rename"):
        entry = days.edited.entry(change["url"])
        roles = {address(item["url"]): item["role"] for item in entry["urls"]}
        assert days.edited.entry(change["old_url"])["id"] == entry["id"]
        assert roles[address(change["old_url"])] == "redirect"
        assert roles[address(change["url"])] == "canonical"
        assert days.edited.events(entry["id"]) == ["moved"]


def test_what_is_deleted_withdrawn_or_locked_is_gone(days):
    for change in of_kind(days.edited, "delete", "gone", "trash", "password"):
        url = change.get("old_url") or change["url"]
        ident = days.edited.entry(url)["id"]
        assert (days.edited.versions(ident), days.edited.events(ident)) == (0, ["gone"]), change


def test_what_is_restored_is_back(days):
    [change] = of_kind(days.restored, "restore")
    ident = days.restored.entry(change["url"])["id"]
    assert (days.restored.versions(ident), days.restored.events(ident)) == (0, ["back"])
    assert days.restored.touched() == {ident}


def test_nothing_else_changes(days):
    changed = {
        days.edited.entry(change.get("old_url") or change["url"])["id"]
        for change in days.edited.changes
        if change.get("main_text_changed", True)
    }
    assert days.edited.touched() == changed
    counts = days.edited.report["articles"]
    assert counts["new"] == len(of_kind(days.edited, "new"))
    assert counts["gone"] == len(of_kind(days.edited, "delete", "gone", "trash", "password"))


@pytest.mark.parametrize("day", ["same", "again", "dressed", "out", "slow"])
def test_a_theme_an_outage_and_a_slow_day_change_no_article(days, day):
    assert getattr(days, day).touched() == set()
    assert getattr(days, day).after.keys() == getattr(days, day).before.keys()


def test_feeds_are_not_sent_again(days):
    assert days.again.report["outcomes"]["not_modified"] > 50


def test_an_unchanged_site_adds_little(days):
    assert days.again.size < 0.08 * days.first.size


def test_verify_is_silent(days):
    run = muragat(days.home, "verify")
    assert (run.code, run.out) == (0, "")
