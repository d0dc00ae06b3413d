"""Keeps what was learned of rates in state.sqlite; hides its tables.

    site_rates   a site -> its rates by age and its rhythm, as JSON of some 100 numbers
    page_rates   a row of the frontier -> what that page did
    prices       a market -> the price of a visit there; a market is a site with a budget of its own, "" all others
    learned      how far the frontier's rows were looked at for what is new

All of it may be lost: it is learned again from the history of captures. What is read is bounded as what is learned.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crawler.schedule.choice import SiteRates
from crawler.schedule.estimates import MOST, Ages, Channel, Own, Rhythm
from crawler.schedule.policy import DAY_S, FIRST_PRICE_S

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS site_rates (site TEXT PRIMARY KEY, learned REAL NOT NULL, market TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS page_rates (
  page INTEGER PRIMARY KEY, seen REAL NOT NULL, changes REAL NOT NULL, expected REAL NOT NULL,
  brought REAL NOT NULL, seconds REAL NOT NULL, stands REAL);
CREATE TABLE IF NOT EXISTS prices (market TEXT PRIMARY KEY, price REAL NOT NULL, steered REAL NOT NULL, visits REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learned (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""

EVERYWHERE: Final = " "
"""The name in `site_rates` of all sites together; no site is named like that."""

_LONGEST_S: Final = 1e12


@dataclass(slots=True)
class PageRates:
    """What one page did.

    `seen` is its last visit that was learned from (seconds since 1970), 0 for none; `stands` since when it is gone or
    leads elsewhere.
    """

    seen: float = 0.0
    own: Own = field(default_factory=Own)
    channel: Channel = field(default_factory=Channel)
    stands: float | None = None


@dataclass(slots=True)
class Price:
    """The price of a visit in one market, when it was last steered, and the visits since."""

    price: float = FIRST_PRICE_S
    steered: float = 0.0
    visits: float = 0.0


class Rates:
    """What was learned, on a connection to state.sqlite; every write is within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        for statement in _TABLES.split(";")[:-1]:
            connection.execute(statement)

    def site(self, name: str) -> SiteRates:
        """Return what was learned of a site; as of one never seen where nothing was, or what is kept is no such thing."""
        row = self._connection.execute(
            "SELECT learned, body FROM site_rates WHERE site = ?", (name,)
        ).fetchone()
        return SiteRates() if row is None else _site_in(row[0], row[1])

    def sites(self, market: str, now: float) -> int:
        """Return how many sites there were in a market in the last 30 days; one at least."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM site_rates WHERE market = ? AND learned > ?",
            (market, now - 30 * DAY_S),
        ).fetchone()
        return max(1, int(count))

    def keep_site(self, name: str, rates: SiteRates, market: str) -> None:
        """Keep what was learned of a site, and in which market it is."""
        body = {
            "changes": rates.ages.changes,
            "seconds": rates.ages.seconds,
            "hours": rates.rhythm.hours,
        }
        text = json.dumps(
            {key: [float(f"{value:.6g}") for value in values] for key, values in body.items()}
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO site_rates VALUES (?, ?, ?, ?)",
            (name, rates.learned, market, text),
        )

    def pages(self, ids: Sequence[int]) -> dict[int, PageRates]:
        """Return what is known of pages, by their rows in the frontier; at most some hundreds at once."""
        marks = ", ".join("?" * len(ids))
        rows = self._connection.execute(
            "SELECT page, seen, changes, expected, brought, seconds, stands FROM page_rates"  # noqa: S608 - question marks
            f" WHERE page IN ({marks})",
            ids,
        )
        return {row[0]: _page_in(row[1:]) for row in rows}

    def keep_pages(self, pages: Iterable[tuple[int, PageRates]]) -> None:
        """Keep what was learned of pages."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO page_rates VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    page,
                    rates.seen,
                    rates.own.changes,
                    rates.own.expected,
                    rates.channel.brought,
                    rates.channel.seconds,
                    rates.stands,
                )
                for page, rates in pages
            ],
        )

    def price(self, market: str) -> Price:
        """Return the price of a market."""
        row = self._connection.execute(
            "SELECT price, steered, visits FROM prices WHERE market = ?", (market,)
        ).fetchone()
        if row is None or not all(map(_is_number, row)):
            return Price()
        return Price(*map(float, row))

    def keep_price(self, market: str, price: Price) -> None:
        """Keep the price of a market."""
        self._connection.execute(
            "INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)",
            (market, price.price, price.steered, price.visits),
        )

    def cursor(self) -> int:
        """Return the last row of the frontier that was looked at for what is new."""
        row = self._connection.execute("SELECT value FROM learned WHERE name = 'row'").fetchone()
        return int(row[0]) if row is not None and _is_number(row[0]) else 0

    def keep_cursor(self, row: int) -> None:
        """Keep how far the frontier's rows were looked at."""
        self._connection.execute("INSERT OR REPLACE INTO learned VALUES ('row', ?)", (row,))

    def forget_pages(self) -> None:
        """Forget the pages: the frontier was made again, and its rows have other numbers."""
        self._connection.execute("DELETE FROM page_rates")
        self._connection.execute("DELETE FROM learned")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _within(value: object, most: float) -> float:
    return min(max(float(value), 0.0), most) if _is_number(value) else 0.0  # type: ignore[arg-type]


def _page_in(row: tuple[object, ...]) -> PageRates:
    seen, changes, expected, brought, seconds, stands = row
    return PageRates(
        _within(seen, _LONGEST_S),
        Own(_within(changes, MOST), _within(expected, MOST)),
        Channel(_within(brought, MOST), _within(seconds, _LONGEST_S)),
        None if stands is None else _within(stands, _LONGEST_S),
    )


def _site_in(learned: object, body: str) -> SiteRates:
    try:
        found = json.loads(body)
    except ValueError:
        return SiteRates()
    fresh = SiteRates()
    return SiteRates(
        ages=Ages(
            _numbers(found, "changes", fresh.ages.changes, MOST),
            _numbers(found, "seconds", fresh.ages.seconds, _LONGEST_S),
        ),
        rhythm=Rhythm(_numbers(found, "hours", fresh.rhythm.hours, MOST)),
        learned=_within(learned, _LONGEST_S),
    )


def _numbers(found: object, name: str, otherwise: list[float], most: float) -> list[float]:
    values = found.get(name) if isinstance(found, dict) else None
    if not isinstance(values, list) or len(values) != len(otherwise):
        return otherwise
    return [_within(value, most) for value in values]
