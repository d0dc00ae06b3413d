"""Chooses a field's value among candidates and keeps who said what: hides how agreement is counted."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.model import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NOT_WORD = re.compile(r"[\W_]+")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff"
    r"\xad\ud800-\udfff]"
)
_MAX_CANDIDATES = 12
_MAX_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value of a field, as text, and the rule that found it."""

    source: str
    value: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of a field, empty where no rule found one, and its provenance, None then."""

    value: str = ""
    provenance: Provenance | None = None


def choose(candidates: Sequence[Candidate], same: Callable[[str], str] | None = None) -> Chosen:
    """Return the first candidate that is not empty; `same` makes the key by which values agree."""
    candidates = [candidate for candidate in candidates if candidate.value][:_MAX_CANDIDATES]
    if not candidates:
        return Chosen()
    same = same or word_key
    best = candidates[0]
    key = same(best.value)
    return Chosen(
        best.value,
        Provenance(
            best.source,
            sum(1 for candidate in candidates if same(candidate.value) == key),
            tuple((candidate.source, candidate.value[:_MAX_SHOWN]) for candidate in candidates),
        ),
    )


def clean(text: str) -> str:
    """Return one line in NFC without control, zero-width and bidi characters, blanks collapsed."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(_CONTROL.sub("", text).split())


def word_key(text: str) -> str:
    """Return what two spellings of one text share: letters and digits, case folded."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", text).casefold())
