"""Content codings undone: gzip, deflate, br and zstd (RFC 9110 section 8.4), as servers really send them.

Hides the wrongs that decoders meet: several members, trailing garbage, wrong checksums, bodies that
are not coded though they say so, or coded twice though they say once. Whatever comes, decoding ends, holds
little in memory beside its result, and stops at the limit it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from archive.http.decoders import (
    ERRORS,
    GZIP_MAGIC,
    GZIP_WINDOW,
    Brotli,
    Decoder,
    Zlib,
    Zstd,
    deflate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_CODINGS_MAX = 4
"""More codings than this, one over the other, are an attack: no server needs two."""

_PIECE_IN = 64 * 1024
_ALIASES = {"x-gzip": "gzip"}
_DECODERS: dict[str, Callable[[bytes], Decoder]] = {
    "gzip": lambda _: Zlib(GZIP_WINDOW),
    "deflate": deflate,
    "br": lambda _: Brotli(),
    "zstd": lambda _: Zstd(),
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body without its codings.

    `problems` says in words what was wrong; `truncated` is true where the body goes on beyond the limit or
    the coded bytes end early.
    """

    body: bytes
    problems: tuple[str, ...] = ()
    truncated: bool = False


def decode_content(chunks: Iterable[bytes], codings: Sequence[str], *, max_bytes: int) -> Decoded:
    """Return the body of `chunks` without `codings`, given in the order in which they were applied.

    At most `max_bytes` are returned and little more are made. What can't be decoded is returned as it is, with a
    problem; so is a body whose coding is not known. Raises nothing of its own.

    >>> decode_content([b"plain"], ["gzip"], max_bytes=9)
    Decoded(body=b'plain', problems=('gzip: the body is not coded so',), truncated=False)
    """
    names = [name.strip().lower() for name in codings]
    names = [_ALIASES.get(name, name) for name in names if name not in ("", "identity")]
    notes = _Notes()
    stream: Iterator[bytes] = iter(chunks)
    for name in reversed(names[-_CODINGS_MAX:]):
        if name not in _DECODERS:
            notes.add(f"{name[:40]}: unknown content coding")
            break
        stream = _undo(stream, name, notes)
    if len(names) > _CODINGS_MAX:
        notes.add(f"{len(names)} content codings, one over the other")
    elif names[:1] == ["gzip"]:
        stream = _undo_second_gzip(stream, notes)
    return _collect(stream, max_bytes, notes)


def _collect(stream: Iterator[bytes], max_bytes: int, notes: _Notes) -> Decoded:
    parts: list[bytes] = []
    left = max_bytes
    for part in stream:
        if len(part) > left:
            parts.append(part[:left])
            notes.add(f"the body is longer than {max_bytes} bytes", truncated=True)
            break
        parts.append(part)
        left -= len(part)
    return Decoded(b"".join(parts), tuple(notes.problems), notes.truncated)


class _Notes:
    """What went wrong on the way, each thing once."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.truncated = False

    def add(self, problem: str, *, truncated: bool = False) -> None:
        self.truncated = self.truncated or truncated
        if problem not in self.problems:
            self.problems.append(problem)


def _undo(source: Iterator[bytes], name: str, notes: _Notes) -> Iterator[bytes]:
    """Yield what `source` decodes to; the source itself where its first bytes are not coded so."""
    first = _at_least(source, 4)
    if not first:
        return
    pieces = chain([first], source)
    if name == "gzip" and not first.startswith(GZIP_MAGIC[:2]):
        notes.add("gzip: the body is not coded so")
        yield from pieces
        return
    yield from _take_all(pieces, name, _DECODERS[name](first), notes)


def _take_all(
    pieces: Iterator[bytes], name: str, decoder: Decoder, notes: _Notes
) -> Iterator[bytes]:
    pieces = _sliced(pieces)
    held: list[bytes] | None = []
    for piece in pieces:
        if held is not None:
            held.append(piece)
        try:
            for part in decoder.take(piece):
                held = None if part else held
                yield part
        except ERRORS as error:
            if held is not None:
                notes.add(f"{name}: the body is not coded so")
                yield from chain(held, pieces)
                return
            notes.add(f"{name}: {error}", truncated=not decoder.is_whole())
            return
    if decoder.has_rest:
        notes.add(f"{name}: bytes after the end of the coded body")
    if not decoder.is_whole():
        notes.add(f"{name}: the coded bytes end early", truncated=True)


def _sliced(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Cut large pieces: a decoder that stops at its output limit copies what it has not read yet."""
    for piece in pieces:
        for start in range(0, len(piece), _PIECE_IN):
            yield piece[start : start + _PIECE_IN]


def _at_least(source: Iterator[bytes], size: int) -> bytes:
    """Return the first bytes of `source`, `size` of them or more where there are so many."""
    first = b""
    for piece in source:
        first += piece
        if len(first) >= size:
            break
    return first


def _undo_second_gzip(source: Iterator[bytes], notes: _Notes) -> Iterator[bytes]:
    first = _at_least(source, len(GZIP_MAGIC))
    whole = chain([first], source)
    if not first.startswith(GZIP_MAGIC):
        return whole
    notes.add("gzip: coded twice, declared once")
    return _undo(whole, "gzip", notes)
