"""What a killed process left behind, made whole again.

Hides the difference between a kill, a power cut and a lost state.sqlite: in each case some files hold more than
the index knows. What is whole beyond the last committed byte becomes captures; a torn tail is cut off; damage
between whole exchanges is kept as it is and reported. Nothing acknowledged is ever cut: the committed bytes are
not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.model import Problem
from archive.store import files, revisits, rows, scan, state
from archive.store.merge import Merge
from archive.warc.exchanges import Gap

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from archive.warc.records import Metadata, Stored

_BACKUP = "put it back from a backup"


def recover(folder: Path, connection: sqlite3.Connection) -> tuple[Problem, ...]:
    """Mend the files in `folder` and index what the rows do not know; return what was wrong.

    When this returns the files are synced and have their final names, one without a whole record is gone,
    and what lies in them is committed. Captures of ours count as not read for links, imported ones as read.
    """
    files.remove_parts(folder)
    committed = rows.sizes(connection)
    problems: list[Problem] = []
    for name in files.own_files(folder):
        problems += _recover_own(folder, name, committed.get(name, 0), connection)
    for name in files.imported_files(folder):
        if name not in committed:
            problems += _recover_imported(folder, name, connection)
    return tuple(problems)


def _recover_own(
    folder: Path, name: str, committed: int, connection: sqlite3.Connection
) -> Iterator[Problem]:
    path = files.find(folder, name)
    size = path.stat().st_size
    if size < committed:
        message = f"the file ends {committed - size} bytes before what was acknowledged"
        yield _problem(name, size, message, _BACKUP)
    elif size > committed:
        yield from _index_tail(path, name, committed, connection)
    if path.name.endswith(files.OPEN):
        files.finish(folder, name)


def _index_tail(
    path: Path, name: str, committed: int, connection: sqlite3.Connection
) -> tuple[Problem, ...]:
    """Index what lies beyond the committed bytes, and cut what is not whole where it may be cut."""
    tail = Tail(path, name, may_cut=path.name.endswith(files.OPEN))
    with state.transaction(connection):
        merge = Merge(connection, links_read=False)
        merge.take(name, committed, tail.whole(scan.pieces(path, name, committed)))
        files.cut(path, tail.size)
        merge.resize(name, tail.size)
        revisits.settle(connection)
        if not tail.size:
            rows.forget_file(connection, name)
    if not tail.size:
        path.unlink()
    return tuple(tail.problems)


def _recover_imported(
    folder: Path, name: str, connection: sqlite3.Connection
) -> tuple[Problem, ...]:
    """Index an imported file whose rows were not committed, or are lost."""
    path = folder / name
    tail = Tail(path, name, may_cut=False)
    with state.transaction(connection):
        merge = Merge(connection, links_read=True)
        merge.take(name, tail.size, tail.whole(scan.pieces(path, name)))
        revisits.settle(connection)
    return tuple(tail.problems)


class Tail:
    """The end of a file, as far as it is whole: `size` are the bytes that count, `problems` what was met."""

    def __init__(self, path: Path, name: str, *, may_cut: bool) -> None:
        self._name = name
        self._may_cut = may_cut
        self._length = path.stat().st_size
        self.size = self._length
        self.problems: list[Problem] = []

    def whole(self, found: Iterable[scan.Piece]) -> Iterator[Stored | Metadata]:
        """Yield what is whole; a gap at the end is left out of the size where it may be cut."""
        for piece in found:
            if isinstance(piece, Gap):
                self.note(piece)
            else:
                yield piece

    def note(self, gap: Gap, *, committed: int = 0) -> None:
        """Take note of what can't be read; nothing before the byte `committed` is ever cut."""
        if gap.end == self._length and self._may_cut and gap.start >= committed:
            self.size = gap.start
            self.problems.append(_torn(self._name, gap.start, gap.end))
        else:
            self.problems.append(_gap(self._name, gap.start, gap.end))


def _gap(name: str, start: int, end: int) -> Problem:
    message = f"{end - start} bytes can't be read; they are kept as they are"
    return _problem(
        name, start, message, "put the file back from a backup, or run 'muragat verify'"
    )


def _torn(name: str, start: int, end: int) -> Problem:
    message = f"the process ended while it wrote here: {end - start} bytes of an unfinished exchange were cut off"
    return _problem(name, start, message, "")


def _problem(name: str, offset: int, message: str, repair: str) -> Problem:
    return Problem(f"warc/{name}", offset, message, repair)
