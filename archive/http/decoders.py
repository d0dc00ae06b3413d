"""The decoders of the content codings, under one small interface.

Hides three libraries and their manners: zlib gives back nothing of a piece that holds an error, brotli nothing
of one that has bytes after the end, zstandard takes no output limit. Here each gives all that comes before an
error, in bounded steps.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import brotli  # type: ignore[import-untyped]
import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP_MAGIC = b"\x1f\x8b\x08"
GZIP_WINDOW = 16 + zlib.MAX_WBITS
ERRORS = (zlib.error, brotli.error, zstandard.ZstdError)
"""What `Decoder.take` raises where the bytes are not coded as they should be."""

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PIECE_OUT = 256 * 1024
_MEMBERS_MAX = 1000
"""Members of one body: each costs a decoder, and no server sends more than a handful."""

_ZSTD_WINDOW_MAX = 8 * 1024 * 1024
"""The largest window that RFC 9659 allows for the content coding."""

_ZSTD_PIECE = 256
"""A zstd block of four bytes can hold 128 KiB of letters: 256 bytes give at most 8 MiB in one step."""


class Decoder(Protocol):
    """One coding. `has_rest` is true where bytes follow the end of the coded ones; they are passed over."""

    has_rest: bool

    def take(self, piece: bytes) -> Iterator[bytes]:
        """Yield all that a piece decodes to; raise one of `ERRORS` where it can't be decoded further."""
        ...

    def is_whole(self) -> bool:
        """Say whether the end of the coded bytes was reached."""
        ...


class Zlib:
    """gzip and deflate by zlib, which takes an output limit and can be copied before each piece."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._decoder = zlib.decompressobj(window_bits)
        self.has_rest = False
        self._members = 0
        self._is_over = False

    def is_whole(self) -> bool:
        return self._is_over or self._decoder.eof

    def take(self, piece: bytes) -> Iterator[bytes]:
        while piece and not self._is_over:
            if self._decoder.eof and not self._begin_member(piece):
                return
            yield from self._inflate(piece)
            piece = self._decoder.unused_data

    def _inflate(self, piece: bytes) -> Iterator[bytes]:
        is_full = False
        while piece or is_full:
            before = self._decoder.copy()
            try:
                part = self._decoder.decompress(piece, _PIECE_OUT)
            except zlib.error as error:
                yield from self._salvage(before, piece)
                raise zlib.error(_reason(error)) from error
            piece = self._decoder.unconsumed_tail
            is_full = len(part) >= _PIECE_OUT
            yield part

    def _salvage(self, decoder: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
        """Yield what comes before the error: zlib itself gives back nothing of the piece that holds it."""
        try:
            for byte in piece:
                yield decoder.decompress(bytes((byte,)), _PIECE_OUT)
        except zlib.error as error:
            self._is_over = "data check" in str(error)

    def _begin_member(self, piece: bytes) -> bool:
        """Start on what follows the end: another gzip member, or bytes that mean nothing."""
        self._members += 1
        is_member = self._window_bits > zlib.MAX_WBITS and GZIP_MAGIC[:2].startswith(piece[:2])
        if is_member and self._members < _MEMBERS_MAX:
            self._decoder = zlib.decompressobj(self._window_bits)
            return True
        self._is_over = True
        if piece.strip(b"\0"):
            self.has_rest = True
        return False


def _reason(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]


class Brotli:
    """br, whose decoder gives back nothing of a piece that has bytes after the end of the coded body."""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self.has_rest = False
        self._is_first = True

    def is_whole(self) -> bool:
        return bool(self._decoder.is_finished())

    def take(self, piece: bytes) -> Iterator[bytes]:
        if self.is_whole():
            self.has_rest = True
            return
        try:
            yield self._decoder.process(piece, output_buffer_limit=_PIECE_OUT)
            while not self._decoder.can_accept_more_data():
                yield self._decoder.process(b"", output_buffer_limit=_PIECE_OUT)
        except brotli.error:
            if not self._is_first:
                raise
            yield from self._salvage(piece)
        self._is_first = False

    def _salvage(self, piece: bytes) -> Iterator[bytes]:
        """Take the first piece again, byte by byte, up to the end or the error."""
        self._is_first = False
        self._decoder = brotli.Decompressor()
        for byte in piece:
            yield from self.take(bytes((byte,)))
            if self.is_whole():
                self.has_rest = True
                return


class Zstd:
    """zstd, whose decoder takes no output limit and ends with each frame."""

    def __init__(self) -> None:
        self._frames = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAX)
        self._decoder = self._frames.decompressobj()
        self.has_rest = False
        self._members = 1

    def is_whole(self) -> bool:
        return self._decoder.eof

    def take(self, piece: bytes) -> Iterator[bytes]:
        for start in range(0, len(piece), _ZSTD_PIECE):
            rest = piece[start : start + _ZSTD_PIECE]
            while rest:
                if self._decoder.eof and not self._begin_frame(rest):
                    return
                yield self._decoder.decompress(rest)
                rest = self._decoder.unused_data

    def _begin_frame(self, rest: bytes) -> bool:
        self._members += 1
        if self._members > _MEMBERS_MAX or not _ZSTD_MAGIC.startswith(rest[:4]):
            self.has_rest = True
            return False
        self._decoder = self._frames.decompressobj()
        return True


def deflate(first: bytes) -> Decoder:
    """Tell the zlib format of the standard from the raw one that some servers send (RFC 1950 section 2.2)."""
    is_zlib = first[0] & 0x0F == 8 and int.from_bytes(first[:2]) % 31 == 0
    return Zlib(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
