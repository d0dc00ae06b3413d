"""How many addresses of a site are known and wait, counted in a crawl or beside it, by indexes alone.

A million addresses take some 50 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crawler.frontier.priorities import BAND, REQUISITES

if TYPE_CHECKING:
    import sqlite3

_KNOWN: Final = "SELECT count(*) FROM frontier WHERE site = :site"
_WAITING: Final = (
    "SELECT count(*) FROM frontier WHERE ready = 1 AND site = :site",
    "SELECT count(*) FROM frontier WHERE ready = 0 AND due IS NOT NULL AND planned IS NULL AND site = :site",
)
_PLANNED: Final = "SELECT count(*) FROM frontier WHERE planned = 1 AND site = :site AND due <= :now"
_AHEAD: Final = (
    "SELECT count(*) FROM frontier, rounds WHERE frontier.site = :site AND rounds.site = :site AND ended IS NULL"
    " AND swept_priority IS NOT NULL AND (priority, id) > (swept_priority, swept_id)"
    " AND NOT (priority >= :first AND priority < :behind)"
)
"""Pages that an open full round has not yet come to."""


def counts(connection: sqlite3.Connection, site: str) -> tuple[int, int]:
    """Return how many addresses are known, and how many of them are wanted, or to be tried again."""
    known, waiting = _counted(connection, (_KNOWN, *_WAITING, _AHEAD), site)
    return known, min(known, waiting)


def counts_at(connection: sqlite3.Connection, site: str, now: float) -> tuple[int, int]:
    """Return how many addresses are known, and how many wait for a visit at `now` (seconds since 1970), planned ones too.

    The tables may be an older version's: they are brought up by the next crawl.
    """
    if not _is_of_today(connection):
        older = "SELECT count(*) FROM frontier WHERE site = :site AND due IS NOT NULL"
        return _counted(connection, (_KNOWN, older), site)
    known, waiting = _counted(connection, (_KNOWN, *_WAITING, _PLANNED, _AHEAD), site, now)
    return known, min(known, waiting)


def seeds(connection: sqlite3.Connection, site: str) -> tuple[str, ...]:
    """Return the addresses that a site's crawls began from; they are the first of its queue."""
    query = "SELECT url FROM frontier WHERE site = ? AND priority < ? AND announcer = 'seed' ORDER BY id"
    return tuple(row[0] for row in connection.execute(query, (site, BAND)))


def _is_of_today(connection: sqlite3.Connection) -> bool:
    rows = connection.execute("PRAGMA table_info(frontier)")
    return "ready" in {row[1] for row in rows}


def _counted(
    connection: sqlite3.Connection, queries: tuple[str, ...], site: str, now: float = 0.0
) -> tuple[int, int]:
    """Return what the first query counts, and what the others do together."""
    values = {"site": site, "now": now, "first": REQUISITES[0], "behind": REQUISITES[1]}
    first, *others = (int(connection.execute(query, values).fetchone()[0]) for query in queries)
    return first, sum(others)
