"""Lists that were read to their end: what is missing from them, and how long they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crawler.frontier.news import MISSING

if TYPE_CHECKING:
    from collections.abc import Collection

    from crawler.frontier.ground import Ground

_IS_READ = "SELECT 1 FROM announced WHERE source = ? AND missing IS NULL AND last >= ? LIMIT 1"

_MISS = """
UPDATE announced SET missing = ? WHERE (address, channel) IN (
 SELECT address, channel FROM announced WHERE source = ? AND missing IS NULL AND last < ?)
RETURNING address, channel
"""

_FALL_DUE = """
UPDATE frontier SET ready = 1, due = :now, cause = :cause, planned = NULL
 WHERE id IN (SELECT value FROM json_each(:ids)) AND site = :site AND ready = 0 AND owner = ''
 AND (due IS NULL OR planned = 1) AND visited <= :now
"""


class Lists:
    """Feeds, sitemaps and REST lists by their addresses."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def ended(
        self, site: str, url: str, since: float, total: int | None, *, distrusted: Collection[str]
    ) -> int:
        """See `Frontier.listed`; nothing falls due for causes that are `distrusted`. In a transaction."""
        connection = self._ground.connection
        source = self._source(url)
        if source is None or connection.execute(_IS_READ, (source, since)).fetchone() is None:
            return 0
        now = self._ground.clock()
        missing: dict[str, list[int]] = {}
        for address, channel in connection.execute(_MISS, (now, source, since)).fetchall():
            missing.setdefault(MISSING + channel, []).append(address)
        for cause in missing.keys() - set(distrusted):
            values = {"now": now, "cause": cause, "site": site, "ids": json.dumps(missing[cause])}
            connection.execute(_FALL_DUE, values)
        if total is not None:
            surplus = total - self._announced(source)
            connection.execute("UPDATE sources SET surplus = ? WHERE id = ?", (surplus, source))
        return sum(map(len, missing.values()))

    def size(self, url: str) -> int:
        """See `Frontier.listing_size`."""
        source = self._source(url)
        if source is None:
            return 0
        query = "SELECT surplus FROM sources WHERE id = ?"
        (surplus,) = self._ground.connection.execute(query, (source,)).fetchone()
        return int(surplus) + self._announced(source)

    def named(self, url: str) -> int:
        """Return how many addresses a list names."""
        source = self._source(url)
        return 0 if source is None else self._announced(source)

    def _source(self, url: str) -> int | None:
        row = self._ground.connection.execute(
            "SELECT id FROM sources WHERE url = ?", (url,)
        ).fetchone()
        return None if row is None else int(row[0])

    def _announced(self, source: int) -> int:
        query = "SELECT count(*) FROM announced WHERE source = ? AND missing IS NULL"
        return int(self._ground.connection.execute(query, (source,)).fetchone()[0])
