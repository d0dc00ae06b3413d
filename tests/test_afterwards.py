"""What follows a crawl: analysis within its time, plans, alarms; and that a failure there costs nothing else."""

import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from archive import Collection, Warcinfo
from archive.model import Outcome
from crawler.alarms.gathering import Crawled
from crawler.alarms.judging import Sounded
from crawler.report import Course, make_report
from crawler.report.tally import Tally
from crawler.session import afterwards
from crawler.session.afterwards import plan_next, sound_alarms
from crawler.session.analysis import AnalysisProcess, Drained
from crawler.session.writer import CollectionWriter
from crawler.sites import Site
from tests.exchanges import exchange

SITE = Site("demo", ("http://demo.test/",), every_s=3600.0)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def writer(tmp_path):
    found = CollectionWriter(tmp_path, Warcinfo(), lambda failure: None)
    found.start()
    yield found
    found.stop()


def sounded_by(writer, home, monkeypatch, sounded, *, is_stopping=lambda: False):
    monkeypatch.setattr(afterwards, "sounded", sounded)
    crawled = Crawled([SITE], Tally(), NOW, NOW)
    return sound_alarms(writer, (home, crawled, "1"), is_stopping=is_stopping)


def is_alive(writer):
    return writer.submit(lambda store: store.collection.stats()).result().captures == 0


def test_plans_that_fail_are_told_and_the_crawl_goes_on(writer, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise sqlite3.OperationalError("no such table: rates")

    monkeypatch.setattr(afterwards, "learn_and_plan", fail)
    assert "no such table: rates; the next crawl does it" in plan_next(tmp_path, writer, [SITE])
    assert is_alive(writer)


def test_sites_that_are_crawled_by_hand_are_not_planned(writer, tmp_path, monkeypatch):
    monkeypatch.delattr(afterwards, "learn_and_plan")
    assert plan_next(tmp_path, writer, [Site("hand", ("http://hand.test/",))]) == ""


def test_a_collection_without_articles_is_planned(writer, tmp_path):
    assert plan_next(tmp_path, writer, [SITE]) == ""


def test_what_alarms_break_in_the_state_is_theirs_alone(writer, tmp_path, monkeypatch):
    def sounded(home, crawled, crawl, in_writer):
        with pytest.raises(sqlite3.Error):
            in_writer(lambda connection: connection.execute("SELECT nothing"))
        return Sounded(warnings=(str(in_writer(lambda connection: 5)),))

    assert sounded_by(writer, tmp_path, monkeypatch, sounded).warnings == ("5",)
    assert is_alive(writer)


def test_who_is_slow_to_be_told_holds_up_no_end(writer, tmp_path, monkeypatch):
    monkeypatch.setattr(afterwards, "_GRACE_S", 0.0)
    over = threading.Event()

    def sounded(home, crawled, crawl, in_writer):
        over.wait(60)

    found = sounded_by(writer, tmp_path, monkeypatch, sounded, is_stopping=lambda: True)
    over.set()
    assert found.warnings == ("alarms were not told of: the crawl was stopped",)


def test_analysis_whose_time_is_over_leaves_the_rest_to_the_next_crawl(tmp_path):
    with Collection(tmp_path, write=True) as collection:
        collection.add(exchange("http://demo.test/a"))
        collection.sync()
    analysis = AnalysisProcess(tmp_path)
    analysis.start()
    assert analysis.drain(limit_s=0.0) is Drained.CUT
    analysis = AnalysisProcess(tmp_path)
    analysis.start()
    assert analysis.drain(limit_s=60.0) is Drained.WHOLE
    assert (tmp_path / "articles.jsonl").exists()


def report_of(tally):
    return make_report("1", tally, Course(NOW, 1.0, 0, is_scheduled=True)).to_json()


def test_a_report_says_until_when_a_site_is_put_off():
    tally = Tally()
    site = tally.site("demo")
    site.ended, site.put_off_because = "put off", "answered 503"
    site.put_off_until = NOW.timestamp()
    [told] = report_of(tally)["sites"]
    assert told["put_off"] == {"until": "2026-11-24T12:00:00+00:00", "because": "answered 503"}
    assert report_of(tally)["warnings"] == [
        "demo: put off until 2026-11-24 12:00 UTC: answered 503"
    ]


def test_a_date_that_can_not_be_written_is_the_last_one():
    tally = Tally()
    tally.site("demo").put_off_until = 1e300
    assert report_of(tally)["sites"][0]["put_off"]["until"].startswith("9999-")


@pytest.mark.parametrize(
    ("ended", "outcomes", "failed"),
    [
        ("finished", {}, False),
        ("put off", {}, False),
        ("put off", {Outcome.CONNECTION: 3}, True),
        ("shutdown", {}, True),
    ],
)
def test_a_site_of_which_nothing_was_wanted_has_not_failed(ended, outcomes, failed):
    tally = Tally()
    tally.site("demo").ended = ended
    tally.site("demo").outcomes.update(outcomes)
    assert tally.site("demo").has_failed is failed


def test_a_report_counts_failed_visits_among_all_visits_not_among_captures():
    tally = Tally()
    site = tally.site("demo")
    site.pages, site.captures = 5, 15
    site.outcomes.update({Outcome.STORED: 5, Outcome.CONNECTION: 20})
    assert report_of(tally)["warnings"] == ["demo: 20 of 25 visits failed"]
