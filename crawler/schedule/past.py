"""What the collection knows of the sites' last rounds and of closed hosts, read beside a crawl that may be running.

Hides tables and reports, those of older versions too. What can't be read there is as if it were not known; the state
itself must be readable.
"""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from archive.store import state
from crawler.schedule.due import Past, Wait

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping
    from pathlib import Path

_LARGEST_REPORT: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """What the report of a crawl says of one site: how its crawl ended, what to look at, and until when it was put off."""

    ended: str = ""
    warnings: tuple[str, ...] = ()
    put_off: Wait | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How the sites stand: their last rounds by name, what the reports say of those, and the hosts.

    `closed` are the hosts that were closed, `spent` says for each on which day (UTC, since 1970) it was last asked and
    how often.
    """

    rounds: Mapping[str, Past] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)
    closed: Mapping[str, Wait] = field(default_factory=dict)
    spent: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def course(home: Path, learned: Collection[str] = ()) -> Course:
    """Return how the sites stand; of those named in `learned` also when the first of their pages falls due.

    Raises StorageError for a state that can't be read; one that is not there is a collection without crawls.
    """
    path = home / state.NAME
    if not (path.is_file() and path.stat().st_size):
        return Course()
    with state.reported(path), closing(state.open_for_reading(path)) as connection:
        return _course(connection, home, learned)


def _course(connection: sqlite3.Connection, home: Path, learned: Collection[str]) -> Course:
    columns = _columns(connection, "rounds")
    if not columns:
        return Course()
    opened = "opened" if "opened" in columns else "started"
    query = f"SELECT site, crawl, {opened}, started, ended FROM rounds"  # noqa: S608 - a column
    rows = connection.execute(query).fetchall()
    reports = {crawl: _report(home / "crawls", crawl) for crawl in {row[1] for row in rows}}
    has_wanted = "ready" in _columns(connection, "frontier")
    rounds, told = {}, {}
    for site, crawl, began, started, ended in rows:
        said = told[site] = _told(reports[crawl], site)
        wanted = _wanted(connection, site) if has_wanted and site in learned else None
        rounds[site] = Past(began or started, started, ended, said.ended, said.put_off, wanted)
    return Course(rounds, told, *_hosts(connection))


_WANTED: Final = (
    "SELECT 0.0 FROM frontier WHERE ready = 1 AND site = ? LIMIT 1",
    "SELECT min(due) FROM frontier WHERE planned = 1 AND site = ?",
    "SELECT min(due) FROM frontier WHERE ready = 0 AND due IS NOT NULL AND planned IS NULL AND site = ?",
)
"""What is ready, what was planned, what waits for another try; each by an index of its own."""


def _wanted(connection: sqlite3.Connection, site: str) -> float | None:
    """Return when the first page of a site falls due, 0 for at once."""
    rows = (connection.execute(query, (site,)).fetchone() for query in _WANTED)
    return min((float(row[0]) for row in rows if row and row[0] is not None), default=None)


def _hosts(
    connection: sqlite3.Connection,
) -> tuple[dict[str, Wait], dict[str, tuple[int, int]]]:
    """Return the hosts that are closed, or were, and what was asked of each."""
    if not {"closed_until", "reason", "day", "requests"} <= _columns(connection, "hosts"):
        return {}, {}
    query = "SELECT host, closed_until, reason, day, requests FROM hosts"
    rows = connection.execute(query).fetchall()
    closed = {row[0]: Wait(float(row[1]), str(row[2] or "")) for row in rows if row[1]}
    return closed, {row[0]: (int(row[3]), int(row[4])) for row in rows}


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def _report(folder: Path, crawl: str) -> dict[str, Any]:
    path = folder / f"{crawl}.json"
    try:
        if "/" in crawl or path.stat().st_size > _LARGEST_REPORT:
            return {}
        found = json.loads(path.read_bytes())
    except (
        OSError,
        ValueError,
        RecursionError,
    ):  # killed before it was written, or no report of ours
        return {}
    return found if isinstance(found, dict) else {}


def _told(report: Mapping[str, Any], site: str) -> Told:
    """Return what a report says of a site; whatever is not as we write it says nothing."""
    told: Mapping[str, Any] = next(
        (each for each in _list(report.get("sites")) if _name(each) == site), {}
    )
    warnings = tuple(
        each
        for each in _list(report.get("warnings"))
        if isinstance(each, str) and each.startswith(f"{site}: ")
    )
    ended = told.get("ended")
    return Told(ended if isinstance(ended, str) else "", warnings, _put_off(told.get("put_off")))


def _put_off(told: object) -> Wait | None:
    if not isinstance(told, dict):
        return None
    try:
        until = datetime.fromisoformat(str(told.get("until")))
        moment = (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return Wait(moment, str(told.get("because", ""))) if math.isfinite(moment) else None


def _name(told: object) -> str:
    return str(told.get("name", "")) if isinstance(told, dict) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
