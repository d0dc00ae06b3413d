"""`muragat sites`: each site with its last crawl, read from the sites file and the collection's state."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from archive.figures import Summary, summaries
from archive.printed import size
from archive.store import state
from crawler import sites

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site as the listing shows it. `last_crawl` is None for one that was never crawled."""

    name: str
    seeds: tuple[str, ...]
    last_crawl: datetime | None
    is_finished: bool
    known: int
    due: int
    summary: Summary

    def to_json(self) -> dict[str, object]:
        """Return the object of `sites --json`."""
        return {
            "name": self.name,
            "seeds": list(self.seeds),
            "last_crawl": self.last_crawl.isoformat(timespec="seconds")
            if self.last_crawl
            else None,
            "finished": self.is_finished,
            "known": self.known,
            "due": self.due,
            "captures": self.summary.captures,
            "articles": self.summary.articles,
            "bytes": self.summary.bytes,
        }

    def line(self) -> str:
        """Return the row for a person."""
        if self.last_crawl is None:
            state = "never crawled"
        elif self.is_finished:
            state = f"crawled {self.last_crawl:%Y-%m-%d %H:%M} UTC, {self.known} addresses known"
        else:
            state = f"begun {self.last_crawl:%Y-%m-%d %H:%M} UTC, {self.due} of {self.known} addresses left"
        held = ""
        if self.summary.captures:
            held = f"; {self.summary.captures} captures, {self.summary.articles} articles, {size(self.summary.bytes)}"
        return f"{self.name:<20} {state}{held}  {self.seeds[0] if self.seeds else ''}"


def rows(home: Path, sites_file: Path | None) -> Iterator[SiteRow]:
    """Yield the sites of the sites file, then those that were crawled by address, each by name."""
    known = sites.load(sites.find(sites_file, home))
    rounds, held = _rounds(home), summaries(home)
    for name in sorted(known):
        yield _row(name, known[name].seeds, rounds.get(name), held.get(name, Summary()))
    seeds = _seeds(home) if rounds.keys() - known.keys() else {}
    for name in sorted(rounds.keys() - known.keys()):
        yield _row(name, seeds.get(name, ()), rounds[name], held.get(name, Summary()))


_Round = tuple[float, float | None, int, int]


def _row(name: str, seeds: tuple[str, ...], last: _Round | None, held: Summary) -> SiteRow:
    if last is None:
        return SiteRow(name, seeds, None, is_finished=False, known=0, due=0, summary=held)
    started, ended, known, due = last
    return SiteRow(
        name,
        seeds,
        datetime.fromtimestamp(started, UTC),
        is_finished=ended is not None,
        known=known,
        due=due,
        summary=held,
    )


def _rounds(home: Path) -> dict[str, _Round]:
    """Return each crawled site's round from the frontier's tables; nothing where there are none yet."""
    query = (
        "SELECT rounds.site, started, ended, ifnull(known, 0), ifnull(waiting, 0) FROM rounds LEFT JOIN"
        " (SELECT site, count(*) AS known, count(due) AS waiting FROM frontier GROUP BY site) AS counted"
        " ON counted.site = rounds.site"
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in _selected(home, query)}


def _seeds(home: Path) -> dict[str, tuple[str, ...]]:
    """Return the addresses that each crawled site began from."""
    found: dict[str, tuple[str, ...]] = {}
    for site, url in _selected(
        home, "SELECT site, url FROM frontier WHERE announcer = 'seed' ORDER BY id"
    ):
        found[site] = (*found.get(site, ()), url)
    return found


def _selected(home: Path, query: str) -> list[tuple[Any, ...]]:
    path = home / state.NAME
    if not (path.is_file() and path.stat().st_size):
        return []
    with state.reported(path), closing(state.open_for_reading(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rounds'").fetchone():
            return []
        return connection.execute(query).fetchall()
