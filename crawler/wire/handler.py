"""The download handler that records: what Scrapy downloads is archived as it went over the wire.

Hides the wire. Scrapy sees an ordinary download handler with its own exceptions, signals, settings and meta keys;
beside that each answer becomes an `Exchange` of exact bytes, handed to the recorder before Scrapy sees anything.
HTTP/1.x only: HTTP/2 has no bytes that a WARC record could hold as they came.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urldefrag

from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import NotConfigured
from scrapy.responsetypes import responsetypes
from scrapy.utils.asyncio import is_asyncio_available
from scrapy.utils.misc import load_object

from archive.model import Exchange, Truncation, Via
from crawler.wire.gate import UNREADABLE, slot_of
from crawler.wire.guard import AddressForbidden, Guard
from crawler.wire.outgoing import outgoing, target_of
from crawler.wire.pool import Pool
from crawler.wire.reception import Limits, Reception
from crawler.wire.route import Route, bind_address, route_of
from crawler.wire.tls import client_context

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.ssl import Certificate

    from archive.model import Capture
    from crawler.wire.connection import Connection
    from crawler.wire.gate import Slot
    from crawler.wire.outgoing import Outgoing, Target

VIA = "muragat_via"
"""The meta key under which a request carries its `Via`; one without takes its spider's attribute of that name."""

RESPONSE_MAX = "muragat_response_max"
"""The meta key that overrides MURAGAT_RESPONSE_MAX for a request."""

CAPTURE = "muragat_capture"
"""The meta key under which the handler puts the `Capture`; it is missing where the answer is not to be kept."""

DEFAULT_RECORDER = "crawler.recorder.Recorder"
_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))


class Recorder(Protocol):
    """What the handler needs of the extension that MURAGAT_RECORDER names."""

    async def record(self, exchange: Exchange) -> Capture | None:
        """Archive an exchange, unless it is not to be kept. A body that is a file is closed after this returns."""
        ...


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One request sent and what came of it. `started` is aware UTC, the moment of sending."""

    reception: Reception
    peer: IPv4Address | IPv6Address
    certificate: Certificate | None
    started: datetime
    elapsed_s: float


class RecordingDownloadHandler(BaseDownloadHandler):
    """Downloads over HTTP/1.1, recording both directions.

    Settings beside Scrapy's own: MURAGAT_RECORDER (import path of the extension), MURAGAT_ALLOW (hosts that may
    be connected to though their address is not public), MURAGAT_WITHHELD_COOKIES (names or shell patterns of
    cookies that are sent but not stored), MURAGAT_RESPONSE_MAX (bytes of a body given to Scrapy, 0 for all; the
    record is not affected, the response has the flag "partial").
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        if not is_asyncio_available():
            message = "recording needs Scrapy's asyncio support; see TWISTED_REACTOR"
            raise NotConfigured(message)
        super().__init__(crawler)
        settings = crawler.settings
        self._limits = Limits.from_settings(settings)
        self._withheld = tuple(settings.getlist("MURAGAT_WITHHELD_COOKIES"))
        self._response_max = settings.getint("MURAGAT_RESPONSE_MAX")
        self._bind = bind_address(settings.get("DOWNLOAD_BIND_ADDRESS"))
        guard = Guard.from_names(settings.getlist("MURAGAT_ALLOW"))
        self._pool = Pool(guard, client_context(settings))
        self._recorder = _recorder_of(crawler)

    async def download_request(self, request: Request) -> Response:
        """Download and record. `request.meta["muragat_capture"]` is set before this returns or raises, where it is kept.

        An answer that was cut short is recorded, too, then Scrapy's exception is raised; where no byte came
        nothing is recorded. Raises Scrapy's download exceptions, `AddressForbidden`, `HandshakeFailed` (a
        DownloadFailedError), BadAddress, and what the recorder raises.
        """
        request.meta.pop(CAPTURE, None)
        target = target_of(request.url)
        route = route_of(request, target, self._bind)
        message = outgoing(
            request,
            target,
            through_proxy=route.is_read_by_proxy,
            withheld_cookies=self._withheld,
        )
        async with slot_of(self.crawler, target.url) as slot:
            attempt = await self._judged(request, route, message, slot)
        try:
            if attempt.reception.answer.received:
                await self._record(request, target, message, attempt=attempt)
            return await self._response(request, attempt)
        finally:
            attempt.reception.body.close()

    async def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    async def _judged(
        self, request: Request, route: Route, message: Outgoing, slot: Slot
    ) -> _Attempt:
        """Exchange, and tell the slot what came of it."""
        try:
            attempt = await self._exchange(request, route, message, slot)
        except AddressForbidden:
            raise
        except Exception:
            slot.failed()
            raise
        reception = attempt.reception
        head = reception.answer.head
        if not reception.answer.received:
            slot.failed()
        elif head is None:
            slot.answered(UNREADABLE)
        else:
            asked = reception.headers.get(b"Retry-After") or b""
            slot.answered(head.status, asked.decode("latin-1"), began_at=reception.head_at)
        return attempt

    async def _exchange(
        self, request: Request, route: Route, message: Outgoing, slot: Slot
    ) -> _Attempt:
        """Send over a kept connection or a new one; over a new one too where a kept one gave no byte."""
        begun = monotonic()
        limits = self._limits.for_request(request)
        deadline = asyncio.get_running_loop().time() + limits.timeout_s
        kept = self._pool.take(route) if request.method in _IDEMPOTENT else None
        attempt = None
        if kept is not None:
            await _turn(slot, kept)
            reception = Reception(self.crawler, request, limits)
            attempt = await self._attempt(
                kept, route, message, reception=reception, deadline=deadline
            )
        if attempt is None or not attempt.reception.answer.received:
            reception = Reception(self.crawler, request, limits)
            connection = await self._connect(route, reception, deadline)
            deadline += await _turn(slot, connection)
            attempt = await self._attempt(
                connection, route, message, reception=reception, deadline=deadline
            )
        if attempt.reception.head_at:
            request.meta["download_latency"] = attempt.reception.head_at - begun
        return attempt

    async def _connect(self, route: Route, reception: Reception, deadline: float) -> Connection:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._pool.connect(route)
        except TimeoutError as error:
            raise reception.timeout() from error

    async def _attempt(
        self,
        connection: Connection,
        route: Route,
        message: Outgoing,
        *,
        reception: Reception,
        deadline: float,
    ) -> _Attempt:
        peer, certificate = connection.peer, connection.certificate
        started, begun = datetime.now(UTC), monotonic()
        try:
            async with asyncio.timeout_at(deadline):
                await _converse(connection, message.sent, reception)
        except TimeoutError:
            reception.cut(Truncation.TIME, reception.timeout())
        except BaseException:
            reception.body.close()
            raise
        finally:
            if reception.can_reuse and connection.is_open:
                self._pool.keep(route, connection)
            else:
                connection.abort()
        return _Attempt(reception, peer, certificate, started, monotonic() - begun)

    async def _record(
        self, request: Request, target: Target, message: Outgoing, *, attempt: _Attempt
    ) -> None:
        reception, answer = attempt.reception, attempt.reception.answer
        exchange = Exchange(
            url=target.url,
            method=request.method,
            started=attempt.started,
            elapsed_s=attempt.elapsed_s,
            peer=str(attempt.peer),
            request=message.kept,
            head=answer.raw_head,
            body=await reception.body.for_record(),
            interim=answer.interim,
            trailers=answer.trailers,
            chunked=answer.chunked,
            truncated=reception.truncated,
            withheld=message.withheld,
            problems=reception.problems,
            via=request.meta.get(VIA) or getattr(self.crawler.spider, VIA, None) or Via(),
        )
        capture = await self._recorder.record(exchange)
        if capture is not None:
            request.meta[CAPTURE] = capture

    async def _response(self, request: Request, attempt: _Attempt) -> Response:
        """Return what Scrapy gets, or raise what it should see."""
        reception = attempt.reception
        error = reception.conclude()
        if error is not None:
            raise error
        head = reception.answer.head
        assert head is not None
        most = request.meta.get(RESPONSE_MAX, self._response_max)
        body = await reception.body.for_response(most)
        if len(body) < reception.body.size:
            reception.flags.append("partial")
        url = urldefrag(request.url)[0]
        is_coded = (
            b"Content-Encoding" in reception.headers
        )  # then its bytes say nothing of its kind
        response_class = responsetypes.from_args(
            headers=reception.headers, url=url, body=None if is_coded else body
        )
        response = response_class(
            url=url,
            status=head.status,
            headers=reception.headers,
            body=body,
            flags=reception.flags,
            certificate=attempt.certificate,
            ip_address=attempt.peer,
            protocol=head.version.decode("ascii").upper(),
        )
        if reception.stop is not None and reception.stop.fail:
            reception.stop.response = response
            raise reception.stop
        return response


async def _turn(slot: Slot, connection: Connection) -> float:
    """Wait for the moment of sending over a connection; return how long that took (s)."""
    begun = monotonic()
    try:
        await slot.sending()
    except BaseException:
        connection.abort()
        raise
    return monotonic() - begun


async def _converse(connection: Connection, data: bytes, reception: Reception) -> None:
    """Send and receive; large bodies go to disk while the connection is paused."""
    await connection.send(data, reception)
    while not reception.is_over:
        await reception.body.spool()
        await connection.go_on(reception)


def _recorder_of(crawler: Crawler) -> Recorder:
    path = crawler.settings.get("MURAGAT_RECORDER", DEFAULT_RECORDER)
    recorder = crawler.get_extension(load_object(path))
    if recorder is None:
        message = f"no extension {path} is enabled; put crawler.addon.MuragatAddon into ADDONS"
        raise NotConfigured(message)
    return cast("Recorder", recorder)
