"""From the wire to the collection and back: what a server sent is what is read, and validators agree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from scrapy import Request

from archive import Collection
from archive.http import split_head, stored_head
from archive.model import Kind
from tests.test_handler_wire import ANSWERS, written
from tests.wire_client import download
from tests.wire_server import CLOSE, Answer, make_certificate, serving

FASTWARC = Path(sys.executable).with_name("fastwarc")
WARCIO = Path(sys.executable).with_name("warcio")


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("is_tls", [False, True])
@given(answer=ANSWERS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_the_server_sent_is_what_is_read_back(tmp_path_factory, tls, is_tls, answer):
    home = tmp_path_factory.mktemp("home")
    head, coded, trailers = written(answer)
    with serving(
        [answer["interim"], head, coded, CLOSE], context=tls if is_tls else None
    ) as server:
        outcome = download(Request(server.url("/a?b")))

    with Collection(home, write=True) as collection:
        capture = collection.add(outcome.exchange)
        collection.sync()
        message = collection.read(capture)
        stored = split_head(
            stored_head(head, chunked=answer["framing"] == "chunked", trailers=trailers)
        )
        assert (message.status, message.reason) == (stored.status, stored.reason)
        assert message.fields == stored.fields
        assert message.raw() == answer["body"]
        assert capture.kind is Kind.RESPONSE
        assert list(collection.verify()) == []


def test_validators_take_every_answer(tmp_path, tls):
    odd = b"HTTP/1.1 200\nnonsense\nX: \xe9\n folded\nTransfer-Encoding: chunked\nContent-Length: 9\n\n"
    answers: list[Answer] = [
        [odd + b"5;x=y\nhello\n0\nT: 1\n\n", CLOSE],
        [b"<html>no head</html>", CLOSE],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ncut", CLOSE],
        [b"HTTP/1.1 103 x\r\n\r\nHTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", CLOSE],
    ]
    with serving(*answers, context=tls) as server:
        outcome = download(*[server.url(f"/{i}") for i in range(len(answers))])
    with Collection(tmp_path / "home", write=True) as collection:
        for exchange in outcome.exchanges:
            collection.add(exchange)
        collection.sync()

    assert len(outcome.exchanges) == len(answers)
    for path in (tmp_path / "home" / "warc").glob("*"):
        subprocess.run([WARCIO, "check", path], check=True)
        subprocess.run([FASTWARC, "check", path], check=True, stdout=subprocess.DEVNULL)
