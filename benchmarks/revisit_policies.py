"""The policies that the simulation of revisits compares: the real one, and what others do.

Nutch: `AdaptiveFetchSchedule` of Apache Nutch (src/java/org/apache/nutch/crawl, Apache License 2.0) by Andrzej Bialecki,
with the factors of conf/nutch-default.xml. Heritrix: `WaitEvaluator` of Heritrix 1.14's AdaptiveRevisitFrontier (LGPL) by
Kristinn Sigurdsson, with its factors. Both are described here in our words. The knob of each policy is what its requests
are set with: the wait after a page's first visit, and for ours the daily budget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from crawler.schedule.choice import (
    SiteRates,
    article_due,
    channel_due,
    learn_article,
    learn_channel,
)
from crawler.schedule.estimates import Ages, Channel, Own
from crawler.schedule.policy import ARTICLE, CHANNEL, FIRST_PRICE_S, Bounds, steered


@dataclass(slots=True)
class Page:
    """What a policy may know of a page: visits that went well, and what they showed."""

    site: int
    is_channel: bool
    published: float
    number: int = 0
    visited: float = 0.0
    interval: float = 0.0
    modified: float = 0.0
    own: Own = field(default_factory=Own)
    channel: Channel = field(default_factory=Channel)

    @property
    def bounds(self) -> Bounds:
        """The same for all policies."""
        return CHANNEL if self.is_channel else ARTICLE


class Policy(Protocol):
    """Says when a page is visited next."""

    def visit(self, page: Page, now: float, *, changed: bool | None, brought: int) -> float:
        """Return when it is due after a visit; `changed` is None for the first."""


def _bounded(page: Page, interval: float) -> float:
    return min(max(interval, page.bounds.shortest_s), page.bounds.longest_s)


@dataclass
class Fixed:
    """Every page after the same time."""

    knob: float

    def visit(self, page: Page, now: float, *, changed: bool | None, brought: int) -> float:
        return now + _bounded(page, self.knob)


@dataclass
class Nutch:
    """The wait shrinks by a fifth after a change and grows by two fifths without one.

    `sync_delta`: a wait shorter than the time since the last change that was seen becomes that time, and three tenths of
    that time are taken from the next wait.
    """

    knob: float
    inc_rate = 0.4
    dec_rate = 0.2
    sync_delta_rate = 0.3

    def visit(self, page: Page, now: float, *, changed: bool | None, brought: int) -> float:
        interval = page.interval or self.knob
        if changed is None or changed:
            page.modified = now
        if changed is not None:
            interval *= 1 - self.dec_rate if changed else 1 + self.inc_rate
        delta = now - page.modified
        interval = _bounded(page, max(interval, delta))
        page.interval = interval
        # Its known fault NUTCH-1564, visits that are due before now, is held in by the bound.
        return now + _bounded(page, interval - delta * self.sync_delta_rate)


@dataclass
class Heritrix:
    """The wait is divided by 1.5 after a change and multiplied by 1.5 without one."""

    knob: float
    changed_factor = 1.5
    unchanged_factor = 1.5

    def visit(self, page: Page, now: float, *, changed: bool | None, brought: int) -> float:
        interval = page.interval or self.knob
        if changed is not None:
            interval = (
                interval / self.changed_factor if changed else interval * self.unchanged_factor
            )
        page.interval = _bounded(page, interval)
        return now + page.interval


@dataclass
class Debt:
    """The real policy; `knob` is the budget of visits a day of all sites together."""

    knob: float
    sites: list[SiteRates]
    price: float = FIRST_PRICE_S
    steered: float = 0.0
    visits: int = 0

    @classmethod
    def of(cls, knob: float, count: int) -> Debt:
        """Return the policy for so many sites that nobody has seen."""
        everywhere = Ages()
        return cls(knob, [SiteRates(everywhere=everywhere) for _ in range(count)])

    def visit(self, page: Page, now: float, *, changed: bool | None, brought: int) -> float:
        self._steer(now)
        site = self.sites[page.site]
        if changed is not None:
            site.fade(now)
            self._learn(site, page, now, changed=changed, brought=brought)
        if page.is_channel:
            shape = site.rhythm.shape()
            return channel_due(now, page.channel, shape=shape, price=self.price)
        return article_due(now, site, page.own, published=page.published, price=self.price)

    def _learn(
        self, site: SiteRates, page: Page, now: float, *, changed: bool, brought: int
    ) -> None:
        if page.is_channel:
            learn_channel(site, page.channel, since=page.visited, until=now, brought=brought)
        else:
            learn_article(
                site,
                page.own,
                published=page.published,
                since=page.visited,
                until=now,
                changed=changed,
            )

    def _steer(self, now: float) -> None:
        """Steer the price every hour, as planning does."""
        self.visits += 1
        self.steered = self.steered or now
        elapsed = now - self.steered
        if elapsed >= 3_600:
            self.price = steered(
                self.price, visits=self.visits, budget=self.knob, elapsed_s=elapsed
            )
            self.sites[0].everywhere.fade(elapsed)
            self.steered, self.visits = now, 0
