"""Turns the bytes of a page into text: hides byte order marks, false labels and the guessing of charsets.

Order of trust: byte order mark > UTF-16 seen in the zeros > UTF-8 that decodes strictly > the header's
label, then the page's, when they decode strictly > detection > UTF-8 with replacement characters. UTF-8
comes before the labels because text in another charset practically never decodes as UTF-8, and servers
that say ISO-8859-1 by default are many.

Labels mean what they mean in browsers (WHATWG Encoding, section 4.2): gb2312 is gb18030, iso-8859-1 is
windows-1252.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from archive.charset.detection import detect

_PRESCAN_BYTES = 256 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEADER_LABEL = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]{1,40})", re.IGNORECASE)
_META_LABEL = re.compile(
    rb"<meta\b[^>]{0,400}?\bcharset\s{0,20}=\s{0,20}[\"']?\s{0,20}([\w.:-]{1,40})", re.IGNORECASE
)
_XML_LABEL = re.compile(
    rb"^\s{0,64}<\?xml[^>]{0,200}?\bencoding\s{0,20}=\s{0,20}[\"']([\w.:-]{1,40})"
)

# Python's codec -> the codec that browsers use for its labels.
_AS_BROWSERS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "utf-16": "utf-16-le",
}
# Codecs that a label may choose. Python knows more (utf-7, idna, zlib); none of them is for pages.
_ALLOWED = frozenset(
    {"utf-8", "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "mac-cyrillic", "mac-roman"}
    | {"gb18030", "big5hkscs", "cp932", "euc_jp", "iso2022_jp", "cp949", "kz1048", "ptcp154"}
    | {f"cp{page}" for page in (866, 874, *range(1250, 1259))}
    | {f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)}
)
_LABELS = {
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "windows-874": "cp874",
    "windows-949": "cp949",
    "unicode-1-1-utf-8": "utf-8",
    "x-x-big5": "big5hkscs",
    "x-euc-jp": "euc_jp",
    "iso-8859-8-i": "iso8859-8",
}


_PIECED_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Text:
    """A page as text, without NUL and byte order mark; `charset` is a label that browsers know."""

    text: str
    charset: str
    problems: tuple[str, ...] = ()


def decode_html(payload: bytes, content_type: str = "") -> Text:
    """Return `payload` as text; `content_type` is the header's value, or empty. Never raises.

    What can't be decoded becomes U+FFFD and is named in `problems`; nothing is dropped but NULs.
    """
    for mark, codec in _BOMS:
        if payload.startswith(mark):
            return _lenient(payload[len(mark) :], codec)
    if b"\0" in payload:
        codec = _utf16_by_zeros(payload)
        if codec:
            return _lenient(payload, codec)
    if b"\x1b" not in payload:
        try:
            return Text(*_without_nul(payload.decode("utf-8"), "utf-8", ()))
        except UnicodeDecodeError as error:
            if _cut_at_the_end(error, payload):
                return _lenient(payload, "utf-8")
    return _decode_labelled(payload, content_type)


def codec_of(label: str) -> str:
    """Return Python's codec for a charset label as browsers read it, or "" where it is none for pages."""
    name = label.strip().lower()
    if name in _LABELS:
        return _LABELS[name]
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    found = _AS_BROWSERS.get(found, found)
    return found if found in _ALLOWED else ""


def _decode_labelled(payload: bytes, content_type: str) -> Text:
    problems: list[str] = []
    labels = _labels(payload, content_type)
    for label in labels:
        codec = codec_of(label)
        if not codec:
            problems.append(f"charset: unknown label '{label}'")
            continue
        text = _strict(payload, codec)
        if text is None:
            problems.append(f"charset: not {_public(codec)} as declared")
        elif codec == "cp1252" and _unlike_latin(payload):
            problems.append("charset: not windows-1252 as declared")
        else:
            return Text(*_without_nul(text, codec, tuple(problems)))
    codec = detect(payload, declared=tuple(codec_of(label) for label in labels))
    found = _lenient(payload, codec)
    return Text(found.text, found.charset, (*problems, *found.problems))


def _labels(payload: bytes, content_type: str) -> list[str]:
    labels = [match.group(1) for match in [_HEADER_LABEL.search(content_type)] if match]
    head = _without_comments(payload[:_PRESCAN_BYTES])
    for pattern in (_XML_LABEL, _META_LABEL):
        match = pattern.search(head)
        if match:
            labels.append(match.group(1).decode("ascii", "replace"))
    return list(dict.fromkeys(label.lower() for label in labels))


def _without_comments(head: bytes) -> bytes:
    kept = []
    start = 0
    while (opening := head.find(b"<!--", start)) >= 0:
        closing = head.find(b"-->", opening + 4)
        if closing < 0:
            break
        kept.append(head[start:opening])
        start = closing + 3
    kept.append(head[start:])
    return b"".join(kept)


def _strict(payload: bytes, codec: str) -> str | None:
    if codec == "cp1252":
        return _windows_1252(payload)
    try:
        return payload.decode(codec)
    except UnicodeDecodeError as error:
        return payload.decode(codec, "replace") if _cut_at_the_end(error, payload) else None


def _windows_1252(payload: bytes) -> str:
    """Decode as browsers do: the five bytes that Python's cp1252 refuses are C1 controls."""
    try:
        return payload.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(_C1.get(letter) or letter for letter in payload.decode("latin-1"))


_C1 = {chr(byte): bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}


def _cut_at_the_end(error: UnicodeDecodeError, payload: bytes) -> bool:
    """Say whether the first fault is a character cut off by the end of the bytes."""
    return error.start >= len(payload) - 4 and len(payload) > 64


def _lenient(payload: bytes, codec: str) -> Text:
    text = _windows_1252(payload) if codec == "cp1252" else payload.decode(codec, "replace")
    problems: tuple[str, ...] = ()
    if "\ufffd" in text:
        pieced = _with_windows_1252_pieces(payload) if codec == "utf-8" else None
        if pieced is not None:
            return Text(*_without_nul(pieced, codec, ("charset: windows-1252 pieces in utf-8",)))
        problems = (f"charset: {text.count(chr(0xFFFD))} characters replaced in {_public(codec)}",)
    return Text(*_without_nul(text, codec, problems))


def _with_windows_1252_pieces(payload: bytes) -> str | None:
    """Return UTF-8 text into which windows-1252 was pasted, as editors of old sites do; None where it is other rubbish.

    Read by BeautifulSoup; takes 0.2 s for 512 KiB at worst, and runs only where UTF-8 has failed.
    """
    if len(payload) > _PIECED_BYTES:
        return None
    from bs4.dammit import UnicodeDammit  # noqa: PLC0415 - seldom wanted, and 50 ms to load

    try:
        return UnicodeDammit.detwingle(payload).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _without_nul(
    text: str, codec: str, problems: tuple[str, ...]
) -> tuple[str, str, tuple[str, ...]]:
    if "\0" in text:
        text = text.replace("\0", "")
        problems = (*problems, "charset: NUL characters removed")
    return text, _public(codec), problems


def _public(codec: str) -> str:
    """Return the label of a codec: windows-1251 for cp1251, iso-8859-2 for iso8859-2."""
    names = {"big5hkscs": "big5", "cp932": "shift_jis", "cp949": "euc-kr", "cp866": "ibm866"}
    if codec in names:
        return names[codec]
    if codec.startswith(("cp125", "cp874")):
        return f"windows-{codec[2:]}"
    return codec.replace("iso8859", "iso-8859").replace("iso2022", "iso-2022").replace("_", "-")


def _utf16_by_zeros(payload: bytes) -> str:
    """Return the UTF-16 codec whose zero bytes `payload` shows in its markup, or ""."""
    head = payload[:4096]
    half = max(len(head) // 2, 1)
    even, odd = head[::2].count(0) / half, head[1::2].count(0) / half
    if min(even, odd) > 0.02 or max(even, odd) < 0.2:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _unlike_latin(payload: bytes) -> bool:
    """Say whether letters above ASCII are the rule, which no language of Western Europe knows.

    Servers that declare ISO-8859-1 for everything are the reason to ask.
    """
    sample = payload[:_PRESCAN_BYTES]
    high = len(_HIGH_RUN.findall(sample))
    return high >= 16 and high > 3 * len(_LATIN_BESIDE_HIGH.findall(sample))


_HIGH_RUN = re.compile(rb"[\xc0-\xff]{4,20}")
_LATIN_BESIDE_HIGH = re.compile(rb"[A-Za-z][\xc0-\xff]|[\xc0-\xff][A-Za-z]")
