"""WARC 1.1 records as bytes: written verbatim, one gzip member a record, and read back at an offset.

Hides the record grammar (ISO 28500:2017 section 4):

    WARC/1.1 CRLF
    Name: value CRLF        printable ASCII only; nothing from outside can begin a line
    ...
    CRLF
    block                   Content-Length bytes, never changed
    CRLF CRLF

Only what muragat itself writes is read here, and read strictly. What the records of an exchange say is
`archive.warc.records`' matter.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from archive.errors import RecordDamaged
from archive.warc.members import Member, Span, deflated, deflated_pieces, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    Field = tuple[str, str]

_VERSION = b"WARC/1.1\r\n"
_END_OF_FIELDS = b"\r\n\r\n"
_END_OF_RECORD = b"\r\n\r\n"
_FIELDS_MAX = 256 * 1024
"""Bytes of a record's own fields; ours take under 1 kB beside the address, which servers end at 8 kB. What would be
longer is not written, as it could not be read."""

_READ_SIZE = 64 * 1024
_FIELD = re.compile(r"([!-9;-~]++): ([ -~]*+)")
_FIELDS = re.compile(r"(?:[!-9;-~]++: [ -~]*+(?:\r\n(?!\Z)|\Z))++")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_LENGTH = re.compile(r"0|[1-9]\d{0,17}", re.ASCII)
_MANDATORY = ("WARC-Type", "WARC-Record-ID", "WARC-Date", "Content-Length")


def digest_of(data: bytes) -> str:
    """Return `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def warc_date(date: datetime) -> str:
    """Return `date` as `2024-01-31T23:59:59.000000Z`. Raises ValueError for a naive date."""
    if date.tzinfo is None:
        raise ValueError("a date without a time zone can't be archived")
    return f"{date.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def parse_date(text: str) -> datetime:
    """Return the aware UTC date that `warc_date` wrote. Raises ValueError for anything else."""
    if not _DATE.fullmatch(text):
        message = f"not a WARC-Date with microseconds: {text[:40]!r}"
        raise ValueError(message)
    return datetime.fromisoformat(text)


def encode(fields: Sequence[Field], block: bytes, *, compress: bool = True) -> bytes:
    """Return one record as a gzip member; `fields` in their order, Content-Length among them.

    Raises ValueError where a field is not printable ASCII: a line break in a value would forge a field.
    """
    content = b"".join((_encode_fields(fields), block, _END_OF_RECORD))
    return deflated(content) if compress else stored(content)


def encode_pieces(fields: Sequence[Field], block: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a compressed record whose block comes in pieces, as many bytes as Content-Length says.

    Raises as `encode` does.
    """
    return deflated_pieces(chain((_encode_fields(fields),), block, (_END_OF_RECORD,)))


def _encode_fields(fields: Sequence[Field]) -> bytes:
    text = "\r\n".join([f"{name}: {value}" for name, value in fields])
    if len(text) > _FIELDS_MAX:
        message = (
            f"a record's fields take {len(text)} bytes, more than {_FIELDS_MAX}: {text[:200]!r}"
        )
        raise ValueError(message)
    if not _FIELDS.fullmatch(text) or text.count("\n") != len(fields) - 1:
        message = f"not WARC fields: {text[:200]!r}"
        raise ValueError(message)
    return b"".join((_VERSION, text.encode("ascii"), _END_OF_FIELDS))


class Record:
    """One record of an open file; its block is read once, from its beginning to its end.

    `fields` are in the order written, names as written; `name` is the file's and `offset` the record's in it.
    """

    __slots__ = (
        "_ahead",
        "_member",
        "_read",
        "_span",
        "content_length",
        "fields",
        "name",
        "offset",
    )

    def __init__(self, file: BinaryIO, name: str, offset: int) -> None:
        """Read the fields of the record at `offset`; `name` is the file's, for messages.

        Raises RecordDamaged where there is no whole record head.
        """
        self._member = Member(file, name, offset)
        self.name = name
        self.offset = offset
        head, self._ahead = self._split_fields()
        self.fields = self._parse(head)
        self.content_length = int(self.get("Content-Length"))
        self._read = 0
        self._span: Span | None = None

    def get(self, name: str) -> str:
        """Return the first value of a field, "" where it is missing."""
        return next((value for key, value in self.fields if key == name), "")

    @property
    def type(self) -> str:
        return self.get("WARC-Type")

    @property
    def record_id(self) -> str:
        """The Record-ID without its angle brackets."""
        return self.get("WARC-Record-ID").strip("<>")

    @property
    def date(self) -> datetime:
        return parse_date(self.get("WARC-Date"))

    def read(self, size: int = _READ_SIZE) -> bytes:
        """Return at most `size` bytes of the block, b"" only at its end."""
        size = min(size, self.content_length - self._read)
        if size <= 0:
            return b""
        piece = self._ahead[:size] or self._member.read(size)
        if not piece:
            raise self.damaged("ends before its Content-Length")
        self._ahead = self._ahead[len(piece) :]
        self._read += len(piece)
        return piece

    def finish(self) -> Span:
        """Return where the record lies, after reading what is left of it.

        Raises RecordDamaged where its bytes are not what was written.
        """
        if self._span:
            return self._span
        while self.read():
            pass
        rest = self._ahead
        while len(rest) <= len(_END_OF_RECORD) and (piece := self._member.read(_READ_SIZE)):
            rest += piece
        self._ahead = b""
        if rest != _END_OF_RECORD:
            raise self.damaged("does not end where its Content-Length says")
        self._span = self._member.span()
        return self._span

    def damaged(self, what: str) -> RecordDamaged:
        return RecordDamaged(self.name, self.offset, what)

    def _split_fields(self) -> tuple[bytes, bytes]:
        data = b""
        while (end := data.find(_END_OF_FIELDS)) < 0:
            piece = self._member.read(_READ_SIZE)
            if not piece or len(data) > _FIELDS_MAX:
                raise self.damaged("has no end of fields")
            data += piece
        return data[:end], data[end + len(_END_OF_FIELDS) :]

    def _parse(self, head: bytes) -> tuple[Field, ...]:
        if not head.startswith(_VERSION):
            raise self.damaged("does not begin with WARC/1.1")
        lines = head[len(_VERSION) :].decode("latin-1").split("\r\n")
        found = [_FIELD.fullmatch(line) for line in lines]
        fields = tuple((match[1], match[2]) for match in found if match)
        names = [name for name, _ in fields]
        if len(fields) < len(found) or any(names.count(name) != 1 for name in _MANDATORY):
            raise self.damaged("has a field that is wrong, missing or doubled")
        values = dict(fields)
        if not (_LENGTH.fullmatch(values["Content-Length"]) and _is_date(values["WARC-Date"])):
            raise self.damaged("has a wrong length or date")
        return fields


def _is_date(text: str) -> bool:
    try:
        parse_date(text)
    except ValueError:
        return False
    return True


def iterate(path: Path, name: str, start: int = 0, end: int | None = None) -> Iterator[Record]:
    """Yield the records of a file from `start` up to `end`, by default its size.

    What is left unread of a record is read and checked before the next. Raises RecordDamaged.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2) if end is None else end
        while start < size:
            record = Record(file, name, start)
            yield record
            start = record.finish().end
