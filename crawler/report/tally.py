"""What a crawl has done so far, counted; the live display and the report both read it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archive.model import Capture, Exchange, Kind, Outcome
from archive.requisites import RequisiteKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.frontier.claims import Claim

ARTICLE_COUNTS = ("new", "changed", "unchanged", "gone")

PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})

FAILURES = frozenset(
    {
        Outcome.ROBOTS_UNREACHABLE,
        Outcome.TIMEOUT,
        Outcome.DNS,
        Outcome.TLS,
        Outcome.CONNECTION,
        Outcome.HTTP_ERROR,
        Outcome.TRUNCATED,
    }
)
"""Outcomes that a person may want to look at; the rest are as expected."""


MISSING_SHOWN = 100
"""Requisites of a site that are named in its report; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A requisite that could not be had; `page` is the address that named it."""

    url: str
    reason: str
    page: str


@dataclass(slots=True)
class SiteTally:
    """The counts of one site. `outcomes` are those of pages and requisites, `requisite_outcomes` of the latter.

    Where it `ended` as "put off", `put_off_until` is when it can go on (seconds since 1970, UTC), and why not now.
    """

    name: str
    pages: int = 0
    captures: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    requisites: int = 0
    requisite_outcomes: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    missing: int = 0
    missed: list[Missing] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    known: int = 0
    due: int = 0
    unread: int = 0
    ended: str = ""
    resumed: bool = False
    put_off_until: float = 0.0
    put_off_because: str = ""

    @property
    def visits(self) -> int:
        """How many visits to pages there were, those that come to the same page again counted, too."""
        return self.outcomes.total() - self.requisite_outcomes.total()

    @property
    def errors(self) -> int:
        """How many visits to pages failed; those to pages that were there before and are gone did not."""
        failed = sum(
            self.outcomes[outcome] - self.requisite_outcomes[outcome] for outcome in FAILURES
        )
        return failed - self.gone

    @property
    def has_failed(self) -> bool:
        """True where nothing at all could be had of the site, or its crawl broke off."""
        return self.is_bare or (self.pages == 0 and self.errors > 0) or self.ended == "error"

    @property
    def is_bare(self) -> bool:
        """True where nothing was captured though something was due, or nobody can say."""
        if self.captures or self.outcomes[Outcome.WITHHELD]:
            return False
        return bool(self.outcomes) or self.ended not in {"finished", "put off"}

    def saw(
        self, claim: Claim, capture: Capture, outcome: Outcome, *, mime: str, is_final: bool
    ) -> None:
        """Count one capture that shows a `mime`; `is_final` where the address is not tried again in this crawl."""
        self.captures += 1
        self.outcomes[outcome] += 1
        is_good = 200 <= capture.status < 300 or outcome is Outcome.NOT_MODIFIED
        if not claim.is_requisite:
            self.gone += claim.visited is not None and capture.status in {404, 410}
            self.pages += mime in PAGE_TYPES and is_good
            return
        self.requisite_outcomes[outcome] += 1
        self.requisites += is_good and outcome not in FAILURES
        if outcome in FAILURES and is_final:
            said = f"{outcome} {capture.status}" if outcome is Outcome.HTTP_ERROR else str(outcome)
            self._miss(claim, said)

    def failed(self, claim: Claim, outcome: Outcome, *, is_final: bool) -> None:
        """Count one visit that brought no capture."""
        self.outcomes[outcome] += 1
        if claim.is_requisite:
            self.requisite_outcomes[outcome] += 1
            if is_final:
                self._miss(claim, str(outcome))

    def _miss(self, claim: Claim, reason: str) -> None:
        if claim.kind == RequisiteKind.FAVICON:
            return
        self.missing += 1
        if len(self.missed) < MISSING_SHOWN:
            self.missed.append(Missing(claim.url, reason, claim.via.referrer))


@dataclass(slots=True)
class Tally:
    """The counts of one crawl. `wire_bytes` are those of requests and answers, chunk framing and TLS aside."""

    sites: dict[str, SiteTally] = field(default_factory=dict)
    wire_bytes: int = 0
    current: str = ""
    failure: str = ""
    is_analysed: bool = True
    analysis: Mapping[str, object] = field(default_factory=dict)

    def site(self, name: str) -> SiteTally:
        """Return the counts of a site, begun at nothing."""
        return self.sites.setdefault(name, SiteTally(name))

    @property
    def pages(self) -> int:
        """Pages captured, over all sites."""
        return sum(site.pages for site in self.sites.values())

    @property
    def requisites(self) -> tuple[int, int]:
        """Requisites captured, and those that could not be had, over all sites."""
        sites = self.sites.values()
        return sum(site.requisites for site in sites), sum(site.missing for site in sites)

    @property
    def outcomes(self) -> Counter[str]:
        """How visits ended, over all sites."""
        total: Counter[str] = Counter()
        for site in self.sites.values():
            total.update(site.outcomes)
        return total

    @property
    def articles(self) -> dict[str, int]:
        """What analysis says of articles: new, changed, unchanged, gone."""
        counts = self.analysis.get("articles", {})
        assert isinstance(counts, dict)
        return {name: int(counts.get(name, 0)) for name in ARTICLE_COUNTS}

    @property
    def backlog(self) -> int:
        """Captures that wait for analysis."""
        backlog = self.analysis.get("backlog", 0)
        assert isinstance(backlog, int)
        return backlog

    @property
    def problems(self) -> tuple[str, ...]:
        """What analysis could not read."""
        problems = self.analysis.get("problems", [])
        assert isinstance(problems, list)
        return tuple(str(problem) for problem in problems)


def size_on_wire(exchange: Exchange, body_bytes: int) -> int:
    """Return the bytes of an exchange: request, heads and entity."""
    return len(exchange.request) + len(exchange.interim) + len(exchange.head) + body_bytes


def outcome_of(capture: Capture, *, last_digest: str | None) -> Outcome:
    """Return what a capture means for the crawl; `last_digest` is that of the same address's last visit.

    A 304 that speaks of nothing stored is an error: nobody asked for it, or what it speaks of is gone.
    """
    if capture.truncated is not None:
        return Outcome.TRUNCATED
    if capture.status == 304:
        return Outcome.NOT_MODIFIED if capture.kind is Kind.REVISIT else Outcome.HTTP_ERROR
    if capture.status >= 400 or capture.status < 100:
        return Outcome.HTTP_ERROR
    if last_digest == capture.digest:
        return Outcome.UNCHANGED
    return Outcome.DUPLICATE if capture.kind is Kind.REVISIT else Outcome.STORED
