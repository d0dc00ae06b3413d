"""Which wait each kind of page gets: what was learned of it put into the policy's terms, floors and bounds included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crawler.schedule.estimates import Ages, Channel, Own, Rhythm
from crawler.schedule.policy import (
    ARTICLE,
    CHANNEL,
    DAY_S,
    FLAT,
    are_moments,
    article_stretches,
    channel_stretches,
    floor_after,
    stretches,
    wait_s,
)

if TYPE_CHECKING:
    from crawler.schedule.policy import Bounds, Shape

USUAL_CHANNEL: Final = 2 / DAY_S
"""New addresses a second of a channel that was never seen."""

USUAL_PAGE: Final = 1 / (180 * DAY_S)
"""The same of a page that is neither a channel nor an article: there may be thousands of tags and archives."""


@dataclass(slots=True, kw_only=True)
class SiteRates:
    """What was learned of one site; `learned` is up to when (seconds since 1970, UTC).

    `everywhere` is what was learned of the articles of all sites, and shared by them: what holds for articles of an age
    of which this site has shown little.
    """

    ages: Ages = field(default_factory=Ages)
    everywhere: Ages = field(default_factory=Ages)
    rhythm: Rhythm = field(default_factory=Rhythm)
    learned: float = 0.0

    def article_rates(self) -> tuple[float, ...]:
        """Return changes a second of its articles by bucket of age."""
        return self.ages.rates(self.everywhere.rates())

    def fade(self, now: float) -> None:
        """Forget what time has made old; a clock that went back forgets nothing."""
        if self.learned:
            self.ages.fade(now - self.learned)
            self.rhythm.fade(now - self.learned)
        self.learned = now


def article_due(now: float, site: SiteRates, own: Own, *, published: float, price: float) -> float:
    """Return when an article that was visited just `now` is due again (seconds since 1970)."""
    expected = article_stretches(now, published, site.article_rates(), factor=own.factor)
    due = now + wait_s(expected, price, ARTICLE)
    floor = floor_after(published, now)
    return due if floor is None else max(min(due, floor), now + ARTICLE.shortest_s)


def channel_due(
    now: float, channel: Channel, *, shape: Shape, price: float, bounds: Bounds = CHANNEL
) -> float:
    """Return when a channel that was visited just `now` is due again (seconds since 1970)."""
    rate = channel.rate(USUAL_CHANNEL)
    return now + wait_s(
        channel_stretches(now, rate, shape=shape, longest_s=bounds.longest_s), price, bounds
    )


def page_due(now: float, channel: Channel, *, shape: Shape, price: float) -> float:
    """Return when a page that never told of anything new is due again (seconds since 1970)."""
    rate = channel.rate(USUAL_PAGE)
    expected = channel_stretches(now, rate, shape=shape, longest_s=ARTICLE.longest_s)
    return now + wait_s(expected, price, ARTICLE)


def learn_article(
    site: SiteRates, own: Own, *, published: float, since: float, until: float, changed: bool
) -> None:
    """Take in what a visit of an article at `until` showed since the one at `since`."""
    if not are_moments(since, until):
        return
    start, end = max(0.0, since - published), max(0.0, until - published)
    if not start < end:
        return
    factor, rates = own.factor, site.article_rates()
    expected = site.ages.learn((start, end), rates, factor, changed=changed)
    site.everywhere.learn((start, end), rates, factor, changed=changed)
    own.learn(until - since, expected / factor, changed=changed)


def learn_channel(
    site: SiteRates, channel: Channel, *, since: float, until: float, brought: int
) -> None:
    """Take in what a visit of a channel at `until` brought since the one at `since`."""
    if not are_moments(since, until):
        return
    shape = site.rhythm.shape()
    times = _passed(since, until, shape)
    channel.learn(until - times, until, brought)
    site.rhythm.learn(since, until, min(brought, 3))


def _passed(since: float, until: float, shape: Shape) -> float:
    """Return the seconds between two moments, those that count for more by the shape as more."""
    if shape == FLAT:
        return until - since
    return sum((last - first) * times for first, last, times in stretches(since, until, shape))
