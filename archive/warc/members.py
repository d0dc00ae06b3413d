"""Gzip members: how one record is compressed, and how its bytes are taken back with every one of them checked.

Hides deflate. A member is

    HEADER (10 constant bytes) | deflate blocks | CRC-32 of the content | its size modulo 2^32

written in one of two forms. `Deflated` compresses. `stored` does not: its bytes are a function of the content
alone, so that they can be compared. Compressed blocks can't: a flipped bit in padding, in an unused code or in
the distance of a match may give the same content, and then no checksum of the content sees it. Therefore
each member's length and CRC-32 as they lie in the file are known here (`Span`), and an exchange ends
with a stored record that names them (`archive.warc.records`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from isal import isal_zlib

from archive.errors import RecordDamaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no flags, no time, no extra flags, unknown system: RFC 1952 section 2.3. The same for every member."""

_LEVEL = 2
"""ISA-L's level 2 costs as much as 1 on a page of 45 kB and saves 3 %; 3 saves 1 % more and costs 1.4 times as much:
`python -m benchmarks.store`."""

_RAW = -15  # deflate without any container, largest window
_TRAILER = struct.Struct("<II")
_STORED_BLOCK = struct.Struct("<BHH")  # final flag, length, its complement: RFC 1951 section 3.2.4
_STORED_MAX = 0xFFFF
_FIRST_READ = 4 * 1024  # most members are smaller; what is read beyond one is copied and dropped
_READ_SIZE = 64 * 1024

crc32 = isal_zlib.crc32


@dataclass(frozen=True, slots=True)
class Span:
    """Where a member lies: its first byte in the file, its length, and the CRC-32 of those bytes."""

    offset: int
    length: int
    crc: int

    @property
    def end(self) -> int:
        return self.offset + self.length


def stored(content: bytes) -> bytes:
    """Return a member of `content` without compression; equal content gives equal bytes."""
    blocks = [HEADER]
    for start in range(0, len(content) or 1, _STORED_MAX):
        piece = content[start : start + _STORED_MAX]
        is_last = start + _STORED_MAX >= len(content)
        blocks += (_STORED_BLOCK.pack(is_last, len(piece), len(piece) ^ _STORED_MAX), piece)
    blocks.append(_TRAILER.pack(crc32(content), len(content) & 0xFFFFFFFF))
    return b"".join(blocks)


def deflated(content: bytes) -> bytes:
    """Return a compressed member of `content`."""
    blocks = isal_zlib.compress(content, _LEVEL, _RAW)
    return b"".join((HEADER, blocks, _TRAILER.pack(crc32(content), len(content) & 0xFFFFFFFF)))


def deflated_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of one compressed member of all `pieces`; holds little of them in memory."""
    compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW)
    crc = size = 0
    yield HEADER
    for piece in pieces:
        crc = crc32(piece, crc)
        size += len(piece)
        yield compressor.compress(piece)
    yield compressor.flush()
    yield _TRAILER.pack(crc, size & 0xFFFFFFFF)


class Member:
    """One member of an open file, read once from its beginning to its end.

    Reading raises RecordDamaged where the header is not `HEADER`, a block can't be inflated, the trailer is
    wrong or the file ends early.
    """

    def __init__(self, file: BinaryIO, name: str, offset: int) -> None:
        self._file = file
        self._name = name
        self._offset = offset
        self._length = 0
        self._crc = 0
        self._size = 0
        self._fed = 0
        self._inflater: isal_zlib.Decompress | None = None

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, b"" only at the end, when all of the member is known to be right."""
        if self._inflater is None:
            if self._length:
                return b""
            self._begin()
        while self._inflater is not None:
            content = self._inflate(self._inflater, size)
            if content:
                return content
        return b""

    def span(self) -> Span:
        """Return where the member lies; only after `read` returned b""."""
        self._file.seek(self._offset)
        crc, left = 0, self._length
        while left and (piece := self._file.read(min(left, _READ_SIZE))):
            crc = crc32(piece, crc)
            left -= len(piece)
        return Span(self._offset, self._length, crc)

    def _begin(self) -> None:
        self._file.seek(self._offset)
        if self._file.read(len(HEADER)) != HEADER:
            raise self._damaged("has no gzip header as muragat writes it")
        self._inflater = isal_zlib.decompressobj(_RAW)

    def _inflate(self, inflater: isal_zlib.Decompress, size: int) -> bytes:
        fresh = inflater.unconsumed_tail
        if not fresh:
            fresh = self._file.read(_READ_SIZE if self._fed else _FIRST_READ)
            self._fed += len(fresh)
        try:
            content = inflater.decompress(fresh, size)
        except isal_zlib.error as error:  # type: ignore[misc]  # the stub declares an instance
            raise self._damaged(f"can't be inflated ({error})") from error
        self._crc = crc32(content, self._crc)
        self._size += len(content)
        if inflater.eof:
            self._end(len(HEADER) + self._fed - len(inflater.unused_data))
        elif not fresh and not content:
            raise self._damaged("ends early")
        return content

    def _end(self, deflate_end: int) -> None:
        self._inflater = None
        self._file.seek(self._offset + deflate_end)
        trailer = self._file.read(_TRAILER.size)
        if len(trailer) < _TRAILER.size:
            raise self._damaged("ends early")
        if trailer != _TRAILER.pack(self._crc, self._size & 0xFFFFFFFF):
            raise self._damaged("does not match its gzip checksum")
        self._length = deflate_end + _TRAILER.size

    def _damaged(self, what: str) -> RecordDamaged:
        return RecordDamaged(self._name, self._offset, what)
