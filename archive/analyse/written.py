"""Reads dates that people write ("12 de noviembre de 2025") in the lines about an article: hides month names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive.analyse.choice import clean
from archive.analyse.markup import text_of
from archive.analyse.page import outside

if TYPE_CHECKING:
    from archive.analyse.page import Page

# Stems in English, French, Spanish, German, Italian, Portuguese, Russian, Kazakh; the first that a word starts with.
_MONTHS = (
    ("jan", "janv", "ene", "gen", "jän", "январ", "қаңтар"),
    ("feb", "fév", "fev", "févr", "феврал", "ақпан"),
    ("mar", "mär", "март", "наурыз"),
    ("apr", "avr", "abr", "апрел", "сәуір"),
    ("may", "mai", "mag", "май", "мая", "мамыр"),
    ("jun", "juin", "giu", "июн", "маусым"),
    ("jul", "juil", "lug", "июл", "шілде"),
    ("aug", "aoû", "aou", "ago", "август", "тамыз"),
    ("sep", "set", "сентябр", "қыркүйек"),
    ("oct", "okt", "ott", "out", "октябр", "қазан"),
    ("nov", "ноябр", "қараша"),
    ("dec", "déc", "dez", "dic", "декабр", "желтоқсан"),
)
_WORD = r"([^\W\d_]{3,12})"
_YEAR = r"((?:19|20)\d\d)"
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:er|st|nd|rd|th|º|\.)?\s(?:de\s)?{_WORD}\.?,?\s(?:de\s|del\s)?{_YEAR}\b"
)
_MONTH_FIRST = re.compile(rf"\b{_WORD}\.?\s(\d{{1,2}})(?:st|nd|rd|th)?,?\s{_YEAR}\b")
_KAZAKH = re.compile(rf"\b{_YEAR}\s(?:жылғы|жыл|ж\.)\s(\d{{1,2}})\s{_WORD}")
_CHINESE = re.compile(rf"{_YEAR}\s?年\s?(\d{{1,2}})\s?月\s?(\d{{1,2}})\s?日")
_LINE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:meta|dateline|date|posted(?:-on)?|published|byline|submitted|info|timestamp)(?:$|[\s_-])",
    re.IGNORECASE,
)
_MAX_LINE = 160
_MAX_LINES = 12


def find(text: str) -> tuple[datetime, str] | None:
    """Return (midnight UTC, the piece of text) of the first written date, or None."""
    for pattern, order in (
        (_DAY_FIRST, "dmy"),
        (_MONTH_FIRST, "mdy"),
        (_KAZAKH, "ydm"),
        (_CHINESE, "ymd"),
    ):
        for match in pattern.finditer(text[:_MAX_LINE]):
            parts = dict(zip(order, match.groups(), strict=True))
            month = int(parts["m"]) if parts["m"].isdigit() else _month(parts["m"])
            try:
                return datetime(int(parts["y"]), month, int(parts["d"]), tzinfo=UTC), match.group()
            except ValueError:
                continue
    return None


def lines(page: Page) -> list[str]:
    """Return the short lines that tell about the article: those of elements marked meta, date, byline."""
    found: list[str] = []
    for element in page.main.iter("div", "p", "span", "li", "td"):
        names = element.get("class")
        if not names or not _LINE_CLASS.search(names[:200]) or outside(element, page.main):
            continue
        text = clean(text_of(element))
        if 0 < len(text) <= _MAX_LINE:
            found.append(text)
            if len(found) >= _MAX_LINES:
                break
    return found


def _month(word: str) -> int:
    word = word.casefold()
    for number, stems in enumerate(_MONTHS, 1):
        if word.startswith(stems):
            return number
    return 0
