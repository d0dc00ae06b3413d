"""The report of a crawl: one JSON object, and the same for a person to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from archive.model import Outcome
from archive.printed import size
from crawler.report.tally import MISSING_SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crawler.report.tally import SiteTally, Tally

WORDS = {
    Outcome.STORED: "stored",
    Outcome.UNCHANGED: "unchanged since the last visit",
    Outcome.DUPLICATE: "same bytes as another address",
    Outcome.NOT_MODIFIED: "not modified",
    Outcome.ROBOTS: "disallowed by robots.txt",
    Outcome.ROBOTS_UNREACHABLE: "robots.txt can't be read, asked again later",
    Outcome.OUT_OF_SCOPE: "out of scope",
    Outcome.LIMIT: "left out by a limit",
    Outcome.TIMEOUT: "timed out",
    Outcome.DNS: "name not resolved",
    Outcome.TLS: "TLS failed",
    Outcome.CONNECTION: "connection failed",
    Outcome.FORBIDDEN: "address not allowed",
    Outcome.HTTP_ERROR: "answered with an error",
    Outcome.TRUNCATED: "cut short",
    Outcome.BLOCKED: "blocked by a challenge or wall",
    Outcome.WITHHELD: "withheld on the site's wish",
    Outcome.EMPTY_SHELL: "empty without a browser",
}


_LAST_MOMENT: Final = 253_402_300_000.0
"""In the year 9999: later dates can't be written."""

_NOT_ANALYSED = "analysis did not finish, articles.jsonl is as it was; what was crawled is kept, the next crawl goes on with it"


@dataclass(frozen=True, slots=True)
class Report:
    """What a crawl did. `wire_bytes` leave out TLS and chunk framing; `failed` names sites that gave nothing.

    `is_analysed` is False where analysis could not finish and publish, and nobody had asked it to stop.
    """

    crawl: str
    started: datetime
    seconds: float
    sites: tuple[Mapping[str, object], ...]
    pages: int
    requisites: Mapping[str, int]
    missing: tuple[Mapping[str, str], ...]
    articles: Mapping[str, int]
    backlog: int
    outcomes: Mapping[str, int]
    wire_bytes: int
    warc_bytes: int
    interrupted: bool
    failed: tuple[str, ...]
    is_analysed: bool
    warnings: tuple[str, ...]
    alarms: tuple[Mapping[str, object], ...] = ()
    is_scheduled: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the object that `crawl --json` prints and `crawls/ID.json` holds."""
        return {
            "crawl": self.crawl,
            "scheduled": self.is_scheduled,
            "started": self.started.isoformat(timespec="seconds"),
            "sites": list(self.sites),
            "pages": self.pages,
            "requisites": dict(self.requisites),
            "articles": dict(self.articles),
            "backlog": self.backlog,
            "outcomes": dict(self.outcomes),
            "missing": [dict(one) for one in self.missing],
            "bytes": {"wire": self.wire_bytes, "warc": self.warc_bytes},
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            "warnings": list(self.warnings),
            "alarms": [dict(alarm) for alarm in self.alarms],
        }

    def lines(self) -> Iterator[str]:
        """Yield the report as a person reads it."""
        counts = self.articles
        had, missing = self.requisites["captured"], self.requisites["missing"]
        yield f"{self.pages} pages in {self.seconds:.0f} s"
        yield f"{had} requisites, {missing} missing"
        yield (
            f"articles: {counts['new']} new, {counts['changed']} changed,"
            f" {counts['unchanged']} unchanged, {counts['gone']} gone"
        )
        yield f"{size(self.wire_bytes)} moved, {size(self.warc_bytes)} of WARC written"
        for outcome, count in sorted(self.outcomes.items(), key=lambda pair: -pair[1]):
            yield f"  {count:>6}  {WORDS[Outcome(outcome)]}"
        if self.backlog:
            yield f"{self.backlog} captures wait for analysis; the next crawl goes on with them"
        for warning in self.warnings:
            yield f"warning: {warning}"


@dataclass(frozen=True, slots=True)
class Course:
    """How a crawl went as a whole; `warnings` and `alarms` are those that came up after it."""

    started: datetime
    seconds: float
    warc_bytes: int
    interrupted: bool = False
    is_scheduled: bool = False
    warnings: tuple[str, ...] = ()
    alarms: tuple[Mapping[str, object], ...] = ()


def make_report(crawl: str, tally: Tally, course: Course) -> Report:
    """Return the report of what `tally` counted."""
    sites = tuple(tally.sites.values())
    return Report(
        crawl=crawl,
        started=course.started,
        seconds=course.seconds,
        sites=tuple(_site(site) for site in sites),
        pages=tally.pages,
        requisites=_counted(*tally.requisites),
        missing=_missing(sites),
        articles=tally.articles,
        backlog=tally.backlog,
        outcomes={outcome: count for outcome, count in tally.outcomes.items() if count},
        wire_bytes=tally.wire_bytes,
        warc_bytes=course.warc_bytes,
        interrupted=course.interrupted,
        failed=tuple(site.name for site in sites if site.has_failed),
        is_analysed=tally.is_analysed,
        warnings=(
            *filter(None, [tally.failure, "" if tally.is_analysed else _NOT_ANALYSED]),
            *_warnings(sites),
            *course.warnings,
            *tally.problems,
        ),
        alarms=course.alarms,
        is_scheduled=course.is_scheduled,
    )


def _counted(captured: int, missing: int) -> dict[str, int]:
    return {"captured": captured, "missing": missing}


def _missing(sites: tuple[SiteTally, ...]) -> tuple[dict[str, str], ...]:
    """Return the first of the requisites that could not be had, `MISSING_SHOWN` over all sites."""
    missed = [one for site in sites for one in site.missed][:MISSING_SHOWN]
    return tuple({"url": one.url, "reason": one.reason, "page": one.page} for one in missed)


def _site(site: SiteTally) -> dict[str, object]:
    return {
        "name": site.name,
        "pages": site.pages,
        "requisites": _counted(site.requisites, site.missing),
        "captures": site.captures,
        "known": site.known,
        "due": site.due,
        "ended": site.ended,
        "put_off": _put_off(site),
        "resumed": site.resumed,
        "outcomes": {outcome: count for outcome, count in site.outcomes.items() if count},
        "out_of_scope": {reason: count for reason, count in site.reasons.items() if count},
    }


def _put_off(site: SiteTally) -> dict[str, str] | None:
    """Return until when a crawl was put off, None where it was not."""
    if not site.put_off_until:
        return None
    until = _moment(site.put_off_until)
    return {"until": until.isoformat(timespec="seconds"), "because": site.put_off_because}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(seconds, _LAST_MOMENT), UTC)


def _minute(seconds: float) -> str:
    return f"{_moment(seconds):%Y-%m-%d %H:%M} UTC"


def _warnings(sites: tuple[SiteTally, ...]) -> Iterator[str]:
    for site in sites:
        if site.ended == "error":
            yield f"{site.name}: the crawl broke off; the messages above say why, the next crawl goes on"
        if site.unread:
            yield (
                f"{site.name}: links of {site.unread} pages were not read, the site's spider failed on them;"
                " mend it and crawl again"
            )
        if site.put_off_until:
            yield f"{site.name}: put off until {_minute(site.put_off_until)}: {site.put_off_because}"
        if site.is_bare:
            reasons = ", ".join(WORDS[Outcome(name)] for name in site.outcomes) or "no answer"
            yield f"{site.name}: nothing was captured ({reasons}); check the address and the network"
        elif site.pages == 0 and site.errors:
            yield f"{site.name}: every page answered with an error"
        elif site.errors > max(10, site.captures // 5):
            yield f"{site.name}: {site.errors} of {site.visits} visits failed"
