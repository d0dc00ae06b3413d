"""What a server's bytes mean: where the heads end, how the body is framed, and where the message is over.

Hides HTTP/1.x framing (RFC 9112 section 6) and what becomes of it on servers that get it wrong. Works on bytes
alone and knows nothing of sockets.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from archive.http import Dechunker, head_end, is_chunked
from archive.model import Truncation
from crawler.wire.heads import content_length, keeps_open, read_head, transfer_problem

if TYPE_CHECKING:
    from archive.http import Head

HEAD_MAX = 256 * 1024
"""Bytes of all heads of one answer together. Firefox and Chromium stop at 384 and 256 KiB."""

INTERIM_MAX = 64
_EMPTY_LINES_MAX = 8


class Framing(Enum):
    """How the end of a body is told."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()


class Answer:
    """Reads one answer from the bytes of a connection.

    `feed` gives back the entity's bytes. `head` is None until the final head was read, and stays so where none
    can be: then `is_unreadable`, and all bytes are given back as they came. `is_over` says that the message has
    ended; `is_whole` that all of it came; `can_reuse` that the connection may carry another request.
    `problems` are in words, each once.
    """

    def __init__(self, method: str) -> None:
        self._method = method
        self._buffer = bytearray()
        self._blank = b""
        self._searched = 0
        self._dechunker = Dechunker()
        self._framing = Framing.CLOSE
        self._left = 0
        self._is_uncertain = False
        self._interims = 0
        self.length: int | None = None
        self.head: Head | None = None
        self.raw_head = b""
        self.interim = b""
        self.problems: list[str] = []
        self.received = 0
        self.chunked = False
        self.is_unreadable = False
        self.is_too_long = False
        self.is_over = False
        self.is_whole = False

    @property
    def trailers(self) -> bytes:
        """The lines after the last chunk, verbatim."""
        return self._dechunker.trailers

    @property
    def can_reuse(self) -> bool:
        """Say whether the server keeps the connection open, in a state that is known; never after anything odd."""
        if self.head is None or self.problems or not self.is_whole or self._may_have_more():
            return False
        return self._framing is not Framing.CLOSE and keeps_open(self.head)

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came and return the entity's part of them. Never raises."""
        self.received += len(data)
        if self.head is None and not self.is_unreadable:
            data = self._read_heads(data)
        return self._read_body(data) if data else b""

    def close(self, *, is_reset: bool = False) -> bytes:
        """Take note that the server sends no more, and return bytes that were held back as part of a head."""
        held = b""
        if self.head is None and not self.is_unreadable and self.received:
            self._note("the connection ended within the head")
            held = self._give_up()
        elif not self.is_over:
            self.is_whole = not is_reset and self._may_end_here()
        self.is_over = True
        return held

    def abandon(self) -> bytes:
        """Return the bytes of an unfinished head: reading stops here, for a reason of the caller's."""
        held = b"" if self.head or self.is_unreadable else self._give_up()
        self.is_over = True
        return held

    @property
    def truncation(self) -> Truncation | None:
        """What a record says of the body once `is_over`; None where it is whole."""
        if self.is_whole:
            return None
        if self.is_too_long:
            return Truncation.LENGTH
        is_unclear = self._is_uncertain or self._dechunker.broken
        return Truncation.UNSPECIFIED if is_unclear else Truncation.DISCONNECT

    def _may_end_here(self) -> bool:
        if self._framing is Framing.CHUNKED and self._dechunker.last_chunk:
            self._note("the chunked body lacks its last empty line")
            return not self._dechunker.broken
        return self._framing is Framing.CLOSE and not self._is_uncertain

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _give_up(self) -> bytes:
        """Take what came for an answer without a head."""
        self.is_unreadable = True
        held = self._blank + self.interim + bytes(self._buffer)
        self.interim = b""
        self._buffer.clear()
        return held

    def _read_heads(self, data: bytes) -> bytes:
        """Read heads up to the final one and return what follows it."""
        self._buffer += data
        while self.head is None:
            if not self._begins_like_a_head():
                self._note("the answer has no HTTP status line")
                return self._give_up()
            end = head_end(self._buffer, max(0, self._searched - 3))
            if len(self.interim) + (end if end > 0 else len(self._buffer)) > HEAD_MAX:
                return self._stop_at_limit(f"the head is longer than {HEAD_MAX} bytes")
            if end < 0:
                self._searched = len(self._buffer)
                return b""
            raw = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._searched = 0
            if not self._take_head(raw):
                return self._give_up()
            if self._interims > INTERIM_MAX:
                return self._stop_at_limit(f"more than {INTERIM_MAX} interim answers")
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _stop_at_limit(self, problem: str) -> bytes:
        self._note(problem)
        self.is_too_long = True
        self.is_over = True
        return self._give_up()

    def _begins_like_a_head(self) -> bool:
        start = bytes(self._buffer[: _EMPTY_LINES_MAX - len(self._blank)])
        blank = len(start) - len(start.lstrip(b"\r\n"))
        if blank:
            self._note("empty lines before the status line; they are not in the record")
            self._blank += start[:blank]
            del self._buffer[:blank]
        return b"HTTP/".startswith(bytes(self._buffer[:5]).upper())

    def _take_head(self, raw: bytes) -> bool:
        """Take a whole head; False where it can't be read."""
        head, problem = read_head(raw)
        if problem:
            self._note(problem)
        if head is None:
            self._buffer[:0] = raw
            return False
        if 100 <= head.status < 200 and head.status != 101:
            self.interim += raw
            self._interims += 1
            return True
        self.head, self.raw_head = head, raw
        self._choose_framing(head)
        return True

    def _choose_framing(self, head: Head) -> None:
        """Decide how the body ends (RFC 9112 section 6.3)."""
        self.chunked = is_chunked(head)
        lengths = head.get_all(b"content-length")
        self.length, problem = content_length(lengths)
        for each in filter(None, (problem, transfer_problem(head))):
            self._note(each)
        if self._method == "HEAD" or head.status in (101, 204, 304):
            self._framing = Framing.NONE
            self._finish(b"")
        elif self.chunked:
            self._framing = Framing.CHUNKED
            self.length = None
        elif lengths:
            self._is_uncertain = self.length is None or bool(problem)
            self._await_length()

    def _await_length(self) -> None:
        if self.length is None:
            return
        self._framing = Framing.LENGTH
        self._left = self.length
        if not self._left:
            self._finish(b"")

    def _read_body(self, data: bytes) -> bytes:
        if self.is_unreadable:
            return data
        if self.is_over:
            self._note("bytes after the end of the message; they are not in the record")
            return b""
        if self._framing is Framing.LENGTH:
            return self._read_length(data)
        if self._framing is Framing.CHUNKED:
            return self._read_chunks(data)
        return data

    def _read_length(self, data: bytes) -> bytes:
        part = data[: self._left]
        self._left -= len(part)
        if not self._left:
            self._finish(data[len(part) :])
        return part

    def _read_chunks(self, data: bytes) -> bytes:
        part = self._dechunker.feed(data)
        if self._dechunker.broken:
            self._note("the chunks are broken; the body ends before the break")
            self.is_over = True
        elif self._dechunker.finished:
            self._finish(self._dechunker.rest)
        return part

    def _finish(self, rest: bytes) -> None:
        self.is_over = True
        self.is_whole = not self._is_uncertain
        if rest:
            self._note("bytes after the end of the message; they are not in the record")

    def _may_have_more(self) -> bool:
        """Say whether a server that errs may send a body that must not come: it would answer the next request."""
        assert self.head is not None
        announces = bool(self.length) or self.chunked
        return self.head.status == 101 or (self._framing is Framing.NONE and announces)
