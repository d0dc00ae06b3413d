"""Asks an origin for its robots.txt: the requests, their redirects, and what an answer means.

Hides Scrapy's requests. They pass the download handler as all do, so that each answer is archived. Source: RFC 9309
section 2.3.1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from scrapy import Request, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http.request import NO_CALLBACK

from archive import urls
from archive.model import Announcer
from crawler.manners import HostClosed
from crawler.robots.standing import Answer
from crawler.wire.guard import AddressForbidden
from crawler.wire.handler import RESPONSE_MAX, VIA
from crawler.wire.tls import HandshakeFailed

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

MAX_REDIRECTS = 5

_MOST_BYTES = 4 * 1024 * 1024
"""Bytes of an answer that are taken and archived, coded as they come; the rules are in the first 500 KiB of text."""

_PRIORITY = 1_000  # all other requests of the host wait for it
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = {"Accept": "text/plain,*/*;q=0.5"}
_NO_CONNECTION = (CannotResolveHostError, DownloadConnectionRefusedError, HandshakeFailed)
_NO_ANSWER = (
    *_NO_CONNECTION,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)


class Unreachable(Exception):  # noqa: N818 - named for the thing
    """A server that should say what may be asked for does not; `retry_after` is the field's value."""

    def __init__(self, message: str, retry_after: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after


async def answer_of(crawler: Crawler, origin: str) -> Answer:
    """Return what `origin` says at /robots.txt, after five redirects to any host at the most.

    Raises Unreachable; where there is no way to the origin itself what the handler raises: no other request
    would come through either.
    """
    url = asked = f"{origin}/robots.txt"
    seen = {url}
    for _ in range(1 + MAX_REDIRECTS):
        try:
            response = await _download(crawler, url, asked)
        except AddressForbidden:
            if url == asked:
                raise
            break
        except HostClosed as error:
            if url == asked or _is_ending(crawler):
                raise
            raise Unreachable(str(error)) from error
        except _NO_ANSWER as error:
            if url == asked and isinstance(error, _NO_CONNECTION):
                raise
            raise Unreachable(str(error)) from error
        if response.status not in _REDIRECTS:
            return _meaning(response)
        target = _target(response)
        if target is None or target in seen:
            break
        seen.add(target)
        url = target
    return Answer(asked)


def _is_ending(crawler: Crawler) -> bool:
    pace = getattr(crawler.spider, "muragat_pace", None)
    return pace is not None and pace.is_stopped


def _target(response: Response) -> str | None:
    location = (response.headers.get("Location") or b"").decode("utf-8", "replace")
    target = urls.absolute(response.url, location) if location else None
    return urldefrag(target)[0] if target else None


def _meaning(response: Response) -> Answer:
    """Return what an answer that is no redirect says. Raises Unreachable."""
    if response.status >= 500 or response.status == 429 or response.status < 200:
        after = (response.headers.get("Retry-After") or b"").decode("latin-1")
        raise Unreachable(f"the server answers {response.status}", after)
    body = response.body if response.status < 300 else b""
    fields = [
        (name, value)
        for name, values in response.headers.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return Answer(response.url, body, fields)


async def _download(crawler: Crawler, url: str, asked: str) -> Response:
    """Return one answer; the download is stopped where more comes than anybody would read.

    What `asked`, a robots.txt, is redirected to says so in its record.
    """
    via = getattr(crawler.spider, VIA, None)
    if via is not None and url != asked:
        via = replace(via, announcer=Announcer.REDIRECT, referrer=asked)
    request = Request(
        url,
        callback=NO_CALLBACK,
        headers=_ACCEPT,
        priority=_PRIORITY,
        dont_filter=True,
        meta={
            "dont_obey_robotstxt": True,
            "dont_redirect": True,
            "dont_retry": True,
            "handle_httpstatus_all": True,
            "download_maxsize": 0,
            RESPONSE_MAX: _MOST_BYTES,
            VIA: via,
        },
    )
    size = 0

    def stop(data: bytes, request: Request, asked: Request = request) -> None:
        nonlocal size
        if request is asked:
            size += len(data)
            if size > _MOST_BYTES:
                raise StopDownload(fail=False)

    crawler.signals.connect(stop, signals.bytes_received)
    try:
        assert crawler.engine is not None
        return await crawler.engine.download_async(request)
    finally:
        crawler.signals.disconnect(stop, signals.bytes_received)
