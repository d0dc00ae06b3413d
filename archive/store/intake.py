"""The writing half of a collection: the lock, the repair at start, and the order of what is written.

    add      records appended to the file, whole or not at all
    sync     file synced -> one transaction: sizes, rows, and what the caller acknowledges

Hides what waits between the two. A process that is killed between them loses nothing: the next one finds the
records beyond the committed bytes and indexes them.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from archive.store import adoption, cdxj, files, home, metadata, revisits, rows, state
from archive.store.dedup import Originals
from archive.store.mend import mend
from archive.store.recovery import recover
from archive.warc.answer import examine
from archive.warc.reading import read_message
from archive.warc.records import new_id, safe_url, write_exchange, write_metadata

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from archive.http import Message
    from archive.model import Capture, Exchange, Problem
    from archive.store.adoption import Adopted
    from archive.warc.records import Metadata, Stored
    from archive.warc.warcinfo import Warcinfo

_log = logging.getLogger(__name__)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._]+")


class Intake:
    """Writes to the collection in `folder`; `repairs` tells what was wrong with what an earlier process left.

    What that had not indexed has the sequences in `recovered`. `connection` is the state's; transactions on it are begun by hand.
    """

    def __init__(self, folder: Path, about: Warcinfo, *, max_file_bytes: int) -> None:
        home.prepare_for_writing(folder)
        self._warc = folder / home.WARC
        self._path = folder / state.NAME
        self._about = about
        self._warcinfo = ""
        self._pending: list[Stored] = []
        self._pending_metadata: list[Metadata] = []
        with files.reported(str(folder / "lock")):
            self._lock = files.Lock(folder)
        try:
            with files.reported(str(folder)):
                cdxj.remove_parts(
                    folder / cdxj.NAME
                )  # first: they may hold the room that is needed
            self.connection = state.open_for_writing(self._path)
        except BaseException:
            self._lock.close()
            raise
        try:
            self.repairs, self.recovered = self._recover()
            self._next = self.recovered.stop
        except BaseException:
            self._release()
            raise
        self._originals = Originals(self.connection, self._read_own)
        self._writer = files.Writer(
            self._warc,
            _NOT_IN_NAMES.sub("-", about.name).strip("-") or "warc",
            serial=self._next_serial(),
            max_bytes=max_file_bytes,
            begin=self._begin_file,
        )

    def add(self, exchange: Exchange) -> Capture:
        """Append an exchange; see `Collection.add`."""
        url = safe_url(exchange.url)
        with state.reported(self._path), files.reported(str(self._warc)):
            answer = examine(exchange, url)
            original = self._originals.find(exchange, answer, url)
        with self._writer.append() as out:
            stored = write_exchange(
                out, exchange, answer, original=original, warcinfo=self._warcinfo
            )
        capture = replace(stored.capture, sequence=self._next, file=self._writer.name)
        self._next += 1
        stored = replace(stored, capture=capture)
        self._pending.append(stored)
        self._originals.note(stored)
        return capture

    def add_metadata(self, target: str, block: bytes) -> Metadata:
        """Append a metadata record; see `Collection.add_metadata`."""
        with self._writer.append() as out:
            record = write_metadata(out, target, block, warcinfo=self._warcinfo)
        record = replace(record, file=self._writer.name)
        self._pending_metadata.append(record)
        return record

    def adopt(self, part: Path, name: str, pieces: Iterable[Stored | Metadata]) -> Adopted:
        """Take in a file; see `Collection.adopt`."""
        self.sync(None)
        with state.reported(self._path), files.reported(f"{home.WARC}/{name}"):
            adopted = adoption.adopt(self.connection, part, name, pieces)
            self._next = rows.last_sequence(self.connection) + 1
        return adopted

    def settle(self) -> None:
        """Give imported revisits the originals that came since."""
        with state.reported(self._path):
            if not revisits.is_settled(self.connection):
                with state.transaction(self.connection):
                    revisits.settle(self.connection)
                self._next = rows.last_sequence(self.connection) + 1

    def original(self, revisit: Capture) -> Capture | None:
        """Return the response that a revisit points to, committed or not."""
        return self._originals.payload(revisit.digest, revisit.original)

    def answers(self, url: str) -> list[Capture]:
        """Return the latest captures of exactly `url` with status 200, newest first, committed or not."""
        return self._originals.answers(url)

    def sync(self, acknowledge: Callable[[sqlite3.Connection], None] | None) -> int:
        """Make all that was added durable; see `Collection.sync`."""
        self._writer.sync()
        if self._pending or self._pending_metadata or acknowledge:
            with state.reported(self._path), state.transaction(self.connection):
                rows.insert(self.connection, self._pending, self._writer.sizes)
                metadata.insert(self.connection, self._pending_metadata)
                if acknowledge:
                    acknowledge(self.connection)
        self._writer.committed()
        self._originals.committed()
        self._pending.clear()
        self._pending_metadata.clear()
        return self._next - 1

    def mend(self) -> tuple[Problem, ...]:
        """Make the rows say what the records say; see `archive.store.mend`."""
        self.sync(None)
        with state.reported(self._path), files.reported(str(self._warc)):
            mended = mend(self._warc, self.connection)
            self._next = rows.last_sequence(self.connection) + 1
        return mended

    def close(self, *, is_clean: bool) -> None:
        """Release everything. Unless `is_clean`, what was not synced is left for the next start to find."""
        try:
            if is_clean:
                self.sync(None)
                self._writer.finish()
                # A reader may hold the log open; what is in it goes into the file all the same, for copies of that.
                self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            self._writer.close()
            self._release()

    def _release(self) -> None:
        self.connection.close()
        self._lock.close()

    def _recover(self) -> tuple[tuple[Problem, ...], range]:
        with state.reported(self._path), files.reported(str(self._warc)):
            before = rows.last_sequence(self.connection)
            problems = recover(self._warc, self.connection)
            after = rows.last_sequence(self.connection)
        for problem in problems:
            _log.warning("%s", problem)
        return problems, range(before + 1, after + 1)

    def _next_serial(self) -> int:
        known = [*files.own_files(self._warc), *rows.sizes(self.connection)]
        return 1 + max(map(files.serial_of, known), default=0)

    def _begin_file(self, name: str) -> bytes:
        self._warcinfo = new_id()
        return self._about.record(self._warcinfo, name)

    def _read_own(self, capture: Capture) -> Message:
        return read_message(files.find(self._warc, capture.file), capture)
