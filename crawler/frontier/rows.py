"""Rows of the frontier's table as values, and values as rows: the order of columns is known here alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archive.model import Announcer, Via
from crawler.frontier.claims import Announcement, Claim

CLAIM = (
    "key, url, announcer, referrer, seed, hop, redirects, failures, coalesce(digest, '') AS digest,"
    " host, kind, depth"
)

PUT = """
INSERT INTO frontier
  (key, url, host, site, priority, due, announcer, referrer, seed, hop, redirects, kind, depth)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
  url = excluded.url, host = excluded.host, site = excluded.site, priority = excluded.priority,
  due = excluded.due, announcer = excluded.announcer, referrer = excluded.referrer, seed = excluded.seed,
  hop = excluded.hop, redirects = excluded.redirects, kind = excluded.kind, depth = excluded.depth, failures = 0
"""

DONE = """
UPDATE frontier SET claimed = 0, due = ?, outcome = ?, digest = coalesce(?, digest), visited = ?, fresh_until = ?,
  failures = CASE WHEN ? IS NULL THEN 0 ELSE failures + 1 END
WHERE key = ?
"""


@dataclass(frozen=True, slots=True)
class Known:
    """How an address stands that the table has."""

    url: str
    site: str
    depth: int
    redirects: int
    is_requisite: bool
    is_due: bool
    is_claimed: bool
    visited: float | None
    fresh_until: float | None

    def is_stale(self, opened: float, now: float) -> bool:
        """Whether it may be asked for again: not in this round, which began at `opened`, nor while fresh."""
        if self.visited is None:
            return True
        return self.visited < opened and (self.fresh_until is None or self.fresh_until <= now)


KNOWN = f"url, site, depth, redirects, announcer = '{Announcer.REQUISITE}', due IS NOT NULL, claimed, visited, fresh_until"


def claim_in(row: tuple[Any, ...]) -> Claim:
    """Return the claim of a row of `CLAIM`."""
    key, url, announcer, referrer, seed, hop, redirects, failures, digest, host, kind, depth = row
    via = Via(announcer=Announcer(announcer), referrer=referrer, seed=seed, hop=hop)
    return Claim(
        key,
        url,
        via,
        redirects,
        failures=failures,
        digest=digest,
        host=host,
        kind=kind,
        depth=depth,
    )


def announcement_of(known: Claim) -> Announcement:
    """Return the announcement that a known address came from."""
    return Announcement(
        known.key,
        known.url,
        known.via,
        redirects=known.redirects,
        kind=known.kind,
        depth=known.depth,
    )


def row_of(site: str, told: Announcement, now: float) -> tuple[object, ...]:
    via = told.via
    return (
        told.key,
        told.url,
        told.host,
        site,
        told.priority,
        now,
        via.announcer,
        via.referrer,
        via.seed,
        via.hop,
        told.redirects,
        told.kind,
        told.depth,
    )
