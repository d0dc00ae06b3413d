"""Whether and when a visit that failed is tried again within the crawl."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from archive.model import Truncation

if TYPE_CHECKING:
    from archive.model import Capture

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
MAX_RETRIES = 2
LONGEST_WAIT_S = 60.0
"""A server that asks for a longer pause is left alone until the next crawl."""

_FIRST_WAIT_S = 1.0


def is_passing(capture: Capture) -> bool:
    """True where the same request may bring a better answer in a moment."""
    return capture.status in RETRIED_STATUSES or capture.truncated in {
        Truncation.TIME,
        Truncation.DISCONNECT,
    }


def retry_at(now: float, *, failures: int, retry_after: str = "") -> float | None:
    """Return when to try again (seconds since 1970, UTC), or None for not in this crawl.

    `failures` counts the earlier ones; each trebles the wait. `retry_after` is the field's value in either
    form (RFC 9110 section 10.2.3); one that can't be read is taken as absent.
    """
    if failures >= MAX_RETRIES:
        return None
    asked = seconds_asked(retry_after, now)
    if asked is not None and asked > LONGEST_WAIT_S:
        return None
    return now + max(asked or 0.0, _FIRST_WAIT_S * 3.0**failures)


def seconds_asked(retry_after: str, now: float) -> float | None:
    """Return the seconds that a Retry-After field asks for, None where it can't be read (RFC 9110 section 10.2.3)."""
    value = retry_after.strip()
    if value.isascii() and value.isdigit() and len(value) < 12:
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, float(moment.timestamp()) - now)
