"""Facts about the records that a crawl writes about itself: what is written is read back, anything else passed over."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from crawler.sites import Site

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
