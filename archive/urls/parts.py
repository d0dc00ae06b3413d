"""A URL as parts, and its characters as escapes; hides how browsers part one and what they escape.

Source: URL Standard (WHATWG) section 4.4, RFC 3986 section 5.2.4. The keys that are made of it are in `urls`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PORTS = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443", "gopher": "70"}
EDGES = "".join(map(chr, range(0x21)))
BREAKS = dict.fromkeys(map(ord, "\t\n\r"))
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+):")

_SURROGATE = re.compile("[\ud800-\udfff]")
_HEX = {ord(digit): int(digit, 16) for digit in "0123456789abcdefABCDEF"}
_KEPT = 256  # added to a byte that stays escaped


def _table(unsafe: str) -> tuple[str, ...]:
    """Return what each byte is written as; the second half serves bytes that stay escaped."""
    escaped = [f"%{byte:02X}" for byte in range(256)]
    plain = [chr(b) if 0x20 < b < 0x7F and chr(b) not in unsafe else escaped[b] for b in range(256)]
    return (*plain, *escaped)


PATH = _table("%#?")
PARAMETERS = _table("%#")
HOST = _table("%#?/:@[\\]")
SENT_PATH = _table('"#<>?`{}')  # URL Standard: path percent-encode set
SENT_QUERY = _table("\"#<>'")  # URL Standard: special-query percent-encode set
SLASH_BYTES = frozenset(b"/\\")  # escaped, they part nothing
PARAMETER_BYTES = frozenset(b"&=+")


class Parts(NamedTuple):
    scheme: str
    authority: str | None
    path: str
    query: str | None


def tidy(url: str) -> str:
    """Return `url` without the spaces around it, line breaks within, and fragment."""
    return url.strip(EDGES).translate(BREAKS).partition("#")[0].strip(EDGES)


def split(url: str) -> Parts:
    """Part a URL as browsers do, the fragment dropped; `authority` is None for the like of `mailto:a@b`."""
    text = tidy(url)
    found = SCHEME.match(text)
    scheme = found[1].lower() if found else "http"
    rest, mark, parameters = (text[found.end() :] if found else text).partition("?")
    query = parameters if mark else None
    if scheme in PORTS:
        authority, slash, path = rest.replace("\\", "/").lstrip("/").partition("/")
        return Parts(scheme, authority, slash + path or "/", query)
    if scheme == "file":
        rest = rest.replace("\\", "/")
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        return Parts(scheme, authority, slash + path, query)
    if scheme == "file":
        return Parts(scheme, "", "/" + rest.removeprefix("/"), query)
    return Parts(scheme, None, rest, query)


def joined(parts: Parts) -> str:
    """Return the parts as one string; "" where a web address names no host."""
    if parts.authority == "" and parts.scheme in PORTS:
        return ""
    authority = "" if parts.authority is None else "//" + parts.authority
    query = "" if parts.query is None else "?" + parts.query
    return f"{parts.scheme}:{authority}{parts.path}{query}"


def host_and_port(authority: str) -> tuple[str, str]:
    """Part host from port; a port is ASCII digits without leading zeros, "" where there is none."""
    host, colon, port = authority.rpartition(":")
    if not colon or not ((port.isdigit() and port.isascii()) or not port):
        return authority, ""
    return host, port.lstrip("0") or ("0" if port else "")


def to_bytes(text: str) -> bytes:
    """Encode as UTF-8; bytes that a `surrogateescape` kept come back, other lone surrogates as U+FFFD."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def unescaped(encoded: bytes, kept: frozenset[int]) -> list[int]:
    """Decode percent-escapes as often as they were encoded, in one pass: `%2525` gives `%`, `%%36%31` gives `a`.

    An escape is replaced as soon as it is complete on the stack; what it gives may complete the one before.
    Doing it round by round takes quadratic time.
    """
    if b"%" not in encoded:
        return list(encoded)
    stack: list[int] = []
    for byte in encoded:
        stack.append(byte)
        while len(stack) > 2 and stack[-3] == 0x25 and stack[-2] in _HEX and stack[-1] in _HEX:
            value = 16 * _HEX[stack[-2]] + _HEX[stack[-1]]
            stack[-3:] = [value + _KEPT if value in kept else value]
    return stack


def without_dots(path: str) -> str:
    """Resolve `.` and `..` in a path that begins with a slash (RFC 3986 section 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
