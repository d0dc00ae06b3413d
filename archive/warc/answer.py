"""An exchange's answer looked at once: what kind of record it becomes, its digests, its type.

Hides which heads other WARC readers can split. Every byte is stored whatever is decided here; what is decided
is only the name of the record and whether it may carry a payload digest:

- `response`: the head begins with HTTP/1.0 or HTTP/1.1 and ends where its first empty line ends;
- `resource`: no such head (HTTP/0.9, rubbish): head and body together are the payload, nothing is parsed;
- a response in whose head another reader would see the end earlier (a line of nothing but blanks), or
  whose address is not http, has no payload digest, as that reader would compute a different one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from archive.http import decode_content, head_end, split_head, stored_head
from archive.model import Kind
from archive.warc.sniff import SNIFFED, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.http import Head
    from archive.model import Exchange

HEAD_MAX = 16 * 1024 * 1024
"""A longer head is no head; connections are closed long before."""

_READ_SIZE = 256 * 1024
_CODED_PREFIX = 1024  # enough of any coding for SNIFFED bytes of text
_HTTP1 = re.compile(rb"HTTP/1\.[01](?=[ \t\r\n])", re.IGNORECASE)
_HTTP_URL = re.compile(r"https?:")
_MIME = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}", re.ASCII)
_RESPONSE_TYPE = "application/http; msgtype=response"
_UNREAD_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of an answer before it is written.

    `head` is as stored; digests are `sha256:` and 64 hexadecimal digits; `mime` is lower case, "" where
    none or none well-formed was given. `is_plain` says that every reader finds the same payload.
    """

    kind: Kind
    head: bytes
    status: int
    mime: str
    body_length: int
    block_digest: str
    payload_digest: str
    is_plain: bool
    sniffed: str
    problems: tuple[str, ...]

    @property
    def content_type(self) -> str:
        return _RESPONSE_TYPE if self.kind is Kind.RESPONSE else _UNREAD_TYPE

    @property
    def payload_length(self) -> int:
        return self.body_length + (len(self.head) if self.kind is Kind.RESOURCE else 0)


def body_pieces(body: bytes | BinaryIO) -> Iterator[bytes]:
    """Yield all of a body in pieces, a file's from its beginning."""
    if isinstance(body, bytes):
        yield body
        return
    body.seek(0)
    while piece := body.read(_READ_SIZE):
        yield piece


def examine(exchange: Exchange, url: str) -> Answer:
    """Return what `exchange` becomes when stored under `url`; reads the body once."""
    head = stored_head(exchange.head, chunked=exchange.chunked, trailers=exchange.trailers)
    pieces = body_pieces(exchange.body)
    start = next(pieces, b"")
    parsed = read_head(head, is_alone=not start)
    digests = _Digests(head, is_payload=parsed is None)
    digests.update(start)
    for piece in pieces:
        digests.update(piece)
    block_digest, payload_digest = digests.values()
    is_plain = parsed is None or (splits_plainly(head) and bool(_HTTP_URL.match(url)))
    return Answer(
        kind=Kind.RESPONSE if parsed else Kind.RESOURCE,
        head=head,
        status=parsed.status if parsed else 0,
        mime=mime_of(parsed) if parsed else _UNREAD_TYPE,
        body_length=digests.length,
        block_digest=block_digest,
        payload_digest=payload_digest,
        is_plain=is_plain,
        sniffed=_sniffed(parsed, start),
        problems=_problems(parsed, head, is_plain=is_plain),
    )


def read_head(head: bytes, *, is_alone: bool) -> Head | None:
    """Return what a stored head says, None where it can't begin the block of a response.

    Its empty line must be its end; it may be missing where `is_alone`, no body following.
    """
    end = head_end(head)
    if not _HTTP1.match(head) or len(head) > HEAD_MAX:
        return None
    if end != len(head) and not (end == -1 and is_alone):
        return None
    try:
        return split_head(head)
    except ValueError:
        return None


def splits_plainly(head: bytes) -> bool:
    """Say whether readers that strip Unicode blanks from decoded lines (warcio) see the same end of head."""
    lines = head.split(b"\n")
    last = len(lines) - 2 if head_end(head) == len(head) else len(lines)
    return all(_decoded(line).strip() for line in lines[:last])


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def mime_of(head: Head) -> str:
    """Return the media type that a head gives, "" where none or no well-formed one is given."""
    for value in head.get_all(b"content-type"):
        text = value.decode("latin-1").partition(";")[0].strip().lower()
        if _MIME.fullmatch(text):
            return text
    return ""


def _sniffed(head: Head | None, start: bytes) -> str:
    if head is None:
        return ""
    coded = b",".join(head.get_all(b"content-encoding")).decode("latin-1").split(",")
    if coded != [""]:
        start = decode_content((start[:_CODED_PREFIX],), coded, max_bytes=SNIFFED).body
    return sniff(start[:SNIFFED])


def _problems(parsed: Head | None, head: bytes, *, is_plain: bool) -> tuple[str, ...]:
    if parsed is None:
        what = "its head is no HTTP/1 head" if head else "it has no head"
        return (f"stored as it came, not as a response: {what}",)
    if is_plain:
        return ()
    return ("no payload digest: other readers would look for the payload elsewhere",)


class _Digests:
    """SHA-256 of block and payload in one pass."""

    def __init__(self, head: bytes, *, is_payload: bool) -> None:
        self._block = hashlib.sha256(head)
        self._payload = hashlib.sha256(head if is_payload else b"")
        self.length = 0

    def update(self, piece: bytes) -> None:
        self._block.update(piece)
        self._payload.update(piece)
        self.length += len(piece)

    def values(self) -> tuple[str, str]:
        return f"sha256:{self._block.hexdigest()}", f"sha256:{self._payload.hexdigest()}"
