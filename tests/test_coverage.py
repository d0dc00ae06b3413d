"""Facts about `coverage`: what is saved of what is known, by who announced it, and why the rest is missing."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from archive import Collection
from archive.model import Announcer, Outcome, Truncation, Via
from crawler.coverage import REASONS, Coverage, Standing
from crawler.coverage.table import address_line, site_lines
from crawler.frontier import SqliteFrontier
from crawler.frontier.claims import Visit, announcement
from tests.exchanges import exchange
from tests.program import fetch, muragat
from tests.sites.demo import DemoSite

BASE = "http://news.test/"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def head(status):
    return b"HTTP/1.1 %d X\r\nContent-Type: text/html\r\n\r\n" % status


class Saved:
    """A home that is filled as a crawl fills it."""

    def __init__(self, home):
        self.home = home
        self.collection = Collection(home, write=True)
        self.frontier = SqliteFrontier(self.collection.state)
        self.site("news")

    def site(self, name):
        self.frontier.begin(name, "1")
        self.name = name

    def knows(self, path, announcer=Announcer.LINK, **changes):
        via = Via(announcer=announcer, referrer=BASE, seed=BASE, hop=1, **changes)
        told = announcement(BASE + path, via)
        self.frontier.announce(self.name, [told])
        return told

    def visits(self, path, announcer=Announcer.LINK, status=200, **changes):
        told = self.knows(path, announcer)
        self.captures(path, status=status, **changes)
        outcome = Outcome.STORED if status < 400 else Outcome.HTTP_ERROR
        if "truncated" in changes:
            outcome = Outcome.TRUNCATED
        self.frontier.done(Visit(told.key, outcome))

    def captures(self, path, status=200, **changes):
        url = path if "://" in path else BASE + path
        body = f"{path} {status}".encode()
        via = Via(site=changes.pop("site", self.name))
        values = {"started": NOW, "head": head(status)} | changes
        self.collection.add(exchange(url, body, via=via, **values))

    def fails(self, path, outcome):
        self.frontier.done(Visit(self.knows(path).key, outcome))

    def done(self):
        self.collection.sync(self.frontier.flush)
        self.frontier.flushed()
        self.collection.close()

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self.done()


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    with Saved(home) as saved:
        saved.visits("", Announcer.SEED)
        saved.visits("a", Announcer.FEED)
        saved.visits("moved", status=301)
        saved.visits("gone", Announcer.SITEMAP, status=404)
        saved.fails("private", Outcome.ROBOTS)
        saved.knows("later", Announcer.SITEMAP)
        saved.visits("photo.jpg", Announcer.REQUISITE)
        saved.visits("lost.jpg", Announcer.REQUISITE, status=404)
    return home


def coverage(home, *names):
    with Coverage(home) as found:
        return list(found.sites(names or found.names))


def reasons(home):
    with Coverage(home) as found:
        return {one.url.removeprefix(BASE): one.reason for one in found.missing(found.names)}


def test_known_addresses_are_captured_redirects_or_missing(home):
    [site] = coverage(home)
    part = site.addresses
    assert (part.known, part.captured, part.redirects, part.missing) == (6, 2, 1, 3)


def test_requisites_are_counted_apart(home):
    [site] = coverage(home)
    part = site.requisites
    assert (part.known, part.captured, part.missing) == (2, 1, 1)


def test_each_channel_has_what_it_announced(home):
    [site] = coverage(home)
    assert {name: (part.known, part.captured) for name, part in site.channels.items()} == {
        "seed": (1, 1),
        "feed": (1, 1),
        "link": (2, 0),
        "sitemap": (2, 0),
        "requisite": (2, 1),
    }


def test_what_is_missing_has_a_reason(home):
    assert reasons(home) == {
        "gone": "404",
        "private": "robots",
        "later": "due",
        "lost.jpg": "404",
    }


def test_a_missing_address_names_its_announcer_and_the_page_that_named_it(home):
    with Coverage(home) as found:
        first = next(found.missing(["news"]))
    assert (first.announcer, first.referrer, first.status, first.hop) == ("sitemap", BASE, 404, 1)


def test_what_was_captured_once_is_captured_though_it_is_gone_now(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.visits("a")
        saved.visits("a", status=410, started=NOW.replace(year=2027))
    assert reasons(tmp_path / "home") == {}


def test_the_last_answer_is_the_reason(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.visits("a", status=500)
        saved.visits("a", status=404, started=NOW.replace(year=2027))
    assert reasons(tmp_path / "home") == {"a": "404"}


def test_an_answer_cut_short_is_missing(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.visits("a", truncated=Truncation.LENGTH)
    assert reasons(tmp_path / "home") == {"a": "truncated"}


def test_what_is_not_http_is_missing(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.captures("a", head=b"")
        saved.fails("a", Outcome.HTTP_ERROR)
    assert reasons(tmp_path / "home") == {"a": "no_http"}


def test_what_was_stored_and_is_not_here_is_lost(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.fails("a", Outcome.STORED)
    assert reasons(tmp_path / "home") == {"a": "lost"}


def test_what_the_settings_leave_out_waits_for_nothing(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.knows("a.jpg", Announcer.REQUISITE)
        saved.collection.sync(saved.frontier.flush)
        saved.frontier.flushed()
        saved.frontier.forgo("news", [])
    assert reasons(tmp_path / "home") == {"a.jpg": "left_out"}


def test_what_is_being_fetched_is_not_fetched_yet(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.knows("a")
        saved.collection.sync(saved.frontier.flush)
        saved.frontier.flushed()
        assert len(saved.frontier.claim("news", 1)) == 1
    assert reasons(tmp_path / "home") == {"a": "due"}


def test_every_reason_has_words():
    standings = [Standing(outcome, False, None, True) for outcome in [*Outcome, None]]
    assert {standing.reason for standing in standings} <= REASONS.keys()


def test_hosts_that_were_never_crawled_count_by_their_captures(home):
    with Collection(home, write=True) as collection:
        collection.add(exchange("http://www.other.test/x"))
        collection.add(exchange("http://www.other.test/y", head=head(404), body=b"no"))
        cut_short = exchange("http://www.other.test/z", b"half", truncated=Truncation.DISCONNECT)
        collection.add(cut_short)
        collection.sync()
    [_, other] = coverage(home)
    assert (other.site, other.is_crawled) == ("other.test", False)
    assert (other.addresses.known, other.addresses.captured) == (3, 1)
    assert (other.addresses.reasons, list(other.channels)) == (
        {"404": 1, "truncated": 1},
        ["import"],
    )


def test_a_collection_without_a_frontier_has_coverage(tmp_path):
    with Collection(tmp_path / "home", write=True) as collection:
        collection.add(exchange("http://other.test/x"))
        collection.sync()
    [other] = coverage(tmp_path / "home")
    assert (other.site, other.addresses.captured) == ("other.test", 1)


def test_captures_on_the_host_of_a_crawled_site_are_no_site_of_their_own(home):
    with Collection(home, write=True) as collection:
        collection.add(exchange(BASE + "imported"))
        collection.sync()
    assert [site.site for site in coverage(home)] == ["news"]


def test_the_lines_for_a_person_name_reasons_in_words(home):
    [site] = coverage(home)
    text = "\n".join(site_lines(site))
    assert "answered 404" in text
    assert "not fetched yet" in text
    assert "disallowed by robots.txt" in text
    with Coverage(home) as found:
        line = address_line(next(found.missing(["news"])))
    assert line.split() == ["answered", "404", "sitemap", BASE + "gone", "<-", BASE]


def test_the_program_prints_one_object_a_site(home):
    run = muragat(home, "coverage", "--json")
    [site] = run.lines
    assert run.code == 0
    assert (site["site"], site["crawled"]) == ("news", True)
    assert site["addresses"]["reasons"] == {"404": 1, "robots": 1, "due": 1}
    assert set(site["addresses"]) == set(site["requisites"])
    told = {"only", "missed", "newest", "read"}
    assert set(site["channels"]["sitemap"]) == set(site["addresses"]) | told


def test_the_program_lists_what_is_missing(home):
    assert len(muragat(home, "coverage", "--missing").out.splitlines()) == 4
    run = muragat(home, "coverage", "news", "--missing", "--json")
    assert [line["reason"] for line in run.lines] == ["404", "robots", "due", "404"]
    assert run.code == 0


def test_an_unknown_site_is_refused_with_a_suggestion(home):
    run = muragat(home, "coverage", "nwes")
    assert (run.code, run.out) == (1, "")
    assert "did you mean 'news'" in run.err


def test_an_empty_collection_knows_nothing(tmp_path):
    with Collection(tmp_path / "home", write=True):
        pass
    run = muragat(tmp_path / "home", "coverage")
    assert (run.code, run.out) == (1, "")
    assert "crawl" in run.err


def test_a_crawl_that_came_to_its_end_misses_only_what_the_site_withholds(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as demo:
        fetch(home, demo.base, "--delay", 0)
    [site] = muragat(home, "coverage", "--json").lines
    assert "due" not in site["addresses"]["reasons"]
    assert "lost" not in site["addresses"]["reasons"]
    assert site["addresses"]["captured"] > 50
    missing = muragat(home, "coverage", "--missing", "--json").lines
    assert len(missing) == site["addresses"]["missing"] + site["requisites"]["missing"]
    assert {"feed", "sitemap", "link"} <= site["channels"].keys()


# Several channels


def test_an_address_counts_for_each_that_announced_it(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.knows("a", Announcer.FEED)
        saved.knows("a", Announcer.SITEMAP)
        saved.knows("b", Announcer.SITEMAP)
        saved.knows("c.jpg", Announcer.REQUISITE)
    [site] = coverage(tmp_path / "home")
    told = {name: (one.known, one.only, site.missed(name)) for name, one in site.channels.items()}
    assert told["feed"] == (1, 0, 1)
    assert told["sitemap"] == (2, 1, 0)
    assert site.addresses.known == 2
    with Coverage(tmp_path / "home") as found:
        missing = {one.url: one.announcers for one in found.missing(["news"])}
        only = [one.url for one in found.only("sitemap", ["news"])]
        unknown = [one.url for one in found.unknown_to("feed", ["news"])]
    assert missing[BASE + "a"] == ("feed", "sitemap")
    assert only == unknown == [BASE + "b"]


def test_lists_say_their_newest_date_and_when_they_were_read(tmp_path):
    with Saved(tmp_path / "home") as saved:
        told = saved.knows("a", Announcer.FEED)
        dated = replace(told, published=NOW.timestamp())
        saved.frontier.announce("news", [dated])
    [site] = coverage(tmp_path / "home")
    assert site.channels["feed"].newest == NOW.timestamp()
    assert site.channels["feed"].read > 0


def test_addresses_of_a_host_that_is_left_alone_say_so(tmp_path):
    with Saved(tmp_path / "home") as saved:
        saved.knows("a")
        state = saved.collection.state
        state.execute("CREATE TABLE IF NOT EXISTS hosts (host, closed_until, reason)")
        state.execute("INSERT INTO hosts VALUES ('news.test', 1e12, 'answers with 503')")
    [site] = coverage(tmp_path / "home")
    assert site.addresses.reasons == {"closed": 1}
    assert "news.test is left alone until 9999-12-31" in "\n".join(site_lines(site))


def test_a_collection_of_an_older_muragat_counts_for_the_first_announcer(home):
    with sqlite3.connect(home / "state.sqlite") as state:
        for table in ("announced", "sources"):
            state.execute(f"DROP TABLE {table}")
        state.execute("DROP INDEX IF EXISTS frontier_ready")
        state.execute("DROP INDEX IF EXISTS frontier_due")
        state.execute("DROP INDEX IF EXISTS frontier_planned")
        state.execute("DROP INDEX IF EXISTS frontier_unplanned")
        for column in ("ready", "status"):
            state.execute(f"ALTER TABLE frontier DROP COLUMN {column}")
    [site] = coverage(home)
    assert {name: (part.known, part.captured) for name, part in site.channels.items()} == {
        "seed": (1, 1),
        "feed": (1, 1),
        "link": (2, 0),
        "sitemap": (2, 0),
        "requisite": (2, 1),
    }


def test_links_that_the_last_crawl_left_out_are_told(home):
    report = {"sites": [{"name": "news", "out_of_scope": {"other_host": 3, "calendar": 7}}]}
    (home / "crawls").mkdir(exist_ok=True)
    (home / "crawls" / "1.json").write_text(json.dumps(report))
    [site] = coverage(home)
    assert list(site.unfollowed.items()) == [("calendar", 7), ("other_host", 3)]
    assert "3  another host" in "\n".join(site_lines(site))


def test_only_one_list_at_a_time_and_of_known_channels(home):
    assert muragat(home, "coverage", "--missing", "--only", "feed").code == 2
    assert muragat(home, "coverage", "--only", "fed").code == 2
