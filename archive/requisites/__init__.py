"""What a stored document needs to be shown whole: pictures, styles, fonts, scripts; hides formats and addresses.

`requisites_in` reads one document. `archive.requisites.missing` follows a page's documents through a collection.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from archive.charset import codec_of, decode_html
from archive.requisites import css, link_field, manifest
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
from archive.tags import MAX_TAGS, attributes, first_href, tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    _Reader = Callable[[bytes, str, str], Finds]

__all__ = [
    "MAX_REQUISITES",
    "MarkupReader",
    "Requisite",
    "RequisiteKind",
    "Requisites",
    "is_readable",
    "requisites_in",
    "requisites_in_fields",
]

_LABEL = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]{1,40})", re.IGNORECASE)
_AT_CHARSET = re.compile(rb'@charset "([\x20\x21\x23-\x7e]{1,40})";')
_ROOT = re.compile(
    rb"(?:\s++|<\?[^>]*+>|<!--(?:[^-]++|-(?!->))*+-->|<!(?!--|doctype\s++html)[^>\[]*+(?:\[[^\]]*+\]\s*+)?+>)*+"
    rb"<(?:!doctype\s++html|html|(?:\w++:)?+svg)\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(r"<\?xml-stylesheet\s([^>]*+)>")
_HTML = frozenset({"text/html", "application/xhtml+xml"})
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


def requisites_in_fields(fields: Iterable[str], *, url: str) -> tuple[Requisite, ...]:
    """Return what the values of a page's Link fields have a browser fetch. Never raises.

    Each value is text, each byte one character (latin-1); `url` is the address that answered.
    """
    reader = MarkupReader("", url)
    for values in link_field.links(fields):
        reader.add_link(values)
    return reader.all().found


def is_readable(
    body: bytes, *, url: str, content_type: str, kind: RequisiteKind | None = None
) -> bool:
    """True for a document that may need others, in the eyes of `requisites_in`."""
    return _reader_for(body, url, content_type, kind) is not None


def _reader_for(
    body: bytes, url: str, content_type: str, kind: RequisiteKind | None
) -> _Reader | None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _HTML:  # an error page sent for a stylesheet needs nothing of its own
        return _read_markup if kind in {None, RequisiteKind.DOCUMENT} else None
    if media_type in _BY_TYPE:
        return _BY_TYPE[media_type]
    if media_type.endswith(("+xml", "/xml")):
        return _read_xml
    if media_type.startswith(("image/", "font/", "video/", "audio/")):
        return None
    return _BY_KIND.get(kind or kind_by_name(url)) or _by_root(body)


def _by_root(body: bytes) -> _Reader | None:
    return _read_xml if _ROOT.match(body[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf")) else None


def _read_markup(body: bytes, url: str, content_type: str) -> Finds:
    decoded = decode_html(body, content_type)
    reader = MarkupReader(decoded.text, url, decoded.charset)
    for tag in islice(tags(decoded.text), MAX_TAGS):
        reader.read(tag)
        if tag[0] in {"a", "area"}:
            reader.link(first_href(tag[1]))
        if reader.is_full:
            break
    return reader


def _read_xml(body: bytes, url: str, content_type: str) -> Finds:
    """Read what an XML document names before its root, then its tags where it is a page or a picture."""
    text = decode_html(body[:_HEAD_BYTES], content_type).text
    instructions = [attributes(found[1].removesuffix("?")) for found in _INSTRUCTION.finditer(text)]
    finds = _read_markup(body, url, content_type) if _ROOT.match(body[:_HEAD_BYTES]) else Finds(url)
    for instruction in instructions:
        finds.add(instruction.get("href", ""), RequisiteKind.STYLESHEET)
    return finds


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


_BY_TYPE: dict[str, _Reader] = {
    "text/css": _read_css,
    "application/manifest+json": _read_manifest,
}
_BY_KIND: dict[RequisiteKind | None, _Reader] = {
    RequisiteKind.STYLESHEET: _read_css,
    RequisiteKind.MANIFEST: _read_manifest,
    RequisiteKind.DOCUMENT: _read_markup,
}
