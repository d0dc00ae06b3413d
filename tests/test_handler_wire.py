"""crawler.wire.handler: the exchange holds what went over the wire, both ways, plain and TLS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scrapy import FormRequest, Request

from archive.http import stored_head
from archive.model import Truncation, Via
from tests.wire_client import download
from tests.wire_server import CLOSE, make_certificate, serving

OK = b"HTTP/1.1 200 OK\r\n"
PAGE = OK + b"Content-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


ODD_LINES = st.sampled_from(
    [
        b"X-Latin: caf\xe9 \xff",
        "X-Город: Алматы".encode(),
        b"Set-Cookie: a=1",
        b"set-cookie: b=2",
        b"SET-COOKIE: c=3",
        b"nonsense without colon",
        b"X-Space : 1",
        b"X-Folded: one\r\n two\r\n\tthree",
        b"X-Nul: a\0b",
        b"X-Cr: a\rb",
        b"X-Empty:",
        b": no name",
        b"  leading: blank",
    ]
)
ANSWERS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(
            [
                b"HTTP/1.1 200 OK",
                b"HTTP/1.1 200",
                b"HTTP/1.0 200 ok",
                b"HTTP/1.1 404 \xe9",
                b"HTTP/1.1 999 Nope",
            ]
        ),
        "lines": st.lists(ODD_LINES, max_size=5),
        "end": st.sampled_from([b"\r\n", b"\n"]),
        "interim": st.sampled_from(
            [
                b"",
                b"HTTP/1.1 100 Continue\r\n\r\n",
                b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2,
            ]
        ),
        "framing": st.sampled_from(["length", "chunked", "close"]),
        "body": st.binary(max_size=3000),
    }
)
REQUESTS = st.fixed_dictionaries(
    {
        "headers": st.dictionaries(
            st.sampled_from(["X-One", "accept", "COOKIE", "User-Agent", "If-None-Match"]),
            st.lists(st.binary(max_size=20), min_size=1, max_size=3),
        ),
        "body": st.binary(max_size=100),
        "path": st.sampled_from(["/", "/a?b=c&d", "/%D0%90;p=1", "/x//y?"]),
    }
)


def written(answer: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    """Return the head, the body as it goes over the wire, and the trailers of an answer."""
    body, end, trailers = answer["body"], answer["end"], b"X-Trailer: yes" + answer["end"]
    field, coded = {
        "length": (b"Content-Length: %d" % len(body), body),
        "chunked": (
            b"transfer-Encoding: chunked",
            (b"%X;ext=1%s%s%s" % (len(body), end, body, end) if body else b"")
            + b"0"
            + end
            + trailers
            + end,
        ),
        "close": (b"Connection: close", body),
    }[answer["framing"]]
    head = end.join([answer["status"], *answer["lines"], field, b"", b""])
    return head, coded, trailers if answer["framing"] == "chunked" else b""


@pytest.mark.parametrize("is_tls", [False, True])
@given(answer=ANSWERS, asked=REQUESTS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_exchange_is_what_the_server_sent_and_received(tls, is_tls, answer, asked):
    head, coded, trailers = written(answer)
    with serving(
        [answer["interim"], head, coded, CLOSE], context=tls if is_tls else None
    ) as server:
        request = Request(
            server.url(asked["path"]), method="POST", headers=asked["headers"], body=asked["body"]
        )
        outcome = download(request)

    exchange = outcome.exchange
    assert exchange.request == bytes(server.received[0])
    assert (exchange.head, exchange.body) == (head, answer["body"])
    assert (exchange.interim, exchange.trailers) == (answer["interim"], trailers)
    assert (exchange.truncated, exchange.chunked) == (None, answer["framing"] == "chunked")
    assert outcome.response.body == answer["body"]


def test_repeated_fields_reach_scrapy_repeated():
    with serving([OK + b"Set-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n"]) as server:
        response = download(server.url()).response

    assert response.headers.getlist("Set-Cookie") == [b"a", b"b"]


def test_the_exchange_names_peer_time_address_method_and_via():
    via = Via(crawl="c", referrer="http://a.example/")
    with serving([PAGE]) as server:
        before = datetime.now(UTC)
        request = Request(server.url("/x?y#z").replace("//", "//u:p@"), meta={"muragat_via": via})
        outcome = download(request)

    exchange = outcome.exchange
    assert exchange.url == server.url("/x?y")
    assert (exchange.method, exchange.peer, exchange.via) == ("GET", "127.0.0.1", via)
    assert before <= exchange.started <= datetime.now(UTC)
    assert exchange.started.utcoffset() == timedelta(0)
    assert 0 < exchange.elapsed_s < 20
    assert b"u:p" not in exchange.request
    assert request.meta["muragat_capture"].sequence == 1


def test_an_ipv6_peer_is_recorded():
    with serving([PAGE], host="::1") as server:
        outcome = download(server.url())

    assert outcome.exchange.peer == "::1"
    assert b"Host: [::1]:%d\r\n" % server.port in outcome.exchange.request


def test_a_form_is_recorded_with_its_body():
    with serving([PAGE]) as server:
        outcome = download(FormRequest(server.url(), formdata={"q": "Алматы"}))

    assert outcome.exchange.request == bytes(server.received[0])
    assert outcome.exchange.request.endswith(b"\r\n\r\nq=%D0%90%D0%BB%D0%BC%D0%B0%D1%82%D1%8B")


def test_credentials_are_sent_but_not_recorded():
    headers = {"Authorization": "Basic c2VjcmV0", "Cookie": "a=1; session=c2VjcmV0"}
    with serving([PAGE]) as server:
        outcome = download(
            Request(server.url(), headers=headers), settings={"MURAGAT_WITHHELD_COOKIES": "session"}
        )

    assert bytes(server.received[0]).count(b"c2VjcmV0") == 2
    assert b"c2VjcmV0" not in outcome.exchange.request
    assert outcome.exchange.withheld == ("Authorization", "Cookie: session")


def test_a_chunked_answer_can_be_stored_and_sent_back():
    sent = OK + b"Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n"
    with serving([sent + b"5\r\nhello\r\n0\r\nT: 1\r\n\r\n"]) as server:
        exchange = download(server.url()).exchange

    assert stored_head(exchange.head, chunked=exchange.chunked, trailers=exchange.trailers) == (
        OK + b"X-Crawler-Transfer-Encoding: chunked\r\nTrailer: T\r\nX-Crawler-Trailer-T: 1\r\n\r\n"
    )


def test_the_content_coding_stays_and_the_response_class_is_scrapys():
    coded = b"\x1f\x8b\x08 any bytes"
    head = (
        OK
        + b"Content-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        % len(coded)
    )
    with serving([head + coded], [PAGE]) as server:
        outcome = download(server.url(), server.url())

    assert outcome.exchanges[0].body == coded
    assert type(outcome.downloads[0].response).__name__ == "Response"
    assert type(outcome.downloads[1].response).__name__ == "HtmlResponse"


def test_an_answer_without_a_head_is_recorded_and_fails():
    with serving([b"<html>no head</html>", CLOSE]) as server:
        outcome = download(server.url())

    assert (outcome.exchange.head, outcome.exchange.body) == (b"", b"<html>no head</html>")
    assert (outcome.exchange.truncated, type(outcome.error).__name__) == (
        None,
        "DownloadFailedError",
    )
    assert "no HTTP status line" in str(outcome.error)


def test_endless_heads_are_recorded_up_to_the_limit_and_fail():
    with serving([OK] + [b"X: " + b"x" * 60_000 + b"\r\n"] * 20) as server:
        outcome = download(server.url())

    assert outcome.exchange.truncated is Truncation.LENGTH
    assert len(outcome.body) < 600_000
    assert type(outcome.error).__name__ == "DownloadFailedError"


@pytest.mark.parametrize("is_tls", [False, True])
def test_large_bodies_come_as_a_file_and_whole(tls, is_tls):
    body = bytes(range(256)) * 40_000
    head = OK + b"Content-Length: %d\r\n\r\n" % len(body)
    with serving([head, body], context=tls if is_tls else None) as server:
        outcome = download(server.url())

    assert outcome.spooled == [len(body)]
    assert outcome.exchange.body == outcome.response.body == body


def test_scrapy_gets_a_prefix_of_what_is_too_large_for_it_and_the_record_all():
    body = b"a" * 5_000_000
    head = OK + b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving([head, body]) as server:
        outcome = download(server.url(), settings={"MURAGAT_RESPONSE_MAX": 1000})

    assert (len(outcome.response.body), outcome.response.flags) == (1000, ["partial"])
    assert (outcome.exchange.body, outcome.exchange.truncated) == (body, None)
