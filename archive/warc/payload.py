"""A record read back as a message: small payloads checked in memory, large ones as a file that checks itself.

Hides that a gzip member can only be read forwards. RecordDamaged is raised before any byte of a small payload
is handed out, and at the latest with the last byte of a large one.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from archive.errors import RecordDamaged
from archive.http import Message, head_end
from archive.model import Kind, Truncation
from archive.warc import Record, digest_of, iterate
from archive.warc.answer import read_head
from archive.warc.exchanges import split_block
from archive.warc.records import FIELDS_TYPE

if TYPE_CHECKING:
    from pathlib import Path

    from archive.model import Capture
    from archive.warc.records import Metadata

SMALL = 4 * 1024 * 1024
"""Blocks up to this size are read at once; news pages are far below, photos mostly."""

_DRAIN_SIZE = 256 * 1024


def read_message(path: Path, capture: Capture, *, body: BinaryIO | None = None) -> Message:
    """Return the answer stored at `capture`, its payload replaced by `body` where it is a revisit's.

    A resource has status 0 and no fields. Raises RecordDamaged, and OSError where the file can't be opened.
    """
    with path.open("rb") as file:
        record = open_at(file, capture)
        if record.content_length <= SMALL:
            head, payload = _whole(record)
        else:
            head = b"" if capture.kind is Kind.RESOURCE else split_block(record)[0]
            payload = io.BufferedReader(StoredPayload(path, capture, len(head)), _DRAIN_SIZE)
    truncated = record.get("WARC-Truncated")
    return _message(record, head, body or payload, Truncation(truncated) if truncated else None)


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it lies in its file: fields in their order, the block as bytes."""

    fields: tuple[tuple[str, str], ...]
    block: bytes

    def get(self, name: str) -> str:
        """Return the first value of a field, "" where it is missing."""
        return next((value for key, value in self.fields if key == name), "")

    def raw(self) -> bytes:
        """Return the record's bytes without compression."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.fields)
        return b"WARC/1.1\r\n" + lines.encode("ascii") + b"\r\n" + self.block + b"\r\n\r\n"


def read_exchange(path: Path, capture: Capture) -> tuple[StoredRecord, ...]:
    """Return the answer of `capture` and the records tied to it. Raises RecordDamaged."""
    found: list[StoredRecord] = []
    for record in iterate(path, capture.file, capture.offset):
        tied_to = record.get("WARC-Concurrent-To").strip("<>")
        if found and tied_to != capture.record_id:
            break
        stored = StoredRecord(record.fields, b"".join(iter(record.read, b"")))
        if record.get("WARC-Block-Digest") != digest_of(stored.block):
            raise record.damaged("does not match its WARC-Block-Digest")
        found.append(stored)
        if tied_to and record.get("Content-Type") == FIELDS_TYPE:
            break
    if not found or found[0].get("WARC-Record-ID") != f"<{capture.record_id}>":
        message = "is not the one that the index tells of"
        raise RecordDamaged(capture.file, capture.offset, message)
    return tuple(found)


def read_metadata(path: Path, metadata: Metadata) -> bytes:
    """Return the block of a metadata record that stands alone. Raises RecordDamaged, and OSError where the file can't be opened."""
    with path.open("rb") as file:
        return _checked_block(open_at(file, metadata))


def open_at(file: BinaryIO, capture: Capture | Metadata) -> Record:
    """Return the record of `capture`. Raises RecordDamaged where another lies there."""
    record = Record(file, capture.file, capture.offset)
    if record.record_id != capture.record_id:
        raise record.damaged("is not the one that the index tells of")
    return record


def _whole(record: Record) -> tuple[bytes, BinaryIO]:
    block = _checked_block(record)
    if record.type == Kind.RESOURCE:
        return b"", io.BytesIO(block)
    end = head_end(block)
    end = len(block) if end < 0 else end
    return block[:end], io.BytesIO(block[end:])


def _checked_block(record: Record) -> bytes:
    block = b"".join(iter(record.read, b""))
    record.finish()
    if record.get("WARC-Block-Digest") != digest_of(block):
        raise record.damaged("does not match its WARC-Block-Digest")
    return block


def _message(record: Record, head: bytes, body: BinaryIO, truncated: Truncation | None) -> Message:
    if record.type == Kind.RESOURCE:
        return Message(0, b"", (), body, truncated)
    parsed = read_head(head, is_alone=True)
    if parsed is None:
        raise record.damaged("has no HTTP head")
    return Message(parsed.status, parsed.reason, parsed.fields, body, truncated)


class StoredPayload(io.RawIOBase):
    """The payload of one record as a file: read forwards, and from its beginning again after a seek back."""

    def __init__(self, path: Path, capture: Capture, head_length: int) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._capture = capture
        self._head_length = head_length
        self._position = 0
        self._begin()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._record.read(len(buffer))
        if not piece:
            self._check()
        buffer[: len(piece)] = piece
        self._advance(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self._record.content_length - self._head_length
        offset = max(0, offset)
        if offset < self._position:
            self._begin()
        while self._position < offset:
            piece = self._record.read(min(_DRAIN_SIZE, offset - self._position))
            if not piece:
                break
            self._advance(piece)
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._file.close()
        super().close()

    def _begin(self) -> None:
        self._record = open_at(self._file, self._capture)
        self._block = hashlib.sha256()
        self._position = -self._head_length
        while self._position < 0:
            self._advance(self._record.read(-self._position))

    def _advance(self, piece: bytes) -> None:
        self._block.update(piece)
        self._position += len(piece)

    def _check(self) -> None:
        self._record.finish()
        if self._record.get("WARC-Block-Digest") != f"sha256:{self._block.hexdigest()}":
            raise self._record.damaged("does not match its WARC-Block-Digest")
