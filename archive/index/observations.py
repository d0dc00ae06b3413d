"""Keeps observations in `articles.sqlite`; hides their rows, and that captures can change what they hold.

Of all captures with the same payload at the same URL, read with the same hints, only the earliest one's article is
kept, whichever was analysed first: so the rows are a function of the set of captures, not of their arrival. Where that one is taken
away, the others have to be observed again, as one of them must now be analysed: they stand in the table `again`.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from archive.index import relations
from archive.index.articles import Articles
from archive.index.observation import (
    GONE_STATUSES,
    REDIRECT_STATUSES,
    Key,
    Observation,
    Reading,
    key_of,
    moment,
)
from archive.model import Capture, Kind, Truncation

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_COLUMNS: Final = (
    "record_id, identity, date, url, status, mime, digest, kind, file, offset, length, original,"
    " truncated, article, target, problem, hints"
)
_INSERT: Final = f"INSERT INTO observation ({_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608 - constants
_KEY: Final = "record_id = ? AND date = ? AND url = ? AND kind = ?"
_HELD: Final = f"SELECT digest, original, status, mime, truncated, file, offset, length FROM observation WHERE {_KEY}"  # noqa: S608
_NOTED: Final = ", ".join(map(str, sorted({304, *GONE_STATUSES, *REDIRECT_STATUSES})))
_BATCH: Final = 500  # SQLite takes at least 999 values in one statement

_Row = tuple[
    str,
    str,
    str,
    str,
    int,
    str,
    str,
    str,
    str,
    int,
    int,
    str,
    str | None,
    str | None,
    str,
    str,
    str,
]


class Standing(Enum):
    """What the rows know of a capture."""

    UNKNOWN = "unknown"
    CHANGED = "changed"  # it holds something else than it did when it was observed
    MOVED = "moved"  # the same, in another file or at another offset
    SAME = "same"


class Observations:
    """The observations of one connection; every write is within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._articles = Articles(connection)

    def standing(self, capture: Capture) -> Standing:
        """Return what is known of a capture."""
        row = self._connection.execute(_HELD, key_of(capture)).fetchone()
        if row is None:
            return Standing.UNKNOWN
        held = (
            capture.digest,
            capture.original,
            capture.status,
            capture.mime,
            _truncation(capture),
        )
        if row[:5] != held:
            return Standing.CHANGED
        same = row[5:] == (capture.file, capture.offset, capture.length)
        return Standing.SAME if same else Standing.MOVED

    def relocate(self, capture: Capture) -> None:
        """Note where the record of a known capture lies now."""
        query = f"UPDATE observation SET file = ?, offset = ?, length = ? WHERE {_KEY}"  # noqa: S608
        place = (capture.file, capture.offset, capture.length)
        self._connection.execute(query, (*place, *key_of(capture)))

    def is_read(self, capture: Capture, hints: str | None = None) -> bool:
        """An earlier capture of the same payload at the same URL has been analysed, with these hints or with any."""
        row = self._connection.execute(
            "SELECT 1 FROM observation WHERE digest = ? AND url = ? AND article IS NOT NULL"
            " AND (date, record_id, url, kind) < (?, ?, ?, ?) AND (?7 IS NULL OR hints = ?7)",
            (
                capture.digest,
                capture.url,
                moment(capture.date),
                capture.record_id,
                capture.url,
                capture.kind.value,
                hints,
            ),
        ).fetchone()
        return row is not None

    def save(self, observation: Observation) -> bool:
        """Keep one observation; return whether what its address shows or where it leads has changed.

        One that is known already is passed over; one of a capture that holds something else now is replaced.
        """
        found = self.standing(observation.capture)
        if found is Standing.SAME:
            return False
        if found is Standing.MOVED:
            self.relocate(observation.capture)
            return False
        is_changed = found is Standing.CHANGED and self.forget(key_of(observation.capture))
        return self._insert_new(observation) or is_changed

    def _insert_new(self, observation: Observation) -> bool:
        reading = observation.reading
        if reading is not None and self.is_read(observation.capture, observation.hints):
            reading = None
        self._insert(observation, reading)
        self.strike(key_of(observation.capture))
        relations.add_node(self._connection, observation.identity)
        if reading is not None and self._drop_later(observation.capture, observation.hints):
            self._derive_again(observation.identity)
            return True
        return relations.derive(self._connection, observation, reading)

    def _insert(self, observation: Observation, reading: Reading | None) -> None:
        capture = observation.capture
        row = (
            capture.record_id,
            observation.identity,
            moment(capture.date),
            capture.url,
            capture.status,
            capture.mime,
            capture.digest,
            capture.kind.value,
            capture.file,
            capture.offset,
            capture.length,
            capture.original,
            _truncation(capture),
            self._articles.save(reading) if reading else None,
            observation.target,
            observation.problem,
            observation.hints,
        )
        self._connection.execute(_INSERT, row)

    def _drop_later(self, capture: Capture, hints: str) -> bool:
        """Take the article from later captures of the same payload at the same URL, read with the same hints."""
        cursor = self._connection.execute(
            "UPDATE observation SET article = NULL WHERE digest = ? AND url = ? AND article IS NOT NULL"
            " AND (record_id, date, kind) != (?, ?, ?) AND hints = ?",
            (
                capture.digest,
                capture.url,
                capture.record_id,
                moment(capture.date),
                capture.kind.value,
                hints,
            ),
        )
        return cursor.rowcount > 0

    def strike(self, key: Key) -> None:
        """A capture needs no second observation any more."""
        self._connection.execute(f"DELETE FROM again WHERE {_KEY}", key)  # noqa: S608 - a constant

    def forget(self, key: Key) -> bool:
        """Take away what was observed of a capture, whatever it held; return whether there was anything.

        Those that relied on its article are taken away too, to be observed again.
        """
        self.strike(key)
        query = f"DELETE FROM observation WHERE {_KEY} RETURNING identity, digest, article"  # noqa: S608
        rows = self._connection.execute(query, key).fetchall()
        for identity, digest, article in rows:
            if article is not None:
                self._unsettle(identity, key[2], digest)
            self._derive_again(identity)
        return bool(rows)

    def others(self, captures: Iterable[Capture]) -> list[Key]:
        """Return the keys of all that is observed or to be observed again, but of these captures."""
        self._connection.execute(
            "CREATE TEMP TABLE kept (record_id, date, url, kind, PRIMARY KEY (record_id, date, url, kind)) WITHOUT ROWID"
        )
        try:
            self._connection.executemany(
                "INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?)", map(key_of, captures)
            )
            query = (
                "SELECT record_id, date, url, kind FROM observation EXCEPT SELECT * FROM kept"
                " UNION SELECT * FROM (SELECT * FROM again EXCEPT SELECT * FROM kept)"
            )
            return self._connection.execute(query).fetchall()
        finally:
            self._connection.execute("DROP TABLE kept")

    def _unsettle(self, identity: str, url: str, digest: str) -> None:
        """Have those observed again that have no article because another capture of this payload had it."""
        which = (
            "WHERE identity = ? AND url = ? AND digest = ? AND article IS NULL AND problem = ''"
            f" AND status NOT IN ({_NOTED})"
        )
        query = f"INSERT OR IGNORE INTO again SELECT record_id, date, url, kind FROM observation {which}"  # noqa: S608
        self._connection.execute(query, (identity, url, digest))
        self._connection.execute(f"DELETE FROM observation {which}", (identity, url, digest))  # noqa: S608

    def _derive_again(self, identity: str) -> None:
        relations.derive_again(self._connection, identity, self.load([identity]))

    def load(self, identities: Sequence[str]) -> list[Observation]:
        """Return all observations of some nodes; equal articles are one value."""
        rows: list[_Row] = []
        for start in range(0, len(identities), _BATCH):
            part = identities[start : start + _BATCH]
            query = f"SELECT {_COLUMNS} FROM observation WHERE identity IN ({', '.join('?' * len(part))})"  # noqa: S608
            rows.extend(self._connection.execute(query, part))
        readings = self._articles.load({row[13] for row in rows if row[13]})
        return [_observation(row, readings.get(row[13] or "")) for row in rows]


def _truncation(capture: Capture) -> str | None:
    return capture.truncated.value if capture.truncated else None


def _observation(row: _Row, reading: Reading | None) -> Observation:
    record_id, identity, date, url, status, mime, digest, kind, file, offset, length, original = (
        row[:12]
    )
    capture = Capture(
        sequence=0,
        urlkey="",
        date=datetime.fromisoformat(date),
        url=url,
        method="GET",
        status=status,
        mime=mime,
        digest=digest,
        kind=Kind(kind),
        file=file,
        offset=offset,
        length=length,
        record_id=record_id,
        original=original,
        truncated=Truncation(row[12]) if row[12] else None,
    )
    return Observation(capture, identity, reading, target=row[14], problem=row[15], hints=row[16])
