"""What is written of one exchange: which records, with which fields.

Hides the layout of an exchange in a WARC file, one append, its last record the sign that it is whole:

    response | revisit | resource   the answer; a capture points here
    request                         tied to it by WARC-Concurrent-To
    metadata                        how it came to be, and the CRC-32 of the members before it; stored, not
                                    compressed, so that each of its own bytes can be compared

A request that no HTTP reader takes for one (an unheard-of verb) is a `metadata` record of the same bytes,
`application/http; msgtype=request`. How the records are read again is `archive.warc.exchanges`.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from archive import urls
from archive.model import Capture, Exchange, Kind
from archive.warc import digest_of, encode, encode_pieces, parse_date, warc_date
from archive.warc.answer import Answer, body_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archive.warc import Field
    from archive.warc.members import Span

IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
FIELDS_TYPE = "application/warc-fields"
REQUEST_TYPE = "application/http; msgtype=request"
JSON_TYPE = "application/json"

NOTE_MAX = 16 * 1024 * 1024
"""Bytes of a record that is stored without compression; it is held in memory whole."""

_INTERIM_MAX = 1024 * 1024
"""Bytes of 1xx answers that are kept; more are an attack, and the record must stay readable in memory."""

_VERBS = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|TRACE|OPTIONS|CONNECT|PATCH)(?=[ ])")
_UNSAFE = re.compile(
    rb"[^!#-;=?-~]"
)  # all but printable ASCII; and no <, > and ", which wrap addresses
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_TOKEN = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")


class Sink(Protocol):
    """Where records go: each call appends one member, given in pieces."""

    def write(self, pieces: Iterable[bytes]) -> Span: ...


@dataclass(frozen=True, slots=True)
class Original:
    """The response that a revisit points to, and why: one of the two profiles."""

    capture: Capture
    profile: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An exchange as it lies in a file: `end` is the byte after its last record.

    `is_original` says that other captures may point to its payload; `refers_to` is the address and the date
    that a revisit gives for its original, `site` the name of the site crawled, `stated` the payload digest of
    an imported record as it stands there.
    """

    capture: Capture
    payload_length: int
    is_original: bool
    end: int
    refers_to: str = ""
    site: str = ""
    stated: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A metadata record that belongs to no exchange: what is told of a crawl or of a file, as JSON."""

    target: str
    date: datetime
    record_id: str
    file: str
    offset: int
    length: int


def safe_url(url: str) -> str:
    """Return `url` in printable ASCII without blanks and brackets: what can stand in a record's field.

    >>> safe_url("http://a/\\r\\nWARC-Type: x")
    'http://a/%0D%0AWARC-Type:%20x'
    """
    raw = url.encode("utf-8", "surrogatepass")
    return _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], raw).decode("ascii")


def new_id() -> str:
    """Return a fresh Record-ID, without angle brackets."""
    return f"urn:uuid:{uuid.uuid4()}"


def write_exchange(
    out: Sink, exchange: Exchange, answer: Answer, *, original: Original | None, warcinfo: str
) -> Stored:
    """Append the records of `exchange` and return the capture, its sequence still 0.

    Raises ValueError for a naive date, and what `out` raises.
    """
    frame = _Frame(new_id(), safe_url(exchange.url), warc_date(exchange.started), warcinfo)
    fields = _answer_fields(frame, exchange, answer, original)
    if original:
        first = out.write((encode(fields, answer.head),))
    elif isinstance(exchange.body, bytes):
        first = out.write((encode(fields, answer.head + exchange.body),))
    else:
        first = out.write(encode_pieces(fields, _counted(answer, body_pieces(exchange.body))))
    members = [first]
    if exchange.request:
        fields = _request_fields(frame, exchange.request)
        members.append(out.write((encode(fields, exchange.request),)))
    last = _metadata(frame, exchange, answer, members)
    closing = out.write((encode(_metadata_fields(frame, last), last, compress=False),))
    return Stored(
        capture=_capture(frame, exchange, answer, original=original, span=first),
        payload_length=0 if original else answer.payload_length,
        is_original=is_original(answer, exchange.truncated is not None) and not original,
        end=closing.end,
        refers_to=refers_to(original.capture) if original else "",
        site=as_written(exchange.via.site),
    )


def write_metadata(out: Sink, target: str, block: bytes, *, warcinfo: str) -> Metadata:
    """Append a metadata record of its own, stored without compression; return it, `file` still "".

    Raises ValueError for a block that is too large to be read again, and what `out` raises.
    """
    if len(block) > NOTE_MAX:
        message = f"{target}: a metadata record of {len(block)} bytes, more than {NOTE_MAX}"
        raise ValueError(message)
    date, frame_id = datetime.now(UTC), new_id()
    frame = _Frame(frame_id, safe_url(target), warc_date(date), warcinfo)
    fields = [
        *frame.fields("metadata", frame_id),
        ("WARC-Block-Digest", digest_of(block)),
        ("Content-Type", JSON_TYPE),
        ("Content-Length", str(len(block))),
    ]
    span = out.write((encode(fields, block, compress=False),))
    return Metadata(frame.url, date, frame_id, "", span.offset, span.length)


def refers_to(original: Capture) -> str:
    """Return what a revisit of `original` says of it, as `Stored.refers_to`."""
    return f"{original.url} {warc_date(original.date)}"


def is_original(answer: Answer, truncated: bool) -> bool:
    """Say whether a later capture with this payload may point here."""
    return bool(
        answer.kind is Kind.RESPONSE and answer.is_plain and answer.body_length and not truncated
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the records of one exchange have in common."""

    record_id: str
    url: str
    date: str
    warcinfo: str

    def fields(self, kind: str, record_id: str) -> list[Field]:
        return [
            *self.tied_fields(kind, record_id),
            ("WARC-Warcinfo-ID", f"<{self.warcinfo}>"),
        ]

    def tied_fields(self, kind: str, record_id: str) -> list[Field]:
        """Return the fields of a record that is concurrent to another, which names their warcinfo."""
        return [
            ("WARC-Type", kind),
            ("WARC-Record-ID", f"<{record_id}>"),
            ("WARC-Date", self.date),
            ("WARC-Target-URI", self.url),
        ]


def _answer_fields(
    frame: _Frame, exchange: Exchange, answer: Answer, original: Original | None
) -> list[Field]:
    kind = Kind.REVISIT if original else answer.kind
    fields = frame.fields(kind, frame.record_id)
    if address := ip_address(exchange.peer):
        fields.append(("WARC-IP-Address", address))
    if original:
        fields += _refers_to(original)
        fields.append(("WARC-Block-Digest", digest_of(answer.head)))
        fields.append(("WARC-Payload-Digest", original.capture.digest))
    else:
        fields.append(("WARC-Block-Digest", answer.block_digest))
        if answer.is_plain:
            fields.append(("WARC-Payload-Digest", answer.payload_digest))
    if answer.sniffed and not original:
        fields.append(("WARC-Identified-Payload-Type", answer.sniffed))
    if exchange.truncated:
        fields.append(("WARC-Truncated", exchange.truncated))
    length = len(answer.head) + (0 if original else answer.body_length)
    return [*fields, ("Content-Type", answer.content_type), ("Content-Length", str(length))]


def _refers_to(original: Original) -> list[Field]:
    return [
        ("WARC-Profile", original.profile),
        ("WARC-Refers-To", f"<{original.capture.record_id}>"),
        ("WARC-Refers-To-Target-URI", original.capture.url),
        ("WARC-Refers-To-Date", warc_date(original.capture.date)),
    ]


def _tied(frame: _Frame, kind: str, content_type: str, block: bytes) -> list[Field]:
    return [
        *frame.tied_fields(kind, new_id()),
        ("WARC-Concurrent-To", f"<{frame.record_id}>"),
        ("WARC-Block-Digest", digest_of(block)),
        ("Content-Type", content_type),
        ("Content-Length", str(len(block))),
    ]


def _request_fields(frame: _Frame, request: bytes) -> list[Field]:
    return _tied(frame, "request" if _VERBS.match(request) else "metadata", REQUEST_TYPE, request)


def _metadata_fields(frame: _Frame, block: bytes) -> list[Field]:
    return _tied(frame, "metadata", FIELDS_TYPE, block)


def _metadata(frame: _Frame, exchange: Exchange, answer: Answer, members: list[Span]) -> bytes:
    """Return the block of the closing record: named fields of WARC 1.1 section 6.5, UTF-8."""
    via = exchange.via
    lines = [
        ("method", token(exchange.method)),
        ("via", safe_url(via.referrer)),
        ("hopsFromSeed", str(via.hop)),
        ("announcedBy", via.announcer),
        ("seed", safe_url(via.seed)),
        ("crawl", via.crawl),
        ("site", via.site),
        ("fetchTimeMs", str(_milliseconds(exchange.elapsed_s))),
        ("peer", "" if ip_address(exchange.peer) == exchange.peer else exchange.peer),
        ("interim", _quoted(exchange.interim)),
        *(("withheld", name) for name in exchange.withheld),
        *(("problem", text) for text in (*answer.problems, *exchange.problems)),
        ("memberCrc32", " ".join(f"{span.crc:08x}" for span in members)),
    ]
    text = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in lines if value)
    return text.encode("utf-8", "backslashreplace")


def _quoted(heads: bytes) -> str:
    """Return bytes as a JSON string of latin-1 text: one line, and every byte comes back from it."""
    return json.dumps(heads[:_INTERIM_MAX].decode("latin-1")) if heads else ""


def _milliseconds(seconds: float) -> int:
    milliseconds = seconds * 1000
    return round(milliseconds) if math.isfinite(milliseconds) else 0


def as_written(text: str) -> str:
    """Return what is read back of `text` from a metadata record."""
    return _one_line(text).encode("utf-8", "backslashreplace").decode("utf-8")


def _one_line(text: str) -> str:
    """Return `text` with control characters as %XX: none of them may begin a field of its own."""
    return _CONTROL.sub(lambda found: f"%{ord(found[0]):02X}", text)


def token(method: str) -> str:
    """Return `method` with what HTTP forbids in one replaced, "-" where nothing is left."""
    return _NO_TOKEN.sub("_", method) or "-"


@lru_cache(maxsize=1024)
def ip_address(peer: str) -> str:
    """Return the address in `peer` as RFC 5952 writes it, "" where there is none.

    >>> ip_address("[2001:DB8:0::1]:443")
    '2001:db8::1'
    """
    host = peer.partition("%")[0]
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped else address.compressed


def _capture(
    frame: _Frame, exchange: Exchange, answer: Answer, *, original: Original | None, span: Span
) -> Capture:
    capture = Capture(
        sequence=0,
        urlkey=urls.key(frame.url),
        date=parse_date(frame.date),
        url=frame.url,
        method=token(exchange.method),
        status=answer.status,
        mime=answer.mime,
        digest=answer.payload_digest,
        kind=answer.kind,
        file="",
        offset=span.offset,
        length=span.length,
        record_id=frame.record_id,
        truncated=exchange.truncated,
    )
    if not original:
        return capture
    target = original.capture
    return replace(capture, kind=Kind.REVISIT, digest=target.digest, original=target.record_id)


def _counted(answer: Answer, body: Iterable[bytes]) -> Iterator[bytes]:
    """Yield head and body; raises ValueError where the body is not as long any more as it was."""
    yield answer.head
    left = answer.body_length
    for piece in body:
        left -= len(piece)
        yield piece
    if left:
        raise ValueError("the body of an exchange changed while it was stored")
