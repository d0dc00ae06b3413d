"""Made-up sites for the simulation of revisits: when they publish, when they edit, and what their channels show.

Nothing here knows a policy. Times are seconds since 1970, of a simulation that begins on a Monday.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass, field

HOUR = 3_600.0
DAY = 86_400.0
BEGIN = 1_767_571_200.0  # Monday, 5 January 2026
NIGHT = 0.03


@dataclass
class Article:
    """One article: when it appears and when its text changes; `known` where it stands before the simulation.

    `dated` says for each edit whether feeds and sitemaps give a later date of modification for it.
    """

    published: float
    edits: list[float]
    dated: list[bool]
    known: bool = False
    section: int = 0

    def modified(self, moment: float) -> float:
        """Return the date of modification that is given then."""
        edits = zip(self.edits, self.dated, strict=True)
        return max(
            [edit for edit, dated in edits if dated and edit <= moment], default=self.published
        )

    def version(self, moment: float) -> int:
        """Return how many edits were made by then."""
        return bisect_right(self.edits, moment)


@dataclass
class Feed:
    """A channel that shows the newest `size` articles of one section, or of all (section -1)."""

    name: str
    size: int
    section: int = -1
    is_dated: bool = False
    times: list[float] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)

    def state(self, moment: float) -> int:
        """Return how many of its articles had appeared by then: what it shows changes with that."""
        return bisect_right(self.times, moment)

    def seen(self, moment: float) -> list[int]:
        """Return the articles that it shows."""
        end = self.state(moment)
        return self.shown[max(0, end - self.size) : end]


@dataclass
class World:
    """One site over the whole of the simulation."""

    name: str
    articles: list[Article]
    channels: list[Feed]


@dataclass(frozen=True)
class Kind:
    """How a sort of site behaves.

    `a_week`: articles; `hours`: from, to, in which they appear; `weekend`: how many times as many then; `early`,
    `late`: edits of an article within some hours, and within a month; `old`: articles that stand there, each edited
    every `old_every` days; `burst`: articles that come together within two hours; `dated`: the share of edits with a
    later date. `feed` and `page` are how many articles the feed and the front page show.
    """

    name: str
    a_week: float
    hours: tuple[float, float]
    weekend: float
    early: float
    late: float
    old: int
    old_every: float
    feed: int
    page: int
    burst: int = 1
    dated: float = 0.7


KINDS = (
    Kind("newsroom", 110, (5, 21), 0.35, 1.0, 0.15, 300, 120, 20, 30),
    Kind("fan site", 3, (16, 23), 1.5, 0.3, 0.10, 120, 365, 10, 10),
    Kind("bursts", 40, (8, 20), 1.0, 0.4, 0.10, 150, 365, 10, 15, burst=18),
    Kind("wire", 300, (0, 24), 0.8, 2.0, 0.10, 200, 365, 30, 40),
    Kind("stealth", 25, (6, 18), 0.3, 0.5, 0.50, 250, 90, 10, 15, dated=0.0),
    Kind("daily", 35, (4, 5), 1.0, 0.3, 0.10, 100, 365, 10, 15),
)

SECTIONS = 4


def make(kind: Kind, seed: int, days: int) -> World:
    """Return a site of a kind; the same for the same seed."""
    draw = random.Random(f"{kind.name} {seed}")
    until = BEGIN + days * DAY
    times = _appearances(kind, draw, days)
    articles = [_article(kind, draw, time, _edits(kind, draw, time, until)) for time in times]
    for _ in range(kind.old):
        published = BEGIN - draw.uniform(5, 400) * DAY
        edits = _poisson(draw, BEGIN, until, 1 / (kind.old_every * DAY))
        articles.append(_article(kind, draw, published, edits, known=True))
    articles.sort(key=lambda article: article.published)
    return World(kind.name, articles, _channels(kind, articles))


def _article(
    kind: Kind, draw: random.Random, published: float, edits: list[float], *, known: bool = False
) -> Article:
    dated = [draw.random() < kind.dated for _ in edits]
    return Article(published, edits, dated, known=known, section=draw.randrange(SECTIONS))


def _channels(kind: Kind, articles: list[Article]) -> list[Feed]:
    channels = [
        Feed("feed", kind.feed, is_dated=True),
        Feed("front page", kind.page),
        Feed("sitemap", 50_000, is_dated=True),
        *(Feed(f"section {number}", kind.page, number) for number in range(SECTIONS)),
    ]
    for channel in channels:
        for number, article in enumerate(articles):
            if channel.section in (-1, article.section):
                channel.times.append(article.published)
                channel.shown.append(number)
    return channels


def _appearances(kind: Kind, draw: random.Random, days: int) -> list[float]:
    times: list[float] = []
    start, end = kind.hours
    for day in range(days):
        weekend = day % 7 >= 5
        weight = kind.weekend if weekend else 1.0
        mean = kind.a_week / (5 + 2 * kind.weekend) * weight / kind.burst
        for _ in range(_count(draw, mean)):
            hour = start + (end - start) * (
                draw.random() if end - start > 20 else draw.betavariate(2, 2.5)
            )
            if draw.random() < NIGHT:
                hour = draw.uniform(0, 24)
            at = BEGIN + day * DAY + hour * HOUR
            times.extend(
                at + draw.uniform(0, 2 * HOUR if kind.burst > 1 else 1) for _ in range(kind.burst)
            )
    return sorted(times)


def _edits(kind: Kind, draw: random.Random, published: float, until: float) -> list[float]:
    """Return the edits of one article: few articles get most of them, and most come in the first hours."""
    eager = draw.gammavariate(0.7, 1 / 0.7)
    early = [draw.expovariate(1 / (2.5 * HOUR)) for _ in range(_count(draw, kind.early * eager))]
    late = [
        math.exp(draw.uniform(math.log(3 * HOUR), math.log(30 * DAY)))
        for _ in range(_count(draw, kind.late * eager))
    ]
    return sorted(published + age for age in early + late if published + age < until)


def _count(draw: random.Random, mean: float) -> int:
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count


def _poisson(draw: random.Random, start: float, until: float, rate: float) -> list[float]:
    times, moment = [], start
    while (moment := moment + draw.expovariate(rate)) < until:
        times.append(moment)
    return times
