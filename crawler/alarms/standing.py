"""Which alarms stand, in state.sqlite, so that each is told once when it begins and once when it ends.

    alarms   site, kind -> since when, what it said last; told: what was told of it last, ends: when it ended

An alarm that a crawl can't judge stands as it was. What could not be told is told after the next crawl. A rebuild begins
without alarms; the next crawl raises them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from crawler.alarms.alarm import Alarm, AlarmKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from crawler.alarms.alarm import Judgement

GIVEN_UP_S: Final = 30 * 86_400.0

_CREATE: Final = """CREATE TABLE IF NOT EXISTS alarms (
  site TEXT NOT NULL, kind TEXT NOT NULL,
  since REAL NOT NULL, ended REAL,    -- seconds since 1970
  message TEXT NOT NULL,
  told INTEGER NOT NULL DEFAULT 0,    -- 1: its beginning was told
  PRIMARY KEY (site, kind)) WITHOUT ROWID"""
_RAISE: Final = """INSERT INTO alarms (site, kind, since, message) VALUES (?, ?, ?, ?)
 ON CONFLICT (site, kind) DO UPDATE SET message = excluded.message, ended = NULL"""
_ROWS: Final = "SELECT site, kind, message, since, ended, told FROM alarms ORDER BY site, kind"
_KINDS: Final = frozenset(AlarmKind)


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm that stands since a moment (seconds since 1970, UTC)."""

    alarm: Alarm
    since: float

    def to_json(self) -> dict[str, str]:
        """Return the object that reports hold, its date ISO 8601."""
        since = datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")
        return {**self.alarm.to_json(), "since": since}


@dataclass(frozen=True, slots=True)
class News:
    """An alarm that began, or `has_ended`, and was not told yet; moments are seconds since 1970, UTC."""

    alarm: Alarm
    since: float
    ended: float | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it is over."""
        return self.ended is not None


def standing(connection: sqlite3.Connection) -> tuple[Standing, ...]:
    """Return the alarms that stand, by site; none where no crawl has raised any."""
    return tuple(
        Standing(Alarm(site, AlarmKind(kind), message), since)
        for site, kind, message, since, ended, _ in _rows(connection)
        if ended is None
    )


def keep(
    connection: sqlite3.Connection, judgement: Judgement, crawl_began: datetime
) -> tuple[News, ...]:
    """Keep what a crawl says, and return what is to be told; within the writer's transaction.

    Alarms stand since the crawl began that raised them: what it captured is held against what was before.
    """
    connection.execute(_CREATE)
    moment = crawl_began.timestamp()
    raised = {(one.site, one.kind) for one in judgement.alarms}
    connection.executemany(
        _RAISE, [(one.site, one.kind, moment, one.message) for one in judgement.alarms]
    )
    connection.executemany(
        "UPDATE alarms SET ended = ? WHERE site = ? AND kind = ? AND ended IS NULL",
        [(moment, *which) for which in judgement.judged - raised],
    )
    connection.execute("DELETE FROM alarms WHERE ended IS NOT NULL AND NOT told")
    return tuple(
        News(Alarm(site, AlarmKind(kind), message), since, ended)
        for site, kind, message, since, ended, told in _rows(connection)
        if ended is not None or not told
    )


def tell(connection: sqlite3.Connection, news: Iterable[News]) -> None:
    """Note that these were told; within the writer's transaction."""
    for one in news:
        which = (one.alarm.site, one.alarm.kind)
        if one.has_ended:
            query = "DELETE FROM alarms WHERE site = ? AND kind = ? AND ended IS NOT NULL"
        else:
            query = "UPDATE alarms SET told = 1 WHERE site = ? AND kind = ?"
        connection.execute(query, which)


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str, str, float, float | None, int]]:
    """Return all rows of kinds that this muragat knows."""
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alarms'").fetchone()
    found = connection.execute(_ROWS).fetchall() if there else []
    return [row for row in found if row[1] in _KINDS]
