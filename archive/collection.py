"""The door to a collection: exchanges go in, captures and what they hold come out.

    home/warc/*.warc.gz    the records; all else can be made from them
    home/state.sqlite      captures as rows (`archive.store.state`, `archive.store.rows`)
    home/index.cdxj        the same for other tools (`archive.store.cdxj`)
    home/lock              held by the one process that writes (`archive.store.intake`)

Hides WARC, gzip, rotation, deduplication, locks and recovery.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Self

from archive.errors import OriginalMissing, StorageError
from archive.model import Kind
from archive.store import cdxj, files, metadata, reports, rows, state, verify
from archive.store import home as homes
from archive.store.intake import Intake
from archive.warc.reading import read_exchange, read_message, read_metadata
from archive.warc.warcinfo import Warcinfo

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from archive.http import Message
    from archive.model import Capture, Exchange, Problem
    from archive.store.adoption import Adopted
    from archive.store.rows import Stats
    from archive.warc.payload import StoredRecord
    from archive.warc.records import Metadata, Stored


class Collection:
    """An archive of exchanges in one folder; a context manager.

    Used from one thread. Readers need no lock and see what was committed when they look. Raises
    NotACollection for a folder that is none, StorageError for one that can't be read, and with `write`
    CollectionLocked where another process writes. `write` makes a missing collection, and mends what a killed
    process left; `repairs` is what was wrong.
    """

    def __init__(
        self,
        home: Path,
        *,
        write: bool = False,
        about: Warcinfo | None = None,
        max_file_bytes: int = 1_000_000_000,
    ) -> None:
        self.home = home
        self._warc = home / homes.WARC
        self._path = home / state.NAME
        self._intake: Intake | None = None
        self.repairs: tuple[Problem, ...] = ()
        if write:
            self._intake = Intake(home, about or Warcinfo(), max_file_bytes=max_file_bytes)
            self._connection = self._intake.connection
            self.repairs = self._intake.repairs
            self._catch_up_or_close()
        else:
            homes.check_for_reading(home)
            self._connection = state.open_for_reading(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; after an exception what was not synced is left for the next start, as after a kill."""
        if self._intake:
            self._intake.close(is_clean=error is None)
        else:
            self._connection.close()

    def close(self) -> None:
        """Sync what was added, give the file its final name, and release the lock."""
        self.__exit__(None, None, None)

    @property
    def recovered(self) -> tuple[Capture, ...]:
        """The captures that were found when the collection was opened for writing."""
        found = self._intake.recovered if self._intake else range(0)
        if not found:
            return ()
        with state.reported(self._path):
            later = rows.by_sequence(self._connection, found.start - 1)
            return tuple(takewhile(lambda capture: capture.sequence in found, later))

    @property
    def state(self) -> sqlite3.Connection:
        """The writer's connection to state.sqlite; transactions on it are begun and ended by hand."""
        return self._writing().connection

    def add(self, exchange: Exchange) -> Capture:
        """Append an exchange to the WARC file and return its capture, which is not yet durable.

        An answer whose payload is stored already becomes a revisit. Raises StorageFull or StorageError, and
        ValueError for a naive date; then nothing of the exchange is stored.
        """
        return self._writing().add(exchange)

    def add_metadata(self, target: str, block: bytes) -> Metadata:
        """Append a metadata record of its own, JSON about `target`; durable with the next sync.

        Raises as `add` does, and ValueError for a block of more than 16 MiB.
        """
        return self._writing().add_metadata(target, block)

    def metadata(self, prefix: str) -> Iterator[Metadata]:
        """Yield the committed metadata records whose target begins with `prefix`, by date, then Record-ID."""
        with state.reported(self._path):
            yield from metadata.by_target(self._connection, prefix)

    def read_metadata(self, record: Metadata) -> bytes:
        """Return the block of a metadata record. Raises RecordDamaged, or StorageError for a missing file."""
        with files.reported(f"{homes.WARC}/{record.file}"):
            return read_metadata(files.find(self._warc, record.file), record)

    def adopt(self, part: Path, name: str, pieces: Iterable[Stored | Metadata]) -> Adopted:
        """Take a WARC file in as it is: give `part` its name under warc/, and index what lies in it.

        `part` lies in warc/ as `.NAME.part` and is synced; `pieces` are all that is whole in it. Captures the
        collection has already count once, at the smallest of their places. Raises StorageError where there is a
        file of that name, and what `pieces` raises; then the part lies where it lay.
        """
        return self._writing().adopt(part, name, pieces)

    def sync(self, acknowledge: Callable[[sqlite3.Connection], None] | None = None) -> int:
        """Make all that was added durable; return the highest durable sequence, 0 if there is none.

        The files are synced, then one transaction commits the captures and what `acknowledge` writes. If that
        raises, nothing is committed, its error comes through, and a later sync may still succeed.
        """
        return self._writing().sync(acknowledge)

    def captures(
        self,
        url: str = "",
        *,
        match: str = "exact",
        since: datetime | None = None,
        until: datetime | None = None,
        after: int | None = None,
    ) -> Iterator[Capture]:
        """Yield the committed captures of `url`, of all addresses where it is "".

        `match` is "exact", "prefix", "host" or "domain" (the host and those below it). An exact address
        falls back on its urlkey (other scheme, case, www) only where nothing is written like it. `since`
        and `until` are aware dates, both included. In the order of urlkey, date and Record-ID; with `after`,
        only higher sequences, in the order of sequence. Raises ValueError for another `match`.
        """
        query = rows.Query(url, match, since, until)
        with state.reported(self._path):
            if after is None:
                yield from rows.by_place(self._connection, query)
            else:
                yield from rows.by_sequence(self._connection, after, query=query)

    def unread(self) -> Iterator[Capture]:
        """Yield the committed captures whose links are not in the frontier yet, `recovered` among them."""
        with state.reported(self._path):
            yield from rows.by_sequence(self._connection, 0, unread=True)

    def closest(self, url: str, when: datetime) -> Capture | None:
        """Return the capture of `url` nearest to `when`, or None.

        On a tie the earlier one wins. Addresses are compared as in `captures`. Source: RFC 7089.
        """
        with state.reported(self._path):
            return rows.closest(self._connection, url, when)

    def read(self, capture: Capture) -> Message:
        """Return the answer as it was received, a revisit with its own head and its original's payload.

        Raises RecordDamaged where the bytes are not what was written: at once for payloads up to 4 MiB, for
        larger ones at the latest when the last byte of `body` is read. Raises StorageError for a missing
        or unreadable file.
        """
        body = None
        with files.reported(f"{homes.WARC}/{capture.file}"):
            if capture.kind is Kind.REVISIT:
                original = self._original(capture)
                body = read_message(self._find(original), original).body
            return read_message(self._find(capture), capture, body=body)

    def confirmed(self, capture: Capture) -> Capture:
        """Return the answer that a 304 speaks of: the latest of its address with that payload; itself where none is."""
        with state.reported(self._path):
            if self._intake:
                found = self._intake.answers(capture.url)
            else:
                found = rows.answers(self._connection, capture.url)
        earlier = (
            one for one in found if one.digest == capture.digest and one.date <= capture.date
        )
        return next(earlier, capture)

    def exchange(self, capture: Capture) -> tuple[StoredRecord, ...]:
        """Return the records of a capture as they lie in the file: answer, request, metadata.

        Raises RecordDamaged; blocks are held in memory.
        """
        with files.reported(f"{homes.WARC}/{capture.file}"):
            return read_exchange(self._find(capture), capture)

    def record(self, capture: Capture) -> bytes:
        """Return the record of a capture as bytes, its fields and its block. Raises RecordDamaged."""
        return self.exchange(capture)[0].raw()

    def publish(self) -> None:
        """Write index.cdxj if a capture came since, and the reports of crawls that have no file in crawls/.

        Each file is replaced as a whole. Raises StorageError.
        """
        self._writing().settle()
        connection, path = self._writing().connection, self.home / cdxj.NAME
        with state.reported(self._path):
            last = rows.last_sequence(connection)
            if cdxj.Published.noted(connection) != cdxj.Published(last, cdxj.stamp(path)):
                cdxj.publish(path, rows.by_place(connection, rows.Query()))
                cdxj.Published(last, cdxj.stamp(path)).note(connection)
            reports.write(self.home, connection, self.read_metadata)

    def stats(self) -> Stats:
        """Return counts and sizes of what is committed."""
        with state.reported(self._path):
            return rows.stats(self._connection)

    def verify(self) -> Iterator[Problem]:
        """Read everything again and yield what is wrong; see `archive.store.verify`."""
        return verify.verify(self.home)

    def repair(self) -> tuple[Problem, ...]:
        """Mend the index from the records and return what was mended; payloads are never touched.

        Torn tails were cut when the collection was opened: see `repairs`.
        """
        mended = self._writing().mend()
        cdxj.Published.forget(self.state)
        self.publish()
        return mended

    def _catch_up_or_close(self) -> None:
        try:
            self._catch_up()
        except BaseException:
            self._writing().close(is_clean=False)
            raise

    def _catch_up(self) -> None:
        """Publish again what the last process was killed before, and give older reports their records."""
        with state.reported(self._path):
            noted = cdxj.Published.noted(self._connection)
            told = list(reports.without_record(self.home, self._connection))
        for target, block in told:
            self.add_metadata(target, block)
        if told:
            self.sync()
        if noted is None or noted.stamp != cdxj.stamp(self.home / cdxj.NAME):
            self.publish()
        else:
            reports.write(self.home, self._connection, self.read_metadata)

    def _writing(self) -> Intake:
        if self._intake is None:
            message = f"{self.home}: opened for reading; open it with write=True"
            raise StorageError(message)
        return self._intake

    def _find(self, capture: Capture) -> Path:
        return files.find(self._warc, capture.file)

    def _original(self, revisit: Capture) -> Capture:
        if rows.is_unresolved(revisit):
            raise OriginalMissing(revisit.file, revisit.offset)
        with state.reported(self._path):
            if self._intake:
                found = self._intake.original(revisit)
            else:
                found = rows.original(self._connection, revisit.digest, revisit.original)
        if found is None:
            raise OriginalMissing(revisit.file, revisit.offset, revisit.original)
        return found
