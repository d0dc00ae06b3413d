"""The frontier made again from the WARC files alone: what is known, who told of it, what is still to be fetched.

Goes twice over all captures in the order of their dates. First what was done is played again (`crawler.reconstruct.replay`),
then the links of the stored pages are read again as the spider read them, so that addresses which were announced
and never fetched are known, too. Lost for good are leases, times of retries that were pending, and learned rates.
"""

from __future__ import annotations

import heapq
import logging
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from archive import Collection
from archive.errors import RecordDamaged
from archive.model import Via
from archive.store import files, rows, state
from archive.store.chronology import Chronology
from archive.store.home import WARC
from archive.warc.closing import read_via
from archive.warc.records import Metadata, Stored
from crawler.crawl_records import PREFIX
from crawler.frontier import SqliteFrontier
from crawler.frontier import tables as frontier_tables
from crawler.reconstruct.configurations import Configurations
from crawler.reconstruct.links_again import LinksAgain
from crawler.reconstruct.replay import Clock, Replay

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from archive.model import Capture
    from crawler.sites import Site

    Event = Stored | Metadata

logger = logging.getLogger(__name__)

_NOTE = "frontier"  # in the state: the last sequence that the frontier knows of, or that it is half made
_HALF_MADE = "unfinished"
_GROUP = 500  # events in one transaction


@dataclass(frozen=True, slots=True)
class Reconstructed:
    """How many captures were gone through, and the addresses that the frontier knows now."""

    captures: int
    addresses: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of `total` steps are done; each capture takes two."""

    done: int
    total: int


def reconstruct(
    home: Path,
    *,
    known: Mapping[str, Site],
    report: Callable[[Progress], None] = lambda progress: None,
) -> Reconstructed:
    """Make the frontier of the collection at `home` again, from nothing; `known` are the sites of today's file.

    A run that is killed is begun anew by the next one, or by the next crawl. Raises what opening the collection
    raises, and StorageError.
    """
    with Collection(home, write=True) as collection:
        return remake(collection, known=known, report=report)


def remake(
    collection: Collection,
    *,
    known: Mapping[str, Site],
    report: Callable[[Progress], None] = lambda progress: None,
) -> Reconstructed:
    """Do what `reconstruct` does, in a collection that is open for writing."""
    connection = collection.state
    with state.transaction(connection):
        state.set_note(connection, _NOTE, _HALF_MADE)
        frontier_tables.forget(connection)
    done = _Reconstruction(collection, known, report).run()
    note_known(connection)
    return done


def add(collection: Collection, after: int, *, known: Mapping[str, Site]) -> Reconstructed:
    """Make the captures with a sequence above `after` known to a frontier that is in use.

    Addresses and rounds that it has stay as they are.
    """
    return _Reconstruction(collection, known, lambda progress: None, after=after).run()


def catch_up(collection: Collection, *, known: Mapping[str, Site]) -> bool:
    """Make a lost frontier again, or tell it of captures that were imported; return whether there was need."""
    connection = collection.state
    if is_wanting(connection):
        remake(collection, known=known)
    elif frontier_tables.are_there(connection) and _has_imported(connection):
        add(collection, _known_up_to(connection), known=known)
        note_known(connection)
    else:
        return False
    return True


class FrontierInStep:
    """Keeps the frontier of a collection in step with its captures while a crawl writes; `known` are its sites."""

    def __init__(self, known: Mapping[str, Site]) -> None:
        self._known = known

    def begin(self, collection: Collection) -> None:
        """Make a lost frontier again, and tell it of what was imported."""
        if catch_up(collection, known=self._known):
            logger.info("%s: the frontier is made again from warc/", collection.home)

    def end(self, collection: Collection) -> None:
        """Note that it knows of all captures there are now."""
        note_known(collection.state)


def note_known(connection: sqlite3.Connection) -> None:
    """Note that the frontier knows of all captures there are now."""
    with state.transaction(connection):
        state.set_note(connection, _NOTE, str(rows.last_sequence(connection)))


def is_wanting(connection: sqlite3.Connection) -> bool:
    """Say whether a collection's frontier is missing or half made, though its captures tell of one."""
    if frontier_tables.are_there(connection):
        return state.note(connection, _NOTE) == _HALF_MADE
    query = "SELECT 1 FROM captures WHERE site != '' LIMIT 1"
    return connection.execute(query).fetchone() is not None


def _known_up_to(connection: sqlite3.Connection) -> int:
    noted = state.note(connection, _NOTE)
    return int(noted) if noted.isdigit() else 0


def _has_imported(connection: sqlite3.Connection) -> bool:
    """Say whether captures came that a crawl made elsewhere: read, of a site, and unknown to the frontier.

    Most keys are the address itself; where one is not, there is nothing to add, and that is all it costs.
    """
    query = """SELECT 1 FROM captures WHERE sequence > ? AND site != '' AND links_read = 1
 AND url NOT LIKE '%/robots.txt' AND NOT EXISTS (SELECT 1 FROM frontier WHERE key = captures.url) LIMIT 1"""
    return connection.execute(query, (_known_up_to(connection),)).fetchone() is not None


class _Reconstruction:
    """One run over the captures after a sequence."""

    def __init__(
        self,
        collection: Collection,
        known: Mapping[str, Site],
        report: Callable[[Progress], None],
        *,
        after: int | None = None,
    ) -> None:
        self._collection = collection
        self._connection = collection.state
        self._warc = collection.home / WARC
        self._report = report
        clock = Clock()
        self._frontier = SqliteFrontier(self._connection, clock)
        self._configurations = Configurations(collection, known)
        kept = None if after is None else frontier_tables.sites(self._connection)
        self._replay = Replay(collection, self._frontier, self._configurations, clock, kept=kept)
        self._links = LinksAgain(collection, self._frontier, self._configurations, clock)
        self._captures = Chronology(self._connection, after or 0)

    def run(self) -> Reconstructed:
        """Play, read, and tell what came of it."""
        count = len(self._captures)
        told = filter(_is_own, self._collection.metadata(PREFIX))
        self._in_groups(heapq.merge(self._captures, told, key=_moment), self._play, (0, 2 * count))
        with state.transaction(self._connection):
            self._replay.forget_words()
        self._in_groups(iter(self._captures), self._read, (count, 2 * count))
        with state.transaction(self._connection):
            frontier_tables.name_first_announcers(self._connection)
        return Reconstructed(count, frontier_tables.count(self._connection))

    def _in_groups(
        self, events: Iterator[Event], act: Callable[[Event], None], steps: tuple[int, int]
    ) -> None:
        done, total = steps
        while group := list(islice(events, _GROUP)):
            self._connection.execute("BEGIN IMMEDIATE")
            for event in group:
                act(event)
            self._connection.commit()
            done += sum(isinstance(event, Stored) for event in group)
            self._report(Progress(done, total))

    def _play(self, event: Event) -> None:
        if isinstance(event, Metadata):
            self._replay.told(event)
        else:
            self._replay.captured(event.capture, self._via(event))

    def _read(self, event: Event) -> None:
        assert isinstance(event, Stored)
        self._links.read(event.capture, self._via(event))

    def _via(self, stored: Stored) -> Via:
        """Return how a capture came to be made, its site found out where an older muragat did not name it."""
        capture = stored.capture
        if not _is_own(capture):
            return Via()
        try:
            path = files.find(self._warc, capture.file)
            via = read_via(path, capture, stored.end - capture.offset)
        except RecordDamaged as error:
            logger.info("%s: the frontier does without it", error)  # `verify` tells of it
            return Via(site=stored.site)
        site = None if via.site else self._configurations.site_of(via)
        return replace(via, site=site.name) if site else via


def _is_own(found: Capture | Metadata) -> bool:
    """Say whether muragat wrote this: what a foreign file tells of crawls makes nobody do anything."""
    return bool(files.serial_of(found.file))


def _moment(event: Event) -> tuple[datetime, str]:
    if isinstance(event, Metadata):
        return event.date, event.record_id
    return event.capture.date, event.capture.record_id
