"""A WARC file from elsewhere taken in whole: renamed into place, its captures indexed.

Hides the order: the rows are written, the file gets its name, the rows are committed. A process that is killed
before the second leaves nothing but the part, which the next start removes; one killed before the third leaves
a file that the next start indexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.errors import StorageError
from archive.store import files, revisits, state
from archive.store.merge import Merge

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from archive.warc.records import Metadata, Stored


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many captures of a file are new to the collection, and how many it had already."""

    new: int
    known: int


def adopt(
    connection: sqlite3.Connection, part: Path, name: str, pieces: Iterable[Stored | Metadata]
) -> Adopted:
    """Take in `part`, which lies beside its future name and is synced; see `Collection.adopt`."""
    final = part.with_name(name)
    if files.is_there(part.parent, name):
        message = f"warc/{name}: there is a file of that name; it stays as it is"
        raise StorageError(message)
    with state.transaction(connection):
        merge = Merge(connection, links_read=True)
        merge.take(name, part.stat().st_size, pieces)
        revisits.settle(connection)
        part.rename(final)
        files.sync_folder(final.parent)
    return Adopted(merge.new, merge.known)
