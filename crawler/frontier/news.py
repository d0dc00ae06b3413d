"""What is announced, until it is written: new addresses, who told of them, and what known ones fall due by.

Hides which words change anything. Most links are known, and their announcers too: those cost one look-up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archive.model import Announcer
from crawler.frontier.claims import DATED, Announcement
from crawler.frontier.rows import (
    CLAIM,
    DATE,
    FALL_DUE,
    KNOWN,
    PUT,
    Known,
    announcement_of,
    claim_in,
    row_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.frontier.ground import Ground
    from crawler.frontier.rounds import Rounds
    from crawler.frontier.trust import Trust

MISSING = "missing "
"""Before a channel: the cause of a visit to what is not on its list any more, or is there again."""

_SOURCED = DATED | {Announcer.ROBOTS}
_SOURCES_HELD = 1_000
_TURN_S = 43_200.0

_WRONG_CLOCK_S = 86_400.0
"""What dates of lists may be off: local time that is called UTC, days without a time, clocks that are wrong."""

_TELL = """
INSERT INTO announced (address, channel, first, last, date, source)
 SELECT id, ?2, ?3, ?3, ?4, ?5 FROM frontier WHERE key = ?1
ON CONFLICT (address, channel) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
  date = iif(?6, max(coalesce(date, excluded.date), excluded.date), coalesce(date, excluded.date)), source = excluded.source, missing = NULL
"""


@dataclass(frozen=True, slots=True)
class _Word:
    """That a channel named an address, and with which date: that of publication only where it gives no other."""

    date: float | None
    is_modified: bool
    source: str


class News:
    """What waits to be written."""

    def __init__(self, ground: Ground, rounds: Rounds, trust: Trust) -> None:
        self._ground = ground
        self._rounds = rounds
        self._trust = trust
        self._new: dict[str, tuple[str, Announcement]] = {}
        self._due: dict[str, str] = {}
        self._dates: dict[str, list[tuple[float | None, float | None]]] = {}
        self._words: dict[tuple[str, Announcer], _Word] = {}
        self._sources: dict[str, int] = {}
        self.turned: dict[str, str] = {}
        """Keys that are due again once they are done, and by whose word: announced as pages, or as changed, while under way."""

    def __bool__(self) -> bool:
        return bool(self._new or self._words or self._due)

    def hear(self, site: str, told: Announcement) -> Iterator[Announcement]:
        """Remember an announcement; yield it where it falls due, and what falls due with it."""
        yield from (self._requisite if told.is_requisite else self._page)(site, told)

    def write(self) -> None:
        """Write all of it; in a transaction."""
        now = self._ground.clock()
        connection = self._ground.connection
        connection.executemany(PUT, [row_of(site, told, now) for site, told in self._new.values()])
        connection.executemany(FALL_DUE, [(now, why, key) for key, why in self._due.items()])
        dates = [(*each, key) for key, given in self._dates.items() for each in given]
        connection.executemany(DATE, dates)
        connection.executemany(
            _TELL,
            [
                (key, channel, now, word.date, self._source(word.source), word.is_modified)
                for (key, channel), word in self._words.items()
            ],
        )

    def forget(self) -> None:
        """Forget what was written, once its transaction is committed."""
        self._new.clear()
        self._due.clear()
        self._dates.clear()
        self._words.clear()

    def known(self, key: str, channel: Announcer) -> Known | None:
        """Return how an address stands, and what `channel` said of it."""
        row = self._ground.connection.execute(KNOWN, (key, channel)).fetchone()
        return None if row is None else Known(*row)

    def _page(self, site: str, told: Announcement) -> Iterator[Announcement]:
        """Remember a page; yield it where it falls due by that."""
        waiting = self._new.get(told.key)
        if waiting is not None and not waiting[1].is_requisite:
            if waiting[0] == site and told.priority < waiting[1].priority:
                self._new[told.key] = (site, told)
            self._note(told, None)
            return
        known = None if waiting is not None else self.known(told.key, told.via.announcer)
        if known is None or known.is_requisite:
            self._new[told.key] = (site, told)
            if known is not None and known.is_leased:
                self.turned[told.key] = ""
            self._note(told, None)
            if waiting is None:
                yield told
            return
        if known.is_untouched and known.site == site and told.priority < known.priority:
            self._new[told.key] = (site, told)
        if self._falls_due(site, told, known):
            yield told

    def _falls_due(self, site: str, told: Announcement, known: Known) -> bool:
        """Note what was said of a known page; say whether it falls due by that."""
        cause = self._cause(site, told, known)
        if cause and self._has_had_its_turn(site, known):
            self._note(replace(told, published=None, modified=None), known)
            return False
        self._note(told, known)
        if cause is None or told.key in self._due:
            return False
        if known.is_leased and cause:
            self.turned[told.key] = cause
        elif not known.is_due:
            self._due[told.key] = cause
            return True
        return False

    def _cause(self, site: str, told: Announcement, known: Known) -> str | None:
        """Return why a known page is to be visited again, "" for no channel's word; None where it is not.

        What was visited since it was announced needs no other visit: so it is when the past is played again.
        """
        if known.site != site or known.visited is None or known.visited > self._ground.clock():
            return None
        if told.wanted and known.round < self._rounds.number(site):
            return ""
        channel = told.via.announcer
        if channel not in DATED:
            return None
        cause = MISSING + channel if known.is_missing else channel
        is_news = known.is_missing or self._is_changed(told, known, known.visited)
        return cause if is_news and cause not in self._trust.distrusted(site) else None

    def _has_had_its_turn(self, site: str, known: Known) -> bool:
        """Say whether a channel's word has led to a page in this crawl, half a day ago at the most.

        Lists may name each other with a new date at each look; what they say then is heard in the next crawl.
        """
        if not known.cause or known.visited is None:
            return False
        since = max(self._rounds.begun(site), self._ground.clock() - _TURN_S)
        return known.visited >= since

    def _is_changed(self, told: Announcement, known: Known, visited: float) -> bool:
        """Say whether a date is later than those that its channel gave, and tells what the last visit may not have seen.

        Lists of one channel need not agree on a date; the latest of theirs counts.
        """
        word = self._words.get((told.key, told.via.announcer))
        before = known.date if word is None or not word.is_modified else word.date
        if told.modified is None:
            return False
        if before is None:
            return told.modified > visited
        return told.modified > before and told.modified > visited - _WRONG_CLOCK_S

    def _note(self, told: Announcement, known: Known | None) -> None:
        """Remember who announced an address, where that is new, or is kept up."""
        channel = told.via.announcer
        if known is not None and known.is_told and channel not in DATED:
            return
        dates = (told.published, told.modified)
        if told.date is not None and (known is None or dates != (known.published, known.modified)):
            self._dates.setdefault(told.key, []).append(dates)
        source = _list_of(told) if channel in _SOURCED else ""
        before = self._words.get((told.key, channel))
        is_modified = told.modified is not None
        date = told.date
        if before is not None and not is_modified and before.date is not None:
            date, is_modified = before.date, before.is_modified
        self._words[told.key, channel] = _Word(date, is_modified, source)

    def _source(self, url: str) -> int | None:
        """Return the number of a list; in a transaction."""
        if not url:
            return None
        found = self._sources.get(url)
        if found is None:
            connection = self._ground.connection
            connection.execute("INSERT OR IGNORE INTO sources (url) VALUES (?)", (url,))
            query = "SELECT id FROM sources WHERE url = ?"
            (found,) = connection.execute(query, (url,)).fetchone()
            if len(self._sources) >= _SOURCES_HELD:
                self._sources.clear()
            self._sources[url] = found
        return found

    def _requisite(self, site: str, told: Announcement) -> Iterator[Announcement]:
        """Remember a requisite; yield it, and what it leads to, where that falls due."""
        if told.key in self._new:
            return
        known = self.known(told.key, told.via.announcer)
        if known is None:
            self._new[told.key] = (site, told)
            yield told
        elif known.is_requisite and not known.is_leased:
            yield from self._again(site, told, known)

    def _again(self, site: str, told: Announcement, known: Known) -> Iterator[Announcement]:
        """Yield a known requisite where it is due for `site` now, else what is known below it that is."""
        if known.is_due and known.site == site:
            return
        if known.is_due or known.is_stale(self._rounds.opened(site), self._ground.clock()):
            self._new[told.key] = (site, told)
            yield told
            return
        for below in self._below(known):
            yield from self._requisite(site, below)

    def _below(self, known: Known) -> list[Announcement]:
        """Return what a stylesheet or a redirect named when it was last fetched: while it is fresh nobody reads it.

        Each step goes further from the page, so that stylesheets which name each other come to an end.
        """
        rows = self._ground.connection.execute(
            f"SELECT {CLAIM} FROM frontier WHERE referrer = ? AND announcer = '{Announcer.REQUISITE}'"  # noqa: S608 - constants
            " AND (depth > 1 OR redirects > 0) AND (depth, redirects) > (?, ?)",
            (known.url, known.depth, known.redirects),
        ).fetchall()
        return [announcement_of(claim_in(row)) for row in rows]


def _list_of(told: Announcement) -> str:
    """Return the list that an address stands on, "" where it is itself a list that some page names."""
    names_list = told.is_channel and told.via.announcer is not Announcer.ROBOTS
    return told.source or ("" if names_list else told.via.referrer)
