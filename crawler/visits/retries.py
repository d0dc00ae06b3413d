"""Whether and when a visit that failed is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.http.dates import http_date
from archive.model import Truncation

if TYPE_CHECKING:
    from archive.model import Capture

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
MAX_RETRIES = 2
LONGEST_WAIT_S = 60.0
"""An address for which a longer pause is asked is left to a later crawl; this one does not wait for it."""

_FIRST_WAIT_S = 1.0
_PUT_OFF_S = 600.0
_LONGEST_ASKED_S = 30 * 86_400.0


def is_passing(capture: Capture) -> bool:
    """True where the same request may bring a better answer in a moment."""
    return capture.status in RETRIED_STATUSES or capture.truncated in {
        Truncation.TIME,
        Truncation.DISCONNECT,
    }


def retry_at(
    now: float, *, failures: int, retry_after: str = "", closed_until: float = 0.0
) -> float | None:
    """Return when to try again (seconds since 1970, UTC), None for not in this round.

    `failures` counts the earlier ones; each trebles the wait. `retry_after` is the field's value in either
    form (RFC 9110 section 10.2.3); one that can't be read is taken as absent. While the host is closed nothing is
    laid at the address's door: it is due when the host opens, or, tried often enough, some time after.
    """
    asked = seconds_asked(retry_after, now) or 0.0
    if asked > LONGEST_WAIT_S:
        return now + min(asked, _LONGEST_ASKED_S)
    if failures < MAX_RETRIES:
        return max(now + max(asked, _FIRST_WAIT_S * 3.0**failures), closed_until)
    return max(closed_until, now + _PUT_OFF_S) if closed_until > now else None


def is_soon(again: float | None, now: float) -> bool:
    """Say whether a crawl waits for what is tried again at `again`."""
    return again is not None and again - now <= LONGEST_WAIT_S


def seconds_asked(retry_after: str, now: float) -> float | None:
    """Return the seconds that a Retry-After field asks for, None where it can't be read (RFC 9110 section 10.2.3)."""
    value = retry_after.strip()
    if value.isascii() and value.isdigit() and len(value) < 12:
        return float(value)
    moment = http_date(value)
    return None if moment is None else max(0.0, moment - now)
