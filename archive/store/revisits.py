"""Imported revisits and the responses they repeat, which may come before, with or long after them.

Hides how the original is found: by the address and date that the revisit names, else by the payload digest it
states, first at its own address, then the earliest response with it. Each choice is a function of the captures,
not of the order in which they came; so what was found before is looked at again when something new may be better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive import urls
from archive.store import cdxj, rows, state
from archive.warc import parse_date, warc_date

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    _Known = dict[str, tuple[bytes, str] | None]

_NOTE = "revisits"

# Each with an index of its own, which holds imported revisits alone.
_NAMING = "refers_to != ''"
_STATING = "stated != '' AND kind = 'revisit'"
_ORIGINAL = "is_original = 1"


def settle(connection: sqlite3.Connection) -> None:
    """Give every imported revisit its original, as far as it is here; inside a transaction.

    Only what came since the last time is looked at. A revisit whose original changed gets a new sequence.
    """
    seen, last = int(state.note(connection, _NOTE) or 0), rows.last_sequence(connection)
    if seen == last:
        return
    known: _Known = {}
    for sequence in _touched(connection, seen):
        last = _settle_one(connection, sequence, last, known)
    state.set_note(connection, _NOTE, str(last))


def is_settled(connection: sqlite3.Connection) -> bool:
    """Say whether nothing came since `settle`."""
    return int(state.note(connection, _NOTE) or 0) == rows.last_sequence(connection)


def forget(connection: sqlite3.Connection) -> None:
    """Have all revisits looked at again the next time: something was taken away."""
    state.set_note(connection, _NOTE, "")


def original_of(
    connection: sqlite3.Connection,
    url: str,
    refers_to: str,
    stated: str,
    *,
    known: _Known | None = None,
) -> tuple[bytes, str]:
    """Return payload digest and Record-ID of what an imported revisit repeats, empty where it is not here.

    `known` keeps what costs much to find, as long as nothing comes or goes.
    """
    named, _, date = refers_to.rpartition(" ")
    found = None
    if named:
        moment = rows.microseconds(parse_date(date))
        found = _first(
            connection,
            f"urlkey = ? AND date = ? AND url = ? AND {_ORIGINAL} ORDER BY record_id",
            (urls.key(named), moment, named),
        )
    if stated and not found:
        same = f"stated != '' AND stated = ? AND {_ORIGINAL}"
        found = (
            _first(connection, f"{same} AND url = ? ORDER BY date, record_id, url", (stated, url))
            or _first(connection, f"{same} ORDER BY date, record_id, url", (stated,))
            or _first_with(connection, stated, {} if known is None else known)
        )
    return found or (b"", "")


def _touched(connection: sqlite3.Connection, seen: int) -> list[int]:
    """Return the sequences of revisits that came since `seen`, or whose original may be among what came."""
    found: set[int] = set()
    for kind in (_NAMING, _STATING):
        statement = f"SELECT sequence FROM captures WHERE {kind} AND sequence > ?"  # noqa: S608 - constants
        found.update(_numbers(connection, statement, seen))
    if seen and _is_any(connection):
        found.update(_with_new_originals(connection, seen))
    return sorted(found)


def _is_any(connection: sqlite3.Connection) -> bool:
    statement = f"""SELECT EXISTS (SELECT 1 FROM captures WHERE {_NAMING})
 OR EXISTS (SELECT 1 FROM captures WHERE {_STATING})"""  # noqa: S608
    return bool(connection.execute(statement).fetchone()[0])


def _with_new_originals(connection: sqlite3.Connection, seen: int) -> Iterator[int]:
    fresh = f"FROM captures WHERE sequence > ? AND {_ORIGINAL}"
    yield from _numbers(
        connection,
        f"""SELECT sequence FROM captures WHERE {_STATING}
 AND stated IN (SELECT stated {fresh} UNION SELECT 'sha256:' || lower(hex(digest)) {fresh})""",  # noqa: S608
        seen,
        seen,
    )
    named = connection.execute(f"SELECT DISTINCT url, date {fresh}", (seen,)).fetchall()
    statement = f"SELECT sequence FROM captures WHERE {_NAMING} AND refers_to = ?"  # noqa: S608
    for url, date in named:
        yield from _numbers(connection, statement, f"{url} {warc_date(rows.as_date(date))}")


def _settle_one(connection: sqlite3.Connection, sequence: int, last: int, known: _Known) -> int:
    """Look for the original of one revisit; return the last sequence in use."""
    url, refers_to, stated, *before = connection.execute(
        "SELECT url, refers_to, stated, digest, original FROM captures WHERE sequence = ?",
        (sequence,),
    ).fetchone()
    found = original_of(connection, url, refers_to, stated, known=known)
    if found == tuple(before):
        return last
    connection.execute(
        "UPDATE captures SET sequence = ?, digest = ?, original = ? WHERE sequence = ?",
        (last + 1, *found, sequence),
    )
    cdxj.Published.forget(connection)
    return last + 1


def _first_with(
    connection: sqlite3.Connection, stated: str, known: _Known
) -> tuple[bytes, str] | None:
    """Return the earliest response whose payload has the SHA-256 that is stated."""
    if stated not in known:
        try:
            digest = rows.digest_bytes(stated) if stated.startswith("sha256:") else b""
        except ValueError:
            digest = b""
        condition = f"digest = ? AND {_ORIGINAL} ORDER BY date, record_id, url"
        known[stated] = _first(connection, condition, (digest,)) if digest else None
    return known[stated]


def _first(
    connection: sqlite3.Connection, condition: str, values: tuple[str | int | bytes, ...]
) -> tuple[bytes, str] | None:
    statement = f"SELECT digest, record_id FROM captures WHERE {condition} LIMIT 1"  # noqa: S608
    row: tuple[bytes, str] | None = connection.execute(statement, values).fetchone()
    return row


def _numbers(connection: sqlite3.Connection, statement: str, *values: int | str) -> Iterator[int]:
    return (number for (number,) in connection.execute(statement, values).fetchall())
