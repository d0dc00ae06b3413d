"""Facts about when a failed visit is tried again."""

from __future__ import annotations

from crawler.visits.retries import LONGEST_WAIT_S, MAX_RETRIES, is_soon, retry_at

NOW = 1_700_000_000.0


def test_each_failure_trebles_the_wait():
    assert [retry_at(NOW, failures=n) for n in range(MAX_RETRIES)] == [NOW + 1, NOW + 3]


def test_retries_are_bounded():
    assert retry_at(NOW, failures=MAX_RETRIES) is None


def test_retry_after_in_seconds_is_honoured():
    assert retry_at(NOW, failures=0, retry_after="20") == NOW + 20


def test_retry_after_as_a_date_is_honoured():
    assert retry_at(NOW, failures=0, retry_after="Tue, 14 Nov 2023 22:13:30 GMT") == NOW + 10


def test_a_date_without_a_zone_is_read_as_utc():
    assert retry_at(NOW, failures=0, retry_after="Tue, 14 Nov 2023 22:13:30 -0000") == NOW + 10


def test_a_date_in_the_past_means_the_usual_wait():
    assert retry_at(NOW, failures=0, retry_after="Tue, 14 Nov 2000 22:13:30 GMT") == NOW + 1


def test_a_long_pause_is_for_a_later_crawl_and_within_thirty_days():
    days = [
        retry_at(NOW, failures=n, retry_after=asked) for n, asked in ((0, "86400"), (5, "9" * 9))
    ]
    assert days == [NOW + 86400, NOW + 30 * 86400]
    assert not any(is_soon(day, NOW) for day in [*days, None])
    assert is_soon(NOW + LONGEST_WAIT_S, NOW)


def test_while_the_host_is_closed_an_address_waits_for_it():
    assert retry_at(NOW, failures=0, closed_until=NOW + 50) == NOW + 50


def test_an_address_that_failed_often_is_put_off_where_the_host_was_at_fault():
    assert retry_at(NOW, failures=MAX_RETRIES, closed_until=NOW + 50) == NOW + 600
    assert retry_at(NOW, failures=MAX_RETRIES, closed_until=NOW + 5000) == NOW + 5000
    assert retry_at(NOW, failures=MAX_RETRIES, closed_until=NOW - 1) is None


def test_rubbish_is_taken_as_absent():
    for value in ("soon", "-5", "1e9", "9" * 40, "\x00", "Tue, 99 Nov 2023 99:99:99 GMT"):
        assert retry_at(NOW, failures=0, retry_after=value) == NOW + 1
