"""Keeps what was read from pages in `articles.sqlite`, each article once; hides compression and a small memory.

What is folded was mostly saved a moment ago: unpacking it again took a quarter of the time of a new page.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from isal import isal_zlib

import archive
from archive.analyse import codec
from archive.index.observation import key_of, read, reading_with

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from archive.index.observation import Reading
    from archive.model import Capture

LEVEL: Final = 1
"""Of ISA-L: a third of the time of level 2 for the same size of these texts (`python -m benchmarks.index`)."""

_HELD_BYTES: Final = (
    4_000_000  # of packed articles whose readings are remembered: some 40 MB in memory
)


class Articles:
    """The articles of one connection; every write is within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._held: dict[str, Reading] = {}
        self._held_bytes = 0

    def save(self, reading: Reading) -> str:
        """Keep a reading, whose article is as `codec.from_json` makes them; return its digest."""
        body = json.dumps(
            codec.to_json(reading.article), sort_keys=True, separators=(",", ":")
        ).encode()
        digest = _digest(reading.version, body)
        packed = isal_zlib.compress(body, LEVEL)
        self._connection.execute(
            "INSERT OR IGNORE INTO article VALUES (?, ?, ?, ?, ?)",
            (digest, reading.text, reading.words, reading.version, packed),
        )
        self._hold(digest, reading, len(packed))
        return digest

    def load(self, digests: Iterable[str]) -> dict[str, Reading]:
        """Return readings by digest; equal ones are one value."""
        return {digest: self._held.get(digest) or self._unpacked(digest) for digest in digests}

    def stored(self, capture: Capture, hints: str | None) -> Reading | None:
        """Return what this version of muragat read from this very capture with these hints (see `mark_of`).

        `hints` is None where the rows know of none. None where the reading is not kept, or damaged.
        """
        query = (
            "SELECT a.digest, a.body FROM observation o JOIN article a ON a.digest = o.article"
            " WHERE o.record_id = ? AND o.date = ? AND o.url = ? AND o.kind = ? AND o.digest = ?"
            " AND a.version = ?"
        )
        values = [*key_of(capture), capture.digest, archive.__version__]
        if hints is not None:
            query, values = f"{query} AND o.hints = ?", [*values, hints]
        row = self._connection.execute(query, values).fetchone()
        if row is None:
            return None
        digest, packed = row
        try:
            body = isal_zlib.decompress(packed)
            if _digest(archive.__version__, body) != digest:
                return None
            return read(codec.from_json(json.loads(body)))
        except (ValueError, TypeError):
            return None
        except isal_zlib.error:  # type: ignore[misc]  # the stub declares an instance
            return None

    def _hold(self, digest: str, reading: Reading, size: int) -> None:
        if self._held_bytes + size > _HELD_BYTES:
            self._held.clear()
            self._held_bytes = 0
        self._held[digest] = reading
        self._held_bytes += size

    def _unpacked(self, digest: str) -> Reading:
        text, words, version, packed = self._connection.execute(
            "SELECT text, words, version, body FROM article WHERE digest = ?", (digest,)
        ).fetchone()
        article = codec.from_json(json.loads(isal_zlib.decompress(packed)))
        return reading_with(article, text, words, version)


def _digest(version: str, body: bytes) -> str:
    return hashlib.sha256(version.encode() + body).hexdigest()
