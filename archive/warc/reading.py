"""A capture read back from whatever file holds it: one of ours, read strictly, or an imported one, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from archive.errors import RecordDamaged
from archive.warc import payload
from archive.warc.foreign import is_foreign, read_foreign_exchange, read_foreign_message
from archive.warc.foreign.inflow import Broken, opened
from archive.warc.foreign.records import record_at
from archive.warc.records import NOTE_MAX

if TYPE_CHECKING:
    from pathlib import Path

    from archive.http import Message
    from archive.model import Capture
    from archive.warc.payload import StoredRecord
    from archive.warc.records import Metadata


def read_message(path: Path, capture: Capture, *, body: BinaryIO | None = None) -> Message:
    """Return the answer stored at `capture`, its payload replaced by `body` where it is a revisit's.

    A resource has status 0 and no fields. Raises RecordDamaged, and OSError where the file can't be opened.
    """
    read = read_foreign_message if is_foreign(capture.file) else payload.read_message
    return read(path, capture, body=body)


def read_exchange(path: Path, capture: Capture) -> tuple[StoredRecord, ...]:
    """Return the answer of `capture` and the records tied to it. Raises RecordDamaged, and OSError."""
    read = read_foreign_exchange if is_foreign(capture.file) else payload.read_exchange
    return read(path, capture)


def read_metadata(path: Path, metadata: Metadata) -> bytes:
    """Return the block of a metadata record that stands alone. Raises RecordDamaged, and OSError."""
    if not is_foreign(metadata.file):
        return payload.read_metadata(path, metadata)
    try:
        with path.open("rb") as file:
            record = record_at(opened(file, metadata.offset))
            if record is not None and record.content_length <= NOTE_MAX:
                return b"".join(iter(record.read, b""))
    except Broken as error:
        raise RecordDamaged(metadata.file, metadata.offset, error.reason) from error
    message = "is not the one that the index tells of"
    raise RecordDamaged(metadata.file, metadata.offset, message)
