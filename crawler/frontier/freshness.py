"""How long an answer stays fresh, so that a picture on a thousand pages is asked for once.

A collection is one reader's cache: `s-maxage`, which speaks to caches that many share, is not for us, and
`private` forbids nothing. Source: RFC 9111 sections 4.2 and 5.2.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive import http
from archive.http.dates import http_date

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_S = 86_400.0

LONGEST_S = 30 * DAY_S
"""Servers call files fresh for a year or ten; an archive wants to see within a month that one has changed."""

_SHARE_OF_AGE = 0.1  # RFC 9111 section 4.2.2: "a typical setting of this fraction might be 10%"
_DIRECTIVE = re.compile(rb'([\w-]++)(?:\s*+=\s*+(?:"([^"]*+)"|([^\s,;]++)))?+')


def fresh_until(head: bytes, *, status: int, received: float) -> float:
    """Return until when (seconds since 1970, UTC) an answer received at `received` need not be asked for again.

    `head` is the status line and the fields; one that can't be read states nothing. An error is never fresh.
    """
    try:
        fields = http.split_head(head).fields
    except ValueError:
        fields = ()
    return received + lifetime_s(fields, status=status, received=received)


def lifetime_s(fields: Iterable[tuple[bytes, bytes]], *, status: int, received: float) -> float:
    """Return for how many seconds an answer is fresh, 0 to `LONGEST_S`.

    What the answer states counts: `no-store` and `no-cache`, `max-age`, `Expires`; less its Age. Where it
    states nothing, a tenth of the time since it was modified, and a day at least.
    """
    if status >= 400 or status < 200:
        return 0.0
    values = _Values(fields)
    stated = _stated(values, received)
    if stated is None:
        modified = values.date(b"last-modified")
        guessed = 0.0 if modified is None else _SHARE_OF_AGE * (received - modified)
        return min(LONGEST_S, max(DAY_S, guessed))
    return min(LONGEST_S, max(0.0, stated - values.age()))


def _stated(values: _Values, received: float) -> float | None:
    """Return the lifetime that the answer states, None where it states none."""
    directives = values.directives()
    if b"no-store" in directives or b"no-cache" in directives:
        return 0.0
    if b"max-age" in directives:
        return _seconds(directives[b"max-age"])
    if not directives and values.has(b"pragma") and b"no-cache" in values.first(b"pragma").lower():
        return 0.0
    if not values.has(b"expires"):
        return None
    expires, sent = values.date(b"expires"), values.date(b"date")
    return 0.0 if expires is None else expires - (received if sent is None else sent)


class _Values:
    """The fields of an answer by name; the first of a repeated one counts, but directives add up."""

    def __init__(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        self._all = [(name.lower(), value) for name, value in fields]

    def has(self, name: bytes) -> bool:
        return any(key == name for key, _ in self._all)

    def first(self, name: bytes) -> bytes:
        return next((value for key, value in self._all if key == name), b"")

    def directives(self) -> dict[bytes, bytes]:
        """Return the directives of Cache-Control, the first of each name."""
        found: dict[bytes, bytes] = {}
        for value in (value for key, value in self._all if key == b"cache-control"):
            for match in _DIRECTIVE.finditer(value):
                found.setdefault(match[1].lower(), match[2] or match[3] or b"")
        return found

    def date(self, name: bytes) -> float | None:
        """Return a date in seconds since 1970, None where there is none that can be read."""
        return http_date(self.first(name).decode("latin-1"))

    def age(self) -> float:
        return _seconds(self.first(b"age"))


def _seconds(value: bytes) -> float:
    """Return a number of seconds; 0 for what is none, which is to be treated as stale (RFC 9111 section 4.2.1)."""
    digits = value.strip()
    if not digits.isdigit():
        return 0.0
    return float(digits[:12]) if len(digits) <= 12 else LONGEST_S
