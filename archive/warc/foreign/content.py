"""What the block of a foreign record holds: its HTTP head, its entity, and whether its stated digests are right.

Hides whether a body that says it is chunked really is. It is when its chunks can be followed to the last one, or
to where the block ends; otherwise it is taken as it stands. Other tools have taken the chunks away and left the
field, so that the field alone says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.http import Dechunker, is_chunked, split_head
from archive.warc.foreign.stated import Digests, Stated, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.http import Head
    from archive.warc.foreign.records import ForeignRecord

HTTP_HEAD_MAX = 1024 * 1024
_HEAD_END = re.compile(rb"\n\r*+\n")
_HTTP = re.compile(rb"HTTP/\d", re.IGNORECASE)
_REQUEST = re.compile(rb"([!#-'*+.^_`|~0-9A-Za-z-]{1,40})[ \t]")
_OVERLAP = 64
_HEADS_ONLY = ("revisit", "request")


@dataclass(frozen=True, slots=True)
class Content:
    """A block that was read to its end; its digest only where the record has no id.

    `head` is None where there is no HTTP head; `head_length` counts its bytes; `digest` and `length` are those of the
    entity, without chunks where `is_dechunked`. `is_cut` says that the chunks end early. `stated` is the payload
    digest that the record states, "" where it is missing, wrong or can't be understood. `method` is a request's.
    """

    head: Head | None
    head_length: int
    digest: str
    block_digest: str
    length: int
    is_dechunked: bool
    is_cut: bool
    stated: str
    method: str = ""


def read_content(record: ForeignRecord, first: bytes = b"") -> Content:
    """Return what the block of `record` holds, after reading and finishing it; notes wrong digests as its flaws.

    `first` is what was read of it already; only of a record without an HTTP head.
    """
    block_stated = _stated(record, "warc-block-digest")
    payload_stated = _stated(record, "warc-payload-digest")
    start, rest = split_block(record)
    rest = first or rest
    head = parsed_head(start)
    body = _Body(payload_stated, is_chunked=head is not None and is_chunked(head))
    block = Digests(
        block_stated.algorithm if block_stated else "",
        "" if record.get("warc-record-id") else "sha256",
    )
    block.update(start)
    is_revisit, is_request = (record.get("warc-type").lower() == each for each in _HEADS_ONLY)
    if head is None and not is_request:
        body.update(start)
    for piece in pieces_of(record, rest):
        block.update(piece)
        body.update(piece)
    record.finish()
    is_right = is_revisit or (payload_stated is not None and body.is_stated(payload_stated))
    if block_stated and not (record.is_short or block.matches(block_stated)):
        record.flaw(f"does not match its WARC-Block-Digest {block_stated}")
    if payload_stated and not (record.is_short or is_right or record.get("warc-truncated")):
        record.flaw(f"does not match its WARC-Payload-Digest {payload_stated}")
    entity = body.entity if body.is_dechunked else body.raw
    return Content(
        head=head,
        head_length=len(start) if head else 0,
        digest=entity.sha256(),
        block_digest="" if record.get("warc-record-id") else block.sha256(),
        length=entity.length,
        is_dechunked=body.is_dechunked,
        is_cut=body.is_dechunked and not body.is_finished,
        stated=str(payload_stated) if payload_stated and is_right else "",
        method=_method(start),
    )


def entity_of(head: Head | None, body: bytes) -> bytes:
    """Return a body without its chunks, if it has any."""
    if head is None or not is_chunked(head):
        return body
    dechunker = Dechunker()
    entity = dechunker.feed(body)
    return entity if follows(dechunker, len(entity)) else body


def split_block(record: ForeignRecord) -> tuple[bytes, bytes]:
    """Read a block up to the end of its HTTP head; return that, b"" where there is none, and what was read beyond."""
    if record.get("warc-type").lower() not in ("response", "request", "revisit"):
        return b"", b""
    data = record.read()
    while len(data) < _OVERLAP and (piece := record.read()):
        data += piece
    if not (_HTTP.match(data) or record.get("content-type").lower().startswith("application/http")):
        return b"", data
    searched = 0
    while (found := _HEAD_END.search(data, searched)) is None and len(data) <= HTTP_HEAD_MAX:
        searched = max(0, len(data) - _OVERLAP)
        piece = record.read()
        if not piece:
            return data, b""
        data += piece
    end = found.end() if found else 0
    return data[:end], data[end:]


def pieces_of(record: ForeignRecord, first: bytes) -> Iterator[bytes]:
    """Yield `first` and what is left of a block."""
    if first:
        yield first
    while piece := record.read():
        yield piece


def _stated(record: ForeignRecord, field: str) -> Stated | None:
    text = record.get(field)
    found = parse(text)
    if text and found is None:
        record.flaw(f"has a {field} that can't be understood: {text[:80]!r}")
    return found


def parsed_head(start: bytes) -> Head | None:
    if not start:
        return None
    try:
        return split_head(start)
    except ValueError:
        return None


def _method(start: bytes) -> str:
    found = _REQUEST.match(start)
    return found[1].decode("ascii") if found else ""


class _Body:
    """Digests of a body as it stands and, where it says that it is chunked, of the entity in it."""

    def __init__(self, stated: Stated | None, *, is_chunked: bool) -> None:
        algorithm = stated.algorithm if stated else ""
        self.raw = Digests("sha256", algorithm)
        self.entity = Digests("sha256", algorithm)
        self._dechunker = Dechunker() if is_chunked else None

    def update(self, piece: bytes) -> None:
        self.raw.update(piece)
        if self._dechunker:
            self.entity.update(self._dechunker.feed(piece))

    @property
    def is_dechunked(self) -> bool:
        return self._dechunker is not None and follows(self._dechunker, self.entity.length)

    @property
    def is_finished(self) -> bool:
        return self._dechunker is not None and self._dechunker.last_chunk

    def is_stated(self, stated: Stated) -> bool:
        """Say whether the stated digest is right for the body in either form: tools differ in which they mean."""
        return self.raw.matches(stated) or (self.is_dechunked and self.entity.matches(stated))


def follows(dechunker: Dechunker, length: int) -> bool:
    """Say whether a body was chunked, once all of it was fed and gave `length` bytes."""
    return dechunker.last_chunk or (length > 0 and not dechunker.broken)
