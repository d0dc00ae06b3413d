"""Facts about how long an answer is fresh (RFC 9111)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.freshness import DAY_S, LONGEST_S, fresh_until, lifetime_s

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(**before: int) -> str:
    return format_datetime(NOW - timedelta(**before), usegmt=True)


def lifetime(*fields: tuple[str, str], status: int = 200) -> float:
    encoded = [(name.encode(), value.encode()) for name, value in fields]
    return lifetime_s(encoded, status=status, received=NOW.timestamp())


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("max-age=600", 600),
        ("public, Max-Age=600", 600),
        ('max-age="600"', 600),
        ("max-age=600, max-age=5", 600),
        ("private, max-age=600", 600),
        ("s-maxage=5, max-age=600", 600),
        ("max-age=0", 0),
        ("max-age=-1", 0),
        ("max-age=soon", 0),
        ("max-age", 0),
        ("no-store", 0),
        ("no-cache, max-age=600", 0),
        ("max-age=31536000, immutable", LONGEST_S),
        (f"max-age={'9' * 400}", LONGEST_S),
        ("s-maxage=5", DAY_S),
        ("public", DAY_S),
    ],
)
def test_cache_control_decides(value, seconds):
    assert lifetime(("Cache-Control", value)) == seconds


def test_directives_of_repeated_fields_add_up():
    assert lifetime(("Cache-Control", "max-age=600"), ("cache-control", "no-store")) == 0


def test_age_is_taken_off():
    assert lifetime(("Cache-Control", "max-age=600"), ("Age", "100")) == 500
    assert lifetime(("Cache-Control", "max-age=600"), ("Age", "900")) == 0


def test_max_age_wins_over_expires():
    assert lifetime(("Cache-Control", "max-age=600"), ("Expires", at(days=1))) == 600


def test_expires_counts_from_the_servers_own_date():
    fields = ("Date", at(hours=5)), ("Expires", at(hours=3))
    assert lifetime(*fields) == 7200
    assert lifetime(("Expires", at(hours=-2))) == 7200


@pytest.mark.parametrize("value", ["0", "-1", "never", ""])
def test_an_expires_that_is_no_date_is_in_the_past(value):
    assert lifetime(("Expires", value)) == 0


def test_pragma_counts_where_nothing_else_is_said():
    assert lifetime(("Pragma", "no-cache")) == 0
    assert lifetime(("Pragma", "no-cache"), ("Cache-Control", "max-age=60")) == 60


@pytest.mark.parametrize(
    ("days", "seconds"), [(1, DAY_S), (100, 10 * DAY_S), (4000, LONGEST_S), (-5, DAY_S)]
)
def test_where_nothing_is_stated_a_tenth_of_the_age_counts_and_a_day_at_least(days, seconds):
    assert lifetime(("Last-Modified", at(days=days))) == seconds


def test_where_nothing_is_known_it_is_a_day():
    assert lifetime() == DAY_S
    assert lifetime(("Last-Modified", "yesterday")) == DAY_S


@pytest.mark.parametrize("status", [404, 410, 500, 503, 999, 0])
def test_an_error_is_never_fresh(status):
    assert lifetime(("Cache-Control", "max-age=600"), status=status) == 0


@pytest.mark.parametrize("status", [200, 203, 301, 302, 308])
def test_answers_and_redirects_are_fresh_for_a_day_where_they_state_nothing(status):
    assert lifetime(status=status) == DAY_S


def test_the_moment_is_that_of_receiving_and_the_lifetime():
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\n"
    assert fresh_until(head, status=200, received=1000.0) == 1060.0


def test_a_head_that_can_not_be_read_states_nothing():
    assert fresh_until(b"", status=200, received=0.0) == DAY_S


NAMES = ["Cache-Control", "Expires", "Date", "Age", "Last-Modified", "Pragma"]


@given(st.lists(st.tuples(st.sampled_from([name.encode() for name in NAMES]), st.binary())))
def test_any_fields_give_a_lifetime_within_its_bounds(fields):
    assert 0 <= lifetime_s(fields, status=200, received=NOW.timestamp()) <= LONGEST_S
