"""Times of day without scheduled crawls; hides time zones, nights and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

_DAY: Final = timedelta(days=1)
_MOST_SPANS: Final = 50
"""Spans in a row that are gone through; what is still quiet then is quiet all day."""


def quiet_until(quiet: Sequence[str], timezone: str, now: float) -> float:
    """Return when it is quiet no more (seconds since 1970, UTC): `now` where it is not, a day later where it always is.

    `quiet` are spans like "22:00-06:30", the end not included, over midnight where it is the earlier; one whose ends
    are equal is the whole day. `timezone` is an IANA name, "" for this machine's.
    """
    if not quiet:
        return now
    zone = ZoneInfo(timezone) if timezone else None
    spans = [(time.fromisoformat(span[:5]), time.fromisoformat(span[6:])) for span in quiet]
    moment = now
    for _ in range(_MOST_SPANS):
        later = max((_end(span, zone, moment) for span in spans), default=moment)
        if later <= moment or later - now >= _DAY.total_seconds():
            return min(later, now + _DAY.total_seconds())
        moment = later
    return moment


def _end(span: tuple[time, time], zone: tzinfo | None, moment: float) -> float:
    """Return the end of a span that `moment` lies in, else `moment`."""
    local = _local(moment, zone)
    begin, end = span
    is_over_midnight = end <= begin
    if is_over_midnight:
        is_within = local.time() >= begin or local.time() < end
    else:
        is_within = begin <= local.time() < end
    if not is_within:
        return moment
    is_tomorrow = is_over_midnight and local.time() >= begin
    day = local.date() + (_DAY if is_tomorrow else timedelta())
    found = _moment(datetime.combine(day, end), zone)
    # An hour that a change of clocks repeats lies twice before its end.
    return found if found > moment else found + 3600.0


def _local(moment: float, zone: tzinfo | None) -> datetime:
    aware = datetime.fromtimestamp(moment, UTC)
    return aware.astimezone(zone).replace(tzinfo=None)


def _moment(local: datetime, zone: tzinfo | None) -> float:
    """Return a local time in seconds since 1970; the later one of two, and after a gap what clocks show then."""
    aware = local.replace(tzinfo=zone, fold=1) if zone else local.replace(fold=1).astimezone()
    return aware.timestamp()
