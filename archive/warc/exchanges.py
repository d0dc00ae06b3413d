"""What lies in a WARC file of ours, read back: records to exchanges, exchanges to captures.

Hides the order and ties of the records and every check on them. One reader serves repair at start, rebuild and
verify: what it yields is right to the last byte, what it can't vouch for raises RecordDamaged at its offset.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from archive import urls
from archive.errors import RecordDamaged
from archive.http import Head, head_end
from archive.model import Capture, Kind, Truncation
from archive.warc import Record, digest_of, encode, iterate
from archive.warc.answer import HEAD_MAX, mime_of, read_head
from archive.warc.members import HEADER
from archive.warc.records import (
    FIELDS_TYPE,
    IDENTICAL,
    NOT_MODIFIED,
    NOTE_MAX,
    REQUEST_TYPE,
    Metadata,
    Stored,
    safe_url,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archive.warc.members import Span

_ANSWERS = frozenset(Kind)
_PROFILES = (IDENTICAL, NOT_MODIFIED)
_TRUNCATED = frozenset({"", *Truncation})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD_SLACK = 1024 * 1024  # what one read may bring beyond a head
_SEARCH_SIZE = 1024 * 1024
_CRCS = re.compile(rb"(?:^|\n)memberCrc32: ([0-9a-f]{8}(?: [0-9a-f]{8})?)\r\n\Z")
_METHOD = re.compile(rb"\Amethod: ([!#-'*+.^_`|~0-9A-Za-z-]+)\r\n")
_SITE = re.compile(rb"\nsite: ([^\r\n]*)\r\n")


@dataclass(frozen=True, slots=True)
class _Block:
    """A block that was read to its end: what its head says, digests and lengths."""

    head: Head | None
    block_digest: str
    payload_digest: str
    payload_length: int


class Exchanges:
    """The whole exchanges of a file from `start`, a place between two of them, to `limit`, by default its size.

    Iterating yields them, and the metadata records of no exchange that name a target; it raises RecordDamaged
    at the first record that is not as muragat writes it, and where the file ends within an exchange. A warcinfo
    is checked and passed over. `end` is the byte after what is known to be whole.
    """

    def __init__(self, path: Path, name: str, start: int = 0, limit: int | None = None) -> None:
        self._path = path
        self._name = name
        self._limit = limit
        self.end = start

    def __iter__(self) -> Iterator[Stored | Metadata]:
        with self._path.open("rb") as raw:
            records = iterate(self._path, self._name, self.end, self._limit)
            for record in records:
                if record.type in _ANSWERS:
                    stored = _read_exchange(record, records, raw)
                    self.end = stored.end
                    yield stored
                else:
                    span = _read_alone(record, raw)
                    self.end = span.end
                    if record.type == "metadata" and (target := record.get("WARC-Target-URI")):
                        yield _metadata(record, target, span)


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a file, from `start` to before `end`, that hold nothing whole; `damage` is what was met first."""

    start: int
    end: int
    damage: RecordDamaged


def salvage(
    path: Path, name: str, start: int = 0, limit: int | None = None
) -> Iterator[Stored | Metadata | Gap]:
    """Yield all that is whole in a file as `Exchanges` does, and what lies between unreadable."""
    size = path.stat().st_size if limit is None else limit
    whole_end = position = start
    damage: RecordDamaged | None = None
    while position < size:
        reader = Exchanges(path, name, position, limit)
        met: RecordDamaged | None = None
        try:
            for piece in reader:
                if damage:
                    yield Gap(whole_end, position, damage)
                    damage = None
                yield piece
        except RecordDamaged as error:
            met = error
        if reader.end > position:
            if damage:
                yield Gap(whole_end, position, damage)
            damage, whole_end = None, reader.end
        damage = damage or met
        position = next_member(path, met.offset + 1) if met else size
    if damage:
        yield Gap(whole_end, size, damage)


def next_member(path: Path, start: int) -> int:
    """Return the offset of the next member that may begin at or after `start`, or the file's size."""
    with path.open("rb") as file:
        file.seek(start)
        window, offset = b"", start
        while piece := file.read(_SEARCH_SIZE):
            window += piece
            if (found := window.find(HEADER)) >= 0:
                return offset + found
            offset += max(0, len(window) - len(HEADER) + 1)
            window = window[-(len(HEADER) - 1) :]
        return file.tell()


def _read_exchange(answer: Record, records: Iterator[Record], raw: BinaryIO) -> Stored:
    block = _read_block(answer)
    if answer.get("WARC-Block-Digest") != block.block_digest:
        raise answer.damaged("does not match its WARC-Block-Digest")
    members = [answer.finish()]
    for record in records:
        if record.get("WARC-Concurrent-To") != answer.get("WARC-Record-ID"):
            raise answer.damaged("has no metadata record after it")
        if record.get("Content-Type") == FIELDS_TYPE:
            note = _check_note(record, raw)
            return _closed(answer, block, members, note=note, end=record.finish().end)
        _check_request(record)
        members.append(record.finish())
    raise answer.damaged("has no metadata record after it")


def _check_request(record: Record) -> None:
    if record.get("Content-Type") != REQUEST_TYPE or record.type not in ("request", "metadata"):
        raise record.damaged("is neither request nor metadata of the exchange before it")
    digest = hashlib.sha256()
    while piece := record.read():
        digest.update(piece)
    if record.get("WARC-Block-Digest") != f"sha256:{digest.hexdigest()}":
        raise record.damaged("does not match its WARC-Block-Digest")


def _read_alone(record: Record, raw: BinaryIO) -> Span:
    if record.get("WARC-Concurrent-To"):
        raise record.damaged("belongs to an exchange that is not there")
    _check_note(record, raw)
    return record.finish()


def _metadata(record: Record, target: str, span: Span) -> Metadata:
    return Metadata(target, record.date, record.record_id, record.name, span.offset, span.length)


def _check_note(record: Record, raw: BinaryIO) -> bytes:
    """Return the block of a record that is stored without compression, all its bytes compared."""
    if record.type not in ("warcinfo", "metadata") or record.content_length > NOTE_MAX:
        raise record.damaged("does not belong where it stands")
    block = b"".join(iter(record.read, b""))
    if record.get("WARC-Block-Digest") != digest_of(block):
        raise record.damaged("does not match its WARC-Block-Digest")
    span = record.finish()
    raw.seek(span.offset)
    if raw.read(span.length) != encode(record.fields, block, compress=False):
        raise record.damaged("is not stored as muragat stores it")
    return block


def _closed(answer: Record, block: _Block, members: list[Span], *, note: bytes, end: int) -> Stored:
    crcs = _CRCS.search(note)
    if crcs is None or crcs[1].split() != [b"%08x" % span.crc for span in members]:
        raise answer.damaged("does not match the checksum in its metadata record")
    method = _METHOD.match(note)
    if method is None:
        raise answer.damaged("has a metadata record that names no method")
    site = _SITE.search(note)
    stored = _stored(answer, block, members[0], method=method[1].decode("ascii"), end=end)
    return replace(stored, site=site[1].decode("utf-8", "replace")) if site else stored


def _stored(record: Record, block: _Block, span: Span, *, method: str, end: int) -> Stored:
    kind = Kind(record.type)
    digest = record.get("WARC-Payload-Digest")
    _check_payload(record, kind, block, digest)
    truncated = record.get("WARC-Truncated")
    url = record.get("WARC-Target-URI")
    if url != safe_url(url) or truncated not in _TRUNCATED:
        raise record.damaged("has an address or a truncation that muragat does not write")
    capture = Capture(
        sequence=0,
        urlkey=urls.key(url),
        date=record.date,
        url=url,
        method=method,
        status=block.head.status if block.head else 0,
        mime=mime_of(block.head) if block.head else record.get("Content-Type"),
        digest=digest or block.payload_digest,
        kind=kind,
        file=record.name,
        offset=span.offset,
        length=span.length,
        record_id=record.record_id,
        original=record.get("WARC-Refers-To").strip("<>"),
        truncated=Truncation(truncated) if truncated else None,
    )
    is_original = kind is Kind.RESPONSE and bool(digest) and not truncated
    refers_to = f"{record.get('WARC-Refers-To-Target-URI')} {record.get('WARC-Refers-To-Date')}"
    return Stored(
        capture=capture,
        payload_length=block.payload_length,
        is_original=is_original and block.payload_length > 0,
        end=end,
        refers_to=refers_to.strip(),
    )


def _check_payload(record: Record, kind: Kind, block: _Block, digest: str) -> None:
    if (kind is Kind.RESOURCE) is not (block.head is None):
        raise record.damaged("has no HTTP head")
    if kind is Kind.REVISIT:
        is_right = block.payload_length == 0 and record.get("WARC-Profile") in _PROFILES
        if not (is_right and _DIGEST.fullmatch(digest) and record.get("WARC-Refers-To")):
            raise record.damaged("is no revisit as muragat writes it")
    elif digest not in ("", block.payload_digest):
        raise record.damaged("does not match its WARC-Payload-Digest")


def _read_block(record: Record) -> _Block:
    is_http = record.type != Kind.RESOURCE
    head, rest = split_block(record) if is_http else (b"", record.read())
    block = hashlib.sha256(head)
    payload = hashlib.sha256()
    length = 0
    while rest:
        block.update(rest)
        payload.update(rest)
        length += len(rest)
        rest = record.read()
    return _Block(
        head=read_head(head, is_alone=length == 0) if is_http else None,
        block_digest=f"sha256:{block.hexdigest()}",
        payload_digest=f"sha256:{payload.hexdigest()}",
        payload_length=length,
    )


def split_block(record: Record) -> tuple[bytes, bytes]:
    """Read a record's block up to the end of its HTTP head; return the head and what was read beyond it."""
    data = bytearray(record.read())
    end = head_end(data)
    while end < 0:
        searched = max(0, len(data) - 2)
        piece = record.read()
        if not piece:
            return bytes(data), b""
        data += piece
        if len(data) > HEAD_MAX + _HEAD_SLACK:
            raise record.damaged("has no end of head")
        end = head_end(data, searched)
    return bytes(data[:end]), bytes(data[end:])
