"""Facts about the bounds of requisites: kinds, depth, number, and hosts that are silent."""

from __future__ import annotations

import pytest

from archive.errors import UsageError
from archive.model import Announcer, Outcome, Via
from archive.requisites import MAX_REQUISITES
from crawler.announcing.needs import MAX_DEPTH, MODES, PATIENCE, Needs, Patience, below
from crawler.discover.links import Link
from crawler.frontier.claims import MAX_REDIRECTS, Claim

PHOTO = Link("http://b.test/a.png", Announcer.REQUISITE, rel="image")
STYLE = Link("http://b.test/a.css", Announcer.REQUISITE, rel="stylesheet")
SEED = "http://a.test/"


def parent(depth: int = 0, redirects: int = 0, hop: int = 2) -> Claim:
    announcer = Announcer.REQUISITE if depth else Announcer.LINK
    via = Via(announcer=announcer, seed=SEED, hop=hop)
    url = "http://b.test/parent"
    return Claim(url, url, via, redirects, failures=0, digest="", host="b.test", depth=depth)


def test_a_requisite_is_news_once():
    needs = Needs("all")
    assert needs.new([PHOTO, STYLE], pages=1) == [PHOTO, STYLE]
    assert needs.new([PHOTO], pages=1) == []


@pytest.mark.parametrize(
    ("mode", "found"), [("all", [PHOTO, STYLE]), ("images", [PHOTO]), ("none", [])]
)
def test_kinds_that_are_not_wanted_are_left_out(mode, found):
    assert Needs(mode).new([PHOTO, STYLE], pages=1) == found


def test_another_mode_is_refused():
    with pytest.raises(UsageError, match="'some'; write all, images, none"):
        Needs("some")


def test_a_site_file_may_say_each_mode():
    assert set(MODES) == {"all", "images", "none"}


def test_pages_have_a_bounded_number_of_requisites_on_average():
    needs = Needs("all")
    many = [Link(f"http://b.test/{n}", Announcer.REQUISITE, rel="font") for n in range(12_000)]
    assert len(needs.new(many, pages=0)) == MAX_REQUISITES
    assert needs.new(many, pages=0) == []
    assert len(needs.new(many, pages=1)) == MAX_REQUISITES


def test_what_a_page_needs_is_one_hop_and_one_step_further():
    [told] = below([PHOTO], "http://a.test/page", parent())
    assert (told.kind, told.depth, told.redirects) == ("image", 1, 0)
    assert told.via == Via("", Announcer.REQUISITE, "http://a.test/page", SEED, 3)


def test_what_a_stylesheet_needs_lies_deeper_until_it_is_too_deep():
    assert [told.depth for told in below([PHOTO], "x", parent(MAX_DEPTH - 1))] == [MAX_DEPTH]
    assert list(below([PHOTO], "x", parent(MAX_DEPTH))) == []


def test_a_redirect_leads_no_deeper_and_not_on_for_ever():
    [told] = below([PHOTO], "x", parent(MAX_DEPTH, 3), is_redirect=True)
    assert (told.depth, told.redirects) == (MAX_DEPTH, 4)
    assert list(below([PHOTO], "x", parent(1, MAX_REDIRECTS), is_redirect=True)) == []


def test_an_unknown_page_counts_as_a_seed():
    [told] = below([PHOTO], SEED, None)
    assert (told.via.seed, told.via.hop, told.depth) == (SEED, 1, 1)


def test_a_silent_host_of_requisites_is_left_alone():
    patience = Patience(lambda host: host == "a.test")
    failed = [patience.failed(parent(1), Outcome.TIMEOUT) for _ in range(PATIENCE)]
    assert failed == [False] * (PATIENCE - 1) + [True]
    assert patience.is_exhausted(parent(1))
    assert patience.last("b.test") is Outcome.TIMEOUT
    assert not patience.is_exhausted(parent(0))


def test_an_answer_makes_patient_again():
    patience = Patience(lambda host: False)
    for _ in range(PATIENCE - 1):
        patience.failed(parent(1), Outcome.DNS)
    patience.answered("b.test")
    assert not patience.failed(parent(1), Outcome.DNS)


@pytest.mark.parametrize("outcome", [Outcome.ROBOTS, Outcome.FORBIDDEN])
def test_a_host_that_is_not_asked_is_not_silent(outcome):
    patience = Patience(lambda host: False)
    assert not any(patience.failed(parent(1), outcome) for _ in range(9))


def test_the_sites_own_host_is_asked_on():
    patience = Patience(lambda host: True)
    assert not any(patience.failed(parent(1), Outcome.TIMEOUT) for _ in range(9))
