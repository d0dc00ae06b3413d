"""Coverage as it is shown: a table for each site for a person, one object a site as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from archive.figures.tables import named
from archive.model import Announcer
from crawler.coverage.standing import REASONS
from crawler.report.reasons import REASONS as OUT_OF_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crawler.coverage.standing import Address, Channel, Counts, SiteCoverage

_HEAD: Final = f"  {'':<10} {'known':>9} {'captured':>9} {'missing':>8} {'only':>8} {'missed':>8} {'newest':>10} {'read':>5}"
_LAST_MOMENT: Final = 253_402_300_000.0
"""In the year 9999: later dates can't be written."""


def site_json(site: SiteCoverage) -> dict[str, object]:
    """Return the object of `coverage --json` for one site."""
    return {
        "site": site.site,
        "crawled": site.is_crawled,
        "addresses": _counts_json(site.addresses),
        "requisites": _counts_json(site.requisites),
        "channels": {
            name: _counts_json(channel) | _channel_json(site, name, channel)
            for name, channel in sorted(site.channels.items())
        },
        "closed": [
            {"host": one.host, "until": _date(one.until), "because": one.reason}
            for one in site.closed
        ],
        "out_of_scope": dict(site.unfollowed),
    }


def _counts_json(counts: Counts) -> dict[str, object]:
    return {
        "known": counts.known,
        "captured": counts.captured,
        "redirects": counts.redirects,
        "missing": counts.missing,
        "reasons": dict(counts.reasons.most_common()),
    }


def _channel_json(site: SiteCoverage, name: str, channel: Channel) -> dict[str, object]:
    return {
        "only": channel.only,
        "missed": 0 if name == Announcer.REQUISITE else site.missed(name),
        "newest": _date(channel.newest),
        "read": _date(channel.read),
    }


def address_json(address: Address) -> dict[str, object]:
    """Return the object of `coverage --missing --json` for one address, and of the other lists."""
    standing = address.standing
    return {
        "site": address.site,
        "url": address.url,
        "standing": standing.word if standing.is_captured or standing.is_redirect else "missing",
        "reason": None if standing.is_captured or standing.is_redirect else standing.reason,
        "status": address.status or None,
        "announcer": address.announcer,
        "announcers": list(address.announcers),
        "referrer": address.referrer,
        "hop": address.hop,
    }


def site_lines(site: SiteCoverage) -> Iterator[str]:
    """Yield the coverage of one site for a person, in 80 columns."""
    name = named(site.site).rstrip()
    yield name if site.is_crawled else f"{name} (captures only, never crawled from here)"
    yield _HEAD.rstrip()
    yield _line("addresses", site.addresses)
    for channel, counts in sorted(site.channels.items(), key=lambda pair: -pair[1].known):
        if channel != Announcer.REQUISITE:
            yield _channel_line(site, channel, counts)
    if site.requisites.known:
        yield _line("requisites", site.requisites)
    if site.addresses.redirects:
        yield f"  redirects: {site.addresses.redirects:,} of the addresses"
    yield from _reasons("missing addresses", site.addresses.reasons, REASONS)
    yield from _reasons("missing requisites", site.requisites.reasons, REASONS)
    for host in site.closed:
        yield f"  {host.host} is left alone until {_minute(host.until)} UTC ({host.reason})"
    yield from _reasons("links that the last crawl did not follow", site.unfollowed, OUT_OF_SCOPE)


def _line(name: str, counts: Counts) -> str:
    return f"  {name:<10} {counts.known:>9,} {counts.captured:>9,} {counts.missing:>8,}"


def _channel_line(site: SiteCoverage, name: str, channel: Channel) -> str:
    counted = f"{_line(name, channel)} {channel.only:>8,} {site.missed(name):>8,}"
    newest, read = _date(channel.newest) or "", _date(channel.read) or ""
    return f"{counted} {newest[:10]:>10} {read[5:10]:>5}".rstrip()


def _reasons(title: str, reasons: Mapping[str, int], words: Mapping[str, str]) -> Iterator[str]:
    if reasons:
        yield f"  {title}:"
    for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"  {count:>9,}  {in_words(reason, words)}"


def in_words(reason: str, words: Mapping[str, str] = REASONS) -> str:
    """Return a reason as a person reads it."""
    return f"answered {reason}" if reason.isdigit() else words.get(reason, reason)


def address_line(address: Address) -> str:
    """Return an address as one line: how it stands, who announced it, on which page it stood first."""
    standing = address.standing
    word = (
        standing.word if standing.is_captured or standing.is_redirect else in_words(standing.reason)
    )
    referrer = f" <- {address.referrer}" if address.referrer else ""
    return f"{word:<26} {','.join(address.announcers):<10} {address.url}{referrer}"


def _date(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(min(moment, _LAST_MOMENT), UTC).isoformat(timespec="seconds")


def _minute(moment: float) -> str:
    return f"{datetime.fromtimestamp(min(moment, _LAST_MOMENT), UTC):%Y-%m-%d %H:%M}"
