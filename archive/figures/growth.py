"""How fast a collection grows and when its disk is full; hides the rule by which a site's first crawl is left out.

A site is taken in once and then followed. Only what came after it was taken in says what it will cost: a site is
taken in until the end of its first crawl that came to its end, and for 30 days at most. Its rate is what was
captured since then, in the last 30 days, by the time that has passed; less than a day counts as a day. Where nothing
was captured since, there is no rate yet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from archive.store.tallies import Cell, Hour

WINDOW: Final = timedelta(days=30)
YEAR_DAYS: Final = 365
MONTHS: Final = 12

_LEAST_DAYS: Final = 1.0
_REPORT_MAX: Final = 4_000_000
_FINISHED: Final = "finished"


@dataclass(frozen=True, slots=True)
class Month:
    """What was captured in one calendar month, UTC; `name` as in `2026-11`."""

    name: str
    captures: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What was captured since a moment, and in how many days."""

    since: datetime
    days: float
    captures: int
    bytes: int

    @property
    def bytes_per_day(self) -> float:
        """Bytes of WARC a day."""
        return self.bytes / self.days

    def bytes_in(self, days: int) -> int:
        """Return what as many days will add."""
        return round(self.bytes_per_day * days)


@dataclass(frozen=True, slots=True)
class Crawls:
    """The crawls of one site, as their reports tell: how many, the last one's start, and the end of the first that
    came to its end, None where none did."""

    count: int = 0
    last: datetime | None = None
    taken_in: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the disk will hold. `per_day` are bytes, indexes included; `days_left` is None where nothing grows.

    `unknown` are the sites that have no rate yet and are not in it.
    """

    per_day: float
    free: int
    unknown: tuple[str, ...]

    @property
    def days_left(self) -> float | None:
        """Days until no byte is free."""
        return self.free / self.per_day if self.per_day else None


def crawls(folder: Path) -> dict[str, Crawls]:
    """Return the crawls of each site from the reports in `folder`; what is no report is passed over."""
    found: dict[str, Crawls] = {}
    for path in sorted(folder.glob("*.json")):
        for name, started, finished in _read(path):
            before = found.get(name, Crawls())
            ends = [moment for moment in (before.taken_in, finished) if moment]
            last = max(started, before.last or started)
            found[name] = Crawls(before.count + 1, last, min(ends, default=None))
    return found


def _read(path: Path) -> Iterable[tuple[str, datetime, datetime | None]]:
    """Return name, start and end (None for a crawl that stopped before) of each site of a report."""
    try:
        with path.open("rb") as file:
            report = json.loads(file.read(_REPORT_MAX))
        started = datetime.fromisoformat(report["started"]).astimezone(UTC)
        ended = started + timedelta(seconds=report["seconds"])
        return [
            (str(site["name"]), started, ended if site["ended"] == _FINISHED else None)
            for site in report["sites"]
        ]
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return []


def month_starts(now: datetime) -> list[datetime]:
    """Return the first moments of this month and the eleven before it, oldest first."""
    ordinal = now.year * 12 + now.month - 1
    months = range(ordinal - MONTHS + 1, ordinal + 1)
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in months]


def months(cells: Iterable[Cell], starts: Sequence[datetime]) -> tuple[Month, ...]:
    """Return the months that begin at `starts`, those without captures too."""
    counts = [[0, 0] for _ in range(len(starts) + 1)]
    for cell in cells:
        counts[cell.month][0] += cell.captures
        counts[cell.month][1] += cell.bytes
    return tuple(
        Month(f"{start:%Y-%m}", *count) for start, count in zip(starts, counts[1:], strict=True)
    )


def rate(
    hours: Iterable[Hour], now: datetime, first: datetime, taken_in: datetime | None
) -> Rate | None:
    """Return how fast a site grows, None where that is not known yet.

    `first` is the date of its first capture. What came in the hour in which it was taken in is left out.
    """
    whole = min([first + WINDOW, *([taken_in] if taken_in else [])])
    since = max(whole, now - WINDOW)
    later = [hour for hour in hours if hour.began >= since]
    if not later and whole > now - WINDOW:
        return None
    days = max((now - since) / timedelta(days=1), _LEAST_DAYS)
    return Rate(
        since, days, sum(hour.captures for hour in later), sum(hour.bytes for hour in later)
    )


def forecast(rates: Mapping[str, Rate | None], *, disk: int, warc: int, free: int) -> Forecast:
    """Return what the disk will hold at these rates; indexes grow with the WARC files, in today's proportion."""
    known = [rate for rate in rates.values() if rate]
    share = disk / warc if warc else 1.0
    per_day = sum(rate.bytes_per_day for rate in known) * share
    return Forecast(per_day, free, tuple(name for name, rate in rates.items() if rate is None))
