"""When a page is worth its next visit: the revisit policy "staleness debt", as functions of numbers alone.

A page that changes at a rate owes, after a time without a visit, the lag of all changes that nobody has seen: for
a rate of `l(u)` changes a second the debt after `d` seconds is

    w * integral from 0 to d of l(u) (d - u) du        (in seconds of lag)

and a visit is made when that reaches the price of a visit, which is the same for all pages. Where rates are constant
a page is so visited every sqrt(2 price / rate) seconds, which gives the least lag of all ways to spend as many visits.

                   debt                                           price
                    |            .´ |           .´ |              _____
                    |        _.-´   |       _.-´   |
                    |___..--´       |__..--´       |  ...
                    visit          visit          visit       time

Nothing here knows a clock or a database. Any float may come in, infinite ones and NaN too; what goes out is finite and
within its bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0

MOST_A_SECOND: Final = 1.0
"""No page counts as changing more often: a hostile site can't ask for all visits."""

CHEAPEST_S: Final = 60.0
DEAREST_S: Final = 1e9
"""Bounds of the price."""

FLOORS_S: Final = tuple(hours * HOUR_S for hours in (1, 3, 8, 24, 72))
"""Ages at about which an article is looked at whatever its rate: edits without notice come early."""

AGES_S: Final = tuple(hours * HOUR_S for hours in (1, 3, 8, 24, 72, 7 * 24, 30 * 24, 90 * 24))
"""Where one bucket of age ends and the next begins; the last has no end."""

_MET: Final = 1.5
"""A visit meets the floors up to this many times its age: a visit at 50 minutes is the one at 1 h."""

_LATEST: Final = 1e11
"""In the year 5138: what is told of later moments is none, and an hour more would be lost in rounding."""

_GROWN_S: Final = 2 * DAY_S
"""Hours are looked at singly for that long ahead; behind the midnight after it they are all alike."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How soon after a visit the next may come and how late it comes at the latest, in seconds."""

    shortest_s: float
    longest_s: float


CHANNEL: Final = Bounds(5 * 60.0, DAY_S)
ARTICLE: Final = Bounds(5 * 60.0, 30 * DAY_S)


Shape = tuple[float, ...]
"""How changes are spread over the 24 hours of a UTC day, as factors whose mean is 1."""

FLAT: Final[Shape] = (1.0,) * 24

Stretch = tuple[float, float]
"""Seconds, and the changes a second that are expected in them."""


def are_moments(since: float, until: float) -> bool:
    """Say whether two numbers are moments one after the other, of this or a coming century (seconds since 1970)."""
    return 0.0 <= since < until <= _LATEST


def stretches(
    start: float, until: float, shape: Shape = FLAT
) -> Iterator[tuple[float, float, float]]:
    """Part a time (seconds since 1970) where the shape changes: from, to, factor."""
    if shape == FLAT or not are_moments(start, until):
        yield start, until, 1.0
        return
    moment = start
    while moment < until:
        if moment - start < _GROWN_S or moment % DAY_S:
            end, factor = (moment // HOUR_S + 1) * HOUR_S, shape[int(moment // HOUR_S) % 24]
        else:
            end, factor = until, 1.0
        yield moment, min(end, until), factor
        moment = end


def ages(start: float, until: float) -> Iterator[tuple[float, float, int]]:
    """Part a span of age (seconds) where a bucket ends: from, to, number of the bucket."""
    age = max(0.0, start)
    for number, end in enumerate((*AGES_S, math.inf)):
        if age < end and age < until:
            yield age, min(end, until), number
            age = end


def article_stretches(
    now: float,
    published: float,
    rates: Sequence[float],
    *,
    factor: float = 1.0,
    shape: Shape = FLAT,
) -> Iterator[Stretch]:
    """Say how often an article is likely to change from `now` on.

    `rates` are changes a second by bucket of age; `factor` says how many times as often as its like this one changes.
    """
    age = max(0.0, now - published)
    for start, end, bucket in ages(age, age + ARTICLE.longest_s):
        rate = rates[bucket] * factor
        for first, last, times in stretches(now + start - age, now + end - age, shape):
            yield last - first, rate * times


def channel_stretches(
    now: float, rate: float, *, shape: Shape = FLAT, longest_s: float = CHANNEL.longest_s
) -> Iterator[Stretch]:
    """Say how often a channel is likely to bring something from `now` on."""
    for first, last, times in stretches(now, now + longest_s, shape):
        yield last - first, rate * times


def wait_s(
    expected: Iterable[Stretch], price: float, bounds: Bounds, *, weight: float = 1.0
) -> float:
    """Return after how many seconds the debt reaches the price; within the bounds.

    `expected` are stretches of time one after the other; behind the last one the page waits for the upper bound.
    """
    owed = _finite(price, CHEAPEST_S, DEAREST_S, otherwise=DEAREST_S)
    importance = _finite(weight, 0.0, 1e6, otherwise=1.0)
    passed = changes = debt = 0.0
    for length, rate in expected:
        span = _finite(length, 0.0, ARTICLE.longest_s, otherwise=0.0)
        pace = _finite(rate, 0.0, MOST_A_SECOND, otherwise=0.0) * importance
        more = _crossing(owed - debt, changes, pace)
        if more <= span:
            return min(max(passed + more, bounds.shortest_s), bounds.longest_s)
        debt += (changes + pace * span / 2) * span
        changes += pace * span
        passed += span
        if passed >= bounds.longest_s:
            break
    return bounds.longest_s


def _crossing(missing: float, changes: float, rate: float) -> float:
    """Return when `changes * t + rate * t**2 / 2` reaches `missing`, infinity for never."""
    if missing <= 0:
        return 0.0
    root = changes + math.sqrt(changes * changes + 2 * rate * missing)
    return 2 * missing / root if root > 0 else math.inf


def floor_after(published: float, visited: float) -> float | None:
    """Return when the next of the visits that every article gets is due after a visit, None after the last."""
    start = min(published, visited)
    age = visited - start
    return next((start + floor for floor in FLOORS_S if floor > age * _MET), None)


def back_off_s(failures: int, bounds: Bounds) -> float:
    """Return how long after its last failure in a row a page is tried again: 10 minutes doubling, within bounds.

    An article's bound is a week: what fails that long seldom comes back, and a month would be too long for it.
    """
    doubled = 600.0 * 2.0 ** min(max(failures - 1, 0), 20)
    return min(max(doubled, bounds.shortest_s), bounds.longest_s, 7 * DAY_S)


def steered(price: float, *, visits: float, budget: float, elapsed_s: float) -> float:
    """Return the price after `visits` in `elapsed_s` seconds where `budget` visits a day are wanted.

    It rises by a factor e for a day with twice the visits, and falls as much for a day without any: as visits go
    with the root of the price, half of a deviation is gone after some two days, and the hours of a day hardly
    move it. One step is a factor of 2 at most, so that a first crawl of everything does not stop the rest.
    """
    days = _finite(elapsed_s, 0.0, 7 * DAY_S, otherwise=0.0) / DAY_S
    wanted = _finite(budget, 1.0, 1e9, otherwise=1.0)
    made = _finite(visits, 0.0, 1e12, otherwise=0.0)
    step = min(max(made / wanted - days, -_STEP), _STEP)
    now = _finite(price, CHEAPEST_S, DEAREST_S, otherwise=FIRST_PRICE_S)
    return min(max(now * math.exp(step), CHEAPEST_S), DEAREST_S)


_STEP: Final = math.log(2)

FIRST_PRICE_S: Final = 1_800.0
"""The price where none is known yet."""


def _finite(value: float, least: float, most: float, *, otherwise: float) -> float:
    return otherwise if math.isnan(value) else min(max(value, least), most)


def shares(parts: Sequence[float]) -> list[float]:
    """Return each part's share of the sum; equal shares where the sum is nothing."""
    total = list(accumulate(parts))[-1] if parts else 0.0
    if total <= 0 or not math.isfinite(total):
        return [1.0 / len(parts)] * len(parts)
    return [part / total for part in parts]
