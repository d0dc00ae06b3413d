"""Rounds: their beginnings and ends, and how the pages of a full one come to be ready, some at a time.

Hides the sweep: a full round wants every page, but no statement touches all of them. A position goes through the
pages in the order in which they are fetched, as far ahead of the claims as they need it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crawler.frontier.priorities import REQUISITES

if TYPE_CHECKING:
    from crawler.frontier.ground import Ground

_HOSTS = 1_000  # ready hosts that one look finds
_SWEPT = 500  # pages that one step looks at: some milliseconds

_BEGIN = """
INSERT INTO rounds (site, crawl, started, opened, number, is_full, swept_priority, swept_id)
 VALUES (:site, :crawl, :now, :now, 1, :full, :position, 0)
ON CONFLICT (site) DO UPDATE SET crawl = :crawl, started = :now, opened = :now, ended = NULL,
 number = number + 1, is_full = :full, swept_priority = :position, swept_id = 0
"""

_AHEAD = """
SELECT priority, id FROM frontier WHERE site = ? AND (priority, id) > (?, ?) ORDER BY priority, id LIMIT ?
"""

_READY = """
UPDATE frontier SET ready = 1, due = :now, cause = '', failures = 0, planned = NULL
 WHERE id IN (SELECT value FROM json_each(:ids)) AND owner = '' AND round < :number
 AND (due IS NULL OR due <= :now OR planned = 1)
"""


_UNTRIED_HOSTS = """
WITH RECURSIVE hosts (host) AS (
  SELECT (SELECT host FROM frontier WHERE ready = 1 AND site = :site AND failures = 0 ORDER BY host LIMIT 1)
  UNION ALL
  SELECT (SELECT host FROM frontier WHERE ready = 1 AND site = :site AND failures = 0 AND host > hosts.host ORDER BY host LIMIT 1)
   FROM hosts WHERE hosts.host IS NOT NULL LIMIT :most)
SELECT json_group_array(host) FROM hosts WHERE host IS NOT NULL
"""

_HAS_ANSWERED = """
SELECT 1 FROM frontier WHERE site = :site AND round = :number AND status IS NOT NULL
 AND host IN (SELECT value FROM json_each(:hosts)) LIMIT 1
"""


class Rounds:
    """The rounds of all sites."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._opened: dict[str, float] = {}

    def begin(self, site: str, crawl: str, *, full: bool) -> bool:
        """See `Frontier.begin`."""
        now = self._ground.clock()
        connection = self._ground.connection
        with self._ground.transaction():
            query = "SELECT opened, is_full FROM rounds WHERE site = ? AND ended IS NULL"
            row = connection.execute(query, (site,)).fetchone()
            goes_on = row is not None and (bool(row[1]) or not full)
            if goes_on:
                statement = "UPDATE rounds SET crawl = ?, started = ? WHERE site = ?"
                connection.execute(statement, (crawl, now, site))
            else:
                position = -1 if full else None
                values = {"site": site, "crawl": crawl, "now": now, "full": full}
                connection.execute(_BEGIN, {**values, "position": position})
        self._opened[site] = row[0] if goes_on else now
        return goes_on

    def end(self, site: str) -> None:
        """See `Frontier.end`."""
        with self._ground.transaction():
            self._ground.connection.execute(
                "UPDATE rounds SET ended = ? WHERE site = ?", (self._ground.clock(), site)
            )

    def end_waiting(self, site: str) -> bool:
        """See `Frontier.end_waiting`; takes a second at a million pages where untried ones are left on silent hosts alone."""
        if self.position(site) is not None or self._is_ended(site):
            return False
        connection = self._ground.connection
        (hosts,) = connection.execute(_UNTRIED_HOSTS, {"site": site, "most": _HOSTS}).fetchone()
        values = {"site": site, "number": self.number(site), "hosts": hosts}
        if hosts != "[]" and connection.execute(_HAS_ANSWERED, values).fetchone() is not None:
            return False
        self.end(site)
        return True

    def _is_ended(self, site: str) -> bool:
        query = "SELECT 1 FROM rounds WHERE site = ? AND ended IS NULL"
        return self._ground.connection.execute(query, (site,)).fetchone() is None

    def begun(self, site: str) -> float:
        """Return when a process last began or took up a round of `site` (seconds since 1970), 0 for never."""
        query = "SELECT started FROM rounds WHERE site = ?"
        row = self._ground.connection.execute(query, (site,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def opened(self, site: str) -> float:
        """Return when the round of `site` began; now where there never was one."""
        if site not in self._opened:
            query = "SELECT opened FROM rounds WHERE site = ?"
            row = self._ground.connection.execute(query, (site,)).fetchone()
            self._opened[site] = self._ground.clock() if row is None else row[0]
        return self._opened[site]

    def number(self, site: str) -> int:
        """Return which round of `site` this is, counted from 1; 0 where there never was one."""
        query = "SELECT number FROM rounds WHERE site = ?"
        row = self._ground.connection.execute(query, (site,)).fetchone()
        return 0 if row is None else int(row[0])

    def position(self, site: str) -> tuple[int, int] | None:
        """Return up to which priority and id the pages of a full round are ready, None where all are."""
        query = """SELECT swept_priority, swept_id FROM rounds
 WHERE site = ? AND ended IS NULL AND swept_priority IS NOT NULL"""
        row = self._ground.connection.execute(query, (site,)).fetchone()
        return None if row is None else (row[0], row[1])

    def sweep(self, site: str, position: tuple[int, int]) -> None:
        """Go a step on from `position`: make pages ready that were not visited in this round; in a transaction."""
        connection = self._ground.connection
        rows = connection.execute(_AHEAD, (site, *position, _SWEPT)).fetchall()
        pages = [row for row in rows if not REQUISITES[0] <= row[0] < REQUISITES[1]]
        after = rows[-1] if len(rows) == _SWEPT else (None, 0)
        if len(pages) < len(rows):  # the band of requisites, which no round makes due
            behind = [row for row in rows if row[0] >= REQUISITES[1]]
            after = after if behind else (REQUISITES[1] - 1, 2**62)
        values = {"now": self._ground.clock(), "number": self.number(site)}
        connection.execute(_READY, {**values, "ids": json.dumps([row[1] for row in pages])})
        statement = "UPDATE rounds SET swept_priority = ?, swept_id = ? WHERE site = ?"
        connection.execute(statement, (*after, site))
