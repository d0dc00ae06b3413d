"""Making connections: sockets to addresses that were judged before, TLS over them, tunnels through proxies.

Hides the order of attempts and which failure of the system is which exception of Scrapy's.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from scrapy.exceptions import (
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)

from archive.http import head_end, split_head
from crawler.wire.connection import Connection
from crawler.wire.tls import HandshakeFailed, server_name

if TYPE_CHECKING:
    import ssl
    from ipaddress import IPv4Address, IPv6Address

    from crawler.wire.guard import Endpoint
    from crawler.wire.route import Address

    _Connected = tuple[socket.socket, IPv4Address | IPv6Address]

logger = logging.getLogger(__name__)

_ATTEMPT_S = 5.0
"""For an address that is not the last: a host whose IPv6 is dead must not take the whole time limit."""

_TUNNEL_HEAD_MAX = 64 * 1024


async def dial(
    endpoints: tuple[Endpoint, ...],
    *,
    bind: Address | None = None,
    context: ssl.SSLContext | None = None,
    host: str = "",
) -> Connection:
    """Return a connection to the first endpoint that takes one, over TLS where a `context` is given.

    Raises DownloadConnectionRefusedError, DownloadTimeoutError, DownloadFailedError, and HandshakeFailed.
    """
    loop = asyncio.get_running_loop()
    sock, peer = await _connect(endpoints, bind)
    if context is None:
        _, connection = await loop.create_connection(lambda: Connection(peer), sock=sock)
        return connection
    try:
        _, connection = await loop.create_connection(
            lambda: Connection(peer), sock=sock, ssl=context, server_hostname=server_name(host)
        )
    except (OSError, ValueError) as error:
        message = f"{host}: no TLS connection: {error or type(error).__name__}"
        raise HandshakeFailed(message) from error
    return connection


async def _connect(endpoints: tuple[Endpoint, ...], bind: Address | None) -> _Connected:
    """Return a connected socket and the address that it is connected to."""
    for endpoint in endpoints[:-1]:
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                return await _connect_to(endpoint, bind)
        except OSError as error:
            logger.debug("no connection to %s: %s", endpoint.sockaddr, error)
    endpoint = endpoints[-1]
    try:
        return await _connect_to(endpoint, bind)
    except OSError as error:
        raise _failure(endpoint, error) from error


async def _connect_to(endpoint: Endpoint, bind: Address | None) -> _Connected:
    sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if bind is not None:
            sock.bind(bind)
        await asyncio.get_running_loop().sock_connect(sock, endpoint.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock, ip_address(endpoint.sockaddr[0])


def _failure(endpoint: Endpoint, error: OSError) -> Exception:
    message = f"no connection to {endpoint.sockaddr[0]}:{endpoint.sockaddr[1]}: {error}"
    if isinstance(error, ConnectionRefusedError):
        return DownloadConnectionRefusedError(message)
    if isinstance(error, TimeoutError):
        return DownloadTimeoutError(message)
    return DownloadFailedError(message)


async def open_tunnel(
    connection: Connection,
    authority: bytes,
    *,
    authorization: bytes,
    context: ssl.SSLContext,
    host: str,
) -> None:
    """Ask a proxy for a tunnel to `authority` (host:port) and begin TLS within it (RFC 9110 section 9.3.6).

    Raises DownloadFailedError when the proxy refuses, HandshakeFailed when the server does.
    """
    secret = b"Proxy-Authorization: " + authorization + b"\r\n" if authorization else b""
    reply = _TunnelReply()
    request = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (authority, authority, secret)
    await connection.send(request, reply)
    if not reply.is_granted:
        message = f"the proxy opens no tunnel to {authority.decode()}: {reply.shown}"
        raise DownloadFailedError(message)
    loop = asyncio.get_running_loop()
    try:
        transport = await loop.start_tls(
            connection.transport, connection, context, server_hostname=server_name(host)
        )
    except (OSError, ValueError) as error:
        message = f"{host}: no TLS connection through the proxy: {error or type(error).__name__}"
        raise HandshakeFailed(message) from error
    if transport is None:
        message = f"{host}: the proxy closed the tunnel"
        raise HandshakeFailed(message)
    connection.replace_transport(transport)


class _TunnelReply:
    """Takes a proxy's answer to CONNECT: a head, and nothing after it until TLS begins."""

    wants_pause = False

    def __init__(self) -> None:
        self._head = bytearray()
        self.is_over = False

    def take(self, data: bytes) -> None:
        self._head += data
        self.is_over = head_end(self._head) > 0 or len(self._head) > _TUNNEL_HEAD_MAX

    def end(self, *, is_reset: bool) -> None:
        self.is_over = True

    @property
    def is_granted(self) -> bool:
        """Say whether a tunnel is open; a TLS server never speaks first, so nothing may follow the head."""
        try:
            is_ok = 200 <= split_head(bytes(self._head)).status < 300
            return is_ok and head_end(self._head) == len(self._head)
        except ValueError:
            return False

    @property
    def shown(self) -> str:
        """The reply's first line, for a person."""
        return bytes(self._head[:80]).partition(b"\n")[0].strip().decode("latin-1") or "no answer"
