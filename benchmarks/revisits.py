"""How late a crawl is by policy, at equal requests: `python -m benchmarks.revisits [--seeds 6] [--days 30]`.

Six made-up sites are crawled together for a month. *Lag* is the time from a publication or an edit to the next visit
of that article, up to the end of the simulation where none came; a version is *lost* where the next edit came before
that visit. The rules of Nutch and Heritrix run with their own factors, from several waits after a first visit; that
makes so many requests, and then the fixed interval and the budget of ours are set so that they make as many.
Nobody looks at dates of modification but ours in the last line of each table.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from benchmarks.revisit_policies import Debt, Fixed, Heritrix, Nutch, Page
from benchmarks.revisit_sites import BEGIN, DAY, HOUR, KINDS, Article, Feed, World, make

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.revisit_policies import Policy

FAILING = 0.01
"""Visits that time out; every policy tries again after ten minutes."""

YOUNG = 3 * DAY
KINDS_OF_LAG = ("published", "edited young", "edited old")


@dataclass
class Result:
    """What came of one run; lags in seconds, by what they are of."""

    requests: int = 0
    lost: int = 0
    lags: dict[str, list[float]] = field(
        default_factory=lambda: {kind: [] for kind in KINDS_OF_LAG}
    )
    stale_s: float = 0.0
    lifetime_s: float = 0.0

    def take(self, other: Result) -> None:
        """Add another run."""
        self.requests += other.requests
        self.lost += other.lost
        self.stale_s += other.stale_s
        self.lifetime_s += other.lifetime_s
        for kind, lags in other.lags.items():
            self.lags[kind].extend(lags)

    @property
    def all(self) -> list[float]:
        """All lags."""
        return [lag for lags in self.lags.values() for lag in lags]

    @property
    def mean(self) -> float:
        """The mean lag."""
        return statistics.fmean(self.all)


@dataclass
class Known:
    """A page in the queue: `token` is that of its one entry that counts."""

    what: Article | Feed
    page: Page
    token: int = 0


class Simulation:
    """Some sites, crawled for some days by one policy."""

    def __init__(
        self, worlds: Sequence[World], policy: Policy, *, days: int, seed: int, heeds_dates: bool
    ) -> None:
        self.worlds = worlds
        self.policy = policy
        self.until = BEGIN + days * DAY
        self.heeds_dates = heeds_dates
        self.result = Result()
        self.visits: list[dict[int, list[float]]] = [defaultdict(list) for _ in worlds]
        self.known: list[dict[int, Known]] = [{} for _ in worlds]
        self.queue: list[tuple[float, int, Known]] = []
        self.tokens = 0
        self.draw = random.Random(seed)

    def run(self) -> Result:
        """Crawl, and return what came of it."""
        for site, world in enumerate(self.worlds):
            for number, article in enumerate(world.articles):
                if article.known:
                    at = BEGIN + self.draw.uniform(0, HOUR)
                    self._announce(site, number, article.published, at)
            for channel in world.channels:
                page = Page(site, is_channel=True, published=0.0)
                self._push(BEGIN + self.draw.uniform(0, 600), Known(channel, page))
        while self.queue and self.queue[0][0] < self.until:
            now, token, known = heapq.heappop(self.queue)
            if token == known.token:
                self._visit(now, known)
        for world, visits in zip(self.worlds, self.visits, strict=True):
            for number, article in enumerate(world.articles):
                self._judge(article, visits.get(number, []))
        return self.result

    def _announce(self, site: int, number: int, published: float, at: float) -> None:
        known = Known(
            self.worlds[site].articles[number], Page(site, False, published, number=number)
        )
        self.known[site][number] = known
        self._push(at, known)

    def _push(self, at: float, known: Known) -> None:
        self.tokens += 1
        known.token = self.tokens
        heapq.heappush(self.queue, (at, self.tokens, known))

    def _visit(self, now: float, known: Known) -> None:
        self.result.requests += 1
        if self.draw.random() < FAILING:
            self._push(now + 600, known)
            return
        page, brought = known.page, 0
        if isinstance(known.what, Feed):
            brought = self._read(now, page.site, known.what)
            state = known.what.state
        else:
            self.visits[page.site][page.number].append(now)
            state = known.what.version
        changed = None if not page.visited else state(now) != state(page.visited)
        due = self.policy.visit(page, now, changed=changed, brought=brought)
        page.visited = now
        self._push(max(due, now + 60), known)

    def _read(self, now: float, site: int, channel: Feed) -> int:
        """Announce what a channel shows; return how much of it nobody knew."""
        brought = 0
        for number in channel.seen(now):
            known = self.known[site].get(number)
            if known is None:
                brought += 1
                self._announce(site, number, now, now + 2 * brought)
            elif self.heeds_dates and channel.is_dated and known.page.visited:
                modified = self.worlds[site].articles[number].modified(now)
                if modified > known.page.visited:
                    self._push(now + 2, known)
        return brought

    def _judge(self, article: Article, visits: list[float]) -> None:
        """Tell what became of everything that happened to an article."""
        result = self.result
        start = max(BEGIN, article.published)
        moments = ([] if article.known else [article.published]) + article.edits
        result.lifetime_s += self.until - start
        fresh = start
        for moment, following in zip_longest(moments, moments[1:]):
            seen = next((visit for visit in visits if visit >= moment), self.until)
            result.lags[_kind(article, moment)].append(seen - moment)
            result.lost += following is not None and following <= seen
            result.stale_s += max(0.0, seen - max(moment, fresh))
            fresh = max(fresh, seen)


def _kind(article: Article, moment: float) -> str:
    if moment == article.published:
        return KINDS_OF_LAG[0]
    return KINDS_OF_LAG[1] if moment - article.published <= YOUNG else KINDS_OF_LAG[2]


def simulate(
    policy: Callable[[float], Policy],
    knob: float,
    *,
    seed: int,
    days: int,
    heeds_dates: bool = False,
) -> Result:
    """Return what one run of a policy comes to."""
    worlds = [make(kind, seed, days) for kind in KINDS]
    run = Simulation(worlds, policy(knob), days=days, seed=seed, heeds_dates=heeds_dates)
    return run.run()


def debt(knob: float) -> Debt:
    """Return ours, with a budget a day."""
    return Debt.of(knob, len(KINDS))


def equalled(
    policy: Callable[[float], Policy],
    requests: int,
    *,
    seed: int,
    days: int,
    heeds_dates: bool = False,
    tries: int = 8,
) -> Result:
    """Return the run of a policy whose requests come nearest to so many."""
    knob = 1.5 * DAY if policy is Fixed else requests / days
    best: Result | None = None
    for _ in range(tries):
        result = simulate(policy, knob, seed=seed, days=days, heeds_dates=heeds_dates)
        off = result.requests / requests
        if best is None or abs(off - 1) < abs(best.requests / requests - 1):
            best = result
        if abs(off - 1) < 0.003:
            break
        knob *= off if policy is Fixed else 1 / off
    assert best is not None
    return best


Row = dict[str, Result]


def compared(task: tuple[str, float, int, int]) -> Row:
    """Run one rival, and the others with as many requests."""
    rival, wait, seed, days = task
    own = simulate(RIVALS[rival], wait, seed=seed, days=days)
    return {
        rival: own,
        "fixed": equalled(Fixed, own.requests, seed=seed, days=days),
        "ours": equalled(debt, own.requests, seed=seed, days=days),
        "ours, dates": equalled(debt, own.requests, seed=seed, days=days, heeds_dates=True),
    }


RIVALS: dict[str, Callable[[float], Policy]] = {"nutch": Nutch, "heritrix": Heritrix}


def line(name: str, result: Result, seeds: int, rival: Result) -> str:
    lags = result.all
    deciles = statistics.quantiles(lags, n=10)
    hours = [result.mean, statistics.median(lags), deciles[8]]
    hours += [statistics.fmean(result.lags[kind]) for kind in KINDS_OF_LAG]
    return (
        f"{name:12}{result.requests / seeds:9,.0f} |{hours[0] / HOUR:7.2f}{hours[1] / HOUR:7.2f}{hours[2] / HOUR:7.2f}"
        f"{rival.mean / result.mean:7.1f}x |{hours[3] / HOUR:7.2f}{hours[4] / HOUR:7.2f}{hours[5] / HOUR:7.1f} |"
        f"{100 - 100 * result.stale_s / result.lifetime_s:7.2f}{100 * result.lost / len(lags):7.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--waits", type=float, nargs="+", default=[1, 6, 24], help="hours")
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    print(
        f"{len(KINDS)} sites, {options.days} days, {options.seeds} seeds; lags in hours, the rest in percent"
    )
    print(
        f"{'':12}{'requests':>9} |{'mean':>7}{'median':>7}{'p90':>7}{'':8} |{'publ.':>7}{'young':>7}{'old':>7} |{'fresh':>7}{'lost':>7}"
    )
    with ProcessPoolExecutor() as pool:
        for rival in RIVALS:
            for wait in options.waits:
                tasks = [(rival, wait * HOUR, seed, options.days) for seed in seeds]
                total: Row = defaultdict(Result)
                for row in pool.map(compared, tasks):
                    for name, result in row.items():
                        total[name].take(result)
                print(f"\n{rival} from {wait:g} h")
                for name, result in total.items():
                    print(line(name, result, options.seeds, total[rival]), flush=True)


if __name__ == "__main__":
    main()
