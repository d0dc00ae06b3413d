"""Makes the article's text of what extraction took: hides repeated titles, bylines, credited and odd letters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.analyse.choice import clean, word_key
from archive.analyse.credits import is_credit, is_source_link

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOP_LINES = 4
_END_LINES = 4
_MAX_TOP_LINE = 140
_MAX_CREDITS = 10


@dataclass(frozen=True, slots=True)
class Tidied:
    """Paragraphs parted by one line feed, and the credit lines that stood among them."""

    text: str
    credit: str


def tidy(raw: str, titles: frozenset[str], furniture: Iterable[str]) -> Tidied:
    """Return the text without repeated title, the top's date and byline, and credits.

    `titles` are word keys; `furniture` are texts (date, byline) that the page shows around the title. Title
    and furniture are dropped among the first four lines only, addresses alone among the last four.
    """
    lines = [
        line for piece in unicodedata.normalize("NFC", raw).split("\n") if (line := clean(piece))
    ]
    lines = _without_top(lines, titles | frozenset(word_key(text) for text in furniture))
    kept: list[str] = []
    credited: list[str] = []
    for index, line in enumerate(lines):
        last = index >= len(lines) - _END_LINES
        if len(credited) < _MAX_CREDITS and (is_credit(line) or (last and is_source_link(line))):
            credited.append(line.strip("[]() "))
        else:
            kept.append(line)
    return Tidied("\n".join(kept), "; ".join(dict.fromkeys(credited)))


def _without_top(lines: list[str], drop: frozenset[str]) -> list[str]:
    top = [
        line
        for line in lines[:_TOP_LINES]
        if len(line) > _MAX_TOP_LINE * 3 or word_key(re.sub(r"^[-#>*\s]+", "", line)) not in drop
    ]
    return top + lines[_TOP_LINES:]
