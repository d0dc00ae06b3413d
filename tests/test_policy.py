"""The revisit policy: its bounds, what it learns, and its order against others in a small simulation."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.revisit_policies import Heritrix, Nutch, Page
from benchmarks.revisits import debt, equalled, simulate
from crawler.schedule import estimates, policy
from crawler.schedule.choice import (
    SiteRates,
    article_due,
    channel_due,
    learn_article,
    learn_channel,
)
from crawler.schedule.estimates import Ages, Channel, Own, Rhythm
from crawler.schedule.policy import ARTICLE, CHANNEL, DAY_S, FLAT, HOUR_S, Bounds, wait_s

NOW = 1_767_571_200.0
ANY = st.floats(allow_nan=True, allow_infinity=True)
RATE = st.floats(1e-12, 1.0)
PRICE = st.floats(policy.CHEAPEST_S, policy.DEAREST_S)
WIDE = Bounds(0.0, ARTICLE.longest_s)


# When the next visit is


@given(st.lists(st.tuples(ANY, ANY), max_size=5), ANY, ANY)
def test_a_wait_is_within_its_bounds_whatever_comes_in(stretches, price, weight):
    for bounds in (CHANNEL, ARTICLE):
        found = wait_s(stretches, price, bounds, weight=weight)
        assert bounds.shortest_s <= found <= bounds.longest_s


@given(RATE, RATE, PRICE)
def test_what_changes_more_often_is_visited_no_later(one, other, price):
    slow, fast = sorted([one, other])
    assert wait_s([(1e9, fast)], price, WIDE) <= wait_s([(1e9, slow)], price, WIDE)


@given(RATE, PRICE, PRICE)
def test_a_dearer_visit_is_no_earlier(rate, one, other):
    cheap, dear = sorted([one, other])
    assert wait_s([(1e9, rate)], cheap, WIDE) <= wait_s([(1e9, rate)], dear, WIDE)


@given(st.floats(1e-6, 1e-3), st.floats(100, 1e5))
def test_a_constant_rate_is_visited_by_the_root_of_price_and_rate(rate, price):
    wanted = min(math.sqrt(2 * price / rate), ARTICLE.longest_s)
    assert wait_s([(1e9, rate)], price, WIDE) == pytest.approx(wanted)


@given(st.lists(st.tuples(st.floats(1, 1e5), st.floats(0, 1e-2)), min_size=1, max_size=8), PRICE)
def test_at_the_visit_the_debt_is_the_price(stretches, price):
    found = wait_s([*stretches, (1e9, 1e-3)], price, WIDE)
    start = debt_s = 0.0
    for length, rate in [*stretches, (1e9, 1e-3)]:
        end = min(start + length, found)
        if end > start:  # the lag at `found` of what changes between start and end
            debt_s += rate * ((found - start) ** 2 - (found - end) ** 2) / 2
        start += length
    assert debt_s == pytest.approx(price, rel=1e-6) or found == WIDE.longest_s


def test_a_visit_waits_for_the_hours_in_which_something_comes():
    morning = tuple(24.0 if hour == 8 else 0.0 for hour in range(24))
    channel = Channel(brought=100.0, seconds=100 * DAY_S)
    due = channel_due(NOW + 10 * HOUR_S, channel, shape=morning, price=600.0)
    assert 32 < (due - NOW) / HOUR_S <= 34


@given(st.floats(0, 1e5), st.floats(0, 400))
def test_articles_are_visited_at_about_the_floors(price, age_h):
    published = NOW - age_h * HOUR_S
    site = SiteRates(ages=Ages(seconds=[1e12] * 9))  # never edited
    due = article_due(NOW, site, Own(), published=published, price=1e9)
    reached = [floor for floor in policy.FLOORS_S if floor > age_h * HOUR_S * 1.5]
    wanted = published + reached[0] if reached else NOW + ARTICLE.longest_s
    assert due == pytest.approx(max(wanted, NOW + ARTICLE.shortest_s))


def test_an_article_dated_in_the_future_is_as_one_of_now():
    found = article_due(NOW, SiteRates(), Own(), published=NOW + 1e9, price=600.0)
    assert NOW + ARTICLE.shortest_s <= found <= NOW + HOUR_S


@given(st.integers(-5, 10_000))
def test_errors_back_off_within_bounds(failures):
    assert 600 <= policy.back_off_s(failures, CHANNEL) <= DAY_S
    assert 600 <= policy.back_off_s(failures, ARTICLE) <= 7 * DAY_S
    assert policy.back_off_s(failures, ARTICLE) <= policy.back_off_s(failures + 1, ARTICLE)


# The price


@given(ANY, ANY, ANY, ANY)
def test_a_price_stays_within_its_bounds(price, visits, budget, elapsed):
    found = policy.steered(price, visits=visits, budget=budget, elapsed_s=elapsed)
    assert policy.CHEAPEST_S <= found <= policy.DEAREST_S


def test_the_price_rises_with_too_many_visits_and_falls_with_too_few():
    wanted = {"budget": 1000.0, "elapsed_s": DAY_S / 2}
    assert policy.steered(600.0, visits=700, **wanted) > 600.0
    assert policy.steered(600.0, visits=500, **wanted) == 600.0
    assert policy.steered(600.0, visits=300, **wanted) < 600.0


def test_a_first_crawl_of_everything_moves_the_price_by_a_factor_of_two_alone():
    assert policy.steered(600.0, visits=1e6, budget=1.0, elapsed_s=60.0) == pytest.approx(1200.0)


# What is learned


@given(st.lists(st.tuples(ANY, ANY, ANY, st.booleans()), max_size=20))
def test_rates_stay_finite_whatever_is_learned(visits):
    site, own, channel = SiteRates(), Own(), Channel()
    for published, since, until, changed in visits:
        learn_article(site, own, published=published, since=since, until=until, changed=changed)
        learn_channel(site, channel, since=since, until=until, brought=10**9 if changed else 0)
    assert all(0 < rate <= policy.MOST_A_SECOND for rate in site.article_rates())
    assert 0 < own.factor < math.inf
    assert 0 < channel.rate(1e-5) <= policy.MOST_A_SECOND
    assert sum(site.rhythm.shape()) == pytest.approx(24)


def test_a_new_article_inherits_how_its_site_ages():
    lively, quiet = SiteRates(), SiteRates()
    for number in range(50):
        own = Own()
        for site, changed in ((lively, number % 2 == 0), (quiet, False)):
            learn_article(site, own, published=NOW, since=NOW, until=NOW + HOUR_S, changed=changed)
    dues = [article_due(NOW, site, Own(), published=NOW, price=100.0) for site in (lively, quiet)]
    assert dues[0] < dues[1]


def test_a_site_never_seen_ages_as_the_others():
    everywhere = Ages()
    seen, unseen = SiteRates(everywhere=everywhere), SiteRates(everywhere=everywhere)
    for _ in range(200):
        learn_article(seen, Own(), published=NOW, since=NOW, until=NOW + HOUR_S, changed=False)
    assert unseen.article_rates()[0] < estimates.USUAL[0] / 4


def test_an_article_that_changes_more_than_its_like_is_visited_sooner():
    site, own = SiteRates(), Own()
    for hour in range(4):
        learn_article(
            site,
            own,
            published=NOW - 10 * DAY_S,
            since=NOW + hour * HOUR_S,
            until=NOW + (hour + 1) * HOUR_S,
            changed=True,
        )
    assert own.factor > 2


def test_a_clock_that_goes_back_teaches_nothing():
    site, own, channel = SiteRates(), Own(), Channel()
    learn_article(site, own, published=NOW, since=NOW + DAY_S, until=NOW, changed=True)
    learn_channel(site, channel, since=NOW + DAY_S, until=NOW, brought=5)
    assert (site, own, channel) == (SiteRates(), Own(), Channel())


def test_what_was_learned_fades():
    site = SiteRates(learned=NOW)
    for _ in range(100):
        learn_article(site, Own(), published=NOW, since=NOW, until=NOW + HOUR_S, changed=True)
    before = site.ages.changes[0]
    site.fade(NOW + estimates.HALF_LIFE_S)
    assert site.ages.changes[0] == pytest.approx(before / 2)


def test_the_hours_of_a_channel_are_learned():
    rhythm = Rhythm()
    for day in range(30):
        for hour in range(24):
            start = NOW + day * DAY_S + hour * HOUR_S
            rhythm.learn(start, start + HOUR_S, 3.0 if hour == 8 else 0.0)
    assert max(range(24), key=rhythm.shape().__getitem__) == 8
    assert rhythm.shape()[8] > 5


def test_visits_more_than_a_day_apart_tell_nothing_of_hours():
    rhythm = Rhythm()
    rhythm.learn(NOW, NOW + 2 * DAY_S, 3.0)
    assert rhythm.shape() == FLAT


# Against others


def test_the_rules_of_others_are_as_they_are_published():
    page = Page(0, is_channel=False, published=NOW)
    rule = Heritrix(86_400.0)
    assert rule.visit(page, NOW, changed=None, brought=0) == NOW + 86_400
    assert rule.visit(page, NOW, changed=False, brought=0) == NOW + 86_400 * 1.5
    assert rule.visit(page, NOW, changed=True, brought=0) == NOW + 86_400
    page = Page(0, is_channel=False, published=NOW)
    nutch = Nutch(86_400.0)
    assert nutch.visit(page, NOW, changed=None, brought=0) == NOW + 86_400
    later = NOW + 86_400
    assert nutch.visit(page, later, changed=False, brought=0) == pytest.approx(
        later + 86_400 * 1.4 - 86_400 * 0.3
    )
    assert nutch.visit(page, later, changed=True, brought=0) == pytest.approx(
        later + 86_400 * 1.4 * 0.8
    )


@pytest.mark.parametrize("rival", [Heritrix, Nutch])
def test_at_equal_requests_the_lag_is_far_lower_and_fewer_versions_are_lost(rival):
    other = simulate(rival, 6 * HOUR_S, seed=1, days=7)
    ours = equalled(debt, other.requests, seed=1, days=7, tries=2)
    assert ours.requests <= other.requests * 1.05
    assert ours.mean < other.mean / 1.5
    assert ours.lost <= other.lost
