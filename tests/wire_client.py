"""Downloads through the recording handler within a test, with a recorder that keeps exchanges in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.utils.misc import build_from_crawler
from scrapy.utils.test import get_crawler

from archive.model import Capture, Exchange, Kind
from crawler.wire.handler import RecordingDownloadHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.crawler import Crawler
    from scrapy.http import Response

RECORDER = "tests.wire_client.MemoryRecorder"


class MemoryRecorder:
    """Keeps what it is given, bodies read to bytes; remembers the size of those that came as files."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.spooled: list[int] = []

    async def record(self, exchange: Exchange) -> Capture:
        if not isinstance(exchange.body, bytes):
            body = exchange.body.read()
            self.spooled.append(len(body))
            exchange = replace(exchange, body=body)
        self.exchanges.append(exchange)
        return capture(len(self.exchanges), exchange)


def capture(sequence: int, exchange: Exchange) -> Capture:
    return Capture(
        sequence=sequence,
        urlkey="",
        date=datetime.now(UTC),
        url=exchange.url,
        method=exchange.method,
        status=0,
        mime="",
        digest="",
        kind=Kind.RESPONSE,
        file="",
        offset=0,
        length=0,
        record_id="",
    )


@dataclass
class Download:
    """What became of one request."""

    request: Request
    response: Response | None = None
    error: BaseException | None = None


@dataclass
class Outcome:
    downloads: list[Download] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    spooled: list[int] = field(default_factory=list)

    @property
    def response(self) -> Response:
        response = self.downloads[-1].response
        assert response is not None, self.downloads[-1].error
        return response

    @property
    def error(self) -> BaseException:
        error = self.downloads[-1].error
        assert error is not None, self.downloads[-1].response
        return error

    @property
    def exchange(self) -> Exchange:
        (exchange,) = self.exchanges
        return exchange

    @property
    def body(self) -> bytes:
        assert isinstance(self.exchange.body, bytes)
        return self.exchange.body


def crawler_with(settings: dict[str, Any] | None = None) -> Crawler:
    base = {
        "EXTENSIONS": {RECORDER: 0},
        "MURAGAT_RECORDER": RECORDER,
        "MURAGAT_ALLOW": ["127.0.0.1", "localhost", "[::1]"],
        "DOWNLOAD_TIMEOUT": 20,
        "LOG_ENABLED": False,
    }
    return get_crawler(settings_dict=base | (settings or {}))


def download(
    *requests: Request | str,
    settings: dict[str, Any] | None = None,
    prepare: Callable[[Crawler], object] = lambda crawler: None,
) -> Outcome:
    """Download the requests one after another over one handler, in an event loop of their own."""
    return asyncio.run(_download(requests, settings, prepare))


async def _download(
    requests: tuple[Request | str, ...],
    settings: dict[str, Any] | None,
    prepare: Callable[[Crawler], object],
) -> Outcome:
    crawler = crawler_with(settings)
    kept = prepare(crawler)
    handler = build_from_crawler(RecordingDownloadHandler, crawler)
    outcome = Outcome()
    for each in requests:
        request = Request(each) if isinstance(each, str) else each
        result = Download(request)
        try:
            result.response = await handler.download_request(request)
        except Exception as error:  # noqa: BLE001 - the error is what the test looks at
            result.error = error
        outcome.downloads.append(result)
    await handler.close()
    del kept
    recorder = crawler.get_extension(MemoryRecorder)
    assert recorder is not None
    outcome.exchanges = recorder.exchanges
    outcome.spooled = recorder.spooled
    return outcome
