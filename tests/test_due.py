"""crawler.schedule.due: when a site's next crawl is due, with clocks that do as they like."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.schedule.due import LONGEST_CLOSED_S, Next, Past, State, Wait, next_crawl
from crawler.sites.site import LEARNED, Site

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
SITE = Site("x", ("https://x.test/",), every_s=6 * HOUR_S)
AUTO = replace(SITE, every_s=LEARNED)
QUIET = replace(SITE, quiet=("08:00-20:00",), timezone="UTC")


def past(hours_ago, *, is_open=False, last="finished", **rest):
    began = NOW - hours_ago * HOUR_S
    return Past(began, began, None if is_open else began + 60, last, **rest)


def hours_to_wait(site, round_, closed=(None,)):
    due = next_crawl(site, round_, closed, NOW).due
    assert due is not None
    return (due - NOW) / HOUR_S


def test_a_site_without_every_waits_for_a_person():
    assert next_crawl(replace(SITE, every_s=0), None, [None], NOW) == Next(State.NEVER, None)


def test_a_site_that_was_never_crawled_is_due():
    assert next_crawl(SITE, None, [None], NOW) == Next(State.NEVER, NOW)


def test_rounds_begin_as_far_apart_as_the_table_says():
    assert hours_to_wait(SITE, past(2)) == 4


def test_a_time_that_was_missed_is_due_once_and_now():
    assert hours_to_wait(SITE, past(50)) == 0


def test_a_round_that_was_interrupted_goes_on_at_once():
    assert next_crawl(SITE, past(1, is_open=True, last="shutdown"), [None], NOW) == Next(
        State.UNFINISHED, NOW
    )


def test_a_round_that_was_killed_goes_on_at_once():
    assert hours_to_wait(SITE, past(1, is_open=True, last="")) == 0


def test_a_limit_of_one_crawl_leaves_the_rest_to_the_next():
    assert hours_to_wait(SITE, past(1, is_open=True, last="limit")) == 5


def test_a_crawl_that_broke_off_is_tried_again_after_an_hour():
    found = next_crawl(SITE, past(0.5, is_open=True, last="error"), [None], NOW)
    assert (found.state, found.due, found.reason) == (
        State.PUT_OFF,
        NOW + HOUR_S / 2,
        "the crawl broke off",
    )


def test_a_round_that_was_put_off_goes_on_when_the_host_opens():
    wait = Wait(NOW + 60, "answered 503")
    found = next_crawl(SITE, past(1, is_open=True, last="put off", put_off=wait), [None], NOW)
    assert found == Next(State.PUT_OFF, NOW + 60, "answered 503")


def test_a_site_waits_for_the_first_of_its_hosts():
    closed = [Wait(NOW + 2 * HOUR_S, "b"), Wait(NOW + HOUR_S, "a")]
    assert next_crawl(SITE, past(9), closed, NOW) == Next(State.PUT_OFF, NOW + HOUR_S, "a")


@pytest.mark.parametrize("other", [None, Wait(NOW - 1, "over"), Wait(NOW + LONGEST_CLOSED_S + 1)])
def test_one_closed_host_of_several_holds_nothing_up(other):
    assert hours_to_wait(SITE, past(9), [Wait(NOW + HOUR_S, "a"), other]) == 0


def test_a_host_that_opens_before_the_site_is_due_is_no_reason():
    assert next_crawl(SITE, past(1), [Wait(NOW + HOUR_S, "a")], NOW) == Next(
        State.FINISHED, NOW + 5 * HOUR_S
    )


def test_quiet_hours_put_off_what_is_due():
    assert next_crawl(QUIET, past(9), [None], NOW) == Next(
        State.QUIET, NOW + 8 * HOUR_S, "quiet hours"
    )


def test_what_falls_due_in_quiet_hours_waits_for_their_end():
    assert next_crawl(QUIET, past(2), [None], NOW) == Next(State.FINISHED, NOW + 8 * HOUR_S)


@pytest.mark.parametrize(
    ("wanted_hours", "expected_hours"), [(3, 3), (-5, 0), (900, 22), (None, 22), (0.01, 0.01)]
)
def test_auto_follows_the_first_page_that_falls_due(wanted_hours, expected_hours):
    wanted = None if wanted_hours is None else NOW + wanted_hours * HOUR_S
    assert hours_to_wait(AUTO, past(2, wanted=wanted)) == pytest.approx(expected_hours)


def test_auto_leaves_five_minutes_between_rounds():
    assert hours_to_wait(AUTO, past(1 / 60, wanted=NOW)) == pytest.approx(4 / 60)


def test_a_clock_that_went_back_leaves_the_site_due():
    assert hours_to_wait(SITE, past(-1000)) == 0
    assert hours_to_wait(AUTO, past(-1000, wanted=NOW + 1001 * HOUR_S)) == 0


def test_a_clock_that_was_set_right_by_a_second_starts_no_round():
    assert hours_to_wait(SITE, past(-1 / HOUR_S)) == pytest.approx(6, abs=0.001)


def test_a_clock_that_jumped_ahead_leaves_the_site_due_once():
    assert hours_to_wait(SITE, past(24 * 365)) == 0


def test_a_host_that_a_wrong_clock_has_closed_is_open():
    assert hours_to_wait(SITE, past(9), [Wait(NOW + 400 * DAY_S, "answered 503")]) == 0


moments = st.floats(0, 2e10)


@given(
    st.sampled_from([SITE, AUTO, QUIET]),
    moments,
    moments,
    st.none() | moments,
    st.sampled_from(["", "finished", "limit", "put off", "error", "shutdown"]),
    st.lists(st.none() | st.builds(Wait, moments, st.just("r")), max_size=3),
)
def test_whatever_the_dates_are_the_next_crawl_is_near(site, opened, started, end, last, closed):
    round_ = Past(opened, started, end, last, Wait(opened, "r"), started)
    due = next_crawl(site, round_, closed, NOW).due
    assert due is not None
    assert NOW <= due <= NOW + LONGEST_CLOSED_S + 2 * DAY_S
