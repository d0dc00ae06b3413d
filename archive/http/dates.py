"""Dates in HTTP fields: hides the forms that servers write them in."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def http_date(value: str) -> float | None:
    """Return a date in seconds since 1970, UTC; None where there is none that can be read. Source: RFC 9110 section 5.6.7.

    >>> http_date("Thu, 01 Jan 1970 00:01:00 GMT")
    60.0
    """
    try:
        moment = parsedate_to_datetime(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - _EPOCH).total_seconds()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
