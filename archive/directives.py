"""Robots directives of a page or of header fields, as far as they concern us.

Hides how a field speaks to several crawlers at once. Source: the robots meta tag and X-Robots-Tag, as Google
documents them (robots meta tag specification); no RFC defines them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AGENT: Final = "muragat"
FIELD: Final = b"x-robots-tag"
NOARCHIVE: Final = "noarchive"
NOINDEX: Final = "noindex"
NOFOLLOW: Final = frozenset({"nofollow", "none"})

_EVERYBODY: Final = frozenset({AGENT, "*", "robots"})
_WITH_VALUE: Final = frozenset(
    {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
)
_NAMED: Final = re.compile(r"([a-z*][\w.*-]{0,60}+)\s*+:(?!//)\s*+(.*)", re.DOTALL)
_WEEKDAY: Final = re.compile(r"unavailable_after:\s*+[a-z]{3,9}")
_LONGEST: Final = 2000
_MOST: Final = 50
_MOST_LETTERS: Final = 4_000


def directives(value: str) -> tuple[str, ...]:
    """Return the directives of one field value in lower case; those for other crawlers are left out.

    A crawler's name holds for all that follows it, up to the next name.

    >>> directives("googlebot: noindex, nofollow, muragat: noarchive")
    ('noarchive',)
    >>> directives("unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noindex")
    ('unavailable_after: fri, 25 jun 2010 15:00:00 gmt', 'noindex')
    """
    return tuple(_concerning_us(value[:_LONGEST].lower()))[:_MOST]


def directives_of(fields: Iterable[tuple[bytes, bytes]]) -> frozenset[str]:
    """Return the directives of all X-Robots-Tag fields of an answer that concern us."""
    said = (value for name, value in fields if name.lower() == FIELD)
    return directives_in(value.decode("latin-1") for value in said)


def directives_in(values: Iterable[str]) -> frozenset[str]:
    """Return the directives of all these values that concern us; of endless values those of the first letters."""
    found: set[str] = set()
    left = _MOST_LETTERS
    for value in values:
        if left <= 0:
            break
        found.update(directives(value[:left]))
        left -= len(value) + 1
    return frozenset(found)


def _concerning_us(value: str) -> Iterator[str]:
    is_ours = True
    for part in _parts(value):
        named = _NAMED.fullmatch(part)
        told = part
        if named and named[1] not in _WITH_VALUE:
            is_ours, told = named[1] in _EVERYBODY, named[2].strip()
        if is_ours and told:
            yield told


def _parts(value: str) -> Iterator[str]:
    """Yield what stands between commas; the one within a date parts nothing."""
    before = ""
    for part in value.split(","):
        if before:
            yield f"{before}, {part.strip()}"
            before = ""
        elif _WEEKDAY.fullmatch(part.strip()):
            before = part.strip()
        else:
            yield part.strip()
    if before:
        yield before
