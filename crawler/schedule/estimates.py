"""What visits teach of how often pages change: values that take in one visit after the other.

A visit says only that a page has changed since the one before, not when nor how often. So a change is shared
out over the time that has passed in proportion to what was expected of each part of it (the step of an
expectation-maximisation), and where `x` changes were expected, one that shows stands for `x / (1 - e^-x)`.

Everything fades: half of what was learned is forgotten in `HALF_LIFE_S`, so that a site may change its ways. Counts are
bounded, since a site may say what it likes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crawler.schedule.policy import (
    AGES_S,
    ARTICLE,
    DAY_S,
    FLAT,
    HOUR_S,
    MOST_A_SECOND,
    ages,
    shares,
    stretches,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.schedule.policy import Shape

HALF_LIFE_S: Final = 28 * DAY_S
PAGE_HALF_LIFE_S: Final = 14 * DAY_S
"""Of what one page has done: an article that was edited every hour is so for some days."""

MOST: Final = 1e4
"""No sum of changes grows beyond it, however many a site shows."""

_BROUGHT_MOST: Final = 200.0
"""New addresses that one visit counts for: more of them are a back catalogue, no news."""

USUAL: Final = tuple(
    changes / seconds
    for changes, seconds in (
        (0.30, 1 * HOUR_S),
        (0.20, 2 * HOUR_S),
        (0.15, 5 * HOUR_S),
        (0.10, 16 * HOUR_S),
        (0.05, 2 * DAY_S),
        (0.03, 4 * DAY_S),
        (0.06, 23 * DAY_S),
        (0.15, 60 * DAY_S),
        (1.00, 365 * DAY_S),
    )
)
"""Changes a second by bucket of age, of an article of a site that was never seen: news is put right on its first day."""

_USUAL_COUNTS: Final = 1.0
"""Changes that the usual rate of a bucket stands for; what a site shows weighs more from then on."""

_LIKENESS: Final = 1.0
"""The shape of the gamma distribution of articles' factors: the lower, the sooner one's own past counts."""


def _faded(value: float, elapsed_s: float, half_life_s: float) -> float:
    return value * math.exp2(-max(0.0, elapsed_s) / half_life_s)


def _bounded(value: float) -> float:
    return 0.0 if math.isnan(value) else min(max(value, 0.0), MOST)


@dataclass(slots=True)
class Ages:
    """How often a site's articles change, by bucket of age: sums of changes and of seconds looked at."""

    changes: list[float] = field(default_factory=lambda: [0.0] * (len(AGES_S) + 1))
    seconds: list[float] = field(default_factory=lambda: [0.0] * (len(AGES_S) + 1))

    def rates(self, usual: Sequence[float] = USUAL) -> tuple[float, ...]:
        """Return changes a second in each bucket; `usual` are those of articles elsewhere."""
        return tuple(
            min((_USUAL_COUNTS + changes) / (_USUAL_COUNTS / rate + seconds), MOST_A_SECOND)
            for changes, seconds, rate in zip(self.changes, self.seconds, usual, strict=True)
        )

    def fade(self, elapsed_s: float) -> None:
        """Forget a part of it."""
        self.changes = [_faded(value, elapsed_s, HALF_LIFE_S) for value in self.changes]
        self.seconds = [_faded(value, elapsed_s, HALF_LIFE_S) for value in self.seconds]

    def learn(
        self, span: tuple[float, float], rates: Sequence[float], factor: float, *, changed: bool
    ) -> float:
        """Take in that an article was looked at at two ages; return how many changes were expected of it.

        `rates` are what was expected of all articles, `factor` how many times as many of this one.
        """
        parts = list(ages(*span))
        expected = [(last - first) * rates[bucket] * factor for first, last, bucket in parts]
        total = sum(expected)
        shown = likely(total) if changed else 0.0
        for (first, last, bucket), share in zip(parts, shares(expected), strict=True):
            self.changes[bucket] = _bounded(self.changes[bucket] + shown * share)
            self.seconds[bucket] = min(self.seconds[bucket] + (last - first) * factor, 1e12)
        return total


def likely(expected: float) -> float:
    """Return how many changes one that shows stands for where `expected` were."""
    if expected < 1e-6:
        return 1.0
    return min(expected / -math.expm1(-expected), 50.0)


@dataclass(slots=True)
class Own:
    """What one article did apart from its like: changes, and how many its site's rates made likely."""

    changes: float = 0.0
    expected: float = 0.0

    @property
    def factor(self) -> float:
        """How many times as often as its like it changes."""
        return (_LIKENESS + self.changes) / (_LIKENESS + self.expected)

    def learn(self, elapsed_s: float, expected: float, *, changed: bool) -> None:
        """Take in one visit; `expected` are the changes that were likely without the factor."""
        fade = math.exp2(-min(max(0.0, elapsed_s), ARTICLE.longest_s) / PAGE_HALF_LIFE_S)
        shown = likely(expected * self.factor) if changed else 0.0
        self.changes = _bounded(self.changes * fade + shown)
        self.expected = _bounded(self.expected * fade + expected)


@dataclass(slots=True)
class Channel:
    """How many addresses that nobody knew a channel brings: their sum, and the seconds in which it brought them."""

    brought: float = 0.0
    seconds: float = 0.0

    def rate(self, usual: float) -> float:
        """Return new addresses a second; `usual` is what a channel of its kind brings."""
        return min((_KNOWN + self.brought) / (_KNOWN / usual + self.seconds), MOST_A_SECOND)

    def learn(self, since: float, until: float, brought: int) -> None:
        """Take in that a visit at `until` brought so many since the one at `since`."""
        elapsed = min(max(0.0, until - since), ARTICLE.longest_s)
        fade = math.exp2(-elapsed / HALF_LIFE_S)
        self.brought = _bounded(self.brought * fade + min(max(brought, 0), _BROUGHT_MOST))
        self.seconds = self.seconds * fade + elapsed


_KNOWN: Final = 0.5


@dataclass(slots=True)
class Rhythm:
    """When in the day a site brings something: sums by UTC hour."""

    hours: list[float] = field(default_factory=lambda: [0.0] * 24)

    def shape(self) -> Shape:
        """Return the shape: smoothed over neighbouring hours, and the flatter the less is known."""
        near = [
            self.hours[hour - 1] / 4
            + self.hours[hour] / 2
            + self.hours[(hour + 1) % 24] / 4
            + _PRIOR_HOUR
            for hour in range(24)
        ]
        return tuple(value * 24 / sum(near) for value in near)

    def fade(self, elapsed_s: float) -> None:
        """Forget a part of it."""
        self.hours = [_faded(value, elapsed_s, HALF_LIFE_S) for value in self.hours]

    def learn(self, since: float, until: float, weight: float) -> None:
        """Take in that something came between two moments; more than a day apart they tell nothing of hours."""
        if not 0 < until - since <= DAY_S:
            return
        shape = self.shape()
        parts = list(stretches(since, until, shape if shape != FLAT else _UNEVEN))
        expected = [(last - first) * factor for first, last, factor in parts]
        for (first, _, _), share in zip(parts, shares(expected), strict=True):
            hour = int(first // HOUR_S) % 24
            self.hours[hour] = _bounded(self.hours[hour] + weight * share)


_PRIOR_HOUR: Final = 1.0
_UNEVEN: Final[Shape] = (1.0 + 1e-9, *FLAT[1:])
"""Flat, and parted into hours all the same."""
