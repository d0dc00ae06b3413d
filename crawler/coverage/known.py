"""The SQL of coverage: known addresses with all that knew them and how they stand, of new and of older tables.

Who knew an address is a number, a bit for each channel, so that SQLite can group by it. Where the frontier says that a
page was captured that is believed; only of the others are the captures looked through, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archive.model import Announcer, Outcome
from archive.store import tallies

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

CAPTURED: Final = frozenset(
    {Outcome.STORED, Outcome.UNCHANGED, Outcome.DUPLICATE, Outcome.NOT_MODIFIED}
)
DATED: Final = frozenset({Announcer.FEED, Announcer.SITEMAP, Announcer.REST})
"""Channels that name dates, and are lists that are read again."""

OWNER: Final = f"iif(site = '', {tallies.HOST}, site)"

_BITS: Final = {channel.value: 1 << number for number, channel in enumerate(Announcer)}
_BIT_OF: Final = (
    "CASE {} "
    + " ".join(f"WHEN '{name}' THEN {bit}" for name, bit in _BITS.items())
    + " ELSE 0 END"
)
_ANSWER: Final = f"""url, {OWNER} AS site, status, max(date),
 sum(status BETWEEN 200 AND 299 AND truncated = '') > 0 AS is_whole"""
_WANTED: Final = "IN (SELECT value FROM json_each(:sites))"

_OLD_COLUMNS: Final = f"""id, url, site, {_BIT_OF.format("announcer")} AS channels, announcer, referrer, hop, outcome,
 due IS NOT NULL OR {{claimed}} AS waits, NULL AS held, 0 AS is_said"""
_IS_SAID: Final = (
    f"outcome IN ({', '.join(repr(one.value) for one in sorted(CAPTURED))})"
    " AND (status BETWEEN 200 AND 299 OR status = 304)"
)
_COLUMNS: Final = f"""id, url, site, iif(announcer = '{Announcer.REQUISITE}', {_BITS[Announcer.REQUISITE]}, ifnull(
  (SELECT sum({_BIT_OF.format("channel")}) FROM announced WHERE address = frontier.id), {_BIT_OF.format("announcer")}
 )) AS channels, announcer, referrer, hop, outcome, ready = 1 OR due IS NOT NULL AS waits,
 iif(host IN (SELECT value FROM json_each(:closed)), host, NULL) AS held, ifnull({_IS_SAID}, 0) AS is_said"""  # noqa: S608 - constants

_CRAWLED: Final = f"""(WITH known AS NOT MATERIALIZED (SELECT {{columns}} FROM frontier WHERE site {_WANTED}),
 seen AS MATERIALIZED (SELECT {_ANSWER} FROM captures
  WHERE url IN (SELECT url FROM known WHERE NOT is_said) GROUP BY url)
 SELECT known.*, iif(is_said, 200, seen.status) AS status, is_said OR ifnull(seen.is_whole, 0) AS is_whole
 FROM known LEFT JOIN seen ON NOT known.is_said AND seen.url = known.url)"""  # noqa: S608 - constants
_NOT_CRAWLED: Final = f"""(SELECT 0 AS id, {_BITS[Announcer.IMPORT]} AS channels, '{Announcer.IMPORT}' AS announcer,
 '' AS referrer, 0 AS hop, NULL AS outcome, 0 AS waits, NULL AS held, {_ANSWER} FROM captures
 WHERE {OWNER} {_WANTED} GROUP BY url)"""  # noqa: S608 - constants
_COUNTS: Final = """SELECT site, channels, outcome, is_whole, status, waits, held, count(*)
 FROM {source} GROUP BY 1, 2, 3, 4, 5, 6, 7"""
_LISTED: Final = """SELECT site, channels, outcome, is_whole, status, waits, held, url, announcer, referrer, hop
 FROM {source} WHERE {where} ORDER BY site, id"""
_LISTS: Final = f"""SELECT {{site}}, channel, max(date), max(last) FROM announced {{join}}
 WHERE channel IN ({", ".join(repr(one.value) for one in sorted(DATED))}) GROUP BY 1, 2"""  # noqa: S608 - constants

MISSING: Final = "NOT is_whole"
ONLY: Final = "channels = :channel"
UNKNOWN: Final = f"channels & :channel = 0 AND channels <> {_BITS[Announcer.REQUISITE]}"


def channels_in(bits: int) -> tuple[str, ...]:
    """Return the channels of a number, in the order of `Announcer`."""
    return tuple(name for name, bit in _BITS.items() if bits & bit)


def bit_of(channel: str) -> int:
    """Return the bit of a channel."""
    return _BITS[channel]


class Tables:
    """Which tables a state has, and the statements for them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(frontier)")}
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
        self.is_there = bool(columns) and "rounds" in tables
        self.has_announced = {"ready", "status"} <= columns and "announced" in tables
        claimed = "claimed" if "claimed" in columns else "0"
        shown = _COLUMNS if self.has_announced else _OLD_COLUMNS.format(claimed=claimed)
        self._crawled = _CRAWLED.format(columns=shown)

    def counts(self, *, crawled: bool) -> str:
        """Return what counts addresses by all that a reason follows from."""
        return _COUNTS.format(source=self._source(crawled=crawled))

    def listed(self, where: str, *, crawled: bool) -> str:
        """Return what lists addresses, the first known first."""
        return _LISTED.format(source=self._source(crawled=crawled), where=where)

    def lists(self, sites: Collection[str]) -> str:
        """Return what tells by site and channel the newest date and the last reading; of one site without its name."""
        if len(sites) == 1:
            return _LISTS.format(site="NULL", join="")
        return _LISTS.format(site="site", join="JOIN frontier ON frontier.id = announced.address")

    def _source(self, *, crawled: bool) -> str:
        return self._crawled if crawled else _NOT_CRAWLED
