"""Which addresses may be connected to.

Hides the special-purpose ranges of IPv4 and IPv6 and the ways to write the one within the other. A page names
hosts; what counts is the address that a name resolves to at the moment of connecting, and the connection goes
to that very address. Ranges: the IANA special-purpose registries (RFC 6890 and its updates).
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from scrapy.exceptions import CannotResolveHostError, IgnoreRequest

from archive.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"))
)
_CLOSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # public by its number, but a cloud's own control address
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)


class AddressForbidden(IgnoreRequest):
    """The host resolves to no address that may be connected to.

    An `IgnoreRequest`, so that Scrapy neither tries again nor reports an error of the program.
    """

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(
            f"{host}:{port} is {address}, which is not a public address; "
            f"name '{host}:{port}' in MURAGAT_ALLOW to crawl it on purpose"
        )
        self.host = host
        self.port = port
        self.address = address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that may be connected to, as the socket calls want it."""

    family: socket.AddressFamily
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


class Guard:
    """Lets connections go to public addresses, and to hosts that the configuration names."""

    def __init__(self, allow: Collection[tuple[str, int | None]] = ()) -> None:
        self._allow = frozenset((_canonical_host(host), port) for host, port in allow)

    @classmethod
    def from_names(cls, names: Iterable[str]) -> Guard:
        """Make a guard from "host", "host:port" and "[v6]:port"; a host without a port opens all its ports.

        Raises UsageError for what is none of these.
        """
        return cls([_host_and_port(name) for name in names])

    def names(self, host: str, port: int) -> bool:
        """Say whether the configuration names this host, as written, with this port."""
        written = _canonical_host(host)
        return (written, port) in self._allow or (written, None) in self._allow

    async def resolve(self, host: str, port: int) -> tuple[Endpoint, ...]:
        """Return the addresses of `host` that may be connected to, in the system's order.

        Raises CannotResolveHostError, and AddressForbidden when none of its addresses may be.
        """
        found = await look_up(host, port)
        if self.names(host, port):
            return found
        permitted = tuple(each for each in found if is_public(each.sockaddr[0]))
        if not permitted:
            raise AddressForbidden(host, port, found[0].sockaddr[0])
        return permitted

    async def judge_for_proxy(self, host: str, port: int) -> None:
        """Raise AddressForbidden when any address of `host` is not public: a proxy resolves it itself.

        A name that only the proxy can resolve is left to it.
        """
        if self.names(host, port):
            return
        try:
            found = await look_up(host, port)
        except CannotResolveHostError:
            return
        for each in found:
            if not is_public(each.sockaddr[0]):
                raise AddressForbidden(host, port, each.sockaddr[0])


def is_public(address: str) -> bool:
    """Say whether a numeric address is global unicast, looking through the forms that hold an IPv4 address.

    >>> is_public("93.184.215.14"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::a00:1")
    (True, False, False)
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _CLOSED_V4)
    inner = _inner_addresses(parsed)
    if inner:
        return all(is_public(str(each)) for each in inner)
    return parsed in _GLOBAL_UNICAST and not any(parsed in network for network in _CLOSED_V6)


def _inner_addresses(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that packets to `address` may end at (RFC 4291, 3056, 4380, 6052)."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


async def look_up(host: str, port: int) -> tuple[Endpoint, ...]:
    """Return all addresses of `host`, unjudged; numbers in any notation that the system's resolver takes.

    Raises CannotResolveHostError.
    """
    literal = _literal(host)
    if literal is not None:
        family = socket.AF_INET if isinstance(literal, IPv4Address) else socket.AF_INET6
        return (Endpoint(family, (str(literal), port)),)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        message = f"{host}: {error}"
        raise CannotResolveHostError(message) from error
    kept = [
        Endpoint(family, cast("tuple[str, int]", address))
        for family, _, _, _, address in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
    if not kept:
        message = f"{host}: no internet address"
        raise CannotResolveHostError(message)
    return tuple(dict.fromkeys(kept))


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _canonical_host(host: str) -> str:
    """Return a host as it is compared: lower case, no brackets, no root dot, one form for each address."""
    bare = host.strip().removeprefix("[").removesuffix("]").removesuffix(".").lower()
    literal = _literal(bare)
    return bare if literal is None else str(literal)


def _host_and_port(name: str) -> tuple[str, int | None]:
    is_bare_v6 = isinstance(_literal(name.strip()), IPv6Address)
    try:
        split = urlsplit(f"//[{name.strip()}]" if is_bare_v6 else f"//{name.strip()}")
        host, port = split.hostname or "", split.port
        is_host = bool(host) and not (split.path or split.query or split.username is not None)
    except ValueError:
        is_host = False
    if not is_host:
        message = f'MURAGAT_ALLOW: {name!r} is no host; write "host", "host:port" or "[v6]:port"'
        raise UsageError(message)
    return host, port
