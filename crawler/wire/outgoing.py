"""A Scrapy request as the bytes that go out, and as the bytes that may be kept.

Hides how a request is written (RFC 9112 sections 3 and 5): fields in Scrapy's order, repeated ones repeated.
What a developer or a page put into a value can't begin a field of its own. Credentials go out but are not kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archive.errors import BadAddress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scrapy import Request

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_TARGET = re.compile(rb"[^\x21-\x7e]")
_TO_BLANKS = bytes.maketrans(b"\r\n\0", b"   ")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CREDENTIALS = (b"authorization", b"proxy-authorization")
_FRAMING = (b"content-length", b"transfer-encoding")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `host` is without brackets; `url` without user information and fragment."""

    scheme: str
    host: str
    port: int
    path: bytes
    url: str

    @property
    def authority(self) -> bytes:
        """host:port as Host and CONNECT write it, the scheme's own port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == _DEFAULT_PORTS[self.scheme]
        return (host if is_default else f"{host}:{self.port}").encode("ascii")


def target_of(url: str) -> Target:
    """Take an http or https address apart. Raises BadAddress where there is nothing to connect to."""
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError as error:
        message = f"{_shown(url)!r} is no address that can be fetched: {error}"
        raise BadAddress(message) from error
    if split.scheme not in _DEFAULT_PORTS or not _is_host(host):
        message = f"{_shown(url)!r} is no address that can be fetched"
        raise BadAddress(message)
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    kept = split._replace(netloc=split.netloc.rpartition("@")[2], fragment="").geturl()
    encoded = _NOT_IN_TARGET.sub(lambda found: b"%%%02X" % found[0][0], path.encode("utf-8"))
    return Target(
        split.scheme, host, _DEFAULT_PORTS[split.scheme] if port is None else port, encoded, kept
    )


def _shown(url: str) -> str:
    """Return an address as a message may show it: without what stands before an @."""
    scheme, slashes, rest = url.partition("//")
    return scheme + slashes + rest.rpartition("@")[2]


def _is_host(host: str) -> bool:
    return bool(host) and not any(character <= " " or character in "/\\@\x7f" for character in host)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`sent` goes over the wire, `kept` into the record; `withheld` names what is in the former alone."""

    sent: bytes
    kept: bytes
    withheld: tuple[str, ...]


def outgoing(
    request: Request,
    target: Target,
    *,
    through_proxy: bool = False,
    withheld_cookies: Sequence[str] = (),
) -> Outgoing:
    """Write `request`; `through_proxy` when the next hop is a proxy that reads it (RFC 9112 section 3.2.2).

    `withheld_cookies` are names, or patterns as in a shell. Raises ValueError for a method or field name that
    HTTP can't carry.
    """
    lines = [_request_line(request, target, through_proxy=through_proxy)]
    kept = lines.copy()
    withheld: list[str] = []
    for name, value in _fields(request, target):
        if name.lower() == b"proxy-authorization" and not through_proxy:
            continue
        lines.append(b"%s: %s\r\n" % (name, value))
        line, secrets = _kept(name, value, withheld_cookies)
        kept.append(line)
        withheld += secrets
    end = b"\r\n" + request.body
    sent = b"".join(lines) + end
    return Outgoing(sent, b"".join(kept) + end if withheld else sent, tuple(withheld))


def _request_line(request: Request, target: Target, *, through_proxy: bool) -> bytes:
    method = request.method.encode("latin-1", "replace")
    if not _TOKEN.fullmatch(method):
        message = f"{request.method!r} is no HTTP method"
        raise ValueError(message)
    origin = b"http://" + target.authority if through_proxy else b""
    return b"%s %s%s HTTP/1.1\r\n" % (method, origin, target.path)


def _fields(request: Request, target: Target) -> Iterator[tuple[bytes, bytes]]:
    if b"Host" not in request.headers:
        yield b"Host", target.authority
    for name, values in request.headers.items():
        if not _TOKEN.fullmatch(name):
            message = f"{name!r} can't be the name of a header field"
            raise ValueError(message)
        if name.lower() not in _FRAMING:
            for value in values or ():
                yield name, value.translate(_TO_BLANKS).strip(b" \t")
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        yield b"Content-Length", b"%d" % len(request.body)


def _kept(name: bytes, value: bytes, patterns: Sequence[str]) -> tuple[bytes, list[str]]:
    """Return the line as it may be kept, empty if not at all, and the names of what it lacks."""
    lower = name.lower()
    if lower in _CREDENTIALS:
        return b"", [name.decode("ascii")]
    cookies = [cookie.strip() for cookie in value.split(b";")] if lower == b"cookie" else []
    secret = [cookie for cookie in cookies if _is_withheld(cookie, patterns)]
    if secret:
        value = b"; ".join(cookie for cookie in cookies if cookie not in secret)
    names = [f"Cookie: {_cookie_name(cookie)}" for cookie in secret]
    return (b"" if secret and not value else b"%s: %s\r\n" % (name, value)), names


def _is_withheld(cookie: bytes, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(_cookie_name(cookie), pattern) for pattern in patterns)


def _cookie_name(cookie: bytes) -> str:
    return cookie.partition(b"=")[0].strip().decode("latin-1")
