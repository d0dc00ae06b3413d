"""What is wanted now and who has it: claims, leases, and the moments when more falls due.

Hides that nothing here goes through all pages of a site. Ready addresses lie by host, so that hosts which are
left out cost nothing; what falls due is made ready some hundreds at a time, before each claim.
"""

from __future__ import annotations

import json
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING

from crawler.frontier.counted import counts
from crawler.frontier.priorities import FOREIGN, REQUISITES
from crawler.frontier.rows import CLAIM, claim_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from crawler.frontier.claims import Claim
    from crawler.frontier.ground import Ground
    from crawler.frontier.rounds import Rounds
    from crawler.frontier.trust import Trust

_PROMOTED = 1_000  # rows that fall due at a time: some milliseconds
_STEPS = 12  # steps of a sweep, or batches of distrusted pages, that one claim goes through
_HOSTS = 1_000  # ready hosts that one claim looks at: 10 ms
_WAITING = 1_000  # waiting addresses that are looked at for the next moment
_BEHIND = 2**62
_EVERYTHING = (0, _BEHIND)

_OWN = ((0, FOREIGN[0]), (FOREIGN[1], _BEHIND))
"""Where all lies but the requisites of other hosts."""

_READY_HOSTS = """
WITH RECURSIVE hosts (host) AS (
  SELECT (SELECT host FROM frontier WHERE ready = 1 AND site = :site AND host > :after ORDER BY host LIMIT 1)
  UNION ALL
  SELECT (SELECT host FROM frontier WHERE ready = 1 AND site = :site AND host > hosts.host ORDER BY host LIMIT 1)
   FROM hosts WHERE hosts.host IS NOT NULL LIMIT :hosts)
SELECT (SELECT priority FROM frontier WHERE ready = 1 AND site = :site AND host = hosts.host
  AND priority >= :first AND priority < :behind ORDER BY priority LIMIT 1) AS best, hosts.host
 FROM hosts WHERE hosts.host IS NOT NULL
"""

_OF_HOST = """
SELECT priority, id FROM frontier WHERE ready = 1 AND site = ? AND host = ? AND priority >= ? AND priority < ?
 ORDER BY priority, id LIMIT ?
"""

_LEASE = f"""
UPDATE frontier SET ready = 0, owner = ?, due = ? WHERE id IN (SELECT value FROM json_each(?))
RETURNING priority, id, {CLAIM}
"""  # noqa: S608 - constants

_PROMOTE = """
UPDATE frontier SET ready = 1, owner = '' WHERE id IN (SELECT id FROM frontier
 WHERE ready = 0 AND due IS NOT NULL AND planned IS NULL AND site = ? AND due <= ? ORDER BY due LIMIT ?)
RETURNING id, kind
"""

_PROMOTE_PLANNED = """
UPDATE frontier SET ready = 1, planned = NULL, cause = '', failures = 0 WHERE id IN (SELECT id FROM frontier
 WHERE planned = 1 AND site = ? AND due <= ? ORDER BY due LIMIT ?)
"""

_NEXT = """
SELECT due, host, priority FROM frontier WHERE ready = 0 AND due IS NOT NULL AND planned IS NULL AND site = ?
 ORDER BY due LIMIT ?
"""

_FORGO = """
UPDATE frontier SET ready = 0, due = NULL WHERE ready = 1 AND site = ? AND host = ? AND priority >= ? AND priority < ?
"""


def spans_of(*, requisites_only: bool, own_only: bool) -> Sequence[tuple[int, int]]:
    """Return the spans of priorities in which what a claim asks for lies, the most urgent first."""
    if requisites_only:
        return ((REQUISITES[0], FOREIGN[0]),) if own_only else (REQUISITES,)
    return _OWN if own_only else (_EVERYTHING,)


class Queue:
    """The addresses that are wanted, waiting or leased."""

    def __init__(self, ground: Ground, rounds: Rounds, trust: Trust) -> None:
        self._ground = ground
        self._rounds = rounds
        self._trust = trust
        self._kinds: dict[str, Collection[str]] = {}
        self._after: dict[str, str] = {}

    def free_the_dead(self) -> None:
        """Make ready what other owners hold: who opens a collection for writing knows that they are gone."""
        with self._ground.transaction():
            self._ground.connection.execute(
                "UPDATE frontier SET ready = 1, due = ?, owner = '' WHERE owner > ''",
                (self._ground.clock(),),
            )

    def claim(
        self,
        site: str,
        limit: int,
        without: Collection[str],
        *,
        spans: Sequence[tuple[int, int]],
        lease_s: float,
    ) -> Sequence[Claim]:
        """See `Frontier.claim`; `spans` are the priorities to take, see `spans_of`."""
        now = self._ground.clock()
        with self._ground.transaction(durable=False):
            self._promote(site, now)
            picked = self._picked(site, limit, without, spans)
            ids = json.dumps([row[1] for row in picked])
            values = (self._ground.owner, now + lease_s, ids)
            rows = self._ground.connection.execute(_LEASE, values).fetchall()
        rows.sort()
        return [claim_in(row[2:]) for row in rows]

    def renew(self, keys: Iterable[str], lease_s: float) -> None:
        """See `Frontier.renew`."""
        statement = "UPDATE frontier SET due = ? WHERE key = ? AND owner = ?"
        end, owner = self._ground.clock() + lease_s, self._ground.owner
        with self._ground.transaction(durable=False):
            self._ground.connection.executemany(statement, [(end, key, owner) for key in keys])

    def release(self, keys: Iterable[str]) -> None:
        """See `Frontier.release`."""
        statement = "UPDATE frontier SET ready = 1, due = ?, owner = '' WHERE key = ? AND owner = ?"
        now, owner = self._ground.clock(), self._ground.owner
        with self._ground.transaction(durable=False):
            self._ground.connection.executemany(statement, [(now, key, owner) for key in keys])

    def due(self, site: str, without: Collection[str], *, requisites_only: bool) -> float | None:
        """See `Frontier.due`."""
        now = self._ground.clock()
        span = REQUISITES if requisites_only else _EVERYTHING
        hosts = self._ready_hosts(site, span)
        if len(hosts) == _HOSTS or any(host not in without for _, host in hosts):
            return now
        if not requisites_only and self._rounds.position(site) is not None:
            return now
        rows = self._ground.connection.execute(_NEXT, (site, _WAITING)).fetchall()
        for due, host, priority in rows:
            if host not in without and span[0] <= priority < span[1]:
                return float(due)
        return float(rows[-1][0]) if len(rows) == _WAITING else None

    def next_planned(self, site: str) -> float | None:
        """Return when the next page of `site` falls due by plan (seconds since 1970), None where none is planned."""
        query = "SELECT min(due) FROM frontier WHERE planned = 1 AND site = ? AND due IS NOT NULL"
        (due,) = self._ground.connection.execute(query, (site,)).fetchone()
        return None if due is None else float(due)

    def forgo(self, site: str, kinds: Collection[str]) -> None:
        """See `Frontier.forgo`; what waits for another try is dropped when that is due."""
        self._kinds[site] = frozenset(kinds)
        places = ", ".join("?" * len(kinds))
        with self._ground.transaction():
            for _, host in self._ready_hosts(site, REQUISITES):
                self._ground.connection.execute(
                    f"{_FORGO} AND kind NOT IN ({places})", (site, host, *REQUISITES, *kinds)
                )

    def counts(self, site: str) -> tuple[int, int]:
        """See `Frontier.counts`."""
        return counts(self._ground.connection, site)

    def _promote(self, site: str, now: float) -> None:
        """Make ready what has fallen due, a batch of it."""
        connection = self._ground.connection
        rows = connection.execute(_PROMOTE, (site, now, _PROMOTED)).fetchall()
        connection.execute(_PROMOTE_PLANNED, (site, now, _PROMOTED))
        kinds = self._kinds.get(site)
        if kinds is not None:
            self._drop([row[0] for row in rows if row[1] and row[1] not in kinds])

    def _picked(
        self,
        site: str,
        limit: int,
        without: Collection[str],
        spans: Sequence[tuple[int, int]],
    ) -> list[tuple[int, int]]:
        """Return priority and id of what is to be claimed; makes more ready as long as that comes before it."""
        picked: list[tuple[int, int]] = []
        has_pages = spans[-1][1] == _BEHIND
        for _ in range(_STEPS):
            picked = []
            for span in spans:
                picked += self._most_urgent(site, limit - len(picked), without, span)
            position = self._rounds.position(site) if has_pages else None
            if position is not None and (len(picked) < limit or picked[-1] > position):
                self._rounds.sweep(site, position)
                continue
            doubtful = self._distrusted(site, picked)
            if not doubtful:
                return picked
            self._unplan(doubtful)
        doubtful = self._distrusted(site, picked)
        return [row for row in picked if row[1] not in doubtful]

    def _most_urgent(
        self, site: str, limit: int, without: Collection[str], span: tuple[int, int]
    ) -> list[tuple[int, int]]:
        """Return up to `limit` ready addresses by priority; asks only the hosts that may have some of them."""
        worst: list[tuple[int, int]] = []  # a heap with the least urgent on top
        for best, host in sorted(self._ready_hosts(site, span)) if limit else ():
            if host in without:
                continue
            if len(worst) == limit and best > -worst[0][0]:
                break
            rows = self._ground.connection.execute(_OF_HOST, (site, host, *span, limit))
            for priority, key in rows.fetchall():
                if len(worst) < limit:
                    heappush(worst, (-priority, -key))
                elif (-priority, -key) > worst[0]:
                    heapreplace(worst, (-priority, -key))
        return sorted((-priority, -key) for priority, key in worst)

    def _ready_hosts(self, site: str, span: tuple[int, int]) -> list[tuple[int, str]]:
        """Return the hosts with something ready within `span`, and their best priority; `_HOSTS` at the most.

        Where there are more, the next look goes on behind them.
        """
        values = {"site": site, "first": span[0], "behind": span[1], "hosts": _HOSTS}
        after = self._after.pop(site, "\0")
        found = self._ground.connection.execute(_READY_HOSTS, {**values, "after": after}).fetchall()
        if len(found) == _HOSTS:
            self._after[site] = found[-1][1]
        elif after != "\0":
            return self._ready_hosts(site, span)
        return [(best, host) for best, host in found if best is not None]

    def _distrusted(self, site: str, picked: list[tuple[int, int]]) -> list[int]:
        """Return the ids of what only a channel wants whose word is worth nothing."""
        causes = self._trust.distrusted(site)
        if not causes or not picked:
            return []
        rows = self._ground.connection.execute(
            "SELECT id, cause FROM frontier WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps([row[1] for row in picked]),),
        )
        return [row[0] for row in rows if row[1] in causes]

    def _drop(self, ids: list[int]) -> None:
        statement = "UPDATE frontier SET ready = 0, due = NULL WHERE id = ?"
        self._ground.connection.executemany(statement, [(each,) for each in ids])

    def _unplan(self, ids: list[int]) -> None:
        """Put pages back that nobody trustworthy wants: their next visit is to be planned."""
        statement = (
            "UPDATE frontier SET ready = 0, due = NULL, cause = '', planned = 0 WHERE id = ?"
        )
        self._ground.connection.executemany(statement, [(each,) for each in ids])
