"""crawler.visits.validators and crawler.visits: what an answer leaves for the next request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from archive.model import Kind, Outcome, Truncation, Via
from crawler.frontier.claims import Claim
from crawler.visits import refreshed, visit_of
from crawler.visits.validators import Validators, validators_in
from tests.observing import seen

RECEIVED = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
DATED = "Mon, 08 Dec 2025 10:00:00 GMT"
CLAIM = Claim("k", "https://news.example.com/a", Via(), 0, 0, "", etag='"old"', last_modified=DATED)


def fields(**named: str) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()
    )


def left_by(**named: str) -> Validators:
    return validators_in(fields(**named), received=RECEIVED)


@pytest.mark.parametrize("tag", ['"v1"', 'W/"v1"', '"a,b"', "unquoted", '""'])
def test_a_tag_is_sent_back_as_it_came(tag):
    assert left_by(ETag=tag).fields() == {"If-None-Match": tag}


def test_a_date_is_sent_back_as_it_came():
    assert left_by(Last_Modified=DATED).fields() == {"If-Modified-Since": DATED}


@pytest.mark.parametrize(
    ("modified", "date"),
    [
        ("Thu, 01 Jan 2099 00:00:00 GMT", ""),
        ("Thu, 01 Jan 2026 12:00:00 GMT", ""),
        ("Thu, 01 Jan 2026 11:00:00 GMT", "Thu, 01 Jan 2026 10:00:00 GMT"),
        ("yesterday", ""),
        ("Fri, 31 Feb 2099 25:61:00 XYZ", ""),
    ],
)
def test_a_date_that_can_not_be_trusted_is_not_sent(modified, date):
    assert left_by(Last_Modified=modified, **({"Date": date} if date else {})) == Validators()


def test_a_date_is_compared_with_the_clock_of_its_server():
    slow = left_by(
        Last_Modified="Thu, 01 Jan 2026 12:30:00 GMT", Date="Thu, 01 Jan 2026 12:40:00 GMT"
    )
    assert slow.last_modified == "Thu, 01 Jan 2026 12:30:00 GMT"


@pytest.mark.parametrize("tag", ['"\xe9"', '"\x01"', '"' + "x" * 2000 + '"'])
def test_a_tag_that_is_no_line_of_ascii_is_not_sent(tag):
    assert left_by(ETag=tag) == Validators()


def visit(status: int, *, claim: Claim = CLAIM, told=(), **capture):
    taken = replace(seen("/a", 1, status=status).capture, **capture)
    return visit_of(taken, claim, told)


def test_a_whole_answer_gives_new_validators():
    left = visit(200, told=fields(ETag='"new"'))
    assert (left.etag, left.last_modified, left.status) == ('"new"', "", 200)


@pytest.mark.parametrize(
    ("status", "capture"),
    [(304, {"kind": Kind.REVISIT}), (503, {}), (429, {}), (200, {"truncated": Truncation.TIME})],
)
def test_what_says_nothing_of_the_stored_answer_leaves_its_validators(status, capture):
    left = visit(status, told=fields(ETag='"other"'), **capture)
    assert (left.etag, left.last_modified) == ('"old"', DATED)


@pytest.mark.parametrize("status", [304, 404, 410, 301, 403])
def test_where_nothing_is_stored_the_next_request_has_no_conditions(status):
    left = visit(status, told=fields(ETag='"other"'))
    assert (left.etag, left.last_modified) == ("", "")


def test_a_304_that_nobody_asked_for_is_an_error():
    assert visit(304).outcome is Outcome.HTTP_ERROR
    assert visit(304, kind=Kind.REVISIT).outcome is Outcome.NOT_MODIFIED


def test_a_weak_tag_that_the_server_does_not_know_again_gives_way_to_its_date():
    told = fields(ETag='W/"old"', Last_Modified=DATED)
    first = visit(200, told=told)
    known = replace(CLAIM, etag=first.etag, last_modified=first.last_modified)
    digest = seen("/a", 1).capture.digest
    second = visit(200, claim=replace(known, digest=digest), told=told)
    third = visit(200, claim=replace(CLAIM, etag=""), told=told)
    assert [(one.etag, one.last_modified) for one in (first, second, third)] == [
        ('W/"old"', DATED),
        ("", DATED),
        ("", DATED),
    ]


def test_errors_say_nothing_of_change_and_leave_the_digest():
    claim = replace(CLAIM, digest="sha256:" + "0" * 64)
    failed, other = visit(503, claim=claim), visit(200, claim=claim)
    assert (failed.digest, failed.changed) == ("", None)
    assert (other.changed, visit(200).changed) == (True, None)


def test_a_304_renews_the_freshness_that_the_stored_answer_states():
    stored = fields(Cache_Control="max-age=60", Content_Type="image/png")
    assert refreshed(stored, fields(Cache_Control="max-age=90", Content_Type="text/html")) == (
        (b"Content-Type", b"image/png"),
        (b"Cache-Control", b"max-age=90"),
    )
