"""Connections kept for the next request of the same route, and made where there is none.

Hides proxies, tunnels and idle limits. A route is everything that two requests must share to use the same
connection.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from crawler.wire.dial import dial, open_tunnel
from crawler.wire.guard import Guard, look_up

if TYPE_CHECKING:
    import ssl

    from crawler.wire.connection import Connection
    from crawler.wire.route import Proxy, Route

IDLE_MAX_S = 20.0
"""Servers keep idle connections for 5 s (Apache) to 75 s (nginx); a dead one is found before it is used."""

IDLE_TOTAL = 100


class Pool:
    """The connections of one handler."""

    def __init__(self, guard: Guard, context: ssl.SSLContext) -> None:
        self._guard = guard
        self._context = context
        self._idle: dict[Connection, Route] = {}
        self._by_route: dict[Route, list[Connection]] = {}

    def take(self, route: Route) -> Connection | None:
        """Return a kept connection that can be used, the one used last first; None if there is none."""
        kept = self._by_route.get(route, [])
        while kept:
            connection = kept[-1]
            self._drop(connection)
            if monotonic() - connection.idle_since < IDLE_MAX_S and connection.is_quiet():
                return connection
            connection.abort()
        return None

    def keep(self, route: Route, connection: Connection) -> None:
        """Keep a connection whose last answer has come whole."""
        connection.idle_since = monotonic()
        self._idle[connection] = route
        self._by_route.setdefault(route, []).append(connection)
        for oldest in list(self._idle)[: max(1, len(self._idle) - IDLE_TOTAL)]:
            is_old = connection.idle_since - oldest.idle_since > IDLE_MAX_S
            if is_old or len(self._idle) > IDLE_TOTAL:
                self._drop(oldest)
                oldest.abort()

    def close(self) -> None:
        """Close all that is kept."""
        for connection in list(self._idle):
            self._drop(connection)
            connection.abort()

    def _drop(self, connection: Connection) -> None:
        route = self._idle.pop(connection)
        kept = self._by_route[route]
        kept.remove(connection)
        if not kept:
            del self._by_route[route]

    async def connect(self, route: Route) -> Connection:
        """Make a connection. Raises AddressForbidden and what `dial` raises."""
        is_tls = route.scheme == "https"
        if route.proxy is not None:
            return await self._connect_through(route, route.proxy, is_tls=is_tls)
        endpoints = await self._guard.resolve(route.host, route.port)
        context = self._context if is_tls else None
        return await dial(endpoints, bind=route.bind, context=context, host=route.host)

    async def _connect_through(self, route: Route, proxy: Proxy, *, is_tls: bool) -> Connection:
        """The proxy's own address is not judged: the configuration names it."""
        await self._guard.judge_for_proxy(route.host, route.port)
        endpoints = await look_up(proxy.host, proxy.port)
        context = self._context if proxy.scheme == "https" else None
        connection = await dial(endpoints, bind=route.bind, context=context, host=proxy.host)
        if not is_tls:
            return connection
        host = f"[{route.host}]" if ":" in route.host else route.host
        try:
            await open_tunnel(
                connection,
                f"{host}:{route.port}".encode("ascii"),
                authorization=proxy.authorization,
                context=self._context,
                host=route.host,
            )
        except BaseException:
            connection.abort()
            raise
        return connection
