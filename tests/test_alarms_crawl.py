"""Facts about alarms of whole crawls: each is seen on a made-up site, told in the report, and to whom the site names."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.program import muragat
from tests.sites.alarming import AlarmingSite

KEEP = "import pathlib, sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"


def crawl(home, *words):
    run = muragat(home, "crawl", *words, "--delay", 0, "--requisites", "none", "--json")
    report = json.loads(run.out)
    return {alarm["kind"]: alarm["message"] for alarm in report["alarms"]}, report


def test_a_new_design_and_an_empty_feed_are_told_once_and_again_when_they_are_over(tmp_path):
    heard = tmp_path / "heard"
    with AlarmingSite() as site:
        command = json.dumps([sys.executable, "-c", KEEP, str(heard)])
        table = f'[[site]]\nname = "ill"\nseeds = ["{site.base}"]\nalarm_command = {command}\n'
        home = tmp_path / "home"
        home.mkdir()
        (home / "sites.toml").write_text(table)
        well, _ = crawl(home, "ill")
        site.ills = {"design", "feed"}
        ill, report = crawl(home, "ill")
        still, _ = crawl(home, "ill")
        site.ills = set()
        again, _ = crawl(home, "ill")
    assert well == {}
    assert ill.keys() == still.keys() == {"fields", "empty_feed"}
    assert "0 of 24 have an author (100% had before)" in ill["fields"]
    assert "had entries before" in ill["empty_feed"]
    assert set(report["warnings"]) == {f"ill: {message}" for message in ill.values()}
    assert again == {}
    begun, ended = map(json.loads, heard.read_text().splitlines())
    assert ([one["kind"] for one in begun["begun"]], begun["ended"]) == (
        ["empty_feed", "fields"],
        [],
    )
    assert ([one["kind"] for one in ended["ended"]], ended["begun"]) == (
        ["empty_feed", "fields"],
        [],
    )


def test_a_site_that_ended_is_silent_and_its_feed_stood_still_before(tmp_path):
    with AlarmingSite(newest=datetime.now(UTC) - timedelta(days=50)) as site:
        site.ills = {"stale"}
        alarms, _ = crawl(tmp_path / "home", site.base)
    assert alarms.keys() == {"silent", "stale_feed"}
    assert "never paused for more than 24 h" in alarms["silent"]
    assert "12 articles of later date are known" in alarms["stale_feed"]


@pytest.mark.parametrize(("ill", "kind"), [("scripts", "empty_shell"), ("refused", "blocked")])
def test_pages_that_show_nothing_are_told(tmp_path, ill, kind):
    with AlarmingSite() as site:
        site.ills = {ill, "feed"} if ill == "scripts" else {ill}
        alarms, _ = crawl(tmp_path / "home", site.base)
    assert kind in alarms
