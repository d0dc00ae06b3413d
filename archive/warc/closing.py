"""How a capture came to be: the metadata record that closes its exchange, read without what lies before it.

Hides where it begins: it is the last member of the exchange and stored without compression, so it is found by
its header from the exchange's end backwards.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from archive.errors import RecordDamaged
from archive.model import Announcer, Via
from archive.warc import Record, digest_of
from archive.warc.members import HEADER
from archive.warc.records import FIELDS_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from archive.model import Capture

_FIRST_LOOK = 4 * 1024
"""Bytes before the end that nearly always hold the record: it takes about 1 kB."""

_LAST_LOOK = 32 * 1024 * 1024
"""More than the largest of them: interim answers are kept up to 1 MiB, quoted."""


def read_via(path: Path, capture: Capture, span: int) -> Via:
    """Return how the capture came to be made; an empty `Via` where its records do not say.

    `span` is the length of the whole exchange. Raises RecordDamaged where no closing record is there, and
    OSError.
    """
    with path.open("rb") as file:
        for record in _last_members(file, capture, span):
            block = b"".join(iter(record.read, b""))
            record.finish()
            if record.get("WARC-Block-Digest") != digest_of(block):
                raise record.damaged("does not match its WARC-Block-Digest")
            return _via(block)
    message = "has no metadata record after it"
    raise RecordDamaged(capture.file, capture.offset, message)


def _last_members(file: BinaryIO, capture: Capture, span: int) -> Iterator[Record]:
    """Yield the records that close this exchange, looking back further and further; there is one at most."""
    size, most = _FIRST_LOOK, min(span, _LAST_LOOK)
    while True:
        size = min(size, most)
        file.seek(capture.offset + span - size)
        window = file.read(size)
        place = window.rfind(HEADER)
        while place >= 0:
            with contextlib.suppress(RecordDamaged):  # bytes that only look like a header
                record = Record(file, capture.file, capture.offset + span - size + place)
                if _closes(record, capture):
                    yield record
            place = window.rfind(HEADER, 0, place)
        if size == most:
            return
        size *= 8


def _closes(record: Record, capture: Capture) -> bool:
    return (
        record.get("WARC-Concurrent-To") == f"<{capture.record_id}>"
        and record.get("Content-Type") == FIELDS_TYPE
    )


def _via(block: bytes) -> Via:
    """Return what named fields (WARC 1.1 section 6.5) say; the first of each name counts."""
    said: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(": ")
        said.setdefault(name, value)
    announcer, hop = said.get("announcedBy", ""), said.get("hopsFromSeed", "")
    return Via(
        crawl=said.get("crawl", ""),
        announcer=Announcer(announcer) if announcer in set(Announcer) else Announcer.SEED,
        referrer=said.get("via", ""),
        seed=said.get("seed", ""),
        hop=int(hop) if hop.isascii() and hop.isdigit() and len(hop) < 10 else 0,
        site=said.get("site", ""),
    )
