"""Keeps observations in `articles.sqlite`; hides their rows, and what of them the graph of clusters needs.

Of all captures with the same payload at the same URL only the earliest one's article is kept, whichever was
analysed first: so the rows are a function of the set of captures, not of their arrival.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from isal import isal_zlib

from archive.analyse import codec
from archive.index.fold import domain_of
from archive.index.observation import Observation, Reading, Sight, identity_of, reading_with
from archive.model import Capture, Kind, Truncation

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_COLUMNS: Final = (
    "record_id, identity, date, url, status, mime, digest, kind, file, offset, length, original,"
    " truncated, article, target, problem"
)
_SURE_WORDS: Final = 40
_BATCH: Final = 500  # SQLite takes at least 999 values in one statement

_Row = tuple[
    str, str, str, str, int, str, str, str, str, int, int, str, str | None, str | None, str, str
]


def moment(date: datetime) -> str:
    """A date as text that sorts: ISO 8601, UTC, microseconds."""
    return date.isoformat(timespec="microseconds")


def knows(connection: sqlite3.Connection, capture: Capture) -> bool:
    """The capture has been observed."""
    query = "SELECT 1 FROM observation WHERE record_id = ?"
    return connection.execute(query, (capture.record_id,)).fetchone() is not None


def relocate(connection: sqlite3.Connection, capture: Capture) -> bool:
    """Note where the record of a known capture lies now; return whether that is elsewhere than before."""
    query = (
        "UPDATE observation SET file = ?1, offset = ?2, length = ?3"
        " WHERE record_id = ?4 AND (file, offset, length) != (?1, ?2, ?3)"
    )
    place = (capture.file, capture.offset, capture.length, capture.record_id)
    return connection.execute(query, place).rowcount > 0


def is_read(connection: sqlite3.Connection, capture: Capture) -> bool:
    """An earlier capture of the same payload at the same URL has been analysed."""
    row = connection.execute(
        "SELECT 1 FROM observation WHERE digest = ? AND url = ? AND article IS NOT NULL"
        " AND (date, record_id) < (?, ?)",
        (capture.digest, capture.url, moment(capture.date), capture.record_id),
    ).fetchone()
    return row is not None


def save(connection: sqlite3.Connection, observation: Observation) -> bool:
    """Keep one observation; return whether what its address shows or where it leads has changed.

    One that is known already is passed over.
    """
    if knows(connection, observation.capture):
        return False
    reading = observation.reading
    if reading is not None and is_read(connection, observation.capture):
        reading = None
    _insert(connection, observation, reading)
    _add_node(connection, observation.identity)
    if reading is not None and _drop_later(connection, observation.capture):
        _derive_again(connection, observation.identity)
        return True
    return _derive(connection, observation, reading)


def _insert(
    connection: sqlite3.Connection, observation: Observation, reading: Reading | None
) -> None:
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
        capture.truncated.value if capture.truncated else None,
        _save_article(connection, reading) if reading else None,
        observation.target,
        observation.problem,
    )
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO observation ({_COLUMNS}) VALUES ({marks})", row)  # noqa: S608


def _save_article(connection: sqlite3.Connection, reading: Reading) -> str:
    body = json.dumps(
        codec.to_json(reading.article), sort_keys=True, separators=(",", ":")
    ).encode()
    digest = hashlib.sha256(reading.version.encode() + body).hexdigest()
    if not connection.execute("SELECT 1 FROM article WHERE digest = ?", (digest,)).fetchone():
        packed = isal_zlib.compress(body, 2)
        connection.execute(
            "INSERT INTO article VALUES (?, ?, ?, ?, ?)",
            (digest, reading.text, reading.words, reading.version, packed),
        )
    return digest


def _add_node(connection: sqlite3.Connection, identity: str) -> None:
    if not connection.execute("SELECT 1 FROM node WHERE identity = ?", (identity,)).fetchone():
        row = (identity, domain_of(identity))
        connection.execute("INSERT INTO node (identity, domain) VALUES (?, ?)", row)


def _drop_later(connection: sqlite3.Connection, capture: Capture) -> bool:
    """Take the article from later captures of the same payload at the same URL."""
    cursor = connection.execute(
        "UPDATE observation SET article = NULL WHERE digest = ? AND url = ? AND article IS NOT NULL"
        " AND record_id != ?",
        (capture.digest, capture.url, capture.record_id),
    )
    return cursor.rowcount > 0


def _derive(
    connection: sqlite3.Connection, observation: Observation, reading: Reading | None
) -> bool:
    """Write what the graph needs of one observation; return whether anything was new."""
    sight = observation.sight if reading or not observation.reading else Sight.NOTHING
    if sight is Sight.ARTICLE and reading is not None:
        return _derive_article(connection, observation, reading)
    if sight is Sight.REDIRECT:
        return _derive_redirect(connection, observation)
    if sight is Sight.PAGE:
        query = "UPDATE node SET is_page = 1 WHERE identity = ? AND NOT is_page"
        return connection.execute(query, (observation.identity,)).rowcount > 0
    return False


def _derive_article(
    connection: sqlite3.Connection, observation: Observation, reading: Reading
) -> bool:
    node, article = observation.identity, reading.article
    query = "INSERT OR IGNORE INTO shows VALUES (?, ?, ?)"
    shown = (node, reading.text if reading.has_text else "", reading.headline)
    new = connection.execute(query, shown).rowcount
    query = "INSERT OR IGNORE INTO payload SELECT domain, ?, identity FROM node WHERE identity = ?"
    for digest in filter(None, (observation.capture.digest, _wording(reading))):
        new += connection.execute(query, (digest, node)).rowcount
    named = (article.canonical, article.amp, article.print_url, article.shortlink)
    targets = {identity_of(url) for url in named if url} - {node}
    query = "INSERT OR IGNORE INTO claim VALUES (?, ?, 0)"
    new += sum(connection.execute(query, (node, target)).rowcount for target in sorted(targets))
    return new > 0


def _wording(reading: Reading) -> str:
    """A digest of text, headline and date: what two addresses of one article share when their pages differ.

    Paged comments and views of a page are such addresses. "" where the text is too short to be sure.
    """
    if reading.words < _SURE_WORDS or not reading.headline:
        return ""
    told = "\n".join((reading.text, reading.headline, reading.published))
    return f"wording:{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()}"


def _derive_redirect(connection: sqlite3.Connection, observation: Observation) -> bool:
    """The last redirect counts; one to the address itself (http to https) leads nowhere."""
    node, target = observation.identity, identity_of(observation.target)
    if target == node:
        return False
    query = "INSERT OR IGNORE INTO claim VALUES (?, ?, 1)"
    new = connection.execute(query, (node, target)).rowcount
    when = f"{moment(observation.capture.date)} {observation.capture.record_id}"
    query = "SELECT moves_to FROM node WHERE identity = ? AND moved_at < ?"
    before = connection.execute(query, (node, when)).fetchone()
    if before is not None:
        query = "UPDATE node SET moves_to = ?, moved_at = ? WHERE identity = ?"
        connection.execute(query, (target, when, node))
    return new > 0 or (before is not None and before[0] != target)


def _derive_again(connection: sqlite3.Connection, identity: str) -> None:
    for table in ("shows", "payload", "claim"):
        connection.execute(f"DELETE FROM {table} WHERE identity = ?", (identity,))  # noqa: S608
    query = "UPDATE node SET moves_to = '', moved_at = '', is_page = 0 WHERE identity = ?"
    connection.execute(query, (identity,))
    for observation in load(connection, [identity]):
        _derive(connection, observation, observation.reading)


def load(connection: sqlite3.Connection, identities: Sequence[str]) -> list[Observation]:
    """Return all observations of some nodes; equal articles are one value."""
    rows: list[_Row] = []
    for start in range(0, len(identities), _BATCH):
        part = identities[start : start + _BATCH]
        query = (
            f"SELECT {_COLUMNS} FROM observation WHERE identity IN ({', '.join('?' * len(part))})"  # noqa: S608
        )
        rows.extend(connection.execute(query, part))
    readings = _readings(connection, {row[13] for row in rows if row[13]})
    return [_observation(row, readings.get(row[13] or "")) for row in rows]


def _readings(connection: sqlite3.Connection, digests: Iterable[str]) -> dict[str, Reading]:
    found: dict[str, Reading] = {}
    for digest in digests:
        text, words, version, body = connection.execute(
            "SELECT text, words, version, body FROM article WHERE digest = ?", (digest,)
        ).fetchone()
        article = codec.from_json(json.loads(isal_zlib.decompress(body)))
        found[digest] = reading_with(article, text, words, version)
    return found


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
    return Observation(capture, identity, reading, target=row[14], problem=row[15])
