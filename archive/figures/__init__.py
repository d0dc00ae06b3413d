"""The figures of a collection: what is in it, what it costs on disk, how it grows; hides where each is counted.

Captures are counted in `state.sqlite`, articles in `articles.sqlite`, crawls in `crawls/*.json`, bytes in the folder.
All of it is read without a lock, beside a running crawl too.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import TYPE_CHECKING, Final, TypeVar

from archive.figures import disk, growth
from archive.figures.growth import Crawls
from archive.index import Index
from archive.store import home as homes
from archive.store import rows, state, tallies

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from archive.figures.growth import Forecast, Month, Rate
    from archive.store.tallies import Cell, Hour, Share

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T", "Cell", "Hour")


@dataclass(frozen=True, slots=True)
class Holdings:
    """Captures in numbers: bytes of their exchanges in the WARC files, and of the payloads that are stored there.

    `kinds`, `statuses` ("2xx", …; "none" where no HTTP answer was read) and `media` count captures.
    """

    captures: int
    bytes: int
    payload: int
    first: datetime | None
    last: datetime | None
    kinds: Mapping[str, int]
    statuses: Mapping[str, int]
    media: Mapping[str, int]
    requisites: int
    months: tuple[Month, ...]


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """One site: `pages` are addresses that answered with a page, `requisites` captures of what pages are made of.

    `page_median` and `page_mean` are the bytes that storing a page took, 0 where none is stored.
    """

    name: str
    holdings: Holdings
    pages: int
    page_median: int
    page_mean: int
    articles: int
    crawls: Crawls
    rate: Rate | None


@dataclass(frozen=True, slots=True)
class Figures:
    """A collection. `disk` are the bytes of its parts, `saved` those of payloads that revisits did not store again.

    `articles` counts the articles of each host, `backlog` the captures that wait for analysis.
    """

    holdings: Holdings
    pages: int
    files: int
    disk: Mapping[str, int]
    saved: int
    articles: Mapping[str, int]
    backlog: int
    sites: tuple[SiteFigures, ...]
    forecast: Forecast

    @property
    def saved_share(self) -> float:
        """The part of all bytes, had nothing been left out, that revisits saved."""
        whole = self.saved + self.holdings.bytes
        return self.saved / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What a listing of sites shows of one."""

    captures: int = 0
    articles: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Counted:
    """What `state.sqlite` said at one moment."""

    cells: Sequence[Cell]
    hours: Sequence[Hour]
    pages: Mapping[str, array[int]]
    saved: int
    files: int
    last: int


def figures(home: Path, now: datetime) -> Figures:
    """Return the figures of the collection at `home`. Raises as `Collection`, opened for reading, does."""
    months = growth.month_starts(now)
    counted = _read(home, months, now - growth.WINDOW)
    articles, analysed = _articles(home)
    sites = tuple(_sites(counted, months, growth.crawls(home / "crawls"), articles, now=now))
    taken = disk.parts(home)
    rates = {site.name: site.rate for site in sites}
    return Figures(
        holdings=_holdings(counted.cells, months),
        pages=sum(map(len, counted.pages.values())),
        files=counted.files,
        disk=taken,
        saved=counted.saved,
        articles=articles,
        backlog=max(0, counted.last - analysed),
        sites=sites,
        forecast=growth.forecast(
            rates, disk=sum(taken.values()), warc=taken["warc"], free=disk.free(home)
        ),
    )


def summaries(home: Path) -> dict[str, Summary]:
    """Return what a listing shows of each site; nothing where there is no collection."""
    path = home / state.NAME
    if not (path.is_file() and path.stat().st_size):
        return {}
    with state.reported(path), closing(state.open_for_reading(path)) as connection:
        shares = tuple(tallies.shares(connection))
    captures, sizes = Counter[str](), Counter[str]()
    for share in shares:
        captures[share.site] += share.captures
        sizes[share.site] += share.bytes
    articles = _by_site(_articles(home)[0], shares)
    return {
        name: Summary(count, articles.get(name, 0), sizes[name]) for name, count in captures.items()
    }


def _read(home: Path, months: Sequence[datetime], since: datetime) -> _Counted:
    homes.check_for_reading(home)
    path = home / state.NAME
    with state.reported(path), closing(state.open_for_reading(path)) as connection:
        connection.execute("BEGIN")  # one view of all, whatever a crawl adds meanwhile
        return _Counted(
            cells=tallies.cells(connection, months),
            hours=tuple(tallies.hours(connection, since)),
            pages=tallies.pages(connection),
            saved=tallies.saved(connection),
            files=len(rows.sizes(connection)),
            last=rows.last_sequence(connection),
        )


def _sites(
    counted: _Counted,
    months: Sequence[datetime],
    crawls: Mapping[str, Crawls],
    articles: Mapping[str, int],
    *,
    now: datetime,
) -> Iterator[SiteFigures]:
    """Yield the sites, the biggest first."""
    cells, hours = _grouped(counted.cells), _grouped(counted.hours)
    held = {name: _holdings(own, months) for name, own in cells.items()}
    numbers = _by_site(articles, counted.cells)
    for name in sorted(held, key=lambda name: (-held[name].bytes, name)):
        first, crawled = held[name].first, crawls.get(name, Crawls())
        sizes = [size for size in counted.pages.get(name, ()) if size]
        yield SiteFigures(
            name=name,
            holdings=held[name],
            pages=len(counted.pages.get(name, ())),
            page_median=median_low(sizes) if sizes else 0,
            page_mean=round(sum(sizes) / len(sizes)) if sizes else 0,
            articles=numbers[name],
            crawls=crawled,
            rate=growth.rate(hours.get(name, ()), now, first or now, crawled.taken_in),
        )


def _grouped(counted: Iterable[T]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for one in counted:
        groups.setdefault(one.site, []).append(one)
    return groups


def _holdings(cells: Sequence[Cell], months: Sequence[datetime]) -> Holdings:
    return Holdings(
        captures=sum(cell.captures for cell in cells),
        bytes=sum(cell.bytes for cell in cells),
        payload=sum(cell.payload for cell in cells),
        first=_date(min((cell.first for cell in cells), default=None)),
        last=_date(max((cell.last for cell in cells), default=None)),
        kinds=_sums((cell.kind, cell.captures) for cell in cells),
        statuses=_sums((cell.status, cell.captures) for cell in cells),
        media=_sums((cell.media, cell.captures) for cell in cells),
        requisites=sum(cell.captures for cell in cells if cell.is_requisite),
        months=growth.months(cells, months),
    )


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the sums, the largest first."""
    counts: Counter[str] = Counter()
    for name, count in pairs:
        counts[name] += count
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _articles(home: Path) -> tuple[Mapping[str, int], int]:
    """Return the articles of each host, and the sequence of the last capture that was analysed."""
    with Index(home) as index:
        return index.counts(), index.cursor[0]


def _by_site(articles: Mapping[str, int], captured: Iterable[Cell | Share]) -> Counter[str]:
    """Return the articles of each site; those of a host count for the site with most captures there."""
    counts: dict[str, Counter[str]] = {}
    for one in captured:
        counts.setdefault(one.host, Counter())[one.site] += one.captures
    found: Counter[str] = Counter()
    for host, number in articles.items():
        sites = counts.get(host, Counter({host: 1}))
        found[min(sites, key=lambda name: (-sites[name], name))] += number
    return found


def _date(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
