"""`muragat run` and `sites`, run as programs, and what they read of the collection's state."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from archive import Collection
from archive.errors import UnknownSite, UsageError
from archive.model import Announcer, Outcome, Via
from crawler.frontier import SqliteFrontier, Visit, announcement
from crawler.schedule.due import Past, State, Wait
from crawler.schedule.past import Course, course
from crawler.schedule.run import due_sites, look, scheduled, standing_of
from crawler.sites import Site
from crawler.sites.site import LEARNED
from tests.program import ROOT, environment, muragat
from tests.sites.demo import DemoSite

NOW = 1_795_521_600.0
SITE = Site("demo", ("http://demo.test/",), every_s=3600.0)


def begun(home, *, ended=True, pages=()):
    """A collection with a round of the site `demo` that was begun at `NOW`."""
    with Collection(home, write=True) as collection:
        frontier = SqliteFrontier(collection.state, lambda: NOW)
        frontier.begin("demo", "20261124120000", full=True)
        told = [announcement(page, Via(announcer=Announcer.SEED, seed=page)) for page in pages]
        frontier.announce("demo", told)
        collection.sync(frontier.flush)
        frontier.flushed()
        if ended:
            frontier.end("demo")
    return home


def report(home, **site):
    (home / "crawls").mkdir(exist_ok=True)
    text = json.dumps({"sites": [{"name": "demo", **site}], "warnings": ["demo: so", "other: not"]})
    (home / "crawls" / "20261124120000.json").write_text(text)


def closed(home, host, until, *, day=0, requests=0):
    with Collection(home, write=True) as collection:
        collection.state.execute(
            "CREATE TABLE IF NOT EXISTS hosts (host TEXT PRIMARY KEY, closed_until REAL, reason TEXT, day INTEGER, requests INTEGER)"
        )
        collection.state.execute(
            "INSERT INTO hosts (host, closed_until, reason, day, requests) VALUES (?, ?, ?, ?, ?)",
            (host, until, "answered 503", day, requests),
        )


def due_in(home, site, now):
    found = standing_of(site, look(home, [site]), now)
    assert found.due is not None
    return found.due - now


def test_a_home_that_is_not_there_is_due(tmp_path):
    assert course(tmp_path / "nothing") == Course()
    assert due_sites(tmp_path / "nothing", [SITE], NOW) == [SITE]


def test_the_last_round_says_when_the_next_is(tmp_path):
    home = begun(tmp_path)
    assert course(home).rounds == {"demo": Past(NOW, NOW, NOW)}
    assert due_in(home, SITE, NOW + 600) == 3000
    assert due_sites(home, [SITE], NOW + 600) == []
    assert due_sites(home, [SITE], NOW + 3600) == [SITE]


def test_a_report_says_how_the_last_crawl_ended_and_what_to_look_at(tmp_path):
    home = begun(tmp_path, ended=False)
    report(home, ended="limit")
    known = course(home)
    assert known.rounds["demo"].last == "limit"
    assert known.told["demo"].warnings == ("demo: so",)
    assert due_in(home, SITE, NOW + 600) == 3000


def test_a_report_says_until_when_a_crawl_is_put_off(tmp_path):
    home = begun(tmp_path, ended=False)
    until = "2026-11-24T13:00:00+00:00"
    report(home, ended="put off", put_off={"until": until, "because": "answered 503"})
    found = standing_of(SITE, look(home, [SITE]), NOW)
    assert (found.state, found.due, found.reason) == (State.PUT_OFF, NOW + 3600, "answered 503")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"sites": 1}', '{"sites": [1, {"name": "demo", "put_off": {"until": 5}}]}'],
)
def test_a_report_that_is_none_says_nothing(tmp_path, text):
    home = begun(tmp_path, ended=False)
    (home / "crawls").mkdir(exist_ok=True)
    (home / "crawls" / "20261124120000.json").write_text(text)
    assert due_in(home, SITE, NOW + 600) == 0


def test_a_closed_host_puts_its_site_off(tmp_path):
    home = begun(tmp_path)
    closed(home, "demo.test", NOW + 9000)
    assert course(home).closed == {"demo.test": Wait(NOW + 9000, "answered 503")}
    assert due_in(home, SITE, NOW + 3600) == 5400


def test_a_closed_host_is_waited_for_where_it_is_open_again_within_a_minute(tmp_path):
    home = begun(tmp_path)
    closed(home, "demo.test", NOW + 3661)
    assert due_sites(home, [SITE], NOW + 3600) == []
    assert due_sites(home, [SITE], NOW + 3601) == [SITE]


def test_a_spent_budget_puts_the_site_off_until_the_next_day(tmp_path):
    home = begun(tmp_path)
    closed(home, "demo.test", 0, day=int(NOW // 86400), requests=5)
    assert due_in(home, replace(SITE, daily_budget=6), NOW + 3600) == 0
    found = standing_of(replace(SITE, daily_budget=5), look(home, [SITE]), NOW + 3600)
    assert (found.due, found.reason) == (
        (NOW // 86400 + 1) * 86400,
        "daily budget of 5 requests",
    )


def test_auto_wants_what_the_frontier_has_ready(tmp_path):
    auto = replace(SITE, every_s=LEARNED)
    home = begun(tmp_path, pages=["http://demo.test/"])
    assert due_in(home, auto, NOW + 60) == 240


def test_auto_wants_the_first_page_that_was_planned(tmp_path):
    auto = replace(SITE, every_s=LEARNED)
    home = begun(tmp_path, pages=["http://demo.test/"])
    with Collection(home, write=True) as collection:
        frontier = SqliteFrontier(collection.state, lambda: NOW)
        [claim] = frontier.claim("demo", 9)
        frontier.done(Visit(claim.key, Outcome.STORED, "sha256:0", status=200))
        collection.sync(frontier.flush)
        frontier.flushed()
        [page] = frontier.unplanned("demo", 9)
        frontier.plan([(page.id, NOW + 7200)])
    assert due_in(home, auto, NOW + 60) == 7140


def test_only_names_of_sites_with_a_schedule_can_be_run():
    table = {"demo": SITE, "hand": replace(SITE, name="hand", every_s=0)}
    assert scheduled((), table) == [SITE]
    assert scheduled(("demo",), table) == [SITE]
    with pytest.raises(UsageError, match="has no schedule"):
        scheduled(("hand",), table)
    with pytest.raises(UnknownSite, match="did you mean 'demo'"):
        scheduled(("demos",), table)
    with pytest.raises(UnknownSite, match="takes names"):
        scheduled(("http://demo.test/",), table)


def table_of(tmp_path, site, **keys):
    lines = [f'name = "{site.name if isinstance(site, Site) else "demo"}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    path = tmp_path / "sites.toml"
    path.write_text("[[site]]\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A small site that was run, seen before, and run again when nothing was due."""
    folder = tmp_path_factory.mktemp("ran")
    home = folder / "home"
    with DemoSite() as site:
        sites = table_of(
            folder, site, seeds=[site.base], delay="0s", every="1h", max_pages=6, requisites="none"
        )
        words = ("--sites", sites)
        before = muragat(home, *words, "sites", "--json")
        first = muragat(home, *words, "run", "--json")
        asked = len(site.requests)
        second = muragat(home, *words, "run", "--json")
        yield folder, home, (before, first, second), (asked, len(site.requests)), words


def test_a_site_that_was_never_crawled_is_taken_in(ran):
    _, _, (before, first, _), _, _ = ran
    assert (before.lines[0]["state"], before.lines[0]["last_crawl"]) == ("never", None)
    assert (first.code, first.err) == (0, "")
    assert first.lines[0]["scheduled"] is True
    assert first.lines[0]["pages"] == 6


def test_where_nothing_is_due_run_says_and_asks_nothing(ran):
    _, _, (_, _, second), (before, after), _ = ran
    assert (second.code, second.out, second.err) == (0, "", "")
    assert before == after


def test_sites_shows_last_and_next_crawl(ran):
    _, home, _, _, words = ran
    run = muragat(home, *words, "sites", "--json")
    [row] = run.lines
    assert (row["state"], row["every"]) == ("unfinished", 3600.0)
    assert row["last_crawl"] < row["next_crawl"]
    assert 0 < row["due"] < row["known"]
    assert "next 20" in muragat(home, *words, "sites").out


def test_run_beside_another_writer_ends_well_and_says_so(ran, tmp_path):
    folder, home, _, _, _ = ran
    sites = folder / "soon.toml"
    sites.write_text((folder / "sites.toml").read_text().replace('"1h"', '"1s"'))
    with Collection(home, write=True):
        run = muragat(home, "--sites", sites, "run")
    assert (run.code, run.out) == (0, "")
    assert run.err.count("\n") == 1
    assert f"process {os.getpid()} is writing" in run.err


def test_run_and_sites_load_no_scrapy_where_nothing_is_due(ran):
    _, home, _, _, words = ran
    code = (
        "import sys; from crawler.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('scrapy', 'twisted', 'trafilatura') if name in sys.modules])"
    )
    for command in ("run", "sites"):
        done = subprocess.run(
            [sys.executable, "-c", code, "--home", home, *words, command],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment(),
            check=True,
        )
        assert done.stdout.splitlines()[-1] == "[]"


def test_a_round_after_a_kill_before_the_plans_asks_the_lists_all_the_same(ran):
    _, home, _, _, words = ran
    with Collection(home, write=True) as collection:
        for statement in (
            "UPDATE frontier SET ready = 0, due = NULL WHERE visited IS NULL",
            "UPDATE frontier SET planned = 0, due = NULL, visited = visited - 7200 WHERE visited > 0 AND kind = ''",
        ):
            collection.state.execute(statement)
        collection.state.execute("UPDATE rounds SET opened = 1, started = 1, ended = 2")
    run = muragat(home, *words, "run", "--json")
    assert run.code == 0
    assert 0 < run.lines[0]["pages"] < 6


FOREVER = """
import sys
from pathlib import Path
from crawler.schedule.forever import Pauses, Watch, stay
home, sites = map(Path, sys.argv[1:])
say = lambda line: print(line, file=sys.stderr, flush=True)
stay(Watch(home, sites, after=("--json",)), say, Pauses(look_s=0.1, between_s=0.1, failed_s=0.2))
"""


def forever(home, sites):
    return subprocess.Popen(
        [sys.executable, "-c", FOREVER, str(home), str(sites)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )


def test_forever_crawls_again_and_again_through_a_bad_edit_until_it_is_told_to_end(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        keys = {"seeds": [site.base], "delay": "0s", "max_pages": 2, "requisites": "none"}
        sites = table_of(tmp_path, site, every="1s", **keys)
        with forever(home, sites) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            first = json.loads(process.stdout.readline())
            sites.write_text("[[site]\n")
            said = process.stderr.readline()
            second = json.loads(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
    assert process.returncode == 0
    assert f"{sites}:1:" in said
    assert "going on with the sites as they were" in said
    assert (first["scheduled"], second["scheduled"]) == (True, True)


def test_forever_takes_its_child_along_in_the_middle_of_a_crawl(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        sites = table_of(tmp_path, site, seeds=[site.base], delay="2s", every="1h")
        with forever(home, sites) as process:
            while len(site.requests) < 2:
                time.sleep(0.05)
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=20)
    assert time.monotonic() - asked < 15
    assert process.returncode == 0
    assert json.loads(out)["interrupted"] is True
    assert muragat(home, "--sites", sites, "sites", "--json").lines[0]["state"] == "unfinished"
    assert muragat(home, "verify").code == 0


def test_forever_does_not_begin_with_a_sites_file_that_can_not_be_read(tmp_path):
    sites = tmp_path / "sites.toml"
    sites.write_text("[[site]\n")
    run = muragat(tmp_path / "home", "--sites", sites, "run", "--forever")
    assert run.code == 2
    assert f"{sites}:1:" in run.err
