"""Facts about the records that a crawl writes about itself: what is written is read back, anything else passed over."""

from __future__ import annotations

import json
import signal
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import Collection
from archive.errors import StorageError, StorageFull
from archive.model import Announcer, Outcome, Via
from crawler.crawl_records import (
    ATTEMPTS,
    REPORT,
    START,
    Attempt,
    Start,
    attempt_records,
    attempts_in,
    finished_in,
    named_by,
    sites_in,
    target,
)
from crawler.session import CrawlSession, SessionOptions
from crawler.sites import Site
from crawler.sites.site import LEARNED
from tests.program import muragat
from tests.sites.demo import DemoSite
from tests.test_crawl_faults import crawl_until

if TYPE_CHECKING:
    from pathlib import Path

CRAWL = "20261123120000"
MOMENT = datetime(2026, 11, 23, 12, 0, 0, 250, UTC)
SITE = Site(
    name="example",
    seeds=("https://example.test/", "https://пример.test/статья"),
    allow=("127.0.0.1:8000",),
    languages=("ru", "kk"),
    delay_s=0.5,
    max_pages=20,
    owner=True,
    spider="spiders.dimashnews.DimashNews",
)


def attempt(url="https://example.test/a", **changes):
    via = Via(CRAWL, Announcer.SITEMAP, "https://example.test/map.xml", SITE.seeds[0], 2, "example")
    return replace(Attempt(url, Outcome.DNS, MOMENT, via), **changes)


@pytest.mark.parametrize("kind", [START, ATTEMPTS, REPORT])
def test_an_address_names_its_crawl_and_kind(kind):
    assert named_by(target(f"{CRAWL}-2", kind)) == (f"{CRAWL}-2", kind)


@pytest.mark.parametrize("address", ["", "urn:muragat:crawl:", "urn:muragat:import:1:start", "x"])
def test_another_address_names_no_crawl(address):
    assert named_by(address) == ("", "")


def test_the_sites_of_a_start_record_come_back_with_all_their_fields():
    assert sites_in(Start(sites=(SITE,)).block(CRAWL, MOMENT)) == (SITE,)


def test_keys_of_the_schedule_come_back_as_they_were():
    site = replace(
        SITE,
        every_s=LEARNED,
        daily_budget=2000,
        quiet=("22:00-06:30",),
        timezone="Europe/Paris",
        ignore=("noarchive",),
        tdm="withhold",
        alarm="https://example.org/hook",
        alarm_command=("notify-send", "muragat"),
    )
    assert sites_in(Start(sites=(site,)).block(CRAWL, MOMENT)) == (site,)


def test_a_site_of_an_older_version_has_no_schedule_but_its_pace():
    told = {"name": "old", "seeds": ["https://old.test/"], "every_s": 3600.0}
    block = json.dumps({"sites": [told]}).encode()
    assert sites_in(block) == (Site("old", ("https://old.test/",), every_s=3600.0),)


def test_a_start_record_says_whether_somebody_started_the_crawl():
    blocks = [Start((SITE,), is_scheduled=value).block(CRAWL, MOMENT) for value in (True, False)]
    assert [json.loads(block)["scheduled"] for block in blocks] == [True, False]


def test_a_start_record_says_what_the_crawl_was_told():
    start = Start((SITE,), ("mine",), "muragat/0", "obey", {"max_pages": 20, "allow": ["a.test"]})
    told = json.loads(start.block(CRAWL, MOMENT))
    assert told["crawl"] == CRAWL
    assert told["started"] == "2026-11-23T12:00:00.000250Z"
    assert told["options"] == {"max_pages": 20, "allow": ["a.test"]}
    assert (told["spiders"], told["userAgent"], told["robots"]) == (["mine"], "muragat/0", "obey")


def test_a_site_of_another_version_loses_what_this_one_does_not_know():
    told = json.loads(Start(sites=(SITE,)).block(CRAWL, MOMENT))
    told["sites"][0]["invented_later"] = 1
    del told["sites"][0]["delay_s"]
    assert sites_in(json.dumps(told).encode()) == (replace(SITE, delay_s=1.0),)


@pytest.mark.parametrize("value", [1, None, [1], {"a": 1}, "text"])
def test_a_site_with_a_wrong_value_is_left_out(value):
    told = json.loads(Start(sites=(SITE, replace(SITE, name="b"))).block(CRAWL, MOMENT))
    told["sites"][0]["seeds"] = value
    assert [site.name for site in sites_in(json.dumps(told).encode())] == ["b"]


def test_what_joins_is_only_what_is_new():
    first, second = Start(sites=(SITE,)), Start(sites=(SITE,), spiders=("mine",))
    more = second.beyond(first)
    assert more is not None
    assert (more.sites, more.spiders) == ((), ("mine",))
    assert second.beyond(first.joined(more)) is None


def test_attempts_come_back_as_they_were():
    told = [attempt(), attempt("https://example.test/б", outcome=Outcome.ROBOTS, is_final=False)]
    [(address, block)] = attempt_records(told)
    assert named_by(address) == (CRAWL, ATTEMPTS)
    assert attempts_in(block, CRAWL) == tuple(told)


def test_many_attempts_take_several_records():
    told = [attempt(f"https://example.test/{number}") for number in range(450)]
    found = [one for _, block in attempt_records(told) for one in attempts_in(block, CRAWL)]
    assert found == told
    assert len(list(attempt_records(told))) == 3


def test_attempts_of_two_crawls_are_told_apart():
    other = attempt(via=replace(attempt().via, crawl="20261124000000"))
    assert [named_by(address)[0] for address, _ in attempt_records([attempt(), other])] == [
        CRAWL,
        "20261124000000",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "invented"},
        {"announcer": 1},
        {"date": "yesterday"},
        {"hop": -1},
        {"hop": True},
        {"url": None},
    ],
)
def test_an_attempt_with_a_wrong_value_is_left_out(change):
    [(_, block)] = attempt_records([attempt()])
    told = json.loads(block)
    told["attempts"] = [{**told["attempts"][0], **change}, told["attempts"][0]]
    assert attempts_in(json.dumps(told).encode(), CRAWL) == (attempt(),)


def test_a_report_names_the_sites_that_were_finished():
    sites = [{"name": "a", "ended": "finished"}, {"name": "b", "ended": "limit"}, 1]
    assert finished_in(json.dumps({"sites": sites}).encode()) == ("a",)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), ANYTHING))
def test_nothing_that_is_read_raises(block):
    assert isinstance(sites_in(block), tuple)
    assert isinstance(attempts_in(block, CRAWL), tuple)
    assert isinstance(finished_in(block), tuple)


@given(
    st.sampled_from(["sites", "attempts"]),
    st.lists(st.dictionaries(st.sampled_from(["name", "seeds", "url", "hop", "date"]), ANYTHING)),
)
def test_nothing_in_the_lists_raises(name, told):
    block = json.dumps({name: told}).encode()
    assert isinstance(sites_in(block), tuple)
    assert isinstance(attempts_in(block, CRAWL), tuple)
    assert isinstance(finished_in(block), tuple)


def told(home: Path, crawl: str, kind: str) -> list[bytes]:
    """The blocks of a crawl's records of one kind."""
    with Collection(home) as collection:
        records = collection.metadata(target(crawl, kind))
        return [collection.read_metadata(record) for record in records]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    home = tmp_path_factory.mktemp("told") / "home"
    with DemoSite() as site:
        words = ("--delay", 0, "--max-pages", 20, "--allow", "127.0.0.9", "--requisites", "images")
        [report] = muragat(home, "crawl", site.base, *words, "--json").lines
    return home, report


def test_a_crawl_writes_its_sites_as_they_were_crawled(crawled):
    home, report = crawled
    [block] = told(home, report["crawl"], START)
    [site] = sites_in(block)
    assert site.name == report["sites"][0]["name"]
    assert (site.delay_s, site.max_pages, site.requisites) == (0.0, 20, "images")
    assert "127.0.0.9" not in site.allow
    assert json.loads(block)["options"]["allow"] == ["127.0.0.9"]


def test_a_crawl_writes_what_brought_no_answer(crawled):
    home, report = crawled
    blocks = told(home, report["crawl"], ATTEMPTS)
    found = [attempt for block in blocks for attempt in attempts_in(block, report["crawl"])]
    counts = Counter(str(attempt.outcome) for attempt in found)
    assert counts == {"forbidden": report["outcomes"]["forbidden"]}
    assert {attempt.via.site for attempt in found} <= {report["sites"][0]["name"]}


def test_the_record_of_the_report_is_the_file(crawled):
    home, report = crawled
    [block] = told(home, report["crawl"], REPORT)
    assert block == (home / "crawls" / f"{report['crawl']}.json").read_bytes()
    assert json.loads(block) == report


def test_an_interrupted_crawl_has_both_as_well(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        assert crawl_until(home, site, 30, signal.SIGTERM) == 130
    [path] = (home / "crawls").iterdir()
    [block] = told(home, path.stem, REPORT)
    assert block == path.read_bytes()
    assert json.loads(block)["interrupted"] is True


def test_where_the_storage_fails_there_is_neither_record_nor_file(tmp_path):
    session = CrawlSession.take(tmp_path / "home", SessionOptions(analyse=False))

    def full(store):
        raise StorageFull("no room")

    with pytest.raises(StorageFull):
        session.writer.submit(full).result()
    with pytest.raises(StorageError):
        session.end()
    assert told(tmp_path / "home", session.crawl, REPORT) == []
    assert not list(tmp_path.glob("home/crawls/*"))


def ended(home: Path) -> str:
    session = CrawlSession.take(home, SessionOptions(analyse=False))
    session.end()
    return session.crawl


def test_no_two_crawls_have_one_id_though_the_reports_were_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("crawler.session.urls.timestamp", lambda date: CRAWL)
    home = tmp_path / "home"
    names = []
    for _ in range(3):
        names.append(ended(home))
        for path in (home / "crawls").iterdir():
            path.unlink()
    assert names == [CRAWL, f"{CRAWL}-2", f"{CRAWL}-3"]


def test_who_joins_a_crawl_is_recorded_once(tmp_path):
    home = tmp_path / "home"
    first = SessionOptions(analyse=False, start=Start(sites=(SITE,)))
    second = SessionOptions(analyse=False, start=Start(spiders=("mine",)))
    session = CrawlSession.take(home, first)
    for options in (first, second, second):
        CrawlSession.take(home, options)
    session.end()
    start, joined = told(home, session.crawl, START)
    assert sites_in(start) == (SITE,)
    assert json.loads(joined)["spiders"] == ["mine"]
