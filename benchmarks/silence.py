"""How often a site is called silent that is not, by how long its pause is held against its longest: `python -m benchmarks.silence`.

Sites publish for two years by four processes and are looked at after each pause; the last 300 articles are known.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DAYS = 730
SITES = 200
KNOWN = 300
FACTORS = (1.5, 2.0, 3.0)


def steady(chance: random.Random) -> float:
    """One article a day on average, at any time."""
    return chance.expovariate(1.0)


def seldom(chance: random.Random) -> float:
    """One article in ten days on average."""
    return chance.expovariate(0.1)


def bursts(chance: random.Random) -> float:
    """Several in an hour, then days of nothing (log-normal, sigma 1.5)."""
    return chance.lognormvariate(-1.0, 1.5)


def workdays(chance: random.Random) -> float:
    """Five a day in the week, none at its end."""
    return 3.0 if chance.random() < 0.04 else chance.expovariate(5.0)


def pauses(gap: Callable[[random.Random], float], chance: random.Random) -> Iterator[float]:
    """Yield each pause of two years as a multiple of what may pass: the longest of those before, a day at least."""
    gaps: list[float] = []
    passed = 0.0
    while passed < DAYS:
        now = gap(chance)
        last = gaps[-KNOWN:]
        if len(last) >= 10 and sum(last) >= 14:
            yield now / max(last) if now > 1.0 else 0.0
        gaps.append(now)
        passed += now


def main() -> None:
    """Print false alarms of a site in a year."""
    print(f"{'':<10} " + " ".join(f"{f'x {factor}':>7}" for factor in FACTORS))
    for gap in (steady, seldom, bursts, workdays):
        counts = dict.fromkeys(FACTORS, 0)
        for seed in range(SITES):
            for share in pauses(gap, random.Random(seed)):
                for factor in FACTORS:
                    counts[factor] += share > factor
        rates = " ".join(f"{counts[factor] / SITES / (DAYS / 365):>7.3f}" for factor in FACTORS)
        print(f"{gap.__name__:<10} {rates}")


if __name__ == "__main__":
    main()
