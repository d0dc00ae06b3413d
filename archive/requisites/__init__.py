"""What a stored document needs to be shown whole: pictures, styles, fonts, scripts; hides formats and addresses.

`requisites_in` reads one document. `archive.requisites.missing` follows a page's documents through a collection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive.charset import codec_of, decode_html
from archive.requisites import css, manifest
from archive.requisites.markup import MarkupReader
from archive.requisites.requisite import (
    MAX_BYTES,
    MAX_REQUISITES,
    Finds,
    Requisite,
    RequisiteKind,
    Requisites,
    kind_by_name,
)
from archive.tags import first_href, tags

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MAX_REQUISITES",
    "MarkupReader",
    "Requisite",
    "RequisiteKind",
    "Requisites",
    "is_readable",
    "requisites_in",
]

_LABEL = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]{1,40})", re.IGNORECASE)
_AT_CHARSET = re.compile(rb'@charset "([\x20\x21\x23-\x7e]{1,40})";')
_ROOT_OF_SVG = re.compile(rb"(?:\s++|<\?[^>]*+>|<!--(?:[^-]++|-(?!->))*+-->|<![^>\[]*+(?:\[[^\]]*+\]\s*+)?+>)*+<(?:\w++:)?+svg\b")  # fmt: skip
_HEAD_BYTES = 4096


def requisites_in(
    body: bytes, *, url: str, content_type: str = "", kind: RequisiteKind | None = None
) -> Requisites:
    """Return what a document needs that answered at `url`; `body` is content-decoded. Never raises.

    Reads HTML, CSS, web app manifests and SVG, as the media type says; `kind` is what it was asked for as and
    counts where the server says none or a general one. Anything else needs nothing. Frames are no requisites:
    they are pages. Linear in the size; more than `MAX_BYTES` or `MAX_REQUISITES` are named in `problems`.
    """
    read = _reader_for(body, url, content_type, kind)
    if read is None:
        return Requisites()
    problems: tuple[str, ...] = ()
    if len(body) > MAX_BYTES:
        problems = (f"requisites: read from the first {MAX_BYTES} of {len(body)} bytes",)
    finds = read(body[:MAX_BYTES], url, content_type)
    return finds.all(*problems)


def is_readable(
    body: bytes, *, url: str, content_type: str, kind: RequisiteKind | None = None
) -> bool:
    """True for a document that may need others, in the eyes of `requisites_in`."""
    return _reader_for(body, url, content_type, kind) is not None


def _reader_for(
    body: bytes, url: str, content_type: str, kind: RequisiteKind | None
) -> Callable[[bytes, str, str], Finds] | None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _BY_TYPE:
        return _BY_TYPE[media_type]
    if media_type.startswith(("image/", "font/", "video/", "audio/")):
        return None
    by_kind = _BY_KIND.get(kind or kind_by_name(url) or RequisiteKind.OTHER)
    if by_kind is not None:
        return by_kind
    if _ROOT_OF_SVG.match(body[:_HEAD_BYTES]):
        return _read_markup
    return None


def _read_markup(body: bytes, url: str, content_type: str) -> Finds:
    decoded = decode_html(body, content_type)
    reader = MarkupReader(decoded.text, url, decoded.charset)
    for tag in tags(decoded.text):
        reader.read(tag)
        if tag[0] in {"a", "area"}:
            reader.link(first_href(tag[1]))
        if reader.is_full:
            break
    return reader


def _read_css(body: bytes, url: str, content_type: str) -> Finds:
    text, charset = _decoded_css(body, content_type)
    finds = Finds(url, charset)
    for href, kind in css.addresses(text):
        finds.add(href, kind)
        if finds.is_full:
            break
    return finds


def _decoded_css(body: bytes, content_type: str) -> tuple[str, str]:
    """Return a stylesheet as text, and its charset. Source: CSS Syntax Level 3 section 3.2."""
    for mark, codec in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace"), "utf-8"
    said = _LABEL.search(content_type)
    at_rule = _AT_CHARSET.match(body)
    label = said[1] if said else at_rule[1].decode("ascii") if at_rule else ""
    codec = codec_of(label) or "utf-8"
    return body.decode(codec, "replace"), codec


def _read_manifest(body: bytes, url: str, _content_type: str) -> Finds:
    finds = Finds(url)
    for href, kind in manifest.addresses(body):
        finds.add(href, kind)
    return finds


_BY_TYPE = {
    "text/html": _read_markup,
    "application/xhtml+xml": _read_markup,
    "image/svg+xml": _read_markup,
    "text/css": _read_css,
    "application/manifest+json": _read_manifest,
}
_BY_KIND = {
    RequisiteKind.STYLESHEET: _read_css,
    RequisiteKind.MANIFEST: _read_manifest,
    RequisiteKind.DOCUMENT: _read_markup,
}
