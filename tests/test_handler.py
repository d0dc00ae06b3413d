"""crawler.wire.handler: what Scrapy's users rely on - limits, signals, exceptions, meta - and what is recorded then."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from scrapy import Request, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    NotConfigured,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.utils.misc import build_from_crawler

from archive.errors import BadAddress, StorageError, StorageFull
from archive.model import Exchange, Truncation
from crawler.wire.body import Body
from crawler.wire.guard import AddressForbidden
from crawler.wire.handler import RecordingDownloadHandler
from tests.wire_client import MemoryRecorder, crawler_with, download
from tests.wire_server import CLOSE, HOLD, RESET, serving

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

OK = b"HTTP/1.1 200 OK\r\n"
PAGE = OK + b"Content-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"
CUT = OK + b"Content-Length: 99\r\n\r\nhello"


class TestEndings:
    @pytest.mark.parametrize("end", [CLOSE, RESET])
    def test_a_disconnect_in_the_body_is_recorded_and_is_data_loss(self, end):
        has_read = threading.Event()

        def on_bytes(data: bytes) -> None:
            has_read.set()

        def listen(crawler: Crawler) -> object:
            crawler.signals.connect(on_bytes, signals.bytes_received)
            return on_bytes

        with serving([CUT, has_read.wait, end]) as server:
            outcome = download(server.url(), prepare=listen)

        assert outcome.exchange.truncated is Truncation.DISCONNECT
        assert outcome.exchange.body == b"hello"
        assert isinstance(outcome.error, ResponseDataLossError)
        assert outcome.downloads[0].request.meta["muragat_capture"].sequence == 1

    @pytest.mark.parametrize("where", ["meta", "setting"])
    def test_data_loss_may_be_let_pass(self, where):
        meta = {"download_fail_on_dataloss": False} if where == "meta" else {}
        settings = {"DOWNLOAD_FAIL_ON_DATALOSS": where == "meta"}
        with serving([CUT, CLOSE]) as server:
            outcome = download(Request(server.url(), meta=meta), settings=settings)

        assert (outcome.response.body, outcome.response.flags) == (b"hello", ["dataloss"])
        assert outcome.exchange.truncated is Truncation.DISCONNECT

    @pytest.mark.parametrize(
        ("sent", "head", "body"),
        [
            (CUT, CUT[:-5], b"hello"),
            (OK + b"X: 1", b"", OK + b"X: 1"),
            (OK + b"\r\nhello", OK + b"\r\n", b"hello"),
        ],
    )
    def test_the_time_limit_records_what_came(self, sent, head, body):
        with serving([sent, HOLD]) as server:
            outcome = download(Request(server.url(), meta={"download_timeout": 0.3}))

        assert (outcome.exchange.head, outcome.exchange.body) == (head, body)
        assert outcome.exchange.truncated is Truncation.TIME
        assert isinstance(outcome.error, DownloadTimeoutError)

    def test_a_look_up_that_hangs_is_a_timeout(self, monkeypatch):
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *_, **__: threading.Event().wait(0.5) or []
        )
        outcome = download("http://slow.example/", settings={"DOWNLOAD_TIMEOUT": 0.05})

        assert (outcome.exchanges, type(outcome.error)) == ([], DownloadTimeoutError)

    def test_silence_is_a_timeout_and_no_record(self):
        with serving([HOLD]) as server:
            outcome = download(server.url(), settings={"DOWNLOAD_TIMEOUT": 0.3})

        assert (outcome.exchanges, type(outcome.error)) == ([], DownloadTimeoutError)
        assert "muragat_capture" not in outcome.downloads[0].request.meta

    def test_messages_show_no_user_information(self):
        with serving([CUT, CLOSE]) as server:
            cut = download(server.url().replace("//", "//user:secret@"))
        bad = download("http://user:secret@/path")

        assert "secret" not in f"{cut.error}{bad.error}"

    @pytest.mark.parametrize("end", [CLOSE, RESET])
    def test_a_connection_closed_without_a_byte_fails_and_is_no_record(self, end):
        with serving([end]) as server:
            outcome = download(server.url())

        assert (outcome.exchanges, type(outcome.error)) == ([], DownloadFailedError)

    def test_a_closed_port_refuses(self):
        with serving([PAGE]) as server:
            url = server.url()

        assert isinstance(download(url).error, DownloadConnectionRefusedError)

    def test_a_name_that_is_none_cannot_be_resolved(self):
        assert isinstance(download("http://host.invalid/").error, CannotResolveHostError)

    def test_an_address_without_a_host_is_a_bad_address(self):
        assert isinstance(download("http:///path").error, BadAddress)

    @pytest.mark.parametrize(
        "host", ["127.0.0.2", "2130706434", "0177.0.0.2", "[::ffff:127.0.0.2]"]
    )
    def test_addresses_that_are_not_public_are_never_connected_to(self, host):
        with serving([PAGE], host="127.0.0.2") as server:
            outcome = download(f"http://{host}:{server.port}/")

        assert isinstance(outcome.error, AddressForbidden)
        assert (server.received, outcome.exchanges) == ([], [])

    def test_a_206_that_nobody_asked_for_is_marked(self):
        sent = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nhello"
        with serving([sent]) as server:
            asked = download(Request(server.url(), headers={"Range": "bytes=0-4"}))
            unasked = download(server.url())

        assert (unasked.response.flags, unasked.exchange.truncated) == (
            ["partial"],
            Truncation.UNSPECIFIED,
        )
        assert (asked.response.flags, asked.exchange.truncated) == ([], None)

    def test_a_recorder_that_fails_fails_the_download(self, monkeypatch):
        async def full(self: MemoryRecorder, exchange: Exchange) -> None:
            raise StorageFull("no room")

        monkeypatch.setattr(MemoryRecorder, "record", full)
        with serving([PAGE]) as server:
            outcome = download(server.url())

        assert isinstance(outcome.error, StorageFull)

    def test_an_old_capture_is_taken_from_a_retried_request(self):
        with serving([PAGE]) as server:
            url = server.url()
        request = Request(url, meta={"muragat_capture": "old"})
        download(request)

        assert "muragat_capture" not in request.meta


class TestSizes:
    def test_an_announced_size_beyond_the_limit_is_cancelled_at_once(self):
        with serving([OK + b"Content-Length: 1000000000\r\n\r\nhello", HOLD]) as server:
            outcome = download(Request(server.url(), meta={"download_maxsize": 100}))

        assert isinstance(outcome.error, DownloadCancelledError)
        assert outcome.exchange.truncated is Truncation.LENGTH
        assert outcome.exchange.head.startswith(OK)

    @pytest.mark.parametrize("head", [OK + b"\r\n", b""])
    def test_an_endless_body_is_recorded_up_to_the_limit(self, head):
        with serving([head, *[b"x" * 50_000] * 200]) as server:
            outcome = download(server.url(), settings={"DOWNLOAD_MAXSIZE": 3_000_000})

        assert isinstance(outcome.error, DownloadCancelledError)
        assert (outcome.exchange.head, len(outcome.body)) == (head, 3_000_000)
        assert outcome.exchange.truncated is Truncation.LENGTH

    def test_a_large_body_is_warned_of_once(self, caplog):
        with serving([OK + b"Content-Length: 300000\r\n\r\n", b"x" * 300_000]) as server:
            download(server.url(), settings={"DOWNLOAD_WARNSIZE": 10})

        assert caplog.text.count("DOWNLOAD_WARNSIZE") == 1

    def test_the_limit_may_be_lifted(self):
        with serving([PAGE]) as server:
            request = Request(server.url(), meta={"download_maxsize": 0})

            assert download(request, settings={"DOWNLOAD_MAXSIZE": 2}).response.body == b"hello"


class TestDisk:
    def test_a_body_whose_spooling_is_given_up_stays_usable(self):
        async def give_up() -> bytes:
            body = Body()
            body.add(b"x" * 3_000_000)
            spooling = asyncio.ensure_future(body.spool())
            await asyncio.sleep(0)
            spooling.cancel()
            await asyncio.wait({spooling})
            body.add(b"y")
            whole = await body.for_response(0)
            body.close()
            return whole

        assert asyncio.run(give_up()) == b"x" * 3_000_000 + b"y"

    LARGE = (OK + b"Content-Length: 5000000\r\n\r\n", b"x" * 5_000_000)

    def test_no_room_for_a_large_body_is_said_so(self, monkeypatch):
        def full_device(prefix: str) -> BinaryIO:
            return Path("/dev/full").open("r+b", buffering=0)

        monkeypatch.setattr(tempfile, "TemporaryFile", full_device)
        with serving(self.LARGE) as server:
            outcome = download(server.url())

        assert isinstance(outcome.error, StorageFull)
        assert "TMPDIR" in str(outcome.error)
        assert outcome.exchanges == []

    def test_no_place_for_a_large_body_is_a_storage_error(self, monkeypatch, tmp_path):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with serving(self.LARGE) as server:
            outcome = download(server.url())

        assert type(outcome.error) is StorageError


class Listener:
    """Keeps the signals of a download, and stops it at the one that it is told."""

    def __init__(self, crawler: Crawler, *, stop_at: object = None, fail: bool = True):
        self.seen: list[tuple[str, Any]] = []
        self._stop_at, self._fail = stop_at, fail
        crawler.signals.connect(self.headers, signals.headers_received)
        crawler.signals.connect(self.bytes, signals.bytes_received)

    def headers(
        self, headers: Any, body_length: int | None, request: Request, spider: object
    ) -> None:
        self.seen.append(("headers", (dict(headers), body_length)))
        self._stop(signals.headers_received)

    def bytes(self, data: bytes, request: Request, spider: object) -> None:
        self.seen.append(("bytes", data))
        self._stop(signals.bytes_received)

    def _stop(self, signal: object) -> None:
        if signal is self._stop_at:
            raise StopDownload(fail=self._fail)


def listened(url: str, **options: Any):
    listeners: list[Listener] = []
    outcome = download(url, prepare=lambda crawler: listeners.append(Listener(crawler, **options)))
    return listeners[0].seen, outcome


class TestSignals:
    def test_headers_and_bytes_are_signalled(self):
        with serving(
            [OK + b"A: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
        ) as server:
            seen, _ = listened(server.url())

        assert seen[0] == ("headers", ({b"A": [b"1"], b"Transfer-Encoding": [b"chunked"]}, None))
        assert b"".join(data for name, data in seen[1:]) == b"hello"

    @pytest.mark.parametrize(
        ("signal", "body"), [(signals.headers_received, b""), (signals.bytes_received, b"hello")]
    )
    def test_a_download_stopped_gently_is_a_response(self, signal, body):
        with serving([CUT, HOLD]) as server:
            _, outcome = listened(server.url(), stop_at=signal, fail=False)

        assert (outcome.response.body, outcome.response.flags) == (body, ["download_stopped"])
        assert (outcome.exchange.body, outcome.exchange.truncated) == (body, Truncation.UNSPECIFIED)

    def test_a_download_stopped_at_its_end_is_whole(self):
        with serving([PAGE]) as server:
            _, outcome = listened(server.url(), stop_at=signals.bytes_received, fail=False)

        assert (outcome.response.body, outcome.exchange.truncated) == (b"hello", None)

    def test_a_download_stopped_with_failure_carries_its_response(self):
        with serving([CUT, HOLD]) as server:
            _, outcome = listened(server.url(), stop_at=signals.bytes_received)

        assert isinstance(outcome.error, StopDownload)
        assert outcome.error.response is not None
        assert outcome.error.response.body == b"hello"


class TestResponse:
    def test_it_has_address_protocol_url_and_latency(self):
        request_meta: dict[str, Any] = {}
        with serving([b"HTTP/1.0 200 OK\r\n\r\nhello", CLOSE]) as server:
            request = Request(server.url("/a#b"), meta=request_meta)
            response = download(request).response

        assert (str(response.ip_address), response.protocol) == ("127.0.0.1", "HTTP/1.0")
        assert (response.url, response.certificate) == (server.url("/a"), None)
        assert 0 < request.meta["download_latency"] < 20

    def test_head_requests_have_fields_and_no_body(self):
        with serving([OK + b"Content-Length: 5\r\n\r\n"]) as server:
            outcome = download(Request(server.url(), method="HEAD"))

        assert (outcome.response.body, outcome.response.headers["Content-Length"]) == (b"", b"5")
        assert outcome.exchange.truncated is None

    def test_odd_status_numbers_reach_the_spider(self):
        with serving([b"HTTP/1.1 999 Nope\r\nContent-Length: 0\r\n\r\n"]) as server:
            assert download(server.url()).response.status == 999

    def test_a_local_address_may_be_chosen(self):
        with serving([PAGE]) as server:
            by_meta = download(Request(server.url(), meta={"bindaddress": "127.0.0.3"}))
            by_setting = download(
                server.url(), settings={"DOWNLOAD_BIND_ADDRESS": ("127.0.0.4", 0)}
            )

        assert by_meta.response.body == by_setting.response.body == b"hello"


def test_without_a_recorder_there_is_no_handler(monkeypatch):
    monkeypatch.setattr("crawler.wire.handler.is_asyncio_available", lambda: True)
    crawler = crawler_with({"EXTENSIONS": {}})

    with pytest.raises(NotConfigured, match="MuragatAddon"):
        build_from_crawler(RecordingDownloadHandler, crawler)


def test_without_asyncio_there_is_no_handler(monkeypatch):
    monkeypatch.setattr("crawler.wire.handler.is_asyncio_available", lambda: False)

    with pytest.raises(NotConfigured, match="asyncio"):
        build_from_crawler(RecordingDownloadHandler, crawler_with())
