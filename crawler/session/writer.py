"""The one thread that writes: it owns the collection and the frontier, and groups their commits.

Hides the thread, the queue and the moment of the commit from the event loop. A job is a function of the
`Store`; its result is ready as soon as it ran, which is before it is durable: the collection is synced when
`_GROUP_S` have passed since the first change, or earlier when a job asks for it by `Store.commit`.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from archive import Collection
from archive.errors import MuragatError, RecordDamaged, StorageError
from archive.store.state import mark_read
from crawler.crawl_records import attempt_records
from crawler.frontier import SqliteFrontier
from crawler.manners.table import write as write_hosts
from crawler.visits import visit_of
from crawler.visits.rereading import fields_confirmed
from crawler.visits.retries import is_passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from archive import Warcinfo
    from archive.model import Capture
    from crawler.crawl_records import Attempt
    from crawler.frontier import Claim, Visit
    from crawler.manners.table import HostRow
    from crawler.visits import Fields

logger = logging.getLogger(__name__)

T = TypeVar("T")

_GROUP_S = 0.05
"""How long a change may wait for its commit. An fsync takes about 5 ms: 20 a second cost a tenth of one
core's time in waiting and none of its work; a longer wait would keep new links from being claimed."""


@dataclass(slots=True)
class Store:
    """What a job works on, in the writer's thread: the collection and the frontier in its state file."""

    collection: Collection
    frontier: SqliteFrontier
    read: list[int] = field(default_factory=list)
    """Sequences of captures whose links are announced, or which have none to announce."""
    attempts: list[Attempt] = field(default_factory=list)
    hosts: list[HostRow] = field(default_factory=list)
    """How hosts stand by now, written with the next commit; nothing waits for it alone."""
    is_dirty: bool = False

    @property
    def has_changed(self) -> bool:
        """True while something waits for `commit`."""
        return bool(self.is_dirty or self.frontier.is_dirty or self.read)

    def failed(self, attempt: Attempt, visit: Visit) -> None:
        """Give an address back that brought no answer; the commit that makes it done holds a record of it."""
        self.attempts.append(attempt)
        self.frontier.done(visit)

    def note(self, hosts: Iterable[HostRow]) -> None:
        """Write down how hosts stand, now and durably."""
        self.hosts += hosts
        self.is_dirty = True
        self.commit()

    def commit(self) -> None:
        """Make everything done so far durable: records synced, then one transaction."""
        if self.has_changed:
            self._record_attempts()
            self.collection.sync(self._acknowledge)
            self.frontier.flushed()
            self.read.clear()
            self.hosts.clear()
            self.is_dirty = False

    def _record_attempts(self) -> None:
        for target, block in attempt_records(self.attempts):
            self.collection.add_metadata(target, block)
        self.attempts.clear()

    def _acknowledge(self, connection: sqlite3.Connection) -> None:
        self.frontier.flush(connection)
        if self.hosts:
            write_hosts(connection, self.hosts)
        mark_read(connection, self.read)


class FrontierKeeper(Protocol):
    """Knows the captures that the frontier does not know of: those of a lost state, and imported ones."""

    def begin(self, collection: Collection) -> None:
        """Bring the frontier up to the captures."""

    def end(self, collection: Collection) -> None:
        """Note that the frontier knows of all captures there are now."""


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[Store], object]
    result: Future[object]


class CollectionWriter:
    """Runs jobs on a collection, one after the other, in a thread of its own.

    `keeper` puts the frontier in step with the captures before the first job and after the last.
    """

    def __init__(
        self,
        home: Path,
        about: Warcinfo,
        on_failure: Callable[[StorageError], None],
        *,
        keeper: FrontierKeeper | None = None,
    ) -> None:
        self._home = home
        self._about = about
        self._on_failure = on_failure
        self._keeper = keeper
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._opened: Future[None] = Future()
        self._failure: StorageError | None = None
        self._is_stopping = False
        self._thread = threading.Thread(target=self._live, name="collection-writer", daemon=True)

    def start(self) -> None:
        """Open the collection; raise what opening it raises (CollectionLocked, NotACollection, …)."""
        self._thread.start()
        self._opened.result()

    def submit(self, run: Callable[[Store], T]) -> Future[T]:
        """Queue a job; its future holds what `run` returns or raises. After a failure of the storage every
        job fails with that same error."""
        result: Future[T] = Future()
        self._jobs.put(_Job(run, result))  # type: ignore[arg-type] # Future is invariant; the pair belongs together
        return result

    def stop(self) -> None:
        """Finish the queued jobs, commit, close the collection. Raises the storage error there was."""
        self._jobs.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _live(self) -> None:
        try:
            with Collection(self._home, write=True, about=self._about) as collection:
                if self._keeper is not None:
                    self._keeper.begin(collection)
                store = Store(collection, SqliteFrontier(collection.state))
                _settle(store)
                self._opened.set_result(None)
                self._work(store)
        except Exception as error:  # noqa: BLE001 - the top of the thread: who waits for it is told
            self._fail(_as_storage_error(error, self._home))

    def _work(self, store: Store) -> None:
        deadline = 0.0
        while True:
            try:
                job = self._jobs.get(
                    timeout=max(0.0, deadline - time.monotonic()) if deadline else None
                )
            except queue.Empty:
                job = _Job(Store.commit, Future())
            if job is None:
                self._is_stopping = True
                store.commit()
                if self._keeper is not None:
                    self._keeper.end(store.collection)
                return
            self._run(job, store)
            if not store.has_changed:
                deadline = 0.0
            elif not deadline:
                deadline = time.monotonic() + _GROUP_S
            elif time.monotonic() >= deadline:
                store.commit()
                deadline = 0.0

    def _run(self, job: _Job, store: Store) -> None:
        if not job.result.set_running_or_notify_cancel():
            return
        try:
            result = job.run(store)
        except (StorageError, sqlite3.Error, OSError) as error:
            failure = _as_storage_error(error, self._home)
            job.result.set_exception(failure)
            raise failure from error
        except Exception as error:  # noqa: BLE001 - the top of a job: its caller gets the error
            job.result.set_exception(error)
        else:
            job.result.set_result(result)

    def _fail(self, error: MuragatError) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)
            return
        failure = error if isinstance(error, StorageError) else StorageError(str(error))
        self._failure = failure
        logger.error("%s", failure)
        self._on_failure(failure)
        while not self._is_stopping and (job := self._jobs.get()) is not None:
            if job.result.set_running_or_notify_cancel():
                job.result.set_exception(failure)


def _settle(store: Store) -> None:
    """Note as done what a killed process had stored but not yet acknowledged, so that nothing is stored twice.

    What was recovered is unread, and stays so when this process is killed too before it comes to the commit.
    What an earlier round left unread says nothing of this one.
    """
    for capture in store.collection.unread():
        known = None if is_passing(capture) else store.frontier.claim_of_url(capture.url)
        if known is None or _is_settled(capture, known[1], store.frontier.begun(known[0])):
            continue
        fields: Fields = ()
        with suppress(RecordDamaged):
            fields = store.collection.read(capture).fields
        store.frontier.done(
            visit_of(
                capture,
                known[1],
                fields,
                confirmed=lambda one: fields_confirmed(store.collection, one),
            )
        )
    store.commit()


def _is_settled(capture: Capture, claim: Claim, begun: float) -> bool:
    """Say whether a capture belongs to an earlier round, or its visit is acknowledged."""
    taken = capture.date.timestamp()
    return taken < begun or (claim.visited is not None and claim.visited >= taken)


def _as_storage_error(error: Exception, home: Path) -> MuragatError:
    if isinstance(error, MuragatError):
        return error
    return StorageError(f"{home}: can't be written: {error}; mend the cause and start again")
