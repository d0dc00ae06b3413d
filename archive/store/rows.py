"""Captures as rows of state.sqlite: put in, and found again by address, date, payload or sequence.

Hides the statements. Long answers are read a page at a time, each page a statement of its own, so that no
reader keeps the write-ahead log from being taken in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from archive import urls
from archive.model import Capture, Kind, Truncation
from archive.warc.records import Stored, safe_url

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PAGE = 500
_EARLIEST, _LATEST = -(2**62), 2**62
_AFTER_ALL = "\x7f"  # sorts after every character of a urlkey
_CANDIDATES = 8

_COLUMNS = """sequence, urlkey, date, url, method, status, mime, iif(digest = x'', stated, digest), kind, files.name,
 offset, length, record_id, original, truncated"""
_MORE = "payload_length, is_original, span, refers_to, site, stated"
_FROM = "FROM captures JOIN files ON files.id = captures.file"
_SELECT = f"SELECT {_COLUMNS} {_FROM}"
_SELECT_STORED = f"SELECT {_COLUMNS}, {_MORE} {_FROM}"
_ORDER = "ORDER BY urlkey, date, record_id, files.name, offset"
INSERT = """INSERT INTO {} (sequence, urlkey, date, url, method, status, mime, digest, kind, file, offset,
 length, record_id, original, truncated, payload_length, is_original, span, refers_to, site, stated, links_read)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT id FROM files WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT = INSERT.format("captures")
_SIZE = """INSERT INTO files (name, bytes) VALUES (?, ?)
 ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes"""


def insert(
    connection: sqlite3.Connection,
    stored: Iterable[Stored],
    sizes: Mapping[str, int],
    *,
    links_read: bool = False,
) -> None:
    """Insert captures that are new, and the committed bytes of the files they lie in; inside a transaction."""
    connection.executemany(_SIZE, sizes.items())
    connection.executemany(_INSERT, (as_row(one, links_read=links_read) for one in stored))


def sizes(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the committed bytes of every file, by its final name."""
    return dict(connection.execute("SELECT name, bytes FROM files ORDER BY name"))


def last_sequence(connection: sqlite3.Connection) -> int:
    """Return the highest committed sequence, 0 if there is none."""
    return int(connection.execute("SELECT ifnull(max(sequence), 0) FROM captures").fetchone()[0])


@dataclass(frozen=True, slots=True)
class Query:
    """Which captures, by address and date; see `Collection.captures`."""

    url: str = ""
    match: str = "exact"
    since: datetime | None = None
    until: datetime | None = None

    def dates(self) -> tuple[int, int]:
        """Return the first and last microsecond that are wanted."""
        first = microseconds(self.since) if self.since else _EARLIEST
        return first, microseconds(self.until) if self.until else _LATEST

    def ranges(self) -> list[tuple[str, str]]:
        """Return the ranges of urlkeys, both ends included, in their order. Raises ValueError."""
        if not self.url:
            return [("", _AFTER_ALL)]
        key = urls.key(safe_url(self.url))
        host = key.partition(")")[0]
        if self.match == "exact":
            return [(key, key)]
        if self.match == "prefix":
            return self._prefix(key)
        if self.match == "host":
            return [(f"{host})", f"{host}){_AFTER_ALL}")]
        if self.match == "domain":
            name = host.partition(":")[0]
            return [(f"{name}{sign}", f"{name}{sign}{_AFTER_ALL}") for sign in "),:"]
        message = f"match={self.match!r}: want 'exact', 'prefix', 'host' or 'domain'"
        raise ValueError(message)

    def _prefix(self, key: str) -> list[tuple[str, str]]:
        """A slash at the end of the address is meant, though a urlkey has none: /a/ begins /a/b, not /ab."""
        if not self.url.endswith("/") or key.endswith("/"):
            return [(key, key + _AFTER_ALL)]
        deeper = [(f"{key}{sign}", f"{key}{sign}{_AFTER_ALL}") for sign in "/?"]
        return [(key, key), *deeper]


def by_place(connection: sqlite3.Connection, query: Query) -> Iterator[Capture]:
    """Yield captures by (urlkey, date, record_id, file, offset); an exact address prefers rows that are written like it."""
    same = ""
    if query.url and query.match == "exact":
        same = _same_url(connection, query)
    first, last = query.dates()
    statement = f"""{_SELECT} WHERE (urlkey, date, record_id) >= (?, ?, ?)
 AND (urlkey, date, record_id, files.name, offset) > (?, ?, ?, ?, ?) AND urlkey <= ?
 AND date BETWEEN ? AND ? AND (? = '' OR url = ?) {_ORDER} LIMIT {_PAGE}"""
    for low, high in query.ranges():
        place: tuple[str, int, str, str, int] = (low, _EARLIEST, "", "", -1)
        while page := connection.execute(
            statement, (*place[:3], *place, high, first, last, same, same)
        ).fetchall():
            yield from map(_capture, page)
            place = (page[-1][1], page[-1][2], page[-1][12], page[-1][9], page[-1][10])


def _same_url(connection: sqlite3.Connection, query: Query) -> str:
    """Return the exact address if there is any capture of it, else ""."""
    url = safe_url(query.url)
    statement = "SELECT 1 FROM captures WHERE urlkey = ? AND url = ? LIMIT 1"
    return url if connection.execute(statement, (urls.key(url), url)).fetchone() else ""


def by_sequence(
    connection: sqlite3.Connection, after: int, *, unread: bool = False, query: Query | None = None
) -> Iterator[Capture]:
    """Yield captures with a higher sequence, in its order; only those whose links are not read if `unread`."""
    wanted = "AND links_read = 0" if unread else ""
    first, last = query.dates() if query else (_EARLIEST, _LATEST)
    ranges = query.ranges() if query else [("", _AFTER_ALL)]
    inside = " OR ".join(["urlkey BETWEEN ? AND ?"] * len(ranges))
    limits = [limit for pair in ranges for limit in pair]
    statement = f"""{_SELECT} WHERE sequence > ? {wanted} AND date BETWEEN ? AND ? AND ({inside})
 ORDER BY sequence LIMIT {_PAGE}"""
    while page := connection.execute(statement, (after, first, last, *limits)).fetchall():
        yield from map(_capture, page)
        after = page[-1][0]


def by_sequences(connection: sqlite3.Connection, sequences: Sequence[int]) -> Iterator[Stored]:
    """Yield the captures with these sequences, in the order given; those that are gone are left out."""
    marks = ", ".join("?" * len(sequences))
    statement = f"{_SELECT_STORED} WHERE sequence IN ({marks})"
    found = {row[0]: row for row in connection.execute(statement, tuple(sequences))}
    return (_stored(found[sequence]) for sequence in sequences if sequence in found)


def closest(connection: sqlite3.Connection, url: str, when: datetime) -> Capture | None:
    """Return the capture of `url` nearest to `when`; the earlier of two equally near ones."""
    query = Query(url)
    same, key, moment = _same_url(connection, query), query.ranges()[0][0], microseconds(when)
    rows = []
    for comparison, order in (("<=", "DESC"), (">", "ASC")):
        statement = f"""{_SELECT} WHERE urlkey = ? AND date {comparison} ? AND (? = '' OR url = ?)
 ORDER BY date {order}, record_id LIMIT 1"""
        rows += connection.execute(statement, (key, moment, same, same)).fetchall()
    return _capture(min(rows, key=lambda row: abs(row[2] - moment))) if rows else None


def identical(connection: sqlite3.Connection, digest: str, length: int) -> Capture | None:
    """Return the first response that holds this payload whole."""
    statement = f"{_SELECT} WHERE digest = ? AND is_original = 1 AND payload_length = ? ORDER BY sequence LIMIT 1"
    return _one(connection, statement, digest_bytes(digest), length)


def original(connection: sqlite3.Connection, digest: str, record_id: str) -> Capture | None:
    """Return the response with this payload and Record-ID, if revisits may point to it."""
    statement = f"{_SELECT} WHERE digest = ? AND is_original = 1 AND record_id = ? {_ORDER} LIMIT 1"
    return _one(connection, statement, digest_bytes(digest), record_id)


def answers(connection: sqlite3.Connection, url: str) -> list[Capture]:
    """Return the latest captures of exactly `url` with status 200, newest first."""
    statement = f"""{_SELECT} WHERE urlkey = ? AND url = ? AND status = 200
 ORDER BY date DESC, sequence DESC LIMIT {_CANDIDATES}"""
    return [_capture(row) for row in connection.execute(statement, (urls.key(url), url))]


def in_file(connection: sqlite3.Connection, name: str) -> Iterator[Stored]:
    """Yield what the rows say of a file, in the order of its bytes."""
    statement = (
        f"{_SELECT_STORED} WHERE files.name = ? AND offset > ? ORDER BY offset LIMIT {_PAGE}"
    )
    after = -1
    while page := connection.execute(statement, (name, after)).fetchall():
        yield from map(_stored, page)
        after = page[-1][10]


def same(connection: sqlite3.Connection, capture: Capture) -> Stored | None:
    """Return what the rows say of the capture with this identity, wherever it lies."""
    statement = f"""{_SELECT_STORED} WHERE urlkey = ? AND date = ? AND record_id = ? AND url = ? AND kind = ?
 {_ORDER} LIMIT 1"""
    identity = (capture.urlkey, microseconds(capture.date), capture.record_id, capture.url)
    found = connection.execute(statement, (*identity, capture.kind)).fetchone()
    return _stored(found) if found else None


def before(connection: sqlite3.Connection, name: str, offset: int) -> Capture | None:
    """Return the last capture of a file that begins at or before `offset`."""
    statement = f"{_SELECT} WHERE files.name = ? AND offset <= ? ORDER BY offset DESC LIMIT 1"
    return _one(connection, statement, name, offset)


def is_read(connection: sqlite3.Connection, sequence: int) -> bool:
    """Say whether the links of a capture are in the frontier."""
    (read,) = _values(connection, "SELECT links_read FROM captures WHERE sequence = ?", sequence)
    return bool(read)


def delete(connection: sqlite3.Connection, sequences: Iterable[int]) -> None:
    """Delete captures; inside a transaction."""
    values = ((sequence,) for sequence in sequences)
    connection.executemany("DELETE FROM captures WHERE sequence = ?", values)


def forget_file(connection: sqlite3.Connection, name: str) -> None:
    """Forget a file without rows; inside a transaction."""
    connection.execute("DELETE FROM files WHERE name = ?", (name,))


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of committed captures; bytes of the WARC files and of payloads that revisits did not store again."""

    captures: int
    by_kind: dict[str, int]
    files: int
    warc_bytes: int
    saved_bytes: int
    first: datetime | None
    last: datetime | None


def stats(connection: sqlite3.Connection) -> Stats:
    """Return counts and sizes."""
    count, first, last = _values(connection, "SELECT count(*), min(date), max(date) FROM captures")
    number, size = _values(connection, "SELECT count(*), ifnull(sum(bytes), 0) FROM files")
    (saved,) = _values(
        connection,
        """SELECT ifnull(sum(original.payload_length), 0) FROM captures JOIN captures AS original
 ON original.digest = captures.digest AND original.is_original = 1 AND original.record_id = captures.original
 WHERE captures.kind = 'revisit'""",
    )
    return Stats(
        captures=count,
        by_kind=dict(connection.execute("SELECT kind, count(*) FROM captures GROUP BY kind")),
        files=number,
        warc_bytes=size,
        saved_bytes=saved,
        first=as_date(first) if count else None,
        last=as_date(last) if count else None,
    )


def _values(connection: sqlite3.Connection, statement: str, *values: object) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(statement, values).fetchone()
    return row


def as_date(value: int) -> datetime:
    """Return what `microseconds` made a number of."""
    return _EPOCH + value * _MICROSECOND


def _one(connection: sqlite3.Connection, statement: str, *values: object) -> Capture | None:
    row = connection.execute(statement, values).fetchone()
    return _capture(row) if row else None


def microseconds(date: datetime) -> int:
    """Return a date as it stands in a row. Raises TypeError for a naive one."""
    return (date - _EPOCH) // _MICROSECOND


def digest_bytes(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))


def is_unresolved(capture: Capture) -> bool:
    """Say whether the original of an imported revisit is not known; then its digest is what it states."""
    return capture.kind is Kind.REVISIT and not capture.original


def as_row(stored: Stored, *, links_read: bool) -> tuple[str | int | bytes, ...]:
    """Return the values that `INSERT` takes."""
    capture = stored.capture
    is_imported = bool(stored.stated) or is_unresolved(capture)
    return (
        capture.sequence,
        capture.urlkey,
        microseconds(capture.date),
        capture.url,
        capture.method,
        capture.status,
        capture.mime,
        b"" if is_unresolved(capture) else digest_bytes(capture.digest),
        capture.kind,
        capture.file,
        capture.offset,
        capture.length,
        capture.record_id,
        capture.original,
        capture.truncated or "",
        stored.payload_length,
        stored.is_original,
        stored.end - capture.offset,
        stored.refers_to if is_imported else "",
        stored.site,
        stored.stated,
        links_read,
    )


def _stored(row: tuple[Any, ...]) -> Stored:
    capture = _capture(row[:15])
    payload_length, is_original, span, refers_to, site, stated = row[15:]
    return Stored(
        capture=capture,
        payload_length=payload_length,
        is_original=bool(is_original),
        end=capture.offset + span,
        refers_to=refers_to,
        site=site,
        stated=stated,
    )


def _capture(row: tuple[Any, ...]) -> Capture:
    sequence, urlkey, date, url, method, status, mime, digest, kind, *rest = row
    file, offset, length, record_id, original, truncated = rest
    return Capture(
        sequence=sequence,
        urlkey=urlkey,
        date=as_date(date),
        url=url,
        method=method,
        status=status,
        mime=mime,
        digest=digest if isinstance(digest, str) else f"sha256:{digest.hex()}",
        kind=Kind(kind),
        file=file,
        offset=offset,
        length=length,
        record_id=record_id,
        original=original,
        truncated=Truncation(truncated) if truncated else None,
    )
