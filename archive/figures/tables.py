"""The figures of a collection as `stats` shows them: tables of 80 columns for a person, one object as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.figures.growth import YEAR_DAYS
from archive.printed import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from archive.figures import Figures, Holdings, SiteFigures
    from archive.figures.growth import Forecast, Month, Rate

_NAME = 22  # columns for a site's name
_MONTH_DAYS = 30


def figures_json(figures: Figures) -> dict[str, object]:
    """Return the object of `stats --json`; bytes throughout, dates in ISO 8601."""
    return {
        **_holdings_json(figures.holdings),
        "pages": figures.pages,
        "files": figures.files,
        "disk": {**figures.disk, "total": sum(figures.disk.values())},
        "saved": figures.saved,
        "saved_share": round(figures.saved_share, 4),
        "articles": dict(figures.articles),
        "backlog": figures.backlog,
        "sites": [_site_json(site, figures.holdings.bytes) for site in figures.sites],
        "forecast": _forecast_json(figures.forecast),
    }


def _holdings_json(holdings: Holdings) -> dict[str, object]:
    return {
        "captures": holdings.captures,
        "kinds": dict(holdings.kinds),
        "statuses": dict(holdings.statuses),
        "media": dict(holdings.media),
        "requisites": holdings.requisites,
        "bytes": holdings.bytes,
        "payload": holdings.payload,
        "first": _iso(holdings.first),
        "last": _iso(holdings.last),
        "months": [
            {"month": month.name, "captures": month.captures, "bytes": month.bytes}
            for month in holdings.months
        ],
    }


def _site_json(site: SiteFigures, whole: int) -> dict[str, object]:
    return {
        "site": site.name,
        **_holdings_json(site.holdings),
        "share": round(site.holdings.bytes / whole, 4) if whole else 0.0,
        "pages": site.pages,
        "page": {"median": site.page_median, "mean": site.page_mean},
        "articles": site.articles,
        "crawls": site.crawls.count,
        "last_crawl": _iso(site.crawls.last),
        "taken_in": _iso(site.crawls.taken_in),
        "rate": _rate_json(site.rate) if site.rate else None,
    }


def _rate_json(rate: Rate) -> dict[str, object]:
    return {
        "since": _iso(rate.since),
        "days": round(rate.days, 3),
        "captures": rate.captures,
        "bytes": rate.bytes,
        "per_day": round(rate.bytes_per_day),
        "in_30_days": rate.bytes_in(_MONTH_DAYS),
        "in_365_days": rate.bytes_in(YEAR_DAYS),
    }


def _forecast_json(forecast: Forecast) -> dict[str, object]:
    left = forecast.days_left
    return {
        "per_day": round(forecast.per_day),
        "in_30_days": round(forecast.per_day * _MONTH_DAYS),
        "in_365_days": round(forecast.per_day * YEAR_DAYS),
        "unknown": list(forecast.unknown),
        "free": forecast.free,
        "days_left": None if left is None else round(left),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def figures_lines(figures: Figures) -> Iterator[str]:
    """Yield the figures for a person."""
    yield from _totals(figures)
    if figures.sites:
        yield ""
        yield from _contents(figures)
        yield ""
        yield from _costs(figures.sites)
        yield ""
        yield from _growth(figures.holdings.months)
        yield from _outlook(figures.forecast)


def _totals(figures: Figures) -> Iterator[str]:
    holdings = figures.holdings
    yield f"{holdings.captures:,} captures ({_listed(holdings.kinds)})"
    if holdings.first and holdings.last:
        yield f"from {holdings.first:%Y-%m-%d %H:%M} to {holdings.last:%Y-%m-%d %H:%M} UTC"
        yield f"answers: {_listed(holdings.statuses)}"
        yield f"types: {_listed(holdings.media)}"
    files = "1 WARC file" if figures.files == 1 else f"{figures.files:,} WARC files"
    parts = {"warc": f"in {files}", "state": "state", "articles": "articles", "indexes": "indexes"}
    shown = ", ".join(f"{size(figures.disk[part])} {name}" for part, name in parts.items())
    yield f"on disk {size(sum(figures.disk.values()))}: {shown}"
    yield (
        f"payloads of {size(holdings.payload)} in {size(holdings.bytes)} of records;"
        f" revisits saved {size(figures.saved)} ({figures.saved_share:.0%})"
    )
    waiting = f"; {figures.backlog:,} captures wait for analysis" if figures.backlog else ""
    yield f"{sum(figures.articles.values()):,} articles{waiting}"


def _contents(figures: Figures) -> Iterator[str]:
    yield f"{'site':<{_NAME}} captures    pages requisites articles       size  share"
    whole = figures.holdings.bytes or 1
    for site in figures.sites:
        held = site.holdings
        yield (
            f"{named(site.name)} {held.captures:>8,} {site.pages:>8,} {held.requisites:>10,}"
            f" {site.articles:>8,} {size(held.bytes):>10} {held.bytes / whole:>6.1%}"
        )


def _costs(sites: Sequence[SiteFigures]) -> Iterator[str]:
    yield f"{'site':<{_NAME}} crawls last crawl    a page   (mean) in 30 days in a year"
    for site in sites:
        last = f"{site.crawls.last:%Y-%m-%d}" if site.crawls.last else "-"
        sizes = (site.page_median, site.page_mean, *_ahead(site.rate))
        shown = ("-" if amount is None else size(amount) for amount in sizes)
        columns = " ".join(f"{amount:>9}" for amount in shown)
        yield f"{named(site.name)} {site.crawls.count:>6,} {last:<10} {columns}"


def _ahead(rate: Rate | None) -> tuple[int | None, int | None]:
    """Return the bytes of the next 30 days and the next year."""
    return (rate.bytes_in(_MONTH_DAYS), rate.bytes_in(YEAR_DAYS)) if rate else (None, None)


def _growth(months: Sequence[Month]) -> Iterator[str]:
    """Yield the months from the first with captures on."""
    shown = [number for number, month in enumerate(months) if month.captures]
    if not shown:
        return
    yield f"{'month':<{_NAME}} captures       size"
    for month in months[shown[0] :]:
        yield f"{month.name:<{_NAME}} {month.captures:>8,} {size(month.bytes):>10}"
    yield ""


def _outlook(forecast: Forecast) -> Iterator[str]:
    if forecast.per_day:
        yield (
            f"grows by {size(forecast.per_day)} a day, indexes included:"
            f" {size(forecast.per_day * _MONTH_DAYS)} in 30 days,"
            f" {size(forecast.per_day * YEAR_DAYS)} in a year"
        )
    left = forecast.days_left
    lasting = "" if left is None else f": enough for {_duration(left)}"
    yield f"{size(forecast.free)} are free on the disk{lasting}"
    if forecast.unknown:
        count = "1 site" if len(forecast.unknown) == 1 else f"{len(forecast.unknown)} sites"
        yield f"not foreseen: {count} (-), captured once and not again"


def _duration(days: float) -> str:
    if days > 100 * YEAR_DAYS:
        return "more than 100 years"
    return f"{days:,.0f} days" if days < 2 * YEAR_DAYS else f"{days / YEAR_DAYS:.0f} years"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def named(name: str, width: int = _NAME) -> str:
    """Return a name in `width` columns, cut where it is longer; nothing in it can steer a terminal."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f"{plain if len(plain) <= width else plain[: width - 1] + '…':<{width}}"
