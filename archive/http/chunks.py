"""The chunked transfer coding of RFC 9112 section 7.1, undone piece by piece.

Hides the framing's state machine. Reading is linear in the bytes fed and keeps at most one unfinished line.
"""

from __future__ import annotations

import re

_LINE_MAX = 16 * 1024
_TRAILERS_MAX = 64 * 1024
_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n", re.DOTALL)

_AT_SIZE, _IN_CHUNK, _AFTER_CHUNK, _IN_TRAILERS, _AT_END = range(5)


class Dechunker:
    r"""Takes a chunked body as it comes and gives back the entity.

        1a;ext=1\r\n <26 bytes> \r\n  ...  0\r\n  Name: value\r\n  \r\n
        size line    chunk                 last   trailers         end

    Lines may end with LF alone. `finished` is true once the end was read; `last_chunk` already once the chunk
    of size 0 was (many servers close there). `broken` is true where the framing can't be followed; nothing is
    given back from then on. `trailers` are the lines after the last chunk, verbatim; `rest` what followed the
    end, or the point of the break, in the piece that held it; pieces fed after that are not looked at.

    >>> dechunker = Dechunker()
    >>> dechunker.feed(b"3\r\nabc\r\n0\r\n\r\nHTTP/1.1"), dechunker.finished, dechunker.rest
    (b'abc', True, b'HTTP/1.1')
    """

    __slots__ = (
        "_left",
        "_line",
        "_state",
        "_trailers",
        "broken",
        "finished",
        "last_chunk",
        "rest",
    )

    def __init__(self) -> None:
        self._state = _AT_SIZE
        self._left = 0
        self._line = bytearray()
        self._trailers = bytearray()
        self.finished = False
        self.broken = False
        self.last_chunk = False
        self.rest = b""

    @property
    def trailers(self) -> bytes:
        """The lines between the last chunk and the end, with their line ends."""
        return bytes(self._trailers)

    def feed(self, data: bytes) -> bytes:
        """Return the entity's bytes within `data`. Never raises."""
        if self._state == _AT_END:
            return b""
        parts: list[bytes] = []
        position = 0
        while position < len(data) and self._state != _AT_END:
            if self._state == _IN_CHUNK:
                part = data[position : position + self._left]
                parts.append(part)
                position += len(part)
                self._left -= len(part)
                self._state = _IN_CHUNK if self._left else _AFTER_CHUNK
            else:
                position = self._read_line(data, position)
        if self._state == _AT_END:
            self.rest = data[position:]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_line(self, data: bytes, start: int) -> int:
        """Take one line, or what there is of it, and return the position after it."""
        end = data.find(b"\n", start) + 1
        self._line += data[start : end or len(data)]
        if len(self._line) > _LINE_MAX:
            return self._break_off(start)
        if not end:
            return len(data)
        line = bytes(self._line)
        self._line.clear()
        return end if self._take(line) else self._break_off(start)

    def _break_off(self, position: int) -> int:
        self.broken = True
        self._state = _AT_END
        return position

    def _take(self, line: bytes) -> bool:
        """Act on a whole line; False where it does not fit."""
        if self._state == _AT_SIZE:
            return self._take_size(line)
        is_empty = line in (b"\r\n", b"\n")
        if self._state == _AFTER_CHUNK:
            self._state = _AT_SIZE
            return is_empty
        if is_empty:
            self.finished = True
            self._state = _AT_END
            return True
        self._trailers += line
        return len(self._trailers) <= _TRAILERS_MAX

    def _take_size(self, line: bytes) -> bool:
        found = _SIZE.fullmatch(line)
        if found is None:
            return False
        self._left = int(found[1], 16)
        self.last_chunk = not self._left
        self._state = _IN_CHUNK if self._left else _IN_TRAILERS
        return True
