"""WARC records as other tools write them, byte by byte, for the tests of reading and importing them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = b"<html><title>page</title><p>text</p></html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
DATE = "2020-02-03T04:05:06Z"
URL = "http://example.com/a"


def identifier(seed: object) -> str:
    """Return a Record-ID in brackets, the same for the same seed."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, str(seed))}>"


def sha1(data: bytes) -> str:
    return f"sha1:{base64.b32encode(hashlib.sha1(data).digest()).decode()}"


def record(
    kind: str = "response",
    block: bytes = HEAD + PAGE,
    *,
    end: bytes = b"\r\n",
    version: str = "1.0",
    **changes: Any,
) -> bytes:
    """Return a record; `changes` are fields by their names with _ for -, None leaves one out."""
    http = "application/http; msgtype=" + ("request" if kind == "request" else "response")
    fields: dict[str, str | None] = {
        "WARC-Type": kind,
        "WARC-Record-ID": identifier((kind, block, sorted(changes.items()))),
        "WARC-Date": DATE,
        "WARC-Target-URI": URL,
        "Content-Type": http if kind in ("request", "response", "revisit") else "text/plain",
        "Content-Length": str(len(block)),
    }
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}".encode() for name, value in fields.items() if value is not None]
    head = end.join([f"WARC/{version}".encode(), *lines, b"", b""])
    return head + block + end * 2


def request(method: str = "GET", **changes: Any) -> bytes:
    return record(
        "request", f"{method} /a HTTP/1.1\r\nHost: example.com\r\n\r\n".encode(), **changes
    )


def page(number: int, **changes: Any) -> bytes:
    """Return a response with an address, id and payload of its own."""
    body = PAGE.replace(b"text", b"text %d " % number * 20)
    fields: dict[str, Any] = {
        "WARC_Target_URI": f"http://example.com/{number}",
        "WARC_Payload_Digest": sha1(body),
    }
    return record("response", HEAD + body, **(fields | changes))


def packed(records: Iterable[bytes]) -> bytes:
    """Return records as one gzip member each."""
    return b"".join(gzip.compress(each, mtime=0) for each in records)
