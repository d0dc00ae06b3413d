"""What a killed process left behind, made whole again.

Hides the difference between a kill, a power cut and a lost state.sqlite: in each case some files hold more than
the index knows. What is whole beyond the last committed byte becomes captures; a torn tail is cut off; damage
between whole exchanges is kept as it is and reported. Nothing acknowledged is ever cut: the committed bytes are
not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.model import Problem
from archive.store import files
from archive.warc.exchanges import Gap, salvage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from archive.warc.records import Stored


@dataclass(frozen=True, slots=True)
class Repair:
    """What was found in one file, the bytes of it that count from now on, and what was wrong."""

    stored: tuple[Stored, ...]
    size: int
    problems: tuple[Problem, ...] = ()


def recover(folder: Path, committed: Mapping[str, int]) -> dict[str, Repair]:
    """Mend the files in `folder` and return what the index does not know, by final name.

    `committed` are the bytes of each file that are in the index. When this returns the files are synced and
    have their final names; one without a whole record is gone.
    """
    names = files.own_files(folder)
    return {name: _recover_file(folder, name, committed.get(name, 0)) for name in names}


def _recover_file(folder: Path, name: str, committed: int) -> Repair:
    path = files.find(folder, name)
    was_open = path.name.endswith(files.OPEN)
    size = path.stat().st_size
    repair = Repair((), committed)
    if size < committed:
        message = f"the file ends {committed - size} bytes before what was acknowledged"
        repair = Repair(
            (), committed, (_problem(name, size, message, "put it back from a backup"),)
        )
    elif size > committed:
        repair = _scan(path, name, committed, may_cut=was_open)
        files.cut(path, repair.size)
    if repair.size == 0:
        path.unlink()
    elif was_open:
        files.finish(folder, name)
    return repair


def _scan(path: Path, name: str, start: int, *, may_cut: bool) -> Repair:
    """Take what is whole beyond `start`; a tail that is not is left out of the size where it may be cut."""
    size = path.stat().st_size
    found: list[Stored] = []
    problems: list[Problem] = []
    for piece in salvage(path, name, start):
        if not isinstance(piece, Gap):
            found.append(piece)
        elif piece.end == size and may_cut:
            problems.append(_torn(name, piece.start, size))
            size = piece.start
        else:
            problems.append(_gap(name, piece.start, piece.end))
    return Repair(tuple(found), size, tuple(problems))


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
