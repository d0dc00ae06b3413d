"""A capture in a foreign file read back as a message, or as its records.

Hides chunk framing: the body is the entity, as its digest was taken. The digest is checked before a byte is
handed out: what is small is held in memory, what is large is read twice.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from archive.errors import RecordDamaged
from archive.http import Dechunker, Message
from archive.model import Kind
from archive.warc.foreign.content import entity_of, parsed_head, read_content, split_block
from archive.warc.foreign.inflow import Broken, Inflow, opened
from archive.warc.foreign.records import ForeignRecord, record_at
from archive.warc.payload import SMALL, StoredRecord

if TYPE_CHECKING:
    from pathlib import Path

    from archive.http import Head
    from archive.model import Capture

_BUFFER = 256 * 1024
_COMPANIONS_MAX = 8
_NOT_THE_ONE = "is not the one that the index tells of"


def read_foreign_message(path: Path, capture: Capture, *, body: BinaryIO | None = None) -> Message:
    """Return the answer stored at `capture`, its payload replaced by `body` where it is a revisit's.

    A resource has status 0 and its Content-Type alone. A capture without a digest is read as it lies. Raises RecordDamaged where the entity is not the one that
    the capture's digest names, and OSError where the file can't be opened.
    """
    with path.open("rb") as file:
        record, _ = _open_at(file, capture)
        if record.content_length <= SMALL:
            head, entity = _whole(record, capture)
            return _message(record, head, capture, body or io.BytesIO(entity))
        content = read_content(record)
        _check(record, capture, content.digest)
    large = _Entity(path, capture, content.head_length, is_chunked=content.is_dechunked)
    return _message(record, content.head, capture, body or io.BufferedReader(large, _BUFFER))


@dataclass(frozen=True, slots=True)
class ForeignStoredRecord(StoredRecord):
    """A foreign record as it lies in its file; `head` are the bytes before its block."""

    head: bytes = b""

    def get(self, name: str) -> str:
        """Return the first value of a field, "" where it is missing; its name in any case."""
        wanted = name.lower()
        return next((value for key, value in self.fields if key.lower() == wanted), "")

    def raw(self) -> bytes:
        """Return the record's bytes without compression, ended as the standard says."""
        return self.head + self.block + b"\r\n\r\n"


def read_foreign_exchange(path: Path, capture: Capture) -> tuple[StoredRecord, ...]:
    """Return the answer of `capture` and the records behind it that are tied to it; blocks are held in memory.

    A request that stands before its answer is not among them. Raises RecordDamaged.
    """
    with path.open("rb") as file:
        record, inflow = _open_at(file, capture)
        found = [_stored(record)]
        _refuse_broken(record, capture)
        while len(found) < _COMPANIONS_MAX and not record.after:
            try:
                following = record_at(inflow)
            except Broken:
                break
            if following is None or capture.record_id not in following.get("warc-concurrent-to"):
                break
            record = following
            found.append(_stored(record))
    return tuple(found)


def _stored(record: ForeignRecord) -> StoredRecord:
    block = b"".join(iter(record.read, b""))
    record.finish()
    return ForeignStoredRecord(record.fields, block, record.head)


def _open_at(file: BinaryIO, capture: Capture) -> tuple[ForeignRecord, Inflow]:
    """Return the record of `capture`. Raises RecordDamaged where another lies there."""
    try:
        inflow = opened(file, capture.offset)
        record = record_at(inflow)
    except Broken as error:
        raise RecordDamaged(capture.file, capture.offset, error.reason) from error
    if record is None or record.get("warc-type").lower() != capture.kind:
        raise RecordDamaged(capture.file, capture.offset, _NOT_THE_ONE)
    return record, inflow


def _whole(record: ForeignRecord, capture: Capture) -> tuple[Head | None, bytes]:
    """Return head and entity of a small record, checked."""
    start, rest = split_block(record)
    head = parsed_head(start)
    body = b"".join([b"" if head else start, rest, *iter(record.read, b"")])
    record.finish()
    entity = entity_of(head, body)
    _check(record, capture, f"sha256:{hashlib.sha256(entity).hexdigest()}")
    return head, entity


def _check(record: ForeignRecord, capture: Capture, digest: str) -> None:
    _refuse_broken(record, capture)
    if capture.kind is not Kind.REVISIT and digest != (capture.digest or digest):
        raise RecordDamaged(capture.file, capture.offset, "does not match the digest in the index")


def _refuse_broken(record: ForeignRecord, capture: Capture) -> None:
    if record.broken:
        raise RecordDamaged(capture.file, capture.offset, record.broken.reason)


def _message(record: ForeignRecord, head: Head | None, capture: Capture, body: BinaryIO) -> Message:
    if head:
        return Message(head.status, head.reason, head.fields, body, capture.truncated)
    media_type = record.get("content-type").encode("latin-1", "replace")
    fields = ((b"Content-Type", media_type),) if media_type else ()
    return Message(0, b"", fields, body, capture.truncated)


class _Entity(io.RawIOBase):
    """The entity of one record as a file: read forwards, and from its beginning again after a seek back."""

    def __init__(self, path: Path, capture: Capture, head_length: int, *, is_chunked: bool) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._capture = capture
        self._head_length = head_length
        self._is_chunked = is_chunked
        self._begin()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            while self._next(_BUFFER):
                continue
        base = 0 if whence == io.SEEK_SET else self._position
        offset = max(0, base + offset)
        if offset < self._position:
            self._begin()
        while self._position < offset and self._next(min(_BUFFER, offset - self._position)):
            continue
        return self._position

    def _begin(self) -> None:
        self._record, _ = _open_at(self._file, self._capture)
        self._dechunker = Dechunker() if self._is_chunked else None
        self._waiting = b""
        self._position = 0
        left = self._head_length
        while left and (piece := self._record.read(left)):
            left -= len(piece)

    def _next(self, size: int) -> bytes:
        """Return at most `size` bytes of the entity, b"" only at its end. Raises RecordDamaged."""
        while not self._waiting and (piece := self._record.read()):
            self._waiting = self._dechunker.feed(piece) if self._dechunker else piece
        _refuse_broken(self._record, self._capture)
        piece, self._waiting = self._waiting[:size], self._waiting[size:]
        self._position += len(piece)
        return piece
