"""One connection to a server or a proxy: bytes out, bytes in, and when reading is over.

Hides asyncio's transports. What the bytes mean is the receiver's business; a connection only knows whether
somebody is waiting for them.
"""

from __future__ import annotations

import asyncio
import select
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

from crawler.wire.tls import peer_certificate

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from twisted.internet.ssl import Certificate


class Receiver(Protocol):
    """Who takes the bytes of one exchange. `is_over` ends the reading, `wants_pause` halts it."""

    @property
    def is_over(self) -> bool: ...

    @property
    def wants_pause(self) -> bool: ...

    def take(self, data: bytes) -> None: ...

    def end(self, *, is_reset: bool) -> None: ...


class Connection(asyncio.Protocol):
    """A connection that carries one exchange after another.

    `peer` is the address at the other end: the proxy's, where there is one.
    """

    def __init__(self, peer: IPv4Address | IPv6Address) -> None:
        self.peer = peer
        self._transport: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._turn: asyncio.Future[None] | None = None
        self._poll = select.poll()
        self.is_open = False
        self.idle_since = 0.0

    @property
    def transport(self) -> asyncio.Transport:
        """The transport, which is there from the moment of connecting on."""
        assert self._transport is not None
        return self._transport

    @cached_property
    def certificate(self) -> Certificate | None:
        """The server's certificate, None on a plain connection. First asked for when all TLS is up."""
        return peer_certificate(self.transport.get_extra_info("ssl_object"))

    async def send(self, data: bytes, receiver: Receiver) -> None:
        """Write `data` and return when the receiver is over or wants a pause; then call `go_on` for more."""
        self._receiver = receiver
        if self.is_open:
            self.transport.write(data)
        else:
            receiver.end(is_reset=True)
        await self._next_turn(receiver)

    async def go_on(self, receiver: Receiver) -> None:
        """Read on after a pause, until the receiver is over or wants the next one."""
        self.transport.resume_reading()
        await self._next_turn(receiver)

    async def _next_turn(self, receiver: Receiver) -> None:
        if not (receiver.is_over or receiver.wants_pause):
            self._turn = asyncio.get_running_loop().create_future()
            await self._turn
        if receiver.is_over:
            self._receiver = None

    def is_quiet(self) -> bool:
        """Say whether an idle connection may be used again: open, and nothing has come that nobody asked for.

        Idea: urllib3 (util/wait.py) asks the socket in the same way before it reuses a connection.
        """
        return self.is_open and not self.transport.is_closing() and not self._poll.poll(0)

    def abort(self) -> None:
        """Close at once; bytes on their way are lost."""
        self.is_open = False
        self._receiver = None
        if self._transport is not None:
            self._transport.abort()

    def replace_transport(self, transport: asyncio.Transport) -> None:
        """Go on over another transport: TLS through a proxy's tunnel."""
        self._transport = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio calls this once."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Asyncio calls this with what came."""
        receiver = self._receiver
        if receiver is None or receiver.is_over:
            self.abort()
            return
        receiver.take(data)
        if receiver.wants_pause and not receiver.is_over:
            self.transport.pause_reading()
        self._wake(receiver)

    def eof_received(self) -> None:
        """Asyncio calls this when the other end sends no more."""
        self.is_open = False
        self._end(is_reset=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio calls this once, at the end."""
        self.is_open = False
        self._end(is_reset=exc is not None)

    def _end(self, *, is_reset: bool) -> None:
        receiver = self._receiver
        if receiver is not None and not receiver.is_over:
            receiver.end(is_reset=is_reset)
            self._wake(receiver)

    def _wake(self, receiver: Receiver) -> None:
        is_due = receiver.is_over or receiver.wants_pause
        if is_due and self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
