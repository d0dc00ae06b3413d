"""What a payload is by its first bytes; hides the signatures.

Only what is sure is said: the value goes into `WARC-Identified-Payload-Type`, which claims more than the
server's word. Signatures follow the MIME Sniffing Standard (WHATWG) sections 6 and 7.1.
"""

from __future__ import annotations

import re

SNIFFED = 1024
"""Bytes of decoded payload that are looked at."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"OggS\x00", "application/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_BOXES = {  # ISO base media: a length, "ftyp", then the brand
    b"avif": "image/avif",
    b"isom": "video/mp4",
    b"iso2": "video/mp4",
    b"mp41": "video/mp4",
    b"mp42": "video/mp4",
}
_SPACE = b" \t\r\n\f"
_HTML = re.compile(rb"<(?:!doctype\s++html|html|head|body)(?=[\s/>])", re.IGNORECASE)
_XML = re.compile(rb"<\?xml\s")
_ROOT = re.compile(
    rb"<(?:!--(?:[^-]|-(?!->))*+-->|\?(?:[^?]|\?(?!>))*+\?>|!(?!--)[^>]*+>|([A-Za-z][\w:.-]*+))"
)
_ROOTS = {b"svg": "image/svg+xml", b"rss": "application/rss+xml", b"feed": "application/atom+xml"}
_JSON = re.compile(rb'(?:\{\s*+(?:"|\})|\[\s*+(?:[\[{"\]]|-?\d))')


def sniff(start: bytes) -> str:
    """Return the media type that the first bytes of a payload prove, "" where they prove none.

    >>> sniff(b"<!DOCTYPE html><title>x</title>")
    'text/html'
    """
    found = next((kind for signature, kind in _SIGNATURES if start.startswith(signature)), "")
    if found:
        return found
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    if start[4:8] == b"ftyp":
        return _BOXES.get(start[8:12], "")
    return _sniff_text(start.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)[:SNIFFED])


def _sniff_text(text: bytes) -> str:
    if b"\0" in text:
        return ""
    root = _root(text)
    if _HTML.match(text) or root == b"html":
        return "text/html"
    if root in _ROOTS:
        return _ROOTS[root]
    if _XML.match(text):
        return "text/xml"
    return "application/json" if _JSON.match(text) else ""


def _root(text: bytes) -> bytes:
    """Return the name of the first element, after comments, declarations and instructions."""
    position = 0
    while found := _ROOT.match(text, position):
        if found[1]:
            return found[1].lower()
        position = len(text) - len(text[found.end() :].lstrip(_SPACE))
    return b""
