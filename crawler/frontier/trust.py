"""Which words of channels are to be trusted: learned from the visits that they caused.

Many sitemaps give the moment of their own making as the date of every page; what they say then costs a visit of
every page, and brings nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.frontier.claims import Visit
    from crawler.frontier.ground import Ground

_TRIES = 20
_SHARE = 0.05
_REMEMBERED = 400  # tries; then both counts are halved, so that a channel that gets better or worse is seen to

_LEARN = """
INSERT INTO trust (site, channel, hits, misses) VALUES (?1, ?2, ?3, 1 - ?3)
ON CONFLICT (site, channel) DO UPDATE SET hits = hits + excluded.hits, misses = misses + excluded.misses
"""

_FADE = """
UPDATE trust SET hits = hits / 2, misses = misses / 2 WHERE site = ? AND channel = ? AND hits + misses > ?
"""


class Trust:
    """The causes of each site that cause nothing any more; few, and held in memory."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._distrusted: dict[str, set[str]] = {}

    def distrusted(self, site: str) -> set[str]:
        """Return the causes of `site` that brought no news in `_TRIES` visits, or in nearly none."""
        found = self._distrusted.get(site)
        if found is None:
            query = "SELECT channel FROM trust WHERE site = ? AND hits + misses >= ? AND hits < ? * (hits + misses)"
            rows = self._ground.connection.execute(query, (site, _TRIES, _SHARE))
            found = self._distrusted[site] = {row[0] for row in rows}
        return found

    def learn(self, site: str, cause: str, visit: Visit) -> None:
        """Count what a visit showed that `cause` led to; in a transaction."""
        if not cause or visit.is_news is None:
            return
        connection = self._ground.connection
        connection.execute(_LEARN, (site, cause, int(visit.is_news)))
        connection.execute(_FADE, (site, cause, _REMEMBERED))
        self._distrusted.pop(site, None)
