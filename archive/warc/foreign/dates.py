"""Dates as other tools write them in their records; hides the forms of ISO 8601, and the 14 digits of ARC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DATE = re.compile(
    r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:[T ]?(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,40}))?)?"
    r"\s?(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?",
    re.ASCII | re.IGNORECASE,
)


def read_date(text: str) -> datetime | None:
    """Return the aware UTC date in a field, None where none can be read.

    What is not given is the beginning: of the year, the day, the second. Without a zone it is UTC; beyond
    microseconds digits are dropped; second 60 is the next minute's first. Source: WARC 1.1 section 5.4, W3C-DTF.

    >>> read_date("2013-07-29T19:51:51.5+02:00").isoformat()
    '2013-07-29T17:51:51.500000+00:00'
    """
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    leap = second == "60"
    try:
        date = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            59 if leap else int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=UTC,
        )
        return date + timedelta(seconds=leap) - _offset(zone or "Z")
    except (ValueError, OverflowError):
        return None


def _offset(zone: str) -> timedelta:
    if zone in "Zz":
        return timedelta()
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -offset if zone[0] == "-" else offset
