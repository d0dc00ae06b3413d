"""Coverage as it is shown: a table for each site for a person, one object a site as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.figures.tables import named
from crawler.coverage import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crawler.coverage import Counts, Missing, SiteCoverage


def site_json(site: SiteCoverage) -> dict[str, object]:
    """Return the object of `coverage --json` for one site."""
    return {
        "site": site.site,
        "crawled": site.is_crawled,
        "addresses": _counts_json(site.addresses),
        "requisites": _counts_json(site.requisites),
        "channels": {
            channel: _counts_json(counts) for channel, counts in sorted(site.channels.items())
        },
    }


def _counts_json(counts: Counts) -> dict[str, object]:
    return {
        "known": counts.known,
        "captured": counts.captured,
        "redirects": counts.redirects,
        "missing": counts.missing,
        "reasons": dict(counts.reasons.most_common()),
    }


def missing_json(missing: Missing) -> dict[str, object]:
    """Return the object of `coverage --missing --json` for one address."""
    return {
        "site": missing.site,
        "url": missing.url,
        "reason": missing.reason,
        "status": missing.status or None,
        "announcer": missing.announcer,
        "referrer": missing.referrer,
        "hop": missing.hop,
    }


def site_lines(site: SiteCoverage) -> Iterator[str]:
    """Yield the coverage of one site for a person."""
    name = named(site.site).rstrip()
    yield name if site.is_crawled else f"{name} (captures only, never crawled from here)"
    yield f"  {'':<12} {'known':>9} {'captured':>9} {'redirects':>9} {'missing':>9}"
    yield _line("addresses", site.addresses)
    for channel, counts in sorted(site.channels.items(), key=lambda pair: -pair[1].known):
        if channel != "requisite":
            yield _line(f"  {channel}", counts)
    if site.requisites.known:
        yield _line("requisites", site.requisites)
    yield from _reasons("addresses", site.addresses.reasons)
    yield from _reasons("requisites", site.requisites.reasons)


def _line(name: str, counts: Counts) -> str:
    numbers = (counts.known, counts.captured, counts.redirects, counts.missing)
    return f"  {name:<12} " + " ".join(f"{number:>9,}" for number in numbers)


def _reasons(name: str, reasons: Mapping[str, int]) -> Iterator[str]:
    if reasons:
        yield f"  missing {name}:"
    for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"  {count:>9,}  {in_words(reason)}"


def in_words(reason: str) -> str:
    """Return a reason as a person reads it."""
    return f"answered {reason}" if reason.isdigit() else REASONS.get(reason, reason)


def missing_line(missing: Missing) -> str:
    """Return a missing address as one line."""
    referrer = f" <- {missing.referrer}" if missing.referrer else ""
    return f"{in_words(missing.reason):<26} {missing.announcer:<10} {missing.url}{referrer}"
