"""`muragat sites`: each site with its last crawl and its next, read from the sites file and the collection's state."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive.figures import Summary, summaries
from archive.printed import size
from archive.store import state
from crawler import sites
from crawler.frontier import counted
from crawler.schedule.due import State
from crawler.schedule.past import Told
from crawler.schedule.run import look, standing_of
from crawler.sites.site import LEARNED, Site

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from crawler.schedule.due import Next, Past


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site as the listing shows it. `past` is None for one that was never crawled.

    `known` are its addresses, `due` those that wait for a visit; `told` is what the last report says of it.
    """

    site: Site
    standing: Next
    past: Past | None
    known: int
    due: int
    told: Told
    summary: Summary
    is_due_now: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the object of `sites --json`; `next_crawl` is null where it is due now, and for sites crawled by hand."""
        every = {0.0: None, LEARNED: "auto"}.get(self.site.every_s, self.site.every_s)
        return {
            "name": self.site.name,
            "seeds": list(self.site.seeds),
            "every": every,
            "state": self.standing.state,
            "last_crawl": _iso(_date(self.past.started if self.past else None)),
            "finished": self._is_finished,
            "due_now": self.is_due_now,
            "next_crawl": None if self.is_due_now else _iso(_date(self.standing.due)),
            "because": self.standing.reason,
            "known": self.known,
            "due": self.due,
            "captures": self.summary.captures,
            "articles": self.summary.articles,
            "bytes": self.summary.bytes,
            "warnings": list(self.told.warnings),
        }

    def lines(self) -> Iterator[str]:
        """Yield the row for a person, with a line for each warning."""
        seed = self.site.seeds[0] if self.site.seeds else ""
        parts = [self._last(), self._next(), self._held()]
        yield f"{self.site.name:<20} {'; '.join(filter(None, parts))}  {seed}"
        for warning in self.told.warnings:
            text = warning.removeprefix(f"{self.site.name}: ")
            if not text.startswith(State.PUT_OFF):  # the row says so, while it is so
                yield f"{'':<20} warning: {text}"

    @property
    def _is_finished(self) -> bool:
        return self.past is not None and self.past.ended is not None

    def _last(self) -> str:
        begun = _date(self.past.started if self.past else None)
        if begun is None:
            return "never crawled"
        when = f"{begun:%Y-%m-%d %H:%M} UTC"
        if self._is_finished:
            return f"crawled {when}, {self.known} addresses known"
        return f"begun {when}, {self.due} of {self.known} addresses left"

    def _next(self) -> str:
        due = _date(self.standing.due)
        if due is None:
            return ""
        if self.standing.state in {State.PUT_OFF, State.QUIET}:
            what = State.PUT_OFF if self.standing.state is State.PUT_OFF else "quiet"
            why = f", because: {self.standing.reason}" if what == State.PUT_OFF else ""
            return f"{what} until {due:%Y-%m-%d %H:%M} UTC{why}"
        return "due now" if self.is_due_now else f"next {due:%Y-%m-%d %H:%M} UTC"

    def _held(self) -> str:
        held = self.summary
        if not held.captures:
            return ""
        return f"{held.captures} captures, {held.articles} articles, {size(held.bytes)}"


def rows(home: Path, sites_file: Path | None, now: float) -> Iterator[SiteRow]:
    """Yield the sites of the sites file, then those that were crawled by address, each by name."""
    table = sites.load(sites.find(sites_file, home))
    course, held = look(home, table.values()), summaries(home)
    others = sorted(course.rounds.keys() - table.keys())
    counts, seeds = _frontier(home, course.rounds.keys(), others, now)
    wanted = [table[name] for name in sorted(table)]
    wanted += [Site(name, seeds.get(name, ())) for name in others]
    for site in wanted:
        standing = standing_of(site, course, now)
        known, due = counts.get(site.name, (0, 0))
        yield SiteRow(
            site,
            standing,
            course.rounds.get(site.name),
            known,
            due,
            course.told.get(site.name, Told()),
            held.get(site.name, Summary()),
            is_due_now=standing.due is not None and standing.due <= now,
        )


_Counts = dict[str, tuple[int, int]]
_Seeds = dict[str, tuple[str, ...]]


def _frontier(
    home: Path, crawled: Collection[str], others: Collection[str], now: float
) -> tuple[_Counts, _Seeds]:
    """Return how many addresses of each site are known and due, and the seeds of `others`; by indexes alone."""
    if not crawled:
        return {}, {}
    path = home / state.NAME
    with state.reported(path), closing(state.open_for_reading(path)) as connection:
        return (
            {name: counted.counts_at(connection, name, now) for name in crawled},
            {name: counted.seeds(connection, name) for name in others},
        )


def _date(moment: float | None) -> datetime | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC)


def _iso(date: datetime | None) -> str | None:
    return date.isoformat(timespec="seconds") if date else None
