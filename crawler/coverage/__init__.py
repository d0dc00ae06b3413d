"""What is saved of what is known: the frontier's addresses held against the captures; hides the SQL of it.

An address is `captured` where a whole answer with a 2xx status is stored, of whatever date; it is a `redirect` where
the last answer was one; else it is `missing`, for a reason: see `REASONS`. Each address counts for every channel that
announced it; in a collection that an older muragat crawled last, for the first of them. Sites and hosts of which
captures are here but which no crawl knows (imported ones) are told by their captures alone, under the channel "import".
"""

from __future__ import annotations

import difflib
import json
import time
from typing import TYPE_CHECKING, Any, Final, Self

from archive import urls
from archive.model import Announcer
from archive.store import home as homes
from archive.store import state, tallies
from crawler.coverage import known
from crawler.coverage.standing import (
    CLOSED,
    DUE,
    LEFT_OUT,
    LOST,
    NO_ANSWER,
    REASONS,
    Address,
    Channel,
    ClosedHost,
    Counts,
    SiteCoverage,
    Standing,
)
from crawler.coverage.unfollowed import unfollowed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "CLOSED",
    "DUE",
    "LEFT_OUT",
    "LOST",
    "NO_ANSWER",
    "REASONS",
    "Address",
    "Channel",
    "ClosedHost",
    "Counts",
    "Coverage",
    "SiteCoverage",
    "Standing",
]

_CLOSED: Final = "SELECT host, closed_until, reason FROM hosts WHERE closed_until > ? ORDER BY host"


class Coverage:
    """Answers for one collection, as it is when it is opened; a context manager.

    `crawled` are the names of the sites that the frontier knows.
    """

    def __init__(self, home: Path) -> None:
        """Open; raises as `Collection`, opened for reading, does."""
        homes.check_for_reading(home)
        self._home = home
        self._path = home / state.NAME
        self._connection = state.open_for_reading(self._path)
        with state.reported(self._path):
            self._connection.execute("BEGIN")
            self._tables = known.Tables(self._connection)
            self.crawled = _crawled(self._connection) if self._tables.is_there else ()
            self._others = _others(self._connection, self.crawled)
            self._closed = _closed(self._connection)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sites that were crawled, then of those and of hosts that only have captures."""
        return (*self.crawled, *sorted(set(self._others.values()) - set(self.crawled)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._connection.close()

    def sites(self, names: Sequence[str]) -> Iterator[SiteCoverage]:
        """Yield the coverage of these sites, in their order."""
        found = {name: SiteCoverage(name, name in self.crawled) for name in names}
        held: dict[str, set[str]] = {name: set() for name in names}
        for is_crawled in (True, False):
            query = self._tables.counts(crawled=is_crawled)
            for site, bits, *stand, host, count in self._rows(query, names, crawled=is_crawled):
                found[site].add(known.channels_in(bits), _standing(*stand, host), count)
                held[site].update(filter(None, [host]))
        self._date(found)
        for site in found.values():
            site.closed = tuple(one for one in self._closed if one.host in held[site.site])
            site.unfollowed = unfollowed(self._home, self._connection, site.site)
        yield from found.values()

    def missing(self, names: Sequence[str]) -> Iterator[Address]:
        """Yield the missing addresses of these sites, site by site, the first known first."""
        found = self._listed(known.MISSING, names)
        return (one for one in found if not one.standing.is_redirect)

    def only(self, channel: str, names: Sequence[str]) -> Iterator[Address]:
        """Yield the addresses that this channel alone knew, captured or not."""
        return self._listed(known.ONLY, names, channel)

    def unknown_to(self, channel: str, names: Sequence[str]) -> Iterator[Address]:
        """Yield the addresses that other channels knew and this one did not; requisites are none."""
        return self._listed(known.UNKNOWN, names, channel)

    def _listed(self, where: str, names: Sequence[str], channel: str = "") -> Iterator[Address]:
        bit = known.bit_of(channel) if channel else 0
        for is_crawled in (True, False):
            query = self._tables.listed(where, crawled=is_crawled)
            for row in self._rows(query, names, crawled=is_crawled, channel=bit):
                site, bits, *stand, url, first, referrer, hop = row
                standing = _standing(*stand)
                told = known.channels_in(bits) or (first,)
                yield Address(site, url, standing, told, first, referrer, hop)

    def _rows(
        self, query: str, names: Sequence[str], *, crawled: bool, channel: int = 0
    ) -> Iterator[tuple[Any, ...]]:
        """Yield rows of crawled sites, or of others; the name of the site is the first column."""
        keys = {name: name for name in names if name in self.crawled}
        if not crawled:
            keys = {key: name for key, name in self._others.items() if name in names}
        if not keys:
            return
        values = {
            "sites": json.dumps(list(keys)),
            "closed": json.dumps([one.host for one in self._closed]),
            "channel": channel,
        }
        with state.reported(self._path):
            for key, *row in self._connection.execute(query, values):
                yield keys[key], *row

    def _date(self, found: dict[str, SiteCoverage]) -> None:
        """Put in what the lists of crawled sites say of time."""
        if not self._tables.has_announced or not self.crawled:
            return
        query = self._tables.lists(self.crawled)
        with state.reported(self._path):
            for name, channel, newest, read in self._connection.execute(query):
                site = found.get(name or self.crawled[0])
                if site is not None and channel in site.channels:
                    site.channels[channel].newest = newest
                    site.channels[channel].read = read


def _standing(*row: Any) -> Standing:
    """Return how an address stands, of the columns outcome, is_whole, status, waits, held."""
    outcome, is_whole, status, waits, host = row
    return Standing(outcome, bool(is_whole), status, bool(waits), is_held=host is not None)


def _crawled(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the names of the sites that the frontier knows."""
    return tuple(name for (name,) in connection.execute("SELECT site FROM rounds ORDER BY site"))


def _closed(connection: sqlite3.Connection) -> tuple[ClosedHost, ...]:
    """Return the hosts that are left alone now."""
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'hosts'").fetchone()
    return (
        tuple(ClosedHost(*row) for row in connection.execute(_CLOSED, (time.time(),)))
        if there
        else ()
    )


def _others(connection: sqlite3.Connection, crawled: Sequence[str]) -> dict[str, str]:
    """Return the names of the sites and hosts with captures that belong to no crawled site, by their key in `OWNER`.

    What lies on the host of a crawled site belongs to it, whoever captured it.
    """
    held = connection.execute(f"SELECT DISTINCT site, {tallies.HOST} FROM captures").fetchall()  # noqa: S608 - a constant
    own = {host for site, host in held if site in crawled} | _seed_hosts(connection, crawled)
    keys = {site: site for site, _ in held if site and site not in crawled}
    return keys | {
        host: tallies.host_of(host) for site, host in held if not site and host not in own
    }


def _seed_hosts(connection: sqlite3.Connection, crawled: Sequence[str]) -> set[str]:
    """Return what urlkeys on the hosts of the seeds begin with; captures of older versions do not name their site."""
    if not crawled:
        return set()
    seeds = connection.execute("SELECT url FROM frontier WHERE announcer = ?", (Announcer.SEED,))
    return {urls.key(url).partition(")")[0] for (url,) in seeds}


def closest(name: str, names: Sequence[str]) -> str:
    """Return the name that may be meant, "" where none is like it."""
    return next(iter(difflib.get_close_matches(name, names, n=1)), "")
