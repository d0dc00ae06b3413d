"""The content of a WARC file made by others, as one stream of bytes that knows where each of them lies.

Hides compression: none, gzip members however they were cut, zstd. A `Gzip` stream is many members one after
another; a byte's place is that of its member. Nothing is held in memory beyond a piece, whatever the bytes expand
to. What can't be inflated raises Broken; `recover` then goes on at the next member that begins a record.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, Protocol

import zstandard
from isal import isal_zlib

from archive.warc.foreign.zstd_dictionary import dictionary_of
from archive.warc.members import crc32

if TYPE_CHECKING:
    from pathlib import Path

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
MAGIC = b"WARC/"

_MEMBER = b"\x1f\x8b\x08"
_READ_SIZE = 256 * 1024
_FEED = (
    8 * 1024
)  # most members are smaller; what is fed beyond the end of one is copied and dropped
_PIECE = 256 * 1024
_OPTIONS_MAX = 64 * 1024  # a gzip header's name, comment and extra field
_TRIAL = 1024
_REWIND = 64 * 1024
_BREAKS_MAX = 10_000
"""Places where a file is taken up again after damage; a file with more is noise made to keep us busy."""

_RAW = -15
_TRAILER = struct.Struct("<II")
_WINDOW_MAX = 128 * 1024 * 1024
_HCRC, _EXTRA, _NAME, _COMMENT, _RESERVED = 2, 4, 8, 16, 0xE0


class Broken(Exception):  # noqa: N818 - as the errors of archive.errors
    """Bytes at `offset` that can't be inflated, for `reason`."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class Inflow(Protocol):
    """A stream of records.

    `buffer` from `position` on is what comes next, all of one member; `fill` makes sure that there is
    something. `offset` is where the member of the next byte begins (a plain file: the byte itself), `member` the
    same (a plain file: always 0), `is_at_start` says that the next byte is its member's first. `end` is the byte
    after what was read: exact where the next byte is its member's first, or there is none. `is_cut` is true once the file was found to end within a
    member. `has_places` is false where a record can't be found again by its offset.
    """

    buffer: bytes
    position: int
    is_cut: bool
    has_places: bool

    @property
    def offset(self) -> int: ...
    @property
    def member(self) -> int: ...
    @property
    def is_at_start(self) -> bool: ...
    @property
    def end(self) -> int: ...
    def fill(self) -> bool: ...
    def more(self) -> bool:
        """Add to `buffer` from the same member; false where nothing more of it is there."""

    def recover(self, after: int) -> bool:
        """Go on at the next place where a record may begin, beyond byte `after`; false where there is none."""


class Plain:
    """A file without compression; `recover` is of no use, as nothing in it can break."""

    has_places = True
    is_cut = False
    member = 0

    def __init__(self, file: BinaryIO, start: int = 0, limit: int | None = None) -> None:
        self._file = file
        self._left = limit - start if limit is not None else -1
        self._read_to = start
        self.buffer = b""
        self.position = 0

    @property
    def offset(self) -> int:
        return self._read_to - len(self.buffer) + self.position

    @property
    def is_at_start(self) -> bool:
        return True

    @property
    def end(self) -> int:
        return self.offset

    def fill(self) -> bool:
        if self.position < len(self.buffer):
            return True
        self.buffer, self.position = self._read(), 0
        return bool(self.buffer)

    def more(self) -> bool:
        piece = self._read()
        self.buffer, self.position = self.buffer[self.position :] + piece, 0
        return bool(piece)

    def recover(self, after: int) -> bool:
        del after
        return False

    def _read(self) -> bytes:
        wanted = _READ_SIZE if self._left < 0 else min(_READ_SIZE, self._left)
        piece = self._file.read(wanted)
        if self._left >= 0:
            self._left -= len(piece)
        self._read_to += len(piece)
        return piece


class Zstd(Plain):
    """A file of zstd frames, with or without a dictionary in the first; it has no places of its own."""

    has_places = False

    def __init__(self, file: BinaryIO) -> None:
        """Raises Broken for a dictionary that can't be read."""
        try:
            decompressor = zstandard.ZstdDecompressor(
                dict_data=dictionary_of(file), max_window_size=_WINDOW_MAX
            )
        except (ValueError, zstandard.ZstdError) as error:
            raise Broken(0, f"has a zstd dictionary that can't be read ({error})") from error
        super().__init__(file)
        self._stream = decompressor.stream_reader(file, read_across_frames=True)

    def _read(self) -> bytes:
        try:
            piece = self._stream.read(_READ_SIZE)
        except zstandard.ZstdError as error:
            raise Broken(self._file.tell(), f"can't be decompressed ({error})") from error
        self._read_to += len(piece)
        return piece


class Gzip:
    """A file of gzip members."""

    has_places = True

    def __init__(self, file: BinaryIO, start: int = 0, limit: int | None = None) -> None:
        self._file = file
        self._limit = limit
        self._raw = b""
        self._raw_start = start  # where `_raw` lies in the file
        self._at = 0  # index in `_raw` of what is inflated next
        self._breaks = 0
        self._inflater: isal_zlib.Decompress | None = None
        self._crc = self._size = 0
        self._before = 0  # bytes of the member before `buffer`
        self.buffer = b""
        self.position = 0
        self.is_cut = False
        self.offset = start
        file.seek(start)

    @property
    def end(self) -> int:
        is_in_next = self.position < len(self.buffer) and self.is_at_start
        return self.offset if is_in_next else self._raw_start + self._at

    @property
    def member(self) -> int:
        return self.offset

    @property
    def is_at_start(self) -> bool:
        return self._before + self.position == 0

    def fill(self) -> bool:
        while self.position >= len(self.buffer):
            if self._inflater is None and not self._begin():
                return False
            self._before = self._size
            self.buffer, self.position = self._inflate(), 0
            if self.is_cut:
                return bool(self.buffer)
        return True

    def more(self) -> bool:
        piece = b""
        while not piece and self._inflater is not None and not self.is_cut:
            piece = self._inflate()
        self._before += self.position
        self.buffer, self.position = self.buffer[self.position :] + piece, 0
        return bool(piece)

    def recover(self, after: int) -> bool:
        self._breaks += 1
        if self._breaks > _BREAKS_MAX:
            return False
        here = self._raw_start + self._at
        start = max(after + 1, here - _REWIND)
        self._drop_member()
        self.is_cut = False
        self._go_to(start)
        while (found := self._search()) >= 0:
            self._at = found
            if self._begins_record():
                return True
            self._at = found + 1
        return False

    def _drop_member(self) -> None:
        self._inflater = None
        self.buffer, self.position = b"", 0
        self._before = 0

    def _go_to(self, start: int) -> None:
        self._file.seek(start)
        self._raw, self._raw_start, self._at = b"", start, 0

    def _search(self) -> int:
        """Return the index in `_raw` of the next three bytes that may begin a member, -1 at the end."""
        while (found := self._raw.find(_MEMBER, self._at)) < 0:
            self._at = max(self._at, len(self._raw) - len(_MEMBER) + 1)
            if not self._load():
                return -1
        return found

    def _begins_record(self) -> bool:
        """Say whether the member that may begin here holds a record's first bytes."""
        while len(self._raw) - self._at < _TRIAL and self._load():
            continue
        header = self._header_length(self._at)
        if header <= 0:
            return False
        begin = self._at + header
        try:
            trial = isal_zlib.decompressobj(_RAW).decompress(self._raw[begin : begin + _TRIAL], 64)
        except isal_zlib.error:  # type: ignore[misc]  # the stub declares an instance
            return False
        return bytes(trial).lstrip(b"\r\n").startswith(MAGIC)

    def _load(self) -> bool:
        """Read on in the file, dropping what is behind; false at its end."""
        wanted = _READ_SIZE
        if self._limit is not None:
            wanted = min(wanted, self._limit - self._raw_start - len(self._raw))
        piece = self._file.read(wanted) if wanted > 0 else b""
        self._raw_start += self._at
        self._raw = self._raw[self._at :] + piece
        self._at = 0
        return bool(piece)

    def _begin(self) -> bool:
        """Read the header of the next member; false at the end of the file. Raises Broken."""
        if len(self._raw) - self._at < _FEED:
            self._load()
        self.offset = self._raw_start + self._at
        if self._at == len(self._raw):
            return False
        length = self._header_length(self._at)
        while length == 0 and len(self._raw) - self._at < _OPTIONS_MAX and self._load():
            length = self._header_length(self._at)
        if length == 0:
            self.is_cut = True
            return False
        if length < 0:
            raise Broken(self.offset, "has no gzip header")
        self._at += length
        self._inflater = isal_zlib.decompressobj(_RAW)
        self._crc = self._size = self._before = 0
        return True

    def _header_length(self, at: int) -> int:
        """Return the length of the header at an index of `_raw`, -1 for none, 0 where more must be read."""
        raw = self._raw
        if not _MEMBER.startswith(raw[at : at + 3]):
            return -1
        if len(raw) - at < 10:
            return 0
        flags, end = raw[at + 3], at + 10
        if flags & _RESERVED:
            return -1
        if flags & _EXTRA:
            end += 2 + int.from_bytes(raw[end : end + 2], "little")
        for flag in (_NAME, _COMMENT):
            if flags & flag:
                end = raw.find(b"\0", end) + 1
                if not end:
                    return 0
        if flags & _HCRC:
            end += 2
        return end - at if end <= len(raw) else 0

    def _inflate(self) -> bytes:
        """Return a piece of the member, b"" at its end and where the file ends in it. Raises Broken."""
        inflater = self._inflater
        if inflater is None:
            return b""
        fresh = inflater.unconsumed_tail
        if not fresh:
            if self._at == len(self._raw):
                self._load()
            fresh = self._raw[self._at : self._at + _FEED]
            self._at += len(fresh)
        try:
            content = bytes(inflater.decompress(fresh, _PIECE))
        except isal_zlib.error as error:  # type: ignore[misc]  # the stub declares an instance
            raise Broken(self.offset, f"can't be inflated ({error})") from error
        self._crc = crc32(content, self._crc)
        self._size += len(content)
        if inflater.eof:
            self._at -= len(inflater.unused_data)
            self._finish_member()
        elif not fresh and not content:
            self.is_cut = True
        return content

    def _finish_member(self) -> None:
        self._inflater = None
        while len(self._raw) - self._at < _TRAILER.size:
            if not self._load():
                self.is_cut = True
                return
        trailer = self._raw[self._at : self._at + _TRAILER.size]
        self._at += _TRAILER.size
        if trailer != _TRAILER.pack(self._crc, self._size & 0xFFFFFFFF):
            raise Broken(self.offset, "does not match its gzip checksum")


def opened(file: BinaryIO, start: int = 0, limit: int | None = None) -> Inflow:
    """Return the stream of an open file from `start`, chosen by its first bytes. Raises Broken."""
    file.seek(0)
    magic = file.read(4)
    file.seek(start)
    if magic.startswith(GZIP):
        return Gzip(file, start, limit)
    if magic == ZSTD or is_skippable(magic):
        file.seek(0)
        return Zstd(file)
    return Plain(file, start, limit)


def is_skippable(magic: bytes) -> bool:
    """Say whether a zstd frame begins so that holds no content (RFC 8878 section 3.1.2)."""
    return len(magic) == 4 and magic[1:] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50


def beginning(path: Path, size: int) -> bytes:
    """Return the first bytes of a file's content, without its compression; b"" where they can't be read."""
    try:
        with path.open("rb") as file:
            inflow = opened(file)
            if not inflow.fill():
                return b""
            while len(inflow.buffer) - inflow.position < size and inflow.more():
                continue
            return inflow.buffer[inflow.position : inflow.position + size]
    except Broken:
        return b""
