"""All captures in the order in which they were made, whatever file they lie in and whatever their sequence.

Hides the sorting: sequences are sorted once, into a temporary table, and the rows are read a page at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.store import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from archive.warc.records import Stored

_PAGE = 200

_SORT = """
DROP TABLE IF EXISTS temp.chronology;
CREATE TEMP TABLE chronology (place INTEGER PRIMARY KEY, sequence INTEGER NOT NULL);
"""


class Chronology:
    """The captures with a sequence above `after`, by date and Record-ID; iterable any number of times.

    Captures that come while it exists are not among them. One at a time on a connection.
    """

    def __init__(self, connection: sqlite3.Connection, after: int = 0) -> None:
        self._connection = connection
        connection.executescript(_SORT)
        connection.execute(
            "INSERT INTO temp.chronology (sequence) SELECT sequence FROM captures"
            " WHERE sequence > ? ORDER BY date, record_id, url, kind",
            (after,),
        )

    def __len__(self) -> int:
        row = self._connection.execute("SELECT count(*) FROM temp.chronology").fetchone()
        return int(row[0])

    def __iter__(self) -> Iterator[Stored]:
        place = 0
        while page := self._page(place):
            yield from rows.by_sequences(self._connection, page)
            place += len(page)

    def _page(self, place: int) -> list[int]:
        statement = "SELECT sequence FROM temp.chronology WHERE place > ? ORDER BY place LIMIT ?"
        return [row[0] for row in self._connection.execute(statement, (place, _PAGE))]
