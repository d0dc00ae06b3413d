"""Gathers the facts that alarms are judged by; hides the SQL, and how much of a collection is looked at.

Whatever the size of a collection, a crawl's end reads the last captures only, a page's article by its payload, and the
dates that channels told. `python -m benchmarks.alarms` measures it.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from archive import urls
from archive.collection import Collection
from archive.index.shown import ShownPages
from archive.model import Announcer
from archive.store import rows, state
from crawler.alarms.facts import ClosedHost, SiteFacts
from crawler.alarms.feeds import feeds_of
from crawler.alarms.pages import Page, looked_at, sample, usual_length
from crawler.alarms.visits import Visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from crawler.alarms.feeds import FeedRead
    from crawler.report.tally import Tally
    from crawler.sites import Site

WINDOW: Final = 200_000
"""The last captures of a collection that are looked at; some 0.1 s."""
MOST_PAGES: Final = 600
MOST_DATES: Final = 20_000

_REFUSALS: Final = "401, 403, 429, 451"
_PAGES: Final = f"""SELECT url, 'sha256:' || lower(hex(digest)), status FROM captures
 WHERE sequence > ? AND site = ? AND date >= ? AND date < ?
 AND (mime IN ('text/html', 'application/xhtml+xml') AND status BETWEEN 200 AND 299 OR status IN ({_REFUSALS}))
 ORDER BY sequence DESC LIMIT {MOST_PAGES}"""  # noqa: S608 - constants
_TOLD: Final = f"""SELECT f.site, f.key, f.published FROM
 (SELECT address FROM announced WHERE date BETWEEN ? AND ? ORDER BY date DESC LIMIT {MOST_DATES}) AS told
 CROSS JOIN frontier AS f ON f.id = told.address"""  # noqa: S608 - constants
_YEAR_S: Final = 400 * 86_400.0
_A_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Crawled:
    """A crawl that has come to its end: its sites, its counts, and from when to when it lasted."""

    sites: Sequence[Site]
    tally: Tally
    since: datetime
    now: datetime


class Gathering:
    """A collection that is looked through; a context manager, for one thread.

    `raised` says by site since when (seconds since 1970) its fields are known to have collapsed: articles are held
    against those before. Raises as `Collection` does.
    """

    def __init__(self, home: Path, crawled: Crawled, raised: Mapping[str, float]) -> None:
        self._path = home / state.NAME
        self._crawled = crawled
        self._raised = raised
        with ExitStack() as stack:
            self._collection = stack.enter_context(Collection(home))
            self._state = stack.enter_context(closing(state.open_for_reading(self._path)))
            self._shown = stack.enter_context(closing(ShownPages(home)))
            self._opened = stack.pop_all()
        self._tables = {name for (name,) in self._all("SELECT name FROM sqlite_schema")}
        self._floor = rows.last_sequence(self._state) - WINDOW
        self._now = crawled.now.timestamp()
        self._told = self._announced()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._opened.close()

    def facts(self, site: Site) -> SiteFacts:
        """Return the facts of one site."""
        counts = Visits.of(self._crawled.tally.sites.get(site.name))
        begin, end = self._crawled.since.timestamp(), self._now + _A_DAY_S
        now = self._pages(site.name, begin, end)
        before = self._pages(site.name, 0.0, self._raised.get(site.name, begin))
        since, floor = self._crawled.since, self._floor
        feeds = feeds_of(self._collection, self._state, site.name, since=since, floor=floor)
        dates = self._published([*now, *before], feeds, site.name)
        listed = {key for feed in feeds for key in feed.listed}
        usual = usual_length(before)
        return SiteFacts(
            site=site.name,
            now=self._now,
            successes=counts.successes,
            errors=counts.errors,
            disallowed=counts.disallowed,
            unreachable=counts.unreachable,
            was_captured=bool(before),
            pages=looked_at(now),
            feeds=tuple(feed.facts for feed in feeds),
            published=tuple(sorted(dates.values(), reverse=True)),
            unlisted=tuple(moment for key, moment in dates.items() if key not in listed),
            fields_now=sample(now, usual, self._shown.was_article),
            fields_before=sample(before, usual),
            closed=self._closed(site),
        )

    def _pages(self, site: str, since: float, until: float) -> list[Page]:
        """Return the last pages of a span of time, refused ones among them, requisites not."""
        values = (self._floor, site, int(since * 1e6), int(until * 1e6))
        found: dict[str, Page] = {}
        for url, digest, status in self._all(_PAGES, values):
            if url not in found and not (status >= 400 and self._is_requisite(url)):
                shown = self._shown.of(url, digest) if status < 300 else None
                found[url] = Page(url, status, shown)
        return list(found.values())

    def _is_requisite(self, url: str) -> bool:
        query = "SELECT announcer FROM frontier WHERE key = ?"
        rows_ = self._all(query, (urls.fetch_key(url),)) if "frontier" in self._tables else []
        return rows_ == [(Announcer.REQUISITE,)]

    def _announced(self) -> dict[str, dict[str, float]]:
        """Return by site what channels say was published, and when, by key."""
        found: dict[str, dict[str, float]] = {}
        columns = {row[1] for row in self._all("PRAGMA table_info(frontier)")}
        if "announced" in self._tables and "published" in columns:
            span = (self._now - _YEAR_S, self._now + _A_DAY_S)
            for site, key, published in self._all(_TOLD, span):
                if published is not None and published <= self._now:
                    found.setdefault(site, {})[key] = published
        return found

    def _published(
        self, pages: Iterable[Page], feeds: Iterable[FeedRead], site: str
    ) -> dict[str, float]:
        """Return when articles were published, by fetch key: as the pages say, else as was announced."""
        dates = dict(self._told.get(site, {}))
        for feed in feeds:
            dates.update({key: moment for key, moment in feed.listed.items() if moment})
        for page in pages:
            if page.shown and page.shown.is_article and page.shown.published is not None:
                dates[urls.fetch_key(page.url)] = page.shown.published
        return {key: moment for key, moment in dates.items() if 0 < moment <= self._now}

    def _closed(self, site: Site) -> tuple[ClosedHost, ...]:
        """Return the hosts of the seeds that are closed because they failed."""
        if "hosts" not in self._tables:
            return ()
        query = (
            "SELECT host, closed_until, reason FROM hosts WHERE closed_until > ? AND failures > 0"
        )
        own = {name for seed in site.seeds for name in _names(seed)}
        found = (ClosedHost(*row) for row in self._all(query, (self._now,)))
        return tuple(one for one in found if one.host in own)

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with state.reported(self._path):
            return self._state.execute(query, values).fetchall()


def _names(seed: str) -> tuple[str, ...]:
    """Return how the host of an address may be named: with its port, or without where that is a scheme's own."""
    host, port = urls.host_port(seed)
    host = f"[{host}]" if ":" in host else host
    return (host, f"{host}:{port}") if port in {80, 443} else (f"{host}:{port}",)
