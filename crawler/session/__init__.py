"""What all crawls of one collection in one process share: the writer, stage 2, the counts, the report.

A `CrawlSession` is taken by everyone who needs it (the command line, each Scrapy crawler's recorder) and
given back; when the last one gives it back, the collection is committed, its index published, the backlog
of analysis drained, and the report recorded and written. A home has one session in a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from archive import Warcinfo, urls
from archive.errors import StorageError
from crawler.alarms.gathering import Crawled
from crawler.crawl_records import PREFIX, REPORT, START, Start, named_by, target
from crawler.manners import Pace
from crawler.manners.table import leave, take_up
from crawler.report import Course, Report, make_report
from crawler.report.tally import Tally
from crawler.session.afterwards import plan_next, sound_alarms
from crawler.session.analysis import AnalysisProcess, Drained
from crawler.session.writer import CollectionWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from archive.store.rows import Stats
    from crawler.manners.table import HostRow
    from crawler.session.writer import FrontierKeeper, Store

logger = logging.getLogger(__name__)

_ANALYSED_S = 30.0
"""What a crawl with a time of its own leaves to analysis at least; the rest is taken up by the next."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session is opened: who crawls, what it was told, and whether what is stored is analysed at once."""

    about: Warcinfo = field(default_factory=Warcinfo)
    analyse: bool = True
    start: Start = field(default_factory=Start)
    keeper: FrontierKeeper | None = None


class CrawlSession:
    """One process's hold on one collection."""

    _open: ClassVar[dict[Path, CrawlSession]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, home: Path, options: SessionOptions) -> None:
        self.home = home
        self.crawl = ""
        self.tally = Tally()
        self.interrupted = False
        self.failure: StorageError | None = None
        self.report: Report | None = None
        self._warnings: tuple[str, ...] = ()
        self._alarms: tuple[Mapping[str, object], ...] = ()
        self.pace = Pace()
        self._started = datetime.now(UTC)
        self._clock = time.monotonic()
        self._takers = 0
        self._on_failure: list[Callable[[], None]] = []
        self.writer = CollectionWriter(
            home, options.about, self._storage_failed, keeper=options.keeper
        )
        self._analysis = AnalysisProcess(home) if options.analyse else None
        self._is_drained = False
        self._told = options.start
        self._before: Stats | None = None

    @classmethod
    def take(cls, home: Path, options: SessionOptions | None = None) -> CrawlSession:
        """Return the session of `home`, opened if it was not; raises what opening the collection raises."""
        home = home.resolve()
        with cls._lock:
            session = cls._open.get(home)
            if session is None:
                session = cls(home, options or SessionOptions())
                session._start()
                cls._open[home] = session
            elif options is not None:
                session._join(options.start)
            session._takers += 1
            return session

    def give_back(self) -> None:
        """Give the session back; the last one to do so ends it. Raises what `end` raises."""
        with self._lock:
            self._takers -= 1
            is_last = self._takers == 0
        if is_last:
            self.end()

    def end(self) -> None:
        """Commit, publish, let analysis finish, write the report, whoever still holds the session.

        Takes as long as analysis needs; after `interrupt` some seconds at the most. Raises StorageError
        where the collection could not be written to the end.
        """
        with self._lock:
            if self._open.pop(self.home, None) is None:
                return
        self._finish()

    def when_storage_fails(self, act: Callable[[], None]) -> None:
        """Call `act` in this event loop as soon as the collection can't be written any more."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                loop.call_soon_threadsafe(act)

        self._on_failure.append(tell)
        if self.failure is not None:
            tell()

    def interrupt(self) -> None:
        """Note that a person or the system wants an end; what is not analysed yet waits for the next crawl."""
        self.interrupted = True
        if self._analysis is not None:
            self._analysis.interrupt()

    def progress(self) -> Tally:
        """Return the counts as they stand, those of analysis included."""
        if self._analysis is not None:
            self.tally.analysis = self._analysis.progress
        return self.tally

    def _start(self) -> None:
        self.writer.start()
        self._before = self.writer.submit(lambda store: store.collection.stats()).result()
        rows, was_killed = self.writer.submit(_hosts).result()
        self.pace.load(rows, was_killed=was_killed)
        self.crawl = self.writer.submit(self._begin).result()
        if (
            self._told.is_scheduled
        ):  # what a killed process, or one that was short of time, left unplanned
            self._warnings = tuple(
                filter(None, [plan_next(self.home, self.writer, self._told.sites)])
            )
        if self._analysis is not None:
            self._analysis.start()

    def _begin(self, store: Store) -> str:
        """Choose the crawl's ID and record its start, in the writer's thread."""
        crawl = _unused_id(store, self.home / "crawls", self._started)
        _record(store, target(crawl, START), self._told.block(crawl, self._started))
        return crawl

    def _join(self, told: Start) -> None:
        """Record what a crawl that takes part was told, unless that is recorded."""
        more = told.beyond(self._told)
        if more is not None:
            self._told = self._told.joined(more)
            block = more.block(self.crawl, self._started)
            self.writer.submit(lambda store: _record(store, target(self.crawl, START), block))

    def _storage_failed(self, failure: StorageError) -> None:
        self.failure = failure
        for act in self._on_failure:
            act()

    def _finish(self) -> None:
        after = self._published()
        self._end_analysis()
        self._follow_up()
        self.report = self._reported(after)
        try:
            if self.failure is None:
                self.writer.submit(self._record_report).result()
            else:
                logger.info("%s: no report is written", self.crawl)  # for the same reason
        finally:
            self.writer.stop()

    def _published(self) -> Stats | None:
        """Commit and publish; None where that, or the crawl before, failed."""
        try:
            return None if self.failure else self.writer.submit(self._publish).result()
        except StorageError as error:
            self.failure = error
            return None

    def _publish(self, store: Store) -> Stats:
        store.commit()
        leave(store.collection.state, [*store.hosts, *self.pace.changed()])
        store.collection.publish()
        return store.collection.stats()

    def _reported(self, after: Stats | None) -> Report:
        assert self._before is not None
        self.tally.failure = str(self.failure or "")
        return make_report(
            self.crawl,
            self.progress(),
            Course(
                self._started,
                time.monotonic() - self._clock,
                after.warc_bytes - self._before.warc_bytes if after else 0,
                interrupted=self.interrupted,
                is_scheduled=self._told.is_scheduled,
                warnings=self._warnings,
                alarms=self._alarms,
            ),
        )

    def _record_report(self, store: Store) -> None:
        """Record the report and, once that is durable, write its file, in the writer's thread."""
        assert self.report is not None
        text = json.dumps(self.report.to_json(), ensure_ascii=False, indent=1) + "\n"
        _record(store, target(self.crawl, REPORT), text.encode("utf-8", "backslashreplace"))
        store.commit()
        store.collection.publish()

    def _end_analysis(self) -> None:
        if self._analysis is None:
            return
        if self.interrupted or self.failure is not None:
            self._analysis.stop()
            return
        drained = self._analysis.drain(limit_s=self._left_for_analysis())
        self.tally.is_analysed = drained is not Drained.FAILED or self.interrupted
        self._is_drained = drained is Drained.WHOLE

    def _left_for_analysis(self) -> float | None:
        """Return for how many seconds analysis may go on, None where no time was set for the crawl.

        Half as long as the crawl was given, and `_ANALYSED_S` at least.
        """
        limits = [site.max_time_s for site in self._told.sites]
        if not limits or not all(limits):
            return None
        over = time.monotonic() - self._clock
        return max(_ANALYSED_S, 1.5 * max(limits) - over)

    def _follow_up(self) -> None:
        """Plan the next visits and tell of what is wrong, where all that was crawled is analysed."""
        if not self._is_drained or self.failure is not None:
            return
        sites = self._told.sites
        try:
            failed = plan_next(self.home, self.writer, sites, is_stopping=lambda: self.interrupted)
        except StorageError as error:
            self.failure = error
            return
        crawled = Crawled(sites, self.progress(), self._started, datetime.now(UTC))
        told = (self.home, crawled, self.crawl)
        found = sound_alarms(self.writer, told, is_stopping=lambda: self.interrupted)
        self._alarms = found.alarms
        every = filter(None, [*self._warnings, failed, *found.warnings])
        self._warnings = tuple(dict.fromkeys(every))


def _hosts(store: Store) -> tuple[list[HostRow], bool]:
    return take_up(store.collection.state, time.time())


def _record(store: Store, address: str, block: bytes) -> None:
    store.collection.add_metadata(address, block)
    store.is_dirty = True


def _unused_id(store: Store, folder: Path, started: datetime) -> str:
    """Return an ID that neither a report nor a record of this collection has."""
    base = urls.timestamp(started)
    taken = {named_by(record.target)[0] for record in store.collection.metadata(PREFIX + base)}
    number, name = 1, base
    while name in taken or (folder / f"{name}.json").exists():
        number += 1
        name = f"{base}-{number}"
    return name
