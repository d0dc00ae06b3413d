"""What a crawl has done so far, counted; the live display and the report both read it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archive.model import Capture, Exchange, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

ARTICLE_COUNTS = ("new", "changed", "unchanged", "gone")

PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})

FAILURES = frozenset(
    {
        Outcome.TIMEOUT,
        Outcome.DNS,
        Outcome.TLS,
        Outcome.CONNECTION,
        Outcome.HTTP_ERROR,
        Outcome.TRUNCATED,
    }
)
"""Outcomes that a person may want to look at; the rest are as expected."""


@dataclass(slots=True)
class SiteTally:
    """The counts of one site."""

    name: str
    pages: int = 0
    captures: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    known: int = 0
    due: int = 0
    unread: int = 0
    ended: str = ""
    resumed: bool = False

    @property
    def errors(self) -> int:
        """How many visits failed."""
        return sum(self.outcomes[outcome] for outcome in FAILURES)

    @property
    def has_failed(self) -> bool:
        """True where nothing at all could be had of the site, or its crawl broke off."""
        return self.captures == 0 or (self.pages == 0 and self.errors > 0) or self.ended == "error"


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

    def saw(self, site: str, capture: Capture, outcome: Outcome) -> None:
        """Count one capture of an address of `site`."""
        counts = self.site(site)
        counts.captures += 1
        counts.outcomes[outcome] += 1
        counts.pages += capture.mime in PAGE_TYPES and 200 <= capture.status < 300
        self.current = capture.url


def size_on_wire(exchange: Exchange, body_bytes: int) -> int:
    """Return the bytes of an exchange: request, heads and entity."""
    return len(exchange.request) + len(exchange.interim) + len(exchange.head) + body_bytes


def outcome_of(capture: Capture, *, last_digest: str | None) -> Outcome:
    """Return what a capture means for the crawl; `last_digest` is that of the same address's last visit."""
    if capture.truncated is not None:
        return Outcome.TRUNCATED
    if capture.status == 304 and capture.kind is Kind.REVISIT:
        return Outcome.NOT_MODIFIED
    if capture.status >= 400 or capture.status < 100:
        return Outcome.HTTP_ERROR
    if last_digest == capture.digest:
        return Outcome.UNCHANGED
    return Outcome.DUPLICATE if capture.kind is Kind.REVISIT else Outcome.STORED
