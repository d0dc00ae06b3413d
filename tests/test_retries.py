"""Facts about when a failed visit is tried again."""

from __future__ import annotations

from crawler.retries import LONGEST_WAIT_S, MAX_RETRIES, retry_at

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


def test_a_long_pause_is_left_to_the_next_crawl():
    assert retry_at(NOW, failures=0, retry_after=str(int(LONGEST_WAIT_S) + 1)) is None


def test_rubbish_is_taken_as_absent():
    for value in ("soon", "-5", "1e9", "9" * 40, "\x00", "Tue, 99 Nov 2023 99:99:99 GMT"):
        assert retry_at(NOW, failures=0, retry_after=value) == NOW + 1
