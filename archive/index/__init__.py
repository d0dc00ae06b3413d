"""The article index: one entry for each unique article; hides SQLite, clusters and the published file.

    observations -> clusters (which addresses show one article) -> history (versions, events) -> Entry -> a line

The entries, and `articles.jsonl` with them, are a function of the *set* of captures: in whatever order and in
whatever batches these come, the bytes are the same.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from isal import isal_zlib

from archive.index import schema
from archive.index.entries import Entries, Tally
from archive.index.entry import Entry, from_line
from archive.index.lock import Lock
from archive.index.observation import Key, identity_of, key_of
from archive.index.observations import Observations, Standing
from archive.index.publish import NAME, publish, stamp
from archive.store.home import no_collection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from archive.index.observation import Observation
    from archive.model import Capture

__all__ = ["Entry", "Index", "Tally"]


class Index:
    """The articles of the collection at `home`; a context manager, used from one thread.

    To read, any number may be open at any time, also while another process writes. To write, one: it holds
    `articles.lock`. A run of writing is `add`, `add`, …, `commit`, and again; what was added since the last
    commit is lost with the process.
    """

    def __init__(
        self, home: Path, *, write: bool = False, lock: Lock | None = None, draft: bool = False
    ) -> None:
        """Open; raises NotACollection, SchemaUnknown, StorageError, and CollectionLocked where `write`.

        A `lock` that the caller holds is used instead of one of its own. A `draft` is `articles.sqlite.rebuild`,
        which nobody reads.
        """
        if not home.is_dir():
            raise no_collection(home)
        self._home = home
        name = schema.DRAFT if draft else schema.NAME
        self._told = schema.told(home / name)
        with ExitStack() as stack:
            if write and lock is None:
                stack.enter_context(Lock(home))
            self._connection = schema.connect(home, write=write, name=name)
            stack.callback(self._connection.close)
            self._observations = Observations(self._connection)
            with self._told:
                run = self._number("run") + 1
            self._entries = Entries(self._connection, self._observations, run)
            self._opened = stack.pop_all()
        self._touched: set[str] = set()
        self._shifted: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close; what was not committed is forgotten."""
        self._opened.close()

    # Reading

    def entry(self, ident: str) -> Entry | None:
        """Return the entry of this id, be it a former one; None where there is none."""
        with self._told:
            query = (
                "SELECT line FROM entry WHERE line IS NOT NULL"
                " AND id IN (?1, (SELECT entry FROM address WHERE identity = ?1))"
            )
            row = self._connection.execute(query, (ident,)).fetchone()
        return _entry(row[0]) if row else None

    def find(self, url: str) -> list[Entry]:
        """Return the entries that have `url` in any role, in order of id; tracking parameters do not matter."""
        query = (
            "SELECT e.line FROM address a JOIN entry e ON e.id = a.entry"
            " WHERE a.identity = ? AND e.line IS NOT NULL ORDER BY e.id"
        )
        with self._told:
            return [
                _entry(line) for (line,) in self._connection.execute(query, (identity_of(url),))
            ]

    def entries(self, *, site: str = "", limit: int | None = None) -> Iterator[Entry]:
        """Iterate over the entries, of one site (`Entry.site`) or of all, in order of id."""
        query = "SELECT line FROM entry WHERE line IS NOT NULL AND (?1 = '' OR site = ?1) ORDER BY id LIMIT ?2"
        if site:
            query = (
                "SELECT line FROM entry WHERE line IS NOT NULL AND site = ?1 ORDER BY id LIMIT ?2"
            )
        with self._told:
            rows = self._connection.execute(query, (site, -1 if limit is None else limit))
            for (line,) in rows:
                yield _entry(line)

    def counts(self) -> Mapping[str, int]:
        """Return the number of entries of each site, in order of site."""
        query = (
            "SELECT site, count(*) FROM entry WHERE line IS NOT NULL GROUP BY site ORDER BY site"
        )
        with self._told:
            return dict(self._connection.execute(query))

    # Writing

    @property
    def tally(self) -> Tally:
        """What the commits since opening did to the entries."""
        return self._entries.tally

    @property
    def cursor(self) -> tuple[int, str]:
        """The sequence and Record-ID of the last capture up to which all are observed; (0, "") before any."""
        with self._told:
            return self._number("cursor"), self._text("cursor_record")

    def knows(self, capture: Capture) -> bool:
        """The capture is observed already, and holds what it held; where it lies now is noted, as of the next commit."""
        with self._told:
            found = self._observations.standing(capture)
            if found is Standing.MOVED:
                self._begin()
                self._observations.relocate(capture)
                self._touched.add(identity_of(capture.url))
        return found in {Standing.SAME, Standing.MOVED}

    def is_read(self, capture: Capture, hints: str | None = None) -> bool:
        """An earlier capture of the same payload at the same URL was analysed: nothing new can be read from it.

        With those `hints` (see `mark_of`), or with any.
        """
        with self._told:
            return self._observations.is_read(capture, hints)

    def add(self, observation: Observation) -> None:
        """Take in one observation; one that is known is passed over, or replaced where its capture has changed."""
        with self._told:
            self._begin()
            if self._observations.save(observation):
                self._shifted.add(observation.identity)
            self._touched.add(observation.identity)

    def forget(self, capture: Capture) -> None:
        """Take away what was observed of a capture that is no more, or tells nothing now."""
        with self._told:
            if self._observations.standing(capture) is not Standing.UNKNOWN:
                self._forget(key_of(capture))

    def keep_only(self, captures: Iterable[Capture]) -> int:
        """Forget the observations of all captures but these; return how many."""
        with self._told:
            self._begin()
            stale = self._observations.others(captures)
            for key in stale:
                self._forget(key)
        return len(stale)

    def again(self, limit: int = 200) -> list[Key]:
        """Return (Record-ID, date, URL, kind) of captures that have to be observed once more."""
        query = "SELECT record_id, date, url, kind FROM again ORDER BY url, date LIMIT ?"
        with self._told:
            return self._connection.execute(query, (limit,)).fetchall()

    def never_again(self, key: Key) -> None:
        """Strike out one of those, whose capture is no more."""
        with self._told:
            self._begin()
            self._observations.strike(key)

    def commit(self, cursor: tuple[int, str] | None = None) -> None:
        """Fold what was added, and make it durable together with the `cursor`, in one transaction."""
        with self._told:
            self._begin()
            self._entries.fold_again(self._touched, self._shifted)
            if cursor is not None:
                self._set("cursor", str(cursor[0]))
                self._set("cursor_record", cursor[1])
            self._connection.execute("COMMIT")
        self._touched.clear()
        self._shifted.clear()

    def publish(self) -> bool:
        """Write `articles.jsonl` where its lines have changed, or it is not the one written last; return whether."""
        with self._told:
            keep = self._is_published()
            query = "SELECT 1 FROM entry WHERE is_changed LIMIT 1"
            if keep and not self._connection.execute(query).fetchone():
                return False
            try:
                written = publish(self._home, self._lines(only_changed=keep), keep=keep)
            except ValueError:
                written = publish(self._home, self._lines(only_changed=False), keep=False)
            self._begin()
            self._connection.execute("UPDATE entry SET is_changed = 0 WHERE is_changed")
            self._connection.execute("DELETE FROM entry WHERE line IS NULL")
            self._set("published", written)
            self._connection.execute("COMMIT")
        return True

    def note(self, name: str) -> str:
        """Return what was noted of this file with the last commit, "" for nothing."""
        with self._told:
            return self._text(name)

    def set_note(self, name: str, value: str) -> None:
        """Note something of this file; durable with the next commit."""
        with self._told:
            self._begin()
            self._set(name, value)

    def _is_published(self) -> bool:
        return stamp(self._home / NAME) == (self._text("published") or "none")

    def _forget(self, key: Key) -> None:
        self._begin()
        self._observations.forget(key)
        self._touched.add(identity_of(key[2]))
        self._shifted.add(identity_of(key[2]))

    def _lines(self, *, only_changed: bool) -> Iterator[tuple[str, bytes | None]]:
        which = "is_changed" if only_changed else "line IS NOT NULL"
        query = f"SELECT id, line FROM entry WHERE {which} ORDER BY id"  # noqa: S608 - two constants
        for ident, line in self._connection.execute(query):
            yield ident, None if line is None else isal_zlib.decompress(line)

    def _begin(self) -> None:
        """Begin a run and a transaction where none is under way; each run has a number of its own."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
            self._set("run", str(self._entries.run))

    def _number(self, name: str, default: int = 0) -> int:
        return int(self._text(name) or default)

    def _text(self, name: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def _set(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def _entry(line: bytes) -> Entry:
    return from_line(isal_zlib.decompress(line))
