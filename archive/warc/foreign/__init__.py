"""WARC files made by others: what lies in them as captures, read as leniently as their makers wrote.

    records   the grammar, and taking up again after damage     inflow    compression, places
    content   HTTP heads, chunks, digests (stated)              ties      requests and answers
    message   a capture read back

A foreign file lies under `warc/` byte for byte, named by its own hash (`is_foreign`). Hides everything
between a file and its captures. Nothing here trusts a byte: any file ends, in bounded memory.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from typing import TYPE_CHECKING

from archive import urls
from archive.errors import RecordDamaged
from archive.model import Capture, Kind, Truncation
from archive.warc import warc_date
from archive.warc.answer import mime_of
from archive.warc.exchanges import Gap
from archive.warc.foreign.content import Content, read_content
from archive.warc.foreign.dates import read_date
from archive.warc.foreign.inflow import Broken, opened
from archive.warc.foreign.message import read_foreign_exchange, read_foreign_message
from archive.warc.foreign.records import Flaw, ForeignRecord, Passed, Records
from archive.warc.foreign.ties import Companion, Frame, Ties
from archive.warc.names import is_foreign
from archive.warc.records import FIELDS_TYPE, NOTE_MAX, Metadata, Stored, safe_url, token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "Flaw",
    "Passed",
    "Survey",
    "captures_in",
    "is_foreign",
    "read_foreign_exchange",
    "read_foreign_message",
]

OURS = "urn:muragat:"
_ANSWERS = frozenset(Kind)
_TYPES = _ANSWERS | {"warcinfo", "request", "metadata", "conversion", "continuation"}
_MIME = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}", re.ASCII)
_SITE = re.compile(rb"\nsite: ([^\r\n]*)\r\n")
_NAMESPACE = uuid.UUID("0b9f2f0e-5b7b-5d43-9a0e-3a6d3f1b7a11")
_URL_MAX = 64 * 1024


def captures_in(
    path: Path, name: str, start: int = 0, limit: int | None = None
) -> Iterator[Stored | Metadata | Gap]:
    """Yield what is in a foreign file with random access, in its order; gaps where gzip can't be inflated.

    Offsets and lengths are exact. Raises OSError where the file can't be read.
    """
    for piece in Survey(path, name, start, limit):
        if isinstance(piece, Passed):
            if piece.is_broken:
                damage = RecordDamaged(name, piece.start, piece.reason)
                yield Gap(piece.start, piece.end, damage)
        elif not isinstance(piece, Flaw):
            yield piece


class Survey:
    """One reading of a foreign file: its captures, and everything that is odd about it.

    When the iteration has ended: `records` counts them by type, `cut` those that end early, and `has_places` says
    whether each can be read at its offset.
    """

    def __init__(self, path: Path, name: str, start: int = 0, limit: int | None = None) -> None:
        self._path = path
        self._name = name
        self._start = start
        self._limit = limit
        self._ties = Ties()
        self.records: Counter[str] = Counter()
        self.has_places = True
        self.cut = 0

    def __iter__(self) -> Iterator[Stored | Metadata | Flaw | Passed]:
        size = self._path.stat().st_size if self._limit is None else self._limit
        with self._path.open("rb") as file:
            try:
                inflow = opened(file, self._start, self._limit)
            except Broken as error:
                self.has_places = False
                yield Passed(0, size, error.reason, is_broken=True)
                return
            records = Records(inflow, size)
            for found in records:
                if isinstance(found, ForeignRecord):
                    yield from self._record(found)
                else:
                    yield from self._ties.rest() if found.is_broken else ()
                    yield found
            yield from self._ties.rest()
            self.has_places = records.has_places

    def _record(self, record: ForeignRecord) -> Iterator[Stored | Metadata | Flaw]:
        kind = record.get("warc-type").lower()
        site, block = _notes(record) if kind == "metadata" else ("", b"")
        content = read_content(record, block)
        if record.broken:
            return  # the gap that follows tells of it
        self.records[kind if kind in _TYPES else "unknown"] += 1
        self.cut += record.is_short
        frame = _frame(record)
        if kind in _ANSWERS:
            stored = _stored(record, content, self._name)
            if stored:
                yield from self._ties.answer(stored, frame)
        elif kind == "metadata" and not frame.concurrent:
            yield from self._metadata(record)
        else:
            method = token(content.method) if kind == "request" and content.method else ""
            self._ties.companion(Companion(frame, method, site))
        for message in record.flaws:
            yield Flaw(record.offset, message)

    def _metadata(self, record: ForeignRecord) -> Iterator[Metadata]:
        """Yield a record of muragat's own that stands alone; it came with the file of another collection."""
        target, date = record.get("warc-target-uri"), read_date(record.get("warc-date"))
        if target.startswith(OURS) and target == safe_url(target) and date and not record.is_short:
            length = record.end - record.offset
            record_id = _id(record.get("warc-record-id"))
            yield Metadata(target, date, record_id, self._name, record.offset, length)


def _notes(record: ForeignRecord) -> tuple[str, bytes]:
    """Return the site that muragat noted of an exchange, and the block that was read for it."""
    if record.get("content-type") != FIELDS_TYPE or record.content_length > NOTE_MAX:
        return "", b""
    block = b"".join(iter(record.read, b""))
    found = _SITE.search(block) if b"memberCrc32: " in block else None
    return found[1].decode("utf-8", "replace") if found else "", block


def _stored(record: ForeignRecord, content: Content, name: str) -> Stored | None:
    """Return the capture in an answer, None where it lacks an address or a date."""
    url, date = address(record), read_date(record.get("warc-date"))
    if not url or date is None:
        what = "address" if not url else f"date that can be read ({record.get('warc-date')[:40]!r})"
        record.flaw(f"has no {what}: no capture")
        return None
    kind = Kind(record.get("warc-type").lower())
    is_revisit = kind is Kind.REVISIT
    truncated = None if is_revisit else truncation(record, content)
    record_id = _id(record.get("warc-record-id")) or _made_id(kind, url, date, content)
    if not record.get("warc-record-id"):
        record.flaw("has no WARC-Record-ID")
    capture = Capture(
        sequence=0,
        urlkey=urls.key(url),
        date=date,
        url=url,
        method="GET",
        status=content.head.status if content.head else 0,
        mime=_mime(record, content),
        digest="" if is_revisit else content.digest,
        kind=kind,
        file=name,
        offset=record.offset,
        length=record.end - record.offset,
        record_id=record_id,
        original=_id(record.get("warc-refers-to")) if is_revisit else "",
        truncated=truncated,
    )
    may_stand = safe_url(record_id) == record_id and kind is Kind.RESPONSE and not truncated
    return Stored(
        capture=capture,
        payload_length=0 if is_revisit else content.length,
        is_original=may_stand and content.length > 0 and content.head is not None,
        end=record.end,
        refers_to=_refers_to(record) if is_revisit else "",
        stated=content.stated,
    )


def address(record: ForeignRecord) -> str:
    """Return the address of a record as it stands in the index: without brackets, blanks percent-encoded."""
    text = record.get("warc-target-uri")[:_URL_MAX].strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1].strip()
    return safe_url(text)


def truncation(record: ForeignRecord, content: Content) -> Truncation | None:
    """Return why a payload is not whole: as the record says, or as its bytes show."""
    reason = record.get("warc-truncated").lower()
    if reason in frozenset(Truncation):
        return Truncation(reason)
    return Truncation.UNSPECIFIED if reason or record.is_short or content.is_cut else None


def _frame(record: ForeignRecord) -> Frame:
    return Frame(
        record_id=_id(record.get("warc-record-id")),
        concurrent=tuple(map(_id, record.get_all("warc-concurrent-to")[:8])),
        place=(address(record), record.get("warc-date")),
        start=record.offset,
        end=record.end,
    )


def _id(text: str) -> str:
    return safe_url(text.strip().removeprefix("<").removesuffix(">").strip())


def _made_id(kind: Kind, url: str, date: datetime, content: Content) -> str:
    """Return an id for a record that has none: the same for the same record, wherever it lies."""
    seed = f"{kind} {url} {warc_date(date)} {content.block_digest}"
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, seed)}"


def _mime(record: ForeignRecord, content: Content) -> str:
    if content.head:
        return mime_of(content.head)
    text = record.get("content-type").partition(";")[0].strip().lower()
    return text if _MIME.fullmatch(text) and text != "application/http" else ""


def _refers_to(record: ForeignRecord) -> str:
    url, date = (
        record.get("warc-refers-to-target-uri"),
        read_date(record.get("warc-refers-to-date")),
    )
    if not url or date is None:
        return ""
    return f"{safe_url(url.removeprefix('<').removesuffix('>'))} {warc_date(date)}"
