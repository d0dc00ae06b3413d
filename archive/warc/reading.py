"""A capture read back from whichever file it lies in: ours strictly, an imported one as its makers wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from archive.warc import payload
from archive.warc.foreign import is_foreign
from archive.warc.foreign_message import read_foreign_exchange, read_foreign_message

if TYPE_CHECKING:
    from pathlib import Path

    from archive.http import Message
    from archive.model import Capture
    from archive.warc.payload import StoredRecord


def read_message(path: Path, capture: Capture, *, body: BinaryIO | None = None) -> Message:
    """Return the answer stored at `capture`; see `payload.read_message`, `foreign_message.read_foreign_message`."""
    read = read_foreign_message if is_foreign(capture.file) else payload.read_message
    return read(path, capture, body=body)


def read_exchange(path: Path, capture: Capture) -> tuple[StoredRecord, ...]:
    """Return the answer of `capture` and the records tied to it."""
    read = read_foreign_exchange if is_foreign(capture.file) else payload.read_exchange
    return read(path, capture)
