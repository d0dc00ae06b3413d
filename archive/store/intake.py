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

from archive.store import files, home, rows, state
from archive.store.dedup import Originals
from archive.store.mend import mend
from archive.store.recovery import recover
from archive.warc.answer import examine
from archive.warc.payload import read_message
from archive.warc.records import new_id, safe_url, write_exchange

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from archive.http import Message
    from archive.model import Capture, Exchange, Problem
    from archive.warc.records import Stored
    from archive.warc.warcinfo import Warcinfo

_log = logging.getLogger(__name__)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._]+")


class Intake:
    """Writes to the collection in `folder`; `recovered` and `repairs` tell what an earlier process left.

    `connection` is the state's; transactions on it are begun by hand.
    """

    def __init__(self, folder: Path, about: Warcinfo, *, max_file_bytes: int) -> None:
        home.prepare_for_writing(folder)
        self._warc = folder / home.WARC
        self._path = folder / state.NAME
        self._about = about
        self._warcinfo = ""
        self._pending: list[Stored] = []
        with files.reported(str(folder / "lock")):
            self._lock = files.Lock(folder)
        try:
            self.connection = state.open_for_writing(self._path)
        except BaseException:
            self._lock.close()
            raise
        try:
            self.repairs: tuple[Problem, ...] = ()
            self.recovered = self._recover()
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

    def original(self, revisit: Capture) -> Capture | None:
        """Return the response that a revisit points to, committed or not."""
        return self._originals.payload(revisit.digest, revisit.original)

    def sync(self, acknowledge: Callable[[sqlite3.Connection], None] | None) -> int:
        """Make all that was added durable; see `Collection.sync`."""
        self._writer.sync()
        if self._pending or acknowledge:
            with state.reported(self._path), state.transaction(self.connection):
                rows.insert(self.connection, self._pending, self._writer.sizes)
                if acknowledge:
                    acknowledge(self.connection)
        self._writer.committed()
        self._originals.committed()
        self._pending.clear()
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

    def _recover(self) -> tuple[Capture, ...]:
        with state.reported(self._path), files.reported(str(self._warc)):
            repairs = recover(self._warc, rows.sizes(self.connection))
            self._next = rows.last_sequence(self.connection) + 1
            found = [
                replace(stored, capture=replace(stored.capture, sequence=sequence))
                for sequence, stored in enumerate(
                    (stored for repair in repairs.values() for stored in repair.stored), self._next
                )
            ]
            sizes = {name: repair.size for name, repair in repairs.items() if repair.size}
            with state.transaction(self.connection):
                rows.insert(self.connection, found, sizes)
        self._next += len(found)
        self.repairs = tuple(problem for repair in repairs.values() for problem in repair.problems)
        for problem in self.repairs:
            _log.warning("%s", problem)
        return tuple(stored.capture for stored in found)

    def _next_serial(self) -> int:
        known = [*files.own_files(self._warc), *rows.sizes(self.connection)]
        return 1 + max(map(files.serial_of, known), default=0)

    def _begin_file(self, name: str) -> bytes:
        self._warcinfo = new_id()
        return self._about.record(self._warcinfo, name)

    def _read_own(self, capture: Capture) -> Message:
        return read_message(files.find(self._warc, capture.file), capture)
