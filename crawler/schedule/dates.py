"""Visits that a clock which was wrong has put far ahead are brought back to now; by the frontier's indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archive.store.state import transaction

if TYPE_CHECKING:
    import sqlite3

LONGEST_S: Final = 31 * 86_400.0
"""No visit is planned, and no try put off, for longer."""

_BATCH: Final = 10_000

_MEND: Final = tuple(
    f"UPDATE frontier SET due = :now WHERE id IN (SELECT id FROM frontier WHERE {which}"  # noqa: S608 - constants
    " AND site = :site AND due > :latest LIMIT :batch)"
    for which in ("planned = 1", "ready = 0 AND due IS NOT NULL AND planned IS NULL")
)


def mend(connection: sqlite3.Connection, site: str, now: float) -> int:
    """Make due what lies further ahead than it ever could; return how many addresses. No transaction may be open."""
    values = {"site": site, "now": now, "latest": now + LONGEST_S, "batch": _BATCH}
    mended = 0
    for statement in _MEND:
        while True:
            with transaction(connection):
                count = connection.execute(statement, values).rowcount
            mended += count
            if count < _BATCH:
                break
    return mended
