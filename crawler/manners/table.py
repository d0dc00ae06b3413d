"""The table `hosts` of state.sqlite: what is remembered of hosts between runs, and whether the last one was killed.

Everything here runs in the writer's thread.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from crawler.manners.host import LONGEST_ASKED_S, WAITED_OUT_S, Closing, Host

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_CREATE = """
CREATE TABLE IF NOT EXISTS hosts (
  host TEXT PRIMARY KEY,
  sent REAL NOT NULL,
  delay REAL NOT NULL,
  latency REAL NOT NULL,
  failures INTEGER NOT NULL,
  closed_until REAL NOT NULL,
  reason TEXT NOT NULL,
  day INTEGER NOT NULL,
  requests INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hosts_sent ON hosts (sent);
CREATE TABLE IF NOT EXISTS manners (is_running INTEGER NOT NULL);
"""

_PUT = "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

_KEPT_S = 30 * 86_400.0
_LOADED_S = 86_400.0
_LOADED_MAX = 2_000
_LONG_AGO_S = 86_400.0


@dataclass(frozen=True, slots=True)
class HostRow:
    """One host; `sent` and `closed_until` are seconds since 1970, `delay` is its robots.txt's."""

    host: str
    sent: float
    delay: float
    latency: float
    failures: int
    closed_until: float
    reason: str
    day: int
    requests: int

    @classmethod
    def of(cls, host: Host, now: float, ticks: float) -> HostRow:
        """Return a host's row; `sent` is what its pause counts from."""
        sent = now - min(ticks - host.from_at, _KEPT_S)
        closed_until = host.closed_until if host.closed_until > now else 0.0
        reason = host.reason if closed_until else ""
        return cls(
            host.key,
            sent,
            host.crawl_delay,
            host.latency,
            host.failures,
            closed_until,
            reason,
            host.day,
            host.requests,
        )

    def host_at(self, now: float, ticks: float) -> Host:
        """Return the host. Where the clock has gone back meanwhile it counts as asked just now."""
        age = now - self.sent
        closed_until = min(self.closed_until, now + LONGEST_ASKED_S)
        return Host(
            self.host,
            from_at=ticks - (min(age, _LONG_AGO_S) if age >= 0 else 0.0),
            latency=self.latency,
            crawl_delay=self.delay,
            failures=self.failures,
            closed_until=closed_until,
            reason=self.reason,
            is_long=closed_until - now > WAITED_OUT_S,
            day=self.day,
            requests=self.requests,
        )


def take_up(connection: sqlite3.Connection, now: float) -> tuple[list[HostRow], bool]:
    """Return what was remembered, and whether the process before was killed; note that one runs."""
    connection.executescript(_CREATE)
    marks = connection.execute("SELECT is_running FROM manners").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "DELETE FROM hosts WHERE sent < ? AND closed_until < ?", (now - _KEPT_S, now)
    )
    connection.execute("DELETE FROM manners")
    connection.execute("INSERT INTO manners VALUES (1)")
    connection.execute("COMMIT")
    rows = connection.execute(
        "SELECT * FROM hosts WHERE sent > ? OR closed_until > ? OR failures > 0"
        " ORDER BY closed_until DESC, sent DESC LIMIT ?",
        (now - _LOADED_S, now, _LOADED_MAX),
    )
    return [HostRow(*row) for row in rows], any(row[0] for row in marks)


def write(connection: sqlite3.Connection, rows: Iterable[HostRow]) -> None:
    """Write rows; inside a transaction."""
    connection.executemany(_PUT, [astuple(row) for row in rows])


def leave(connection: sqlite3.Connection, rows: Iterable[HostRow]) -> None:
    """Write the last rows, and that the process ended as it should."""
    connection.execute("BEGIN IMMEDIATE")
    write(connection, rows)
    connection.execute("UPDATE manners SET is_running = 0")
    connection.execute("COMMIT")


def closed(connection: sqlite3.Connection, now: float) -> dict[str, Closing]:
    """Return the hosts that are closed now, for who only reads."""
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'hosts'").fetchone()
    if there is None:
        return {}
    rows = connection.execute(
        "SELECT host, closed_until, reason FROM hosts WHERE closed_until > ?", (now,)
    )
    return {
        host: Closing(until, reason, is_long=until - now > WAITED_OUT_S)
        for host, until, reason in rows
    }
