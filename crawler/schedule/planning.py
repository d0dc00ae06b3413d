"""After a crawl: learn from what was visited, then say when each visited page is due again.

Hides in which batches that is done, and whose budget the price of a visit follows. It runs in the thread that writes,
when the crawl is over and analysis has caught up; a process that is killed here plans the rest next time.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archive.index.histories import Histories
from archive.model import Announcer
from archive.store.state import transaction
from crawler.discover.wordpress import place_of
from crawler.schedule.choice import USUAL_CHANNEL, article_due, channel_due, page_due
from crawler.schedule.learning import Lesson, Sort, lesson, told_since
from crawler.schedule.policy import ARTICLE, CHANNEL, DAY_S, back_off_s, steered
from crawler.schedule.rates import EVERYWHERE, PageRates, Price, Rates

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from crawler.frontier.claims import Planned
    from crawler.frontier.protocol import Frontier
    from crawler.schedule.choice import SiteRates
    from crawler.sites.site import Site

DAILY_BUDGET: Final = 1_000
"""Visits a day of a site that has no budget of its own, for new pages and known ones."""

_BATCH: Final = 500
_NEW_ROWS: Final = 10_000
_MOST_CHANNELS: Final = 100_000
_STEERED_S: Final = 3_600.0
_BARREN: Final = 20
_ROOTS: Final = frozenset([Announcer.SEED, Announcer.ROBOTS])

_TAKE_BACK: Final = """
UPDATE frontier SET planned = 0, due = NULL WHERE id IN (
  SELECT id FROM frontier WHERE planned = 1 AND site = ? AND due > ? LIMIT ?)
"""


def learn_and_plan(
    home: Path,
    frontier: Frontier,
    connection: sqlite3.Connection,
    sites: Sequence[Site],
    *,
    now: float,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Learn from all visits of the sites since the last time, and plan the next; return how many pages were planned.

    `connection` is the one to state.sqlite that the frontier works on; no transaction may be open. `now` is in seconds
    since 1970. Committed in batches; where `is_stopping` says that somebody wants an end, before each of them, the rest
    is left for the next time. Raises StorageError where `articles.sqlite` can't be read.
    """
    with closing(Histories(home)) as histories:
        planner = _Planner(histories, frontier, connection, now, is_stopping)
        last = planner.look_at_new()
        planned = sum(map(planner.plan, sites))
    if not is_stopping():
        with transaction(connection):
            Rates(connection).keep_cursor(last)
    return planned


@dataclass(slots=True)
class _Planner:
    """One time of learning and planning."""

    histories: Histories
    frontier: Frontier
    connection: sqlite3.Connection
    now: float
    is_stopping: Callable[[], bool]
    brought: Counter[str] = field(default_factory=Counter)

    def look_at_new(self) -> int:
        """Count the pages that are new in the frontier by the address that told of them; return the last row."""
        with transaction(self.connection):
            rates = Rates(self.connection)
            cursor = rates.cursor()
            query = "SELECT coalesce(max(id), 0) FROM frontier"
            (last,) = self.connection.execute(query).fetchone()
            if last < cursor:
                rates.forget_pages()
                cursor = 0
        for referrer in told_since(self.connection, cursor, _NEW_ROWS):
            if self.is_stopping():
                break
            if referrer in self.brought or len(self.brought) < _MOST_CHANNELS:
                self.brought[referrer] += 1
        return int(last)

    def plan(self, site: Site) -> int:
        """Plan a site's pages; return how many."""
        self._take_back(site)
        planned = 0
        while not self.is_stopping() and (rows := self.frontier.unplanned(site.name, _BATCH)):
            with transaction(self.connection):
                times = self._batch(site, rows)
            self.frontier.plan(times)
            planned += len(rows)
        return planned

    def _take_back(self, site: Site) -> None:
        """Let what a clock that ran ahead has planned for later than ever be planned again."""
        latest = self.now + ARTICLE.longest_s + DAY_S
        while True:
            with transaction(self.connection):
                taken = self.connection.execute(_TAKE_BACK, (site.name, latest, _BATCH)).rowcount
            if taken < _BATCH or self.is_stopping():
                return

    def _batch(self, site: Site, rows: Sequence[Planned]) -> list[tuple[int, float]]:
        """Learn from some pages of a site; return when each is due.

        A kill before these are planned does no harm: what was learned once is not learned again.
        """
        kept = Rates(self.connection)
        known = kept.pages([row.id for row in rows])
        everywhere, rates = kept.site(EVERYWHERE), kept.site(site.name)
        rates.everywhere = everywhere.ages
        everywhere.fade(self.now)
        rates.fade(self.now)
        lessons = []
        for row in sorted(rows, key=lambda row: (row.visited, row.id)):
            page = known.get(row.id) or PageRates()
            told = self.histories.of(row.url)
            lessons.append(lesson(row, told, page, rates, brought=self.brought[row.url]))
        market = site.name if site.daily_budget else ""
        kept.keep_site(site.name, rates, market)
        kept.keep_site(EVERYWHERE, everywhere, EVERYWHERE)
        kept.keep_pages((one.row.id, one.rates) for one in lessons)
        price = self._steer(kept, market, site.daily_budget, len(rows))
        return [
            (one.row.id, due_of(one, rates, site, price=price, now=self.now)) for one in lessons
        ]

    def _steer(self, kept: Rates, market: str, budget: int, visits: int) -> float:
        """Count visits in a market and return the price there, steered anew where an hour has passed."""
        known = kept.price(market)
        known.visits += visits
        elapsed = self.now - known.steered
        if not known.steered or elapsed < 0:
            known = Price(known.price, self.now, 0.0)
        elif elapsed >= _STEERED_S:
            wanted = budget or DAILY_BUDGET * kept.sites(market, self.now)
            price = steered(known.price, visits=known.visits, budget=wanted, elapsed_s=elapsed)
            known = Price(price, self.now, 0.0)
        kept.keep_price(market, known)
        return known.price


def due_of(one: Lesson, rates: SiteRates, site: Site, *, price: float, now: float) -> float:
    """Return when a page is due (seconds since 1970): never later than 30 days from `now`, whatever the clock said."""
    visited = min(one.row.visited, now)
    is_channel = one.row.is_source or one.row.announcer is Announcer.SEED
    bounds = CHANNEL if is_channel else ARTICLE
    if one.sort is Sort.FAILED:
        return visited + back_off_s(one.row.errors, bounds)
    if one.sort is Sort.GONE:
        stands = visited - (visited if one.rates.stands is None else one.rates.stands)
        return visited + min(max(stands, DAY_S), bounds.longest_s)
    if one.sort is Sort.ARTICLE:
        due = article_due(visited, rates, one.rates.own, published=one.published, price=price)
        return _scattered(visited, due, one.row.id)
    if one.sort is Sort.PAGE:
        due = page_due(visited, one.rates.channel, shape=rates.rhythm.shape(), price=price)
        return _scattered(visited, due, one.row.id)
    if site.every_s > 0 and _is_for_every_round(one, site.every_s):
        return visited + min(site.every_s / 2, CHANNEL.longest_s)
    return channel_due(visited, one.rates.channel, shape=rates.rhythm.shape(), price=price)


def _is_for_every_round(one: Lesson, every_s: float) -> bool:
    """Whether a channel is asked in every round: a REST list, and what the seeds and robots.txt name.

    A listing is so only as long as it is likely to tell of something in one of `_BARREN` rounds: where feeds, sitemaps
    or REST lists tell of all, listings bring nothing. The others are asked as often as they are worth it, once a day
    at least: there may be a feed for every tag, and a list for every author.
    """
    row = one.row
    if row.announcer in _ROOTS or place_of(row.url) is not None:
        return True
    if row.hop > 1:
        return False
    return row.is_source or one.rates.channel.rate(USUAL_CHANNEL) * every_s * _BARREN >= 1


def _scattered(visited: float, due: float, number: int) -> float:
    """Return a date up to a fifth of the wait earlier, by the row's number, where the wait is more than a day.

    The old articles that a first crawl brings are alike, and would all be due in one hour.
    """
    wait = due - visited
    if wait <= DAY_S:
        return due
    return due - wait * 0.2 * (number * 2_654_435_761 % 2**32 / 2**32)
