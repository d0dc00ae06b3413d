"""crawler.wire.answer: where heads end, how the body is framed, when the message is over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.model import Truncation
from crawler.wire.answer import HEAD_MAX, INTERIM_MAX, Answer

OK = b"HTTP/1.1 200 OK\r\n"


def read(data: bytes, *, method: str = "GET", step: int = 10**9, is_reset: bool = False):
    """Feed `data` in pieces, then the end of the connection unless the message is over before."""
    answer = Answer(method)
    body = b""
    for start in range(0, len(data), step):
        body += answer.feed(data[start : start + step])
        if answer.is_over:
            break
    return answer, body if answer.is_over else body + answer.close(is_reset=is_reset)


@given(
    head_lines=st.lists(
        st.sampled_from(
            [
                b"X: \xe9",
                b"nonsense",
                b" folded",
                b"X-Space : 1",
                b"Set-Cookie: a",
                b"set-cookie: b",
                b"\xd0\x93: 1",
            ]
        ),
        max_size=5,
    ),
    status=st.sampled_from(
        [b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.0 404 ", b"HTTP/1.1 999 \xe9"]
    ),
    end=st.sampled_from([b"\r\n", b"\n"]),
    interim=st.sampled_from([b"", b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"]),
    framing=st.sampled_from(["length", "chunked", "close"]),
    body=st.binary(max_size=200),
    step=st.integers(1, 60),
)
@settings(max_examples=300)
def test_head_and_body_are_the_bytes_sent_however_they_are_cut(
    head_lines, status, end, interim, framing, body, step
):
    field, coded, trailers = {
        "length": (b"Content-Length: %d" % len(body), body, b""),
        "chunked": (
            b"Transfer-Encoding: chunked",
            (b"%x;x%s%s%s" % (len(body), end, body, end) if body else b"")
            + b"0"
            + end
            + b"T: 1"
            + end
            + end,
            b"T: 1" + end,
        ),
        "close": (b"X: 1", body, b""),
    }[framing]
    head = end.join([status, *head_lines, field, b"", b""])

    answer, got = read(interim + head + coded, step=step)

    assert (answer.raw_head, got, answer.interim) == (head, body, interim)
    assert (answer.is_over, answer.is_whole, answer.truncation) == (True, True, None)
    assert answer.trailers == trailers
    assert answer.chunked == (framing == "chunked")
    assert not answer.is_unreadable


@given(st.binary(max_size=400), st.integers(1, 50), st.sampled_from(["GET", "HEAD"]))
def test_any_bytes_are_an_answer_or_a_body_without_a_head(data, step, method):
    answer, body = read(data, method=method, step=step)

    assert answer.is_over
    assert answer.head is not None or body == data or answer.interim


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_after_a_status_line_are_read(data, step):
    answer, _ = read(OK + data, step=step)

    assert answer.is_over


@pytest.mark.parametrize(
    "data",
    [
        b"<html>page</html>",
        b"HTTQ",
        b"HTTP/1.1 OK\r\n\r\nx",
        b"HTTP/x\n\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 103 a\n\nrubbish",
    ],
)
def test_an_answer_without_a_status_line_is_given_back_whole(data):
    answer, body = read(data, step=3)

    assert (answer.head, answer.is_unreadable, answer.is_whole) == (None, True, True)
    assert (body, answer.raw_head, answer.interim) == (data, b"", b"")
    assert answer.problems


def test_a_head_that_ends_early_is_given_back_as_cut():
    answer, body = read(OK + b"X: 1\r\nY")

    assert (body, answer.truncation) == (OK + b"X: 1\r\nY", Truncation.DISCONNECT)


def test_endless_heads_stop_at_the_limit():
    answer, body = read(OK + b"X: 1\r\n" * HEAD_MAX, step=65536)

    assert answer.is_over
    assert answer.truncation is Truncation.LENGTH
    assert HEAD_MAX < len(body) <= HEAD_MAX + 65536


def test_fifty_interim_answers_are_kept_and_endless_ones_stop():
    interim = b"HTTP/1.1 102 x\r\n\r\n"

    fifty, _ = read(interim * 50 + OK + b"\r\n")
    endless, body = read(interim * 100_000, step=1000)

    assert fifty.interim == interim * 50
    assert endless.truncation is Truncation.LENGTH
    assert len(body) <= (INTERIM_MAX + 100) * len(interim)


@pytest.mark.parametrize(
    ("fields", "body", "truncation"),
    [
        (b"Content-Length: 5\r\n", b"abc", Truncation.DISCONNECT),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nabc", Truncation.DISCONNECT),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\nabc", Truncation.UNSPECIFIED),
        (b"Transfer-Encoding: chunked\r\n", b"3\r\nabcd\r\n", Truncation.UNSPECIFIED),
        (b"Content-Length: -3\r\n", b"abc", Truncation.UNSPECIFIED),
        (b"Content-Length: banana\r\n", b"abc", Truncation.UNSPECIFIED),
        (b"Content-Length: 1\r\nContent-Length: 3\r\n", b"abc", Truncation.UNSPECIFIED),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n", b"abc", Truncation.UNSPECIFIED),
        (b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc", None),
        (b"Content-Length: 3, 3\r\n", b"abc", None),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"1\r\na\r\n0\r\n\r\n", None),
        (b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", b"abc", None),
        (b"Transfer-Encoding: chunked\r\n", b"1\r\na\r\n0\r\n", None),
        (b"", b"abc", None),
    ],
)
def test_what_the_record_says_of_the_body(fields, body, truncation):
    answer, _ = read(OK + fields + b"\r\n" + body)

    assert answer.truncation == truncation


def test_a_reset_makes_a_body_that_ends_with_the_connection_a_cut_one():
    answer, body = read(OK + b"\r\nabc", is_reset=True)

    assert (body, answer.truncation) == (b"abc", Truncation.DISCONNECT)


@pytest.mark.parametrize("status", [b"204", b"304"])
@pytest.mark.parametrize("fields", [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_answers_that_have_no_body_get_none(status, fields):
    answer, body = read(b"HTTP/1.1 " + status + b" x\r\n" + fields + b"\r\nabc")

    assert (body, answer.is_whole, answer.can_reuse) == (b"", True, False)
    assert "after the end" in answer.problems[0]


def test_head_has_no_body():
    answer, body = read(OK + b"Content-Length: 3\r\n\r\n", method="HEAD")

    assert (body, answer.is_whole, answer.problems) == (b"", True, [])


def test_a_second_answer_is_not_part_of_the_first():
    answer, body = read(
        OK + b"Content-Length: 3\r\n\r\nabc" + OK + b"Content-Length: 8\r\n\r\nSMUGGLED"
    )

    assert (body, answer.is_whole, answer.can_reuse) == (b"abc", True, False)
    assert "bytes after the end of the message; they are not in the record" in answer.problems


def test_empty_lines_before_the_status_line_are_not_in_the_record():
    answer, body = read(b"\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", step=1)

    assert (answer.raw_head[:15], body, answer.can_reuse) == (OK[:15], b"a", False)


@pytest.mark.parametrize(
    ("data", "can_reuse"),
    [
        (OK + b"Content-Length: 0\r\n\r\n", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 304 x\r\n\r\n", True),
        (b"HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"Content-Length: 0\r\nConnection: a, Close\r\n\r\n", False),
        (OK + b"Content-Length: 0\r\nnonsense\r\n\r\n", False),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", False),
        (OK + b"\r\n", False),
    ],
)
def test_only_a_connection_in_a_known_state_is_used_again(data, can_reuse):
    assert read(data)[0].can_reuse is can_reuse


def test_abandoned_heads_give_back_what_came():
    answer = Answer("GET")
    answer.feed(OK + b"X: ")

    assert (answer.abandon(), answer.is_over, answer.is_unreadable) == (OK + b"X: ", True, True)


def test_interim_answers_alone_are_an_answer_that_was_cut():
    answer, body = read(b"HTTP/1.1 102 x\r\n\r\n")

    assert (answer.head, body, answer.interim) == (None, b"HTTP/1.1 102 x\r\n\r\n", b"")
    assert answer.truncation is Truncation.DISCONNECT
