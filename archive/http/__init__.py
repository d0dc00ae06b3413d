"""HTTP/1.x answers as bytes: what a head says, however badly it is written, and how it is stored.

Hides the leniency. A head is kept verbatim for the record; what is read from it here follows the rules for
recipients of RFC 9112 section 5 and what browsers do where servers break them. Removing chunk framing is
`archive.http.chunks`, undoing content codings `archive.http.coding`; their names are offered here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from archive.http.chunks import Dechunker
from archive.http.coding import Decoded, decode_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archive.model import Truncation

__all__ = [
    "Dechunker",
    "Decoded",
    "Head",
    "Message",
    "decode_content",
    "head_end",
    "is_chunked",
    "split_head",
    "stored_head",
]

DECODED_MAX = 32 * 1024 * 1024
"""Bytes of decoded payload that are read unless told otherwise; news pages stay below 5 MiB."""

RENAMED = b"X-Crawler-"
"""Put before a field's name where the stored block no longer has the framing that the field tells of."""

_READ_SIZE = 256 * 1024
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(
    rb"(HTTP/\d(?:\.\d)?)[ \t]+(\d{3})(?:[ \t]+(.*))?\r?", re.DOTALL | re.IGNORECASE
)
_NAME = re.compile(rb"[^\x00-\x20\x7f:]+")
_TO_BLANKS = bytes.maketrans(b"\r\0", b"  ")


@dataclass(frozen=True, slots=True)
class Head:
    """A head as read: fields in the order received, names as written, values without surrounding blanks."""

    version: bytes
    status: int
    reason: bytes
    fields: tuple[tuple[bytes, bytes], ...]

    def get_all(self, name: bytes) -> tuple[bytes, ...]:
        """Return all values of the field `name`, which is given in lower case."""
        return tuple(value for key, value in self.fields if key.lower() == name)


def head_end(data: bytes | bytearray, start: int = 0) -> int:
    """Return the index after the empty line that ends a head, or -1; the search begins at `start`."""
    found = _EMPTY_LINE.search(data, start)
    return found.end() if found else -1


def split_head(data: bytes) -> Head:
    r"""Return what a head says; bytes after its empty line are not looked at.

    Lines end with LF or CRLF. A line without a colon, or with blanks or control characters in its name, is
    passed over; blanks between name and colon are dropped (RFC 9112 section 5.1); a folded line becomes one
    (5.2); CR and NUL within a value become blanks (2.2, RFC 9110 section 5.5).
    Raises ValueError when the first line is no status line.

    >>> split_head(b"HTTP/1.1 200\nLink: <a>,\n <b>\nnonsense\n\n").fields
    ((b'Link', b'<a>, <b>'),)
    """
    lines = data.split(b"\n")
    status = _STATUS_LINE.fullmatch(lines[0])
    if status is None:
        message = f"no HTTP status line: {lines[0][:60]!r}"
        raise ValueError(message)
    version, number, reason = status.groups()
    return Head(version, int(number), (reason or b"").rstrip(b"\r"), tuple(_fields(lines[1:])))


def _fields(lines: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    name, parts = b"", list[bytes]()
    for line in lines:
        if line in (b"", b"\r"):
            break
        text = line.translate(_TO_BLANKS)
        if text[:1] in (b" ", b"\t") and not line.startswith(b"\r"):
            parts.append(text.strip(b" \t"))
            continue
        if name:
            yield name, b" ".join(filter(None, parts))
        name, value = _name_and_value(line, text)
        parts = [value]
    if name:
        yield name, b" ".join(filter(None, parts))


def _name_and_value(line: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Return a field's name and value; the name is empty where the line is not to be trusted."""
    name, colon, _ = line.partition(b":")
    name = name.rstrip(b" \t")
    if not colon or not _NAME.fullmatch(name):
        return b"", b""
    return name, text.partition(b":")[2].strip(b" \t")


def is_chunked(head: Head) -> bool:
    """Say whether the last transfer coding is `chunked`: then chunks frame the body (RFC 9112 section 6.3)."""
    codings = b",".join(head.get_all(b"transfer-encoding")).lower()
    return codings.rpartition(b",")[2].strip(b" \t") == b"chunked"


def stored_head(head: bytes, *, chunked: bool, trailers: bytes = b"") -> bytes:
    r"""Return the head as it goes into a record: verbatim, but for the framing that the block no longer has.

    Where `chunked`, `X-Crawler-` is put before the names of Transfer-Encoding and Content-Length, and each
    line of `trailers` follows the fields with `X-Crawler-Trailer-` before it. Removing the prefixes gives
    the received bytes back. Without `chunked` the head is returned unchanged.

    >>> stored_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunked=True)
    b'HTTP/1.1 200 OK\r\nX-Crawler-transfer-encoding: chunked\r\n\r\n'
    """
    if not chunked:
        return head
    first, *lines = head.split(b"\n")
    stored = [first]
    for position, line in enumerate(lines):
        if line in (b"", b"\r"):
            stored += _stored_trailers(trailers) + lines[position:]
            break
        stored.append(RENAMED + line if _tells_framing(line) else line)
    return b"\n".join(stored)


def _tells_framing(line: bytes) -> bool:
    name = line.partition(b":")[0].rstrip(b" \t").lower()
    return name in (b"transfer-encoding", b"content-length")


def _stored_trailers(trailers: bytes) -> list[bytes]:
    lines = [line for line in trailers.split(b"\n") if line not in (b"", b"\r")]
    folded = (b" ", b"\t")
    return [line if line.startswith(folded) else RENAMED + b"Trailer-" + line for line in lines]


@dataclass(frozen=True, slots=True)
class Message:
    """An answer read back from a record.

    `body` is the entity: chunk framing removed, content coding kept; read from its beginning each time.
    """

    status: int
    reason: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: BinaryIO
    truncated: Truncation | None = None

    def get(self, name: str) -> str:
        """Return the first value of a field as latin-1 text, "" where the field is missing."""
        return next(iter(self.get_all(name)), "")

    def get_all(self, name: str) -> list[str]:
        """Return all values of a field as latin-1 text, in the order received."""
        wanted = name.lower().encode("latin-1", "replace")
        return [value.decode("latin-1") for key, value in self.fields if key.lower() == wanted]

    def raw(self) -> bytes:
        """Return the entity with its content coding."""
        self.body.seek(0)
        return self.body.read()

    def decoded(self, max_bytes: int = DECODED_MAX) -> Decoded:
        """Return the payload without its content and transfer codings, at most `max_bytes` of it."""
        self.body.seek(0)
        pieces = iter(lambda: self.body.read(_READ_SIZE), b"")
        return decode_content(pieces, self._codings(), max_bytes=max_bytes)

    def _codings(self) -> list[str]:
        """Return the codings in the order in which the server applied them."""
        transfer = self.get_all("Transfer-Encoding") + self.get_all("X-Crawler-Transfer-Encoding")
        listed = ",".join([*self.get_all("Content-Encoding"), *transfer]).split(",")
        names = (name.strip().lower() for name in listed)
        return [name for name in names if name not in ("", "chunked")]

    @property
    def media_type(self) -> str:
        """The media type in lower case and without parameters, "" where none is given."""
        return self.get("Content-Type").partition(";")[0].strip().lower()
