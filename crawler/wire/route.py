"""The way of a request to its server: what two requests must share to use the same connection.

Hides how Scrapy says it: the meta keys `proxy` and `bindaddress`, the setting DOWNLOAD_BIND_ADDRESS, and the
field Proxy-Authorization.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy.utils.url import add_http_if_no_scheme

from archive.errors import UsageError

if TYPE_CHECKING:
    from scrapy import Request

    from crawler.wire.outgoing import Target

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Proxy:
    """An upstream proxy; `authorization` is the value of Proxy-Authorization, empty if none."""

    scheme: str
    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a server: scheme, host and port of the server, the proxy, the local address."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None
    bind: tuple[str, int] | None = None

    @property
    def is_read_by_proxy(self) -> bool:
        """Say whether a proxy reads the request: plain HTTP goes through it, TLS past it in a tunnel."""
        return self.proxy is not None and self.scheme == "http"


def route_of(request: Request, target: Target, bind: Address | None) -> Route:
    """Return the way to `target`; `bind` is the local address unless the request names one.

    Raises UsageError for a proxy that is neither http nor https.
    """
    local = bind_address(request.meta.get("bindaddress")) or bind
    return Route(target.scheme, target.host, target.port, _proxy_of(request), local)


def bind_address(value: str | Address | None) -> Address | None:
    """Return a local address as the socket calls want it; a host alone leaves the port to the system."""
    if not value:
        return None
    return (value, 0) if isinstance(value, str) else (value[0], value[1])


def _proxy_of(request: Request) -> Proxy | None:
    address = request.meta.get("proxy")
    if not address:
        return None
    split = urlsplit(add_http_if_no_scheme(address))
    if split.scheme not in ("http", "https") or not split.hostname:
        message = (
            f"proxy {split.scheme}://{split.hostname}: only http and https proxies are supported"
        )
        raise UsageError(message)
    port = split.port or (443 if split.scheme == "https" else 80)
    authorization = request.headers.get(b"Proxy-Authorization") or b""
    return Proxy(split.scheme, split.hostname, port, authorization.translate(None, b"\r\n\0"))
