"""What lies in a WARC file under warc/, read by whichever reader is right for it.

Our own files are read strictly; imported ones as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archive.model import Kind
from archive.warc.exchanges import Gap, salvage
from archive.warc.foreign import captures_in, is_foreign
from archive.warc.records import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archive.warc.records import Metadata

    Piece = Stored | Metadata | Gap


def pieces(path: Path, name: str, start: int = 0, limit: int | None = None) -> Iterator[Piece]:
    """Yield what is whole in the file from `start` to `limit`, and what lies between unreadable.

    `name` is its final name. Raises OSError where it can't be read.
    """
    if not is_foreign(name):
        yield from salvage(path, name, start, limit)
        return
    for piece in captures_in(path, name, start, limit):
        yield unresolved(piece) if isinstance(piece, Stored) else piece


def unresolved(stored: Stored) -> Stored:
    """Return an imported revisit without original: which that is, `archive.store.revisits` finds; others as they are."""
    capture = stored.capture
    if capture.kind is not Kind.REVISIT or not is_foreign(capture.file):
        return stored
    return replace(stored, capture=replace(capture, digest="", original=""))
