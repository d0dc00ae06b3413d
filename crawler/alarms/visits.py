"""How the visits of a crawl to pages and channels went, from the counts of its report; requisites do not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from archive.model import Outcome
from crawler.report.tally import FAILURES

if TYPE_CHECKING:
    from crawler.report.tally import SiteTally

_SUCCESSES: Final = frozenset(
    [Outcome.STORED, Outcome.UNCHANGED, Outcome.DUPLICATE, Outcome.NOT_MODIFIED, Outcome.WITHHELD]
)


@dataclass(frozen=True, slots=True)
class Visits:
    """How many succeeded, failed, and were not made because robots.txt forbids them or can't be had."""

    successes: int = 0
    errors: int = 0
    disallowed: int = 0
    unreachable: int = 0

    @classmethod
    def of(cls, tally: SiteTally | None) -> Self:
        """Return the visits of a site, none for one that was not crawled."""
        if tally is None:
            return cls()
        counts = tally.outcomes - tally.requisite_outcomes
        return cls(
            successes=sum(counts[outcome] for outcome in _SUCCESSES),
            errors=sum(counts[outcome] for outcome in FAILURES - {Outcome.ROBOTS_UNREACHABLE}),
            disallowed=counts[Outcome.ROBOTS],
            unreachable=counts[Outcome.ROBOTS_UNREACHABLE],
        )
