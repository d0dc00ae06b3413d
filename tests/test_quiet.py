"""crawler.sites.quiet: until when scheduled crawls wait, in the site's own time zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sites.quiet import quiet_until

PARIS = "Europe/Paris"
DAY_S = 86_400.0


def at(text, zone=PARIS):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def ends(quiet, text):
    until = quiet_until(quiet, PARIS, at(text))
    return datetime.fromtimestamp(until, ZoneInfo(PARIS)).strftime("%d %H:%M")


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        ([], "2026-11-24T12:00", "24 12:00"),
        (["08:00-20:00"], "2026-11-24T07:59", "24 07:59"),
        (["08:00-20:00"], "2026-11-24T08:00", "24 20:00"),
        (["08:00-20:00"], "2026-11-24T20:00", "24 20:00"),
        (["22:00-06:30"], "2026-11-24T23:00", "25 06:30"),
        (["22:00-06:30"], "2026-11-24T05:00", "24 06:30"),
        (["22:00-06:30"], "2026-11-24T12:00", "24 12:00"),
        (["08:00-12:00", "12:00-14:00"], "2026-11-24T09:00", "24 14:00"),
        (["20:00-00:00", "00:00-07:00"], "2026-11-24T21:00", "25 07:00"),
    ],
)
def test_quiet_ends_where_the_spans_end(quiet, now, until):
    assert ends(quiet, now) == until


@pytest.mark.parametrize(
    "quiet", [["00:00-00:00"], ["09:00-09:00"], ["00:00-12:00", "12:00-00:00"]]
)
def test_a_whole_day_of_quiet_is_looked_at_again_within_a_day(quiet):
    now = at("2026-11-24T10:00")
    assert now < quiet_until(quiet, PARIS, now) <= now + DAY_S


def test_a_night_in_which_clocks_go_back_is_an_hour_longer():
    assert (
        quiet_until(["22:00-06:00"], PARIS, at("2026-10-24T23:00")) - at("2026-10-24T23:00")
        == 8 * 3600
    )


def test_an_end_in_the_hour_that_clocks_leave_out_is_met():
    now = at("2026-03-29T01:30")
    assert quiet_until(["00:00-02:30"], PARIS, now) - now <= 7200


@given(
    st.lists(st.tuples(st.integers(0, 1439), st.integers(0, 1439)), max_size=4),
    st.sampled_from(
        ["", "UTC", PARIS, "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]
    ),
    st.integers(0, 4_000_000_000),
)
def test_quiet_ends_at_a_time_that_is_not_quiet_or_a_day_later(spans, zone, now):
    quiet = [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in spans]
    until = quiet_until(quiet, zone, float(now))
    assert now <= until <= now + DAY_S
    assert until == now + DAY_S or quiet_until(quiet, zone, until) == until
