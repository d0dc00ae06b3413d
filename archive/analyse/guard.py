"""Decides in linear time whether a parser may see a page: hides what makes HTML parsers slow.

libxml2 (as lexbor and others) compares each attribute of a tag with all before it: 40,000 attributes cost
1.9 s, 200,000 a minute. It stops at 256 levels by itself; that is noticed in `markup`. Everything that is
too long is cut where a cut loses only the end of the page; a tag with too many attributes is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_CHARACTERS = 4_000_000
MAX_TAGS = 40_000
MAX_ATTRIBUTES = 1_000
_LONG_VALUE = 32_768
_SMALL_PAGE = 131_072

# One attribute as the HTML tokenizer reads it (HTML standard, 13.2.5.32 to 13.2.5.39); possessive
# throughout, so that no character is read twice.
_ATTRIBUTE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+|))?+"""
_TAG = re.compile(rf"[A-Za-z][^\s/>]*+((?:{_ATTRIBUTE}){{0,{MAX_ATTRIBUTES}}}+)({_ATTRIBUTE})?")
_OPENING = re.compile(r"<(?=[A-Za-z])")
_LONG_QUOTED = re.compile(rf"""=\s*+(?:"[^"<]{{{_LONG_VALUE},}}+"|'[^'<]{{{_LONG_VALUE},}}+')""")
# Tags inside the values of other tags are read again; this many times over is an attack.
_MAX_REREADING = 12


@dataclass(frozen=True, slots=True)
class Admitted:
    """A page that a parser may see; `refused` says why it may not, empty where it may."""

    text: str
    refused: str = ""
    problems: tuple[str, ...] = ()


def admit(text: str) -> Admitted:
    """Return `text` within the limits on characters and tags, or the reason why it is refused.

    Attribute values over 32 KiB (pictures in data: addresses) are emptied on pages over 128 KiB.
    """
    problems: list[str] = []
    if len(text) > _SMALL_PAGE:
        text, emptied = _LONG_QUOTED.subn('=""', text)
        if emptied:
            problems.append(
                f"markup: {emptied} attribute values over {_LONG_VALUE} characters left out"
            )
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS]
        problems.append(f"markup: only the first {MAX_CHARACTERS} characters are read")
    tags = read = 0
    for tags, opening in enumerate(_OPENING.finditer(text), 1):
        if tags > MAX_TAGS:
            text = text[: opening.start()]
            problems.append(f"markup: only the first {MAX_TAGS} tags are read")
            break
        tag = _TAG.match(text, opening.end())
        if tag is None:
            continue
        if tag.group(2):
            return Admitted("", f"markup: a tag has more than {MAX_ATTRIBUTES} attributes")
        read += tag.end() - tag.start()
        if read > _MAX_REREADING * len(text) + 1000:
            return Admitted("", "markup: tags inside tags without end")
    return Admitted(text, "", tuple(problems))
