"""Records of WARC files made by others, however they were written; hides the leniency of the grammar.

WARC 0.17 to 1.1. Lines may end with LF, CR LF or CR CR LF; fields may be folded; names are read in any case; what
is no field is passed over and told as a flaw. Where no record begins, the bytes up to the next one are passed over
and told too. Work is linear in the file's bytes, memory bounded by one head and one piece of a block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.warc.foreign.inflow import MAGIC, Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.warc.foreign.inflow import Inflow

HEAD_MAX = 256 * 1024
_PIECE = 256 * 1024
_VERSION = re.compile(rb"WARC/\d{1,3}\.\d{1,3}[ \t\r]*+\n")
_HEAD_END = re.compile(rb"\n\r*+\n|[\r\n](?=WARC/\d)")  # at the latest where the next record begins
_NEXT = re.compile(rb"[\r\n]WARC/\d")
_NEXT_LENGTH = 7
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_NAME = re.compile(r"[!-9;-~]++")
_TWO_LINES = re.compile(rb"\n\r*+\n\Z")
_OVERLAP = 64  # bytes searched again with the next piece: an empty line, with all the CR that writers put there
_LINE_ENDS = re.compile(rb"[\r\n]*+")
_END_OF_RECORD = b"\r\n\r\n"
_KNOWN = frozenset({"0.17", "0.18", "1.0", "1.1"})
_FLAWS_MAX = 20  # told of one record


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something about the record at `offset` that is not as the standard says; nothing is lost by it."""

    offset: int
    message: str


@dataclass(frozen=True, slots=True)
class Passed:
    """Bytes from `start` to before `end` that are no record, and why; `is_broken` where they could not be inflated."""

    start: int
    end: int
    reason: str
    is_broken: bool


class ForeignRecord:
    """One record of a stream; its block is read once, from its beginning.

    `head` is the record's own head with the empty line, verbatim; `fields` are what it says. `is_alone`
    says that the record can be read at its `offset` without what stands before it. After `finish`: `end`, the byte
    after the record; `is_short` where there was less of the block than Content-Length says; `broken` where it
    could not be inflated.
    """

    __slots__ = (
        "_inflow",
        "_is_finished",
        "_left",
        "_member",
        "_values",
        "after",
        "broken",
        "content_length",
        "end",
        "fields",
        "flaws",
        "head",
        "is_alone",
        "is_short",
        "next_is_alone",
        "offset",
    )

    def __init__(self, inflow: Inflow, *, is_alone: bool) -> None:
        """Read the head of the record that begins here.

        Raises ValueError where there is none that can be read, and Broken.
        """
        self._inflow = inflow
        self._member = inflow.member
        self.offset = self.end = inflow.offset
        self.flaws: list[str] = []
        self.head = _read_head(inflow)
        self.fields = self._parse(self.head)
        self._values: dict[str, str] = {}
        for name, value in self.fields:
            self._values.setdefault(name.lower(), value)
        length = self.get("content-length")
        if not _LENGTH.fullmatch(length):
            message = f"a record without a length that can be read: {length[:40]!r}"
            raise ValueError(message)
        self.content_length = self._left = int(length)
        self.is_alone = is_alone and inflow.has_places
        self.next_is_alone = False
        self.is_short = self._is_finished = False
        self.broken: Broken | None = None
        self.after: Broken | None = None

    def get(self, name: str) -> str:
        """Return the first value of a field, given in lower case; "" where it is missing."""
        return self._values.get(name, "")

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, given in lower case."""
        return tuple(value for key, value in self.fields if key.lower() == name)

    def flaw(self, message: str) -> None:
        """Note what is not as it should be."""
        if len(self.flaws) < _FLAWS_MAX:
            self.flaws.append(message)

    def read(self, size: int = _PIECE) -> bytes:
        """Return at most `size` bytes of the block, b"" only at its end. Raises nothing: see `broken`."""
        if not self._left or self.is_short:
            return b""
        try:
            self.is_short = not self._fill()
        except Broken as error:
            self.broken, self.is_short = error, True
        if self.is_short:
            return b""
        inflow = self._inflow
        piece = inflow.buffer[inflow.position : inflow.position + min(size, self._left)]
        inflow.position += len(piece)
        self._left -= len(piece)
        return piece

    def finish(self) -> None:
        """Pass over what is left of the record and the line ends after it. Raises nothing: see `broken`."""
        if self._is_finished:
            return
        self._is_finished = True
        while self.read():
            continue
        if self.broken:
            return
        if self.is_short:
            self.flaw(f"has {self._left} bytes less than its Content-Length says")
        last = self._inflow.member
        try:
            ends, self.next_is_alone = skip_line_ends(self._inflow)
        except Broken as error:
            self.broken = error if error.offset == last else None
            self.after = error
            ends = _END_OF_RECORD
        self.end = self._inflow.end
        if ends != _END_OF_RECORD and not self.is_short and not self._is_before_strange_bytes():
            self.flaw("does not end with two line ends where its Content-Length says")

    def _is_before_strange_bytes(self) -> bool:
        """Say whether something follows that is no record; then that is told, not the end of this one."""
        return self._inflow.position < len(self._inflow.buffer) and not _begins_record(self._inflow)

    def _fill(self) -> bool:
        """Have bytes of the block ready; false where the file ends or another record begins in their place."""
        inflow = self._inflow
        if inflow.position < len(inflow.buffer):
            return True
        if not inflow.fill():
            return False
        if inflow.member != self._member:
            if inflow.is_at_start and _begins_record(inflow):
                return False
            self.is_alone = False
        return True

    def _parse(self, head: bytes) -> tuple[tuple[str, str], ...]:
        first, _, rest = head.partition(b"\n")
        version = first.strip()[len(MAGIC) :].decode("latin-1")
        if version not in _KNOWN:
            self.flaw(f"is of WARC version {version}, which is not known")
        fields: list[tuple[str, str]] = []
        folded: list[str] = []
        for line in rest.split(b"\n"):
            text = _decoded(line.rstrip(b"\r"))
            if text[:1] in (" ", "\t") and fields:
                folded.append(text.strip())
                continue
            _unfold(fields, folded)
            name, colon, value = text.partition(":")
            if colon and _NAME.fullmatch(name.rstrip()):
                fields.append((name.rstrip(), value.strip()))
            elif text.strip():
                self.flaw(f"has a line that is no field: {text[:60]!r}")
        _unfold(fields, folded)
        return tuple(fields)


class Records:
    """The records of a stream, one after another, and what lies between them that is none.

    Before the next is asked for nothing need be read of a block: the rest is passed over. `has_places` is false
    once a record was met that can't be found again by its offset; it is known when the iteration has ended.
    """

    def __init__(self, inflow: Inflow, size: int) -> None:
        """Take a stream at its beginning; `size` is the file's, in bytes."""
        self._inflow = inflow
        self._size = size
        self._is_alone = False
        self._lost_from: int | None = None
        self.has_places = inflow.has_places

    def __iter__(self) -> Iterator[ForeignRecord | Passed]:
        inflow, is_open = self._inflow, True
        while is_open:
            try:
                _, self._is_alone = skip_line_ends(inflow)
                while inflow.fill():
                    yield from self._next()
                is_open = False
            except Broken as error:
                self.has_places = False
                start = error.offset if self._lost_from is None else self._lost_from
                self._lost_from = None
                is_open = inflow.recover(error.offset)
                yield Passed(start, self._resumed(is_open), error.reason, is_broken=True)
        if inflow.is_cut:
            self.has_places = False

    def _resumed(self, is_open: bool) -> int:
        """Return where reading goes on after damage."""
        try:
            return self._inflow.offset if is_open and self._inflow.fill() else self._size
        except Broken:
            return self._inflow.offset

    def _next(self) -> Iterator[ForeignRecord | Passed]:
        inflow, start = self._inflow, self._inflow.offset
        if not _begins_record(inflow):
            yield self._pass_over(start, "bytes that are no record")
            return
        try:
            record = ForeignRecord(inflow, is_alone=self._is_alone)
        except ValueError as error:
            yield self._pass_over(start, str(error))
            return
        yield record
        record.finish()
        self._is_alone = record.next_is_alone
        if not record.is_alone:
            self.has_places = False
        if record.broken:
            self._lost_from = record.offset
            raise record.broken
        if record.after:
            raise record.after

    def _pass_over(self, start: int, reason: str) -> Passed:
        """Go on to where the next record may begin."""
        inflow, count = self._inflow, 0
        self._is_alone = False
        while inflow.fill():
            if count and inflow.is_at_start and _begins_record(inflow):
                self._is_alone = True
                break
            found = _NEXT.search(inflow.buffer, inflow.position)
            to = found.start() + 1 if found else len(inflow.buffer) - _NEXT_LENGTH
            count += max(1, to - inflow.position)
            inflow.position = max(to, inflow.position)
            if found:
                self._is_alone = inflow.member == 0
                break
            if not inflow.more():
                inflow.position = len(inflow.buffer)
        return Passed(start, self._inflow.offset, reason, is_broken=False)


def skip_line_ends(inflow: Inflow) -> tuple[bytes, bool]:
    """Pass over CR and LF; return the first of them, and whether the next record can be read at its offset.

    It can where nothing but line ends stands before it in its member. Raises Broken.
    """
    skipped, is_alone = b"", False
    while inflow.fill():
        is_alone = is_alone or inflow.is_at_start
        start = inflow.position
        found = _LINE_ENDS.match(inflow.buffer, start)
        inflow.position = found.end() if found else start
        room = len(_END_OF_RECORD) + 1 - len(skipped)
        skipped += inflow.buffer[start : min(inflow.position, start + room)]
        if inflow.position < len(inflow.buffer):
            break
    return skipped, is_alone


def _begins_record(inflow: Inflow) -> bool:
    while len(inflow.buffer) - inflow.position < len(MAGIC) and inflow.more():
        continue
    return inflow.buffer.startswith(MAGIC, inflow.position)


def _read_head(inflow: Inflow) -> bytes:
    """Return the head that begins here, with its empty line; what follows stays. Raises ValueError, Broken."""
    begin = inflow.position
    while not (found := _HEAD_END.search(inflow.buffer, begin, inflow.position + HEAD_MAX)):
        rest = len(inflow.buffer) - inflow.position
        if rest > HEAD_MAX:
            raise ValueError("a record's head that does not end")
        if not inflow.more():
            return _read_head_over_members(inflow)
        begin = inflow.position + max(0, rest - _OVERLAP)
    head = inflow.buffer[inflow.position : found.end()]
    _check_head(head)
    inflow.position = found.end()
    return head


def _read_head_over_members(inflow: Inflow) -> bytes:
    data = b""
    while inflow.fill() and len(data) <= HEAD_MAX and not (data and _begins_record(inflow)):
        start = inflow.position
        found = _HEAD_END.search(data[-_OVERLAP:] + inflow.buffer[start:])
        inflow.position = len(inflow.buffer)
        if found:
            inflow.position = start + found.end() - len(data[-_OVERLAP:])
        data += inflow.buffer[start : inflow.position]
        if found:
            _check_head(data)
            return data
    raise ValueError("a record's head that does not end")


def _check_head(head: bytes) -> None:
    if not _VERSION.match(head) or not head.endswith(b"\n") or _TWO_LINES.search(head) is None:
        raise ValueError("a record's head that does not end, or is none")


def _unfold(fields: list[tuple[str, str]], folded: list[str]) -> None:
    if folded:
        name, value = fields[-1]
        fields[-1] = (name, " ".join([value, *folded]).strip())
        folded.clear()


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def record_at(inflow: Inflow) -> ForeignRecord | None:
    """Return the record that begins here, after line ends, or None. Raises Broken."""
    _, is_alone = skip_line_ends(inflow)
    if not inflow.fill() or not _begins_record(inflow):
        return None
    try:
        return ForeignRecord(inflow, is_alone=is_alone)
    except ValueError:
        return None
