"""What a stylesheet names: imports, pictures, fonts; hides the grammar of CSS.

Written by hand because only addresses are wanted: everything else is passed over inside one possessive regular
expression. Linear; never raises. Misplaced `@import` rules are read too, which browsers ignore.
Source: CSS Syntax Level 3 sections 3.3 and 4, CSS Cascade Level 5 section 2, CSS Images Level 4 section 2.4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive.requisites.requisite import RequisiteKind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_ESCAPE = r"\\(?:\r\n|[\s\S]|\Z)"
_STRING = rf"(?:\"(?:[^\"\\\n\r\f]++|{_ESCAPE})*+(?:\"|(?=[\n\r\f])|\Z)|'(?:[^'\\\n\r\f]++|{_ESCAPE})*+(?:'|(?=[\n\r\f])|\Z))"
_COMMENT = r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)"
_BLANK = rf"(?:[\t\n\f\r ]++|{_COMMENT})*+"
_ADDRESS = (
    rf"[\t\n\f\r ]*+(?:({_STRING})(?:[^)\\]++|{_ESCAPE})*+"
    rf"|((?:[^\"'()\\\t\n\f\r ]++|\\(?:[0-9A-Fa-f]{{1,6}}+[\t\n\f\r ]?+|[^\n\r\f]))*+)[\t\n\f\r ]*+(?=\)|\Z)"
    rf"|(?:[^)\\]++|{_ESCAPE})*+)\)?+"
)
_TOKEN = (
    r"(?:[^\"'/(@\\%s]++"
    rf"|{_COMMENT}|/|{_STRING}|{_ESCAPE}"
    r"|(?<!(?i:url))(?<!(?i:image-set))\(|@(?!(?i:import|font-face|namespace)(?![\w-]))){0,10000}+"
    r"(?:(?<=(?i:url))\(%s|(?<=(?i:image-set))(\()|@([\w-]++)|(\})|)"
)
_ANYWHERE = re.compile(_TOKEN % ("", _ADDRESS))
_IN_A_BLOCK = re.compile(_TOKEN % ("}", _ADDRESS))
_PRELUDE = re.compile(
    rf"{_BLANK}(?:(?!(?i:url)\()[\w-]++{_BLANK})?+(?:({_STRING})|(?i:url)\({_ADDRESS})?+"
)
_IN_A_SET = re.compile(
    rf"(?:[^\"'/()\\]++|{_COMMENT}|/|{_ESCAPE}|(?<=(?i:type))\([^)]*+\)?+){{0,10000}}+"
    rf"(?:({_STRING})|(?<=(?i:url))\({_ADDRESS}|(\()|(\))|)"
)
_READ_CHARACTERS = 4_000_000
"""Of one stylesheet: more than four times the largest seen. A comment of as many stars holds the interpreter 0.13 s;
where one match does not end with one token it ends after 10,000, for the same reason."""

_ESCAPED = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})(?:\r\n|[\t\n\f\r ])?+|(\r\n|[\n\r\f])|([\s\S])|\Z)")


def addresses(css: str) -> Iterator[tuple[str, RequisiteKind]]:
    """Yield the addresses that a stylesheet or a `style` attribute names, as meant, each with its kind."""
    css = css[:_READ_CHARACTERS]
    if not may_name_any(css):
        return
    position, pattern, kind = 0, _ANYWHERE, RequisiteKind.IMAGE
    while position < len(css) and (found := pattern.match(css, position)):
        position = found.end()
        quoted, bare, is_set, rule, _closes = found.groups()
        if rule:
            name = rule.lower()
            if name == "font-face":
                pattern, kind = _IN_A_BLOCK, RequisiteKind.FONT
                continue
            named = _PRELUDE.match(css, position)
            assert named is not None
            position = named.end()
            if name == "import":
                yield _written(named[1] or named[2], named[3]), RequisiteKind.STYLESHEET
        elif is_set:
            position = yield from _image_set(css, position)
        elif found[5]:
            pattern, kind = _ANYWHERE, RequisiteKind.IMAGE
        elif quoted or bare:
            yield _written(quoted, bare), kind


def may_name_any(css: str) -> bool:
    """False for a stylesheet without address, told fast."""
    lowered = css.lower()
    return "url(" in lowered or "@import" in lowered or "image-set(" in lowered


def _image_set(css: str, position: int) -> Generator[tuple[str, RequisiteKind], None, int]:
    """Yield the pictures of an `image-set(` that is open at `position`; return where it ends."""
    depth = 1
    while depth and position < len(css):
        found = _IN_A_SET.match(css, position)
        assert found is not None
        position = found.end()
        string, quoted, bare, opens, closes = found.groups()
        if opens or closes:
            depth += 1 if opens else -1
        else:
            yield _written(string or quoted, bare), RequisiteKind.IMAGE
    return position


def _written(quoted: str | None, bare: str | None) -> str:
    """Return the value of a string or an unquoted address, its escapes resolved."""
    value = bare or ""
    if quoted:
        value = quoted[1:].removesuffix(quoted[0])
    return _ESCAPED.sub(_character, value) if "\\" in value else value


def _character(escape: re.Match[str]) -> str:
    if escape[1]:
        code = int(escape[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return escape[3] or ""
