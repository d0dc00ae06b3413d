"""What is saved of what is known: the frontier's addresses held against the captures; hides the SQL of it.

An address is `captured` where a whole answer with a 2xx status is stored, of whatever date; it is a `redirect` where
the last answer was one; else it is `missing`, for a reason: see `REASONS`. Each address counts for the channel that
announced it first. Sites and hosts of which captures are here but which no crawl knows (imported ones) are told by
their captures alone, under the channel "import".

Counts come from one statement, grouped by all that a reason follows from. Where the frontier comes to know every
channel of an address, `_KNOWN` is where they join, and an address then counts in each of its channels.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from archive import urls
from archive.model import Announcer, Outcome
from archive.store import home as homes
from archive.store import state, tallies
from crawler.report import WORDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

DUE: Final = "due"
LEFT_OUT: Final = "left_out"
LOST: Final = "lost"
NO_ANSWER: Final = "no_http"

REASONS: Final[Mapping[str, str]] = {
    **{outcome.value: words for outcome, words in WORDS.items()},
    DUE: "not fetched yet",
    LEFT_OUT: "left out by the site's settings",
    LOST: "stored once, but its record is not here",
    NO_ANSWER: "answered, but not in HTTP",
}
"""Why an address is missing; beside these, an HTTP status stands for the answer that had it."""

_SUCCESSES = frozenset({Outcome.STORED, Outcome.UNCHANGED, Outcome.DUPLICATE, Outcome.NOT_MODIFIED})

_OWNER = f"iif(site = '', {tallies.HOST}, site)"
_ANSWER = f"""url, {_OWNER} AS site, status, max(date),
 sum(status BETWEEN 200 AND 299 AND truncated = '') > 0 AS is_whole"""
_WANTED = "IN (SELECT value FROM json_each(?1))"
# Each address with a channel that knew it.
_KNOWN = """SELECT id, url, site, announcer AS channel, referrer, hop, outcome,
 due IS NOT NULL AS waits FROM frontier"""
_CRAWLED = f"""(WITH seen AS MATERIALIZED (SELECT {_ANSWER} FROM captures GROUP BY url)
 SELECT known.*, seen.status, ifnull(seen.is_whole, 0) AS is_whole
 FROM ({_KNOWN}) AS known LEFT JOIN seen ON seen.url = known.url)"""  # noqa: S608 - constants
_NOT_CRAWLED = f"""(SELECT 0 AS id, '{Announcer.IMPORT}' AS channel, '' AS referrer, 0 AS hop,
 NULL AS outcome, 0 AS waits, {_ANSWER} FROM captures
 WHERE {_OWNER} {_WANTED} GROUP BY url)"""  # noqa: S608 - constants
_COUNTS = f"""SELECT site, channel, outcome, is_whole, status, waits, count(*)
 FROM {{source}} WHERE site {_WANTED} GROUP BY 1, 2, 3, 4, 5, 6"""  # noqa: S608 - constants
_MISSING = f"""SELECT site, channel, outcome, is_whole, status, waits, url, referrer, hop
 FROM {{source}} WHERE site {_WANTED} AND NOT is_whole ORDER BY site, id"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Missing:
    """A known address that is not captured; `status` is that of its last answer, 0 where none is stored."""

    site: str
    url: str
    reason: str
    status: int
    announcer: str
    referrer: str
    hop: int


@dataclass(slots=True)
class Counts:
    """How many addresses are known, and how they stand; `reasons` adds up to `missing`."""

    known: int = 0
    captured: int = 0
    redirects: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> int:
        """Addresses of which no whole answer is stored, redirects aside."""
        return self.reasons.total()

    def add(self, standing: Standing, count: int) -> None:
        """Count addresses that stand alike."""
        self.known += count
        if standing.is_captured:
            self.captured += count
        elif standing.is_redirect:
            self.redirects += count
        else:
            self.reasons[standing.reason] += count


@dataclass(frozen=True, slots=True)
class Standing:
    """What the last visit and the captures say of an address."""

    outcome: str | None
    is_captured: bool
    status: int | None
    waits: bool

    @property
    def is_redirect(self) -> bool:
        """The last answer leads elsewhere; a 304 does not."""
        return self.status is not None and 300 <= self.status < 400 and self.status != 304

    @property
    def reason(self) -> str:
        """Why it is missing."""
        answered = str(self.status) if self.status else NO_ANSWER
        if self.outcome is None and self.status in range(200, 300):
            return Outcome.TRUNCATED
        if self.outcome is None:
            return answered if self.status is not None else DUE if self.waits else LEFT_OUT
        if self.outcome == Outcome.HTTP_ERROR and self.status is not None:
            return answered
        if self.outcome in _SUCCESSES or self.outcome == Outcome.HTTP_ERROR:
            return LOST
        return self.outcome


@dataclass(slots=True)
class SiteCoverage:
    """One site: its addresses, the requisites of its pages apart, and the same by who announced them first."""

    site: str
    is_crawled: bool
    addresses: Counts = field(default_factory=Counts)
    requisites: Counts = field(default_factory=Counts)
    channels: dict[str, Counts] = field(default_factory=dict)

    def add(self, channel: str, standing: Standing, count: int) -> None:
        """Count addresses of one channel that stand alike."""
        part = self.requisites if channel == Announcer.REQUISITE else self.addresses
        part.add(standing, count)
        self.channels.setdefault(channel, Counts()).add(standing, count)


class Coverage:
    """Answers for one collection, as it is when it is opened; a context manager.

    `crawled` are the names of the sites that the frontier knows.
    """

    def __init__(self, home: Path) -> None:
        """Open; raises as `Collection`, opened for reading, does."""
        homes.check_for_reading(home)
        self._path = home / state.NAME
        self._connection = state.open_for_reading(self._path)
        with state.reported(self._path):
            self._connection.execute("BEGIN")
            self.crawled = _crawled(self._connection)
            self._others = _others(self._connection, self.crawled)

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
        for site, channel, *standing, count in self._rows(_COUNTS, names):
            found[site].add(channel, Standing(*standing), count)
        yield from found.values()

    def missing(self, names: Sequence[str]) -> Iterator[Missing]:
        """Yield the missing addresses of these sites, site by site, the first known first."""
        for site, channel, *rest in self._rows(_MISSING, names):
            standing, (url, referrer, hop) = Standing(*rest[:4]), rest[4:]
            if not standing.is_redirect:
                reason, status = standing.reason, standing.status or 0
                yield Missing(site, url, reason, status, channel, referrer, hop)

    def _rows(self, statement: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield rows of crawled sites, then of others; the name of the site is the first column."""
        crawled = {name: name for name in names if name in self.crawled}
        others = {key: name for key, name in self._others.items() if name in names}
        for source, keys in ((_CRAWLED, crawled), (_NOT_CRAWLED, others)):
            if keys:
                text = statement.format(source=source)
                with state.reported(self._path):
                    for key, *row in self._connection.execute(text, (json.dumps(list(keys)),)):
                        yield keys[key], *row


def _crawled(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the names of the sites that the frontier knows."""
    tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('frontier', 'rounds')"
    if connection.execute(tables).fetchone() != (2,):
        return ()
    return tuple(name for (name,) in connection.execute("SELECT site FROM rounds ORDER BY site"))


def _others(connection: sqlite3.Connection, crawled: Sequence[str]) -> dict[str, str]:
    """Return the names of the sites and hosts with captures that belong to no crawled site, by their key in `_ANSWER`.

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
