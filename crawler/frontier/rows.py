"""Rows of the frontier's tables as values, and values as rows: the order of columns is known here alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archive.model import Announcer, Outcome, Via
from crawler.frontier.claims import FAILED, Announcement, Claim, Planned, Visit

CLAIM = (
    "key, url, announcer, referrer, seed, hop, redirects, failures, coalesce(digest, '') AS digest,"
    " host, kind, depth, etag, last_modified, visited, coalesce(status, 0) AS status"
)

PUT = """
INSERT INTO frontier
  (key, url, host, site, priority, ready, due, announcer, referrer, seed, hop, redirects, kind, depth, known)
VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?6)
ON CONFLICT (key) DO UPDATE SET
  url = excluded.url, host = excluded.host, site = excluded.site, priority = excluded.priority,
  ready = owner = '', due = iif(owner = '', excluded.due, due), cause = '', planned = NULL,
  announcer = excluded.announcer, referrer = excluded.referrer, seed = excluded.seed,
  hop = excluded.hop, redirects = excluded.redirects, kind = excluded.kind, depth = excluded.depth, failures = 0
"""
"""A requisite that is under way keeps its lease."""

FALL_DUE = """
UPDATE frontier SET ready = 1, due = ?, cause = ?, planned = NULL WHERE key = ? AND ready = 0 AND owner = ''
"""

DATE = """
UPDATE frontier SET published = coalesce(published, ?1), modified = max(coalesce(modified, ?2), coalesce(?2, modified))
WHERE key = ?3
"""

DONE = f"""
UPDATE frontier SET ready = :again, due = iif(:again, :now, :retry_at), owner = '',
  outcome = :outcome, digest = coalesce(:digest, digest), visited = :now, status = :status, changed = :changed,
  etag = coalesce(:etag, etag), last_modified = coalesce(:last_modified, last_modified),
  fresh_until = :fresh_until,
  round = coalesce((SELECT number FROM rounds WHERE rounds.site = frontier.site), 0),
  failures = iif(:retry_at IS NULL, 0, failures + 1),
  errors = iif(:failed, errors + (:retry_at IS NULL), 0),
  planned = iif(:retry_at IS NULL AND NOT :again AND announcer <> '{Announcer.REQUISITE}', 0, NULL)
WHERE key = :key RETURNING site, cause
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Known:
    """How an address stands that the table has; `told` to `missing` are what one channel said of it.

    `waits` where it is to be tried again; `cause` is why it is due, or was when it was visited last; `round` is the
    site's round of that visit.
    """

    id: int
    url: str
    site: str
    depth: int
    redirects: int
    priority: int
    is_requisite: bool
    is_ready: bool
    is_leased: bool
    waits: bool
    cause: str
    visited: float | None
    round: int
    fresh_until: float | None
    published: float | None
    modified: float | None
    is_told: bool
    date: float | None
    is_missing: bool

    @property
    def is_due(self) -> bool:
        """Whether it is wanted, under way, or to be tried again."""
        return self.is_ready or self.is_leased or self.waits

    @property
    def is_untouched(self) -> bool:
        """Whether nobody has asked for it yet."""
        return self.visited is None and not self.is_leased

    def is_stale(self, opened: float, now: float) -> bool:
        """Whether it may be asked for again: not in this round, which began at `opened`, nor while fresh."""
        if self.visited is None:
            return True
        return self.visited < opened and (self.fresh_until is None or self.fresh_until <= now)


KNOWN = f"""
SELECT id, url, site, depth, redirects, priority, announcer = '{Announcer.REQUISITE}', ready, owner > '',
  ready = 0 AND due IS NOT NULL AND planned IS NULL, cause, visited, round, fresh_until, published, modified,
  channel IS NOT NULL, date, missing IS NOT NULL
FROM frontier LEFT JOIN announced ON address = id AND channel = ?2 WHERE key = ?1
"""  # noqa: S608 - constants


def claim_in(row: tuple[Any, ...]) -> Claim:
    """Return the claim of a row of `CLAIM`."""
    key, url, announcer, referrer, seed, hop, redirects, failures, *rest = row
    via = Via(announcer=Announcer(announcer), referrer=referrer, seed=seed, hop=hop)
    return Claim(key, url, via, redirects, failures, *rest)


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


CAUSE = "UPDATE frontier SET cause = ? WHERE key = ?"


def row_of(site: str, told: Announcement, now: float) -> tuple[object, ...]:
    """Return the values of `PUT`."""
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


def done_of(visit: Visit, now: float, *, again: bool) -> dict[str, object]:
    """Return the values of `DONE`; with `again` the address is due at once."""
    is_answered = bool(visit.status)
    return {
        "key": visit.key,
        "now": now,
        "again": again,
        "retry_at": visit.retry_at,
        "outcome": visit.outcome,
        "digest": visit.digest or None,
        "status": visit.status or None,
        "changed": visit.changed,
        "etag": visit.etag if is_answered else None,
        "last_modified": visit.last_modified if is_answered else None,
        "fresh_until": visit.fresh_until,
        "failed": visit.outcome in FAILED,
    }


PLANNED = """
SELECT id, key, url, host, announcer,
  (SELECT group_concat(channel) FROM announced WHERE address = frontier.id) AS channels,
  hop, published, modified, known, visited, outcome, status, changed, errors, digest,
  EXISTS (SELECT 1 FROM sources WHERE sources.url = frontier.url) AS is_source
FROM frontier WHERE planned = 0 AND site = ? ORDER BY id LIMIT ?
"""


def planned_in(row: tuple[Any, ...]) -> Planned:
    """Return the value of a row of `PLANNED`."""
    key, page, url, host, announcer, channels, hop, published, modified, known, visited, *last = row
    outcome, status, changed, errors, digest, is_source = last
    return Planned(
        key,
        page,
        url,
        host,
        announcer=Announcer(announcer),
        channels=frozenset(map(Announcer, (channels or announcer).split(","))),
        hop=hop,
        published=published,
        modified=modified,
        known=known,
        visited=visited or 0.0,
        outcome=Outcome(outcome),
        status=status or 0,
        changed=None if changed is None else bool(changed),
        errors=errors,
        digest=digest or "",
        is_source=bool(is_source),
    )
