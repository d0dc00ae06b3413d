"""index.cdxj: the sorted capture index that other tools read (pywb, OutbackCDX, warcio's family).

Hides the line format. One capture, one line:

    com,example)/path 20240131235959 {"url": "...", "mime": "text/html", "status": "200", ...}

sorted by urlkey, then by date to the microsecond, then by Record-ID: the same captures give the same bytes,
whatever the order in which they came. Source: the CDXJ format of pywb (pywb/indexer/cdxindexer.py, its names of
fields and `warc/revisit`).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive import urls
from archive.model import Kind
from archive.store import state
from archive.store.files import part_of, reported, sync_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from archive.model import Capture

NAME = "index.cdxj"
REVISIT_MIME = "warc/revisit"

_NOTE = "published"

_WRITE_SIZE = 1024 * 1024
_quoted = json.JSONEncoder(ensure_ascii=True).encode


def line(capture: Capture) -> bytes:
    """Return the line of a capture, with its line feed; ASCII."""
    mime = REVISIT_MIME if capture.kind is Kind.REVISIT else capture.mime or "unk"
    fields = {
        "url": capture.url,
        "mime": mime,
        "status": str(capture.status) if capture.status else "",
        "digest": capture.digest,
        "length": str(capture.length),
        "offset": str(capture.offset),
        "filename": capture.file,
        "method": "" if capture.method == "GET" else capture.method,
        "truncated": capture.truncated or "",
    }
    block = ", ".join(f'"{name}": {_quoted(value)}' for name, value in fields.items() if value)
    return f"{capture.urlkey} {urls.timestamp(capture.date)} {{{block}}}\n".encode("ascii")


def stamp(path: Path) -> str:
    """Return what changes when another hand touches the file: its size and the time of its last change."""
    if not path.exists():
        return "missing"
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def remove_parts(path: Path) -> None:
    """Remove what a kill left of an index that was being written to `path`, under any name that was ever given."""
    for part in path.parent.glob(f".{path.name}.*"):
        part.unlink()


@dataclass(frozen=True, slots=True)
class Published:
    """What was published last: the captures up to `sequence`, in the file with this `stamp`."""

    sequence: int
    stamp: str

    @classmethod
    def noted(cls, connection: sqlite3.Connection) -> Published | None:
        """Return what was noted last, None if nothing was."""
        sequence, _, stamp = state.note(connection, _NOTE).partition(" ")
        return cls(int(sequence), stamp) if sequence else None

    @staticmethod
    def forget(connection: sqlite3.Connection) -> None:
        state.set_note(connection, _NOTE, "")

    def note(self, connection: sqlite3.Connection) -> None:
        state.set_note(connection, _NOTE, f"{self.sequence} {self.stamp}")


def publish(path: Path, captures: Iterable[Capture]) -> bool:
    """Write the lines of `captures`, which come sorted, to `path`; return whether that changed it.

    The file is replaced as a whole or not at all, and not touched where it is right already. Raises
    StorageFull or StorageError.
    """
    with reported(str(path)):
        return _publish(path, captures)


def _publish(path: Path, captures: Iterable[Capture]) -> bool:
    fresh = part_of(path.parent, path.name)
    try:
        with open(fresh, "wb", buffering=_WRITE_SIZE, opener=_private) as file:
            file.writelines(map(line, captures))
            file.flush()
            os.fsync(file.fileno())
        if _same_bytes(path, fresh):
            fresh.unlink()
            return False
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _same_bytes(path: Path, other: Path) -> bool:
    if not path.exists() or path.stat().st_size != other.stat().st_size:
        return False
    with path.open("rb") as left, other.open("rb") as right:
        while piece := left.read(_WRITE_SIZE):
            if piece != right.read(_WRITE_SIZE):
                return False
    return True
