"""ARC files, the format before WARC, as WARC 1.1 records; hides their grammar.

    URL IP-address 14-digit-date media-type length LF      the second version has five more fields before length
    block                                                  an HTTP answer for http addresses
    LF

The first record describes the file (`filedesc:`). Lines that are none of these are passed over and told. An ARC has no
Record-IDs: they are made of address, date and block, so that the same record gives the same one wherever it
lies. Memory is bounded as in `archive.warc.foreign.records`; warcio, which reads ARC too, takes lines of any length.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from archive.warc import encode, encode_pieces, warc_date
from archive.warc.foreign.dates import read_date
from archive.warc.foreign.inflow import Broken, Inflow
from archive.warc.foreign.records import Flaw, Passed, skip_line_ends
from archive.warc.records import FIELDS_TYPE, ip_address, safe_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.warc import Field

BEGINNING = b"filedesc:"
_LINE_MAX = 64 * 1024
_PIECE = 256 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_NAMESPACE = uuid.UUID("3c1d9a0c-3b4e-5e0f-8a57-5d0f3c6f2e66")
_LINE = re.compile(
    rb"([A-Za-z][A-Za-z0-9+.-]*:[^\r\n]*) (\S+) (\d{8,20}) (\S+)((?: \S+){5})? (\d{1,18})"
)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}", re.ASCII)
_WEB = re.compile(r"https?:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Line:
    url: str
    peer: str
    date: str
    media_type: str
    length: int


def records_of(inflow: Inflow, source: str) -> Iterator[Iterator[bytes] | Flaw | Passed]:
    """Yield each record of an ARC as the bytes of a gzip member; what is wrong is told between.

    `source` says of what the records were made. A record's bytes are taken before the next is asked for.
    """
    yield iter([_warcinfo(source)])
    try:
        while True:
            skip_line_ends(inflow)
            if not inflow.fill():
                break
            offset = inflow.offset
            line = _read_line(inflow)
            found = _parse(line)
            if found is None:
                yield Flaw(
                    offset, f"a line that begins no ARC record: {line[:60].decode('latin-1')!r}"
                )
                continue
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as block:
                digest, length = _take(inflow, found.length, block)
                if length < found.length:
                    yield Flaw(offset, f"has {found.length - length} bytes less than its line says")
                is_web = bool(_WEB.match(found.url))
                fields = _fields(found, digest, length, is_web=is_web)
                yield encode_pieces(fields, iter(lambda: block.read(_PIECE), b""))
    except Broken as error:
        yield Passed(error.offset, inflow.offset, error.reason, is_broken=True)


def _read_line(inflow: Inflow) -> bytes:
    """Take what comes up to the end of its line, at most `_LINE_MAX` bytes."""
    while True:
        limit = inflow.position + _LINE_MAX
        end = inflow.buffer.find(b"\n", inflow.position, limit) + 1
        if end or len(inflow.buffer) >= limit or not inflow.more():
            break
    end = end or min(len(inflow.buffer), limit)
    line = inflow.buffer[inflow.position : end]
    inflow.position = end
    return line.strip()


def _parse(line: bytes) -> _Line | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    url, peer, date, media_type, _, length = (part or b"" for part in found.groups())
    moment = read_date(date[:14].decode("ascii"))
    if moment is None:
        return None
    return _Line(
        safe_url(_decoded(url)),
        peer.decode("latin-1"),
        warc_date(moment),
        media_type.decode("latin-1"),
        int(length),
    )


def _take(
    inflow: Inflow, length: int, block: BinaryIO | tempfile.SpooledTemporaryFile[bytes]
) -> tuple[str, int]:
    """Copy a block, as much of it as there is; return its digest and length."""
    digest, left = hashlib.sha256(), length
    while left and inflow.fill():
        piece = inflow.buffer[inflow.position : inflow.position + left]
        inflow.position += len(piece)
        left -= len(piece)
        digest.update(piece)
        block.write(piece)
    block.seek(0)
    return digest.hexdigest(), length - left


def _fields(line: _Line, digest: str, length: int, *, is_web: bool) -> list[Field]:
    kind, media_type = "response", "application/http; msgtype=response"
    if not is_web:
        kind = "metadata" if line.url.startswith("filedesc:") else "resource"
        is_type = _MEDIA_TYPE.fullmatch(line.media_type)
        media_type = line.media_type if is_type else "application/octet-stream"
    seed = f"{line.url} {line.date} {digest}"
    fields = [
        ("WARC-Type", kind),
        ("WARC-Record-ID", f"<urn:uuid:{uuid.uuid5(_NAMESPACE, seed)}>"),
        ("WARC-Date", line.date),
        ("WARC-Target-URI", line.url),
        ("WARC-IP-Address", ip_address(line.peer)),
        ("WARC-Block-Digest", f"sha256:{digest}"),
        ("WARC-Truncated", "unspecified" if length < line.length else ""),
        ("Content-Type", media_type),
        ("Content-Length", str(length)),
    ]
    return [(name, value) for name, value in fields if value]


def _warcinfo(source: str) -> bytes:
    """Return the first record, a function of the source alone."""
    block = f"software: muragat\r\nformat: WARC File Format 1.1\r\ndescription: made from an ARC file, {source}\r\n"
    content = block.encode("ascii")
    fields = [
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", f"<urn:uuid:{uuid.uuid5(_NAMESPACE, source)}>"),
        ("WARC-Date", "1996-01-01T00:00:00.000000Z"),
        ("Content-Type", FIELDS_TYPE),
        ("Content-Length", str(len(content))),
    ]
    return encode(fields, content)


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
