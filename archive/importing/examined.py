"""A file looked at before anything of it is taken: what it is, its hash, what lies in it.

Hides how the forms are told apart: by their first bytes, never by their names.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from archive.errors import RecordDamaged
from archive.importing.outcome import Fault, Faults, Refused
from archive.store import files
from archive.warc import Record
from archive.warc.exchanges import Exchanges, Gap, salvage
from archive.warc.foreign import Flaw, Passed, Survey, arc
from archive.warc.foreign.inflow import GZIP, MAGIC, ZSTD, beginning, is_skippable
from archive.warc.records import Metadata, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Piece = Stored | Metadata
    Check = Callable[[], None]

_PIECE = 1024 * 1024
_SNIFFED = 64 * 1024
_HELD = 50_000
"""Captures held between the look at a file and its taking in, about 60 MB; a file with more is read once more."""

_ZIP = b"PK\x03\x04"


class Form(Enum):
    """What a file is by its first bytes."""

    WARC = "WARC"
    ARC = "ARC"
    ZIP = "zip"


@dataclass(slots=True)
class Examined:
    """What lies in a file; `pieces` is None where they are too many to be held.

    `has_places` says that each record can be read at its offset; `captures` counts them.
    """

    has_places: bool = True
    pieces: list[Piece] | None = field(default_factory=list)
    captures: int = 0
    own_metadata: int = 0
    records: Counter[str] = field(default_factory=Counter)
    faults: Faults = field(default_factory=Faults)

    def take(self, piece: Piece) -> None:
        self.captures += isinstance(piece, Stored)
        self.own_metadata += isinstance(piece, Metadata)
        if self.pieces is not None:
            self.pieces.append(piece)
            if len(self.pieces) > _HELD:
                self.pieces = None


def digest_of_file(path: Path, check: Check, limit: int | None = None) -> tuple[str, int]:
    """Return SHA-256, in hex, and size of a file, or of its first `limit` bytes. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE if limit is None else min(_PIECE, limit - size)):
            check()
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def form_of(path: Path) -> Form:
    """Return what a file is. Raises Refused for what is none of the forms, and OSError."""
    with path.open("rb") as file:
        start = file.read(len(_ZIP))
    if not start:
        raise Refused("it is empty")
    if start == _ZIP:
        return Form.ZIP
    content = beginning(path, _SNIFFED)
    if content.lstrip(b"\r\n").startswith(arc.BEGINNING):
        return Form.ARC
    is_packed = start.startswith(GZIP) or start == ZSTD or is_skippable(start)
    if MAGIC in content or (is_packed and not content):
        return Form.WARC
    raise Refused(f"it is no WARC, ARC or WACZ file: it begins with {start!r}")


def foreign_name(sha256: str, *, is_packed: bool) -> str:
    """Return the name under warc/ of a file: a function of its bytes, so that it is the same whatever came first.

    >>> foreign_name("0" * 64, is_packed=False)
    'import-00000000000000000000000000000000.warc'
    """
    return f"import-{sha256[:32]}.warc{'.gz' if is_packed else ''}"


def is_gzip(path: Path) -> bool:
    """Say whether a file is compressed as those under warc/ are."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def own_name(path: Path) -> str:
    """Return the name that muragat gave a file, as its first record says, "" where that is none that may be kept."""
    try:
        with path.open("rb") as file:
            first = Record(file, path.name, 0)
    except (RecordDamaged, OSError):
        return ""
    name = first.get("WARC-Filename") if first.type == "warcinfo" else ""
    return name if files.may_be_kept(name) else ""


def own_whole(
    path: Path, name: str, check: Check, is_ours: Callable[[Piece], bool]
) -> Examined | None:
    """Return what lies in a whole file that muragat wrote as `name`; None where it is none, or damaged.

    None as well where `is_ours` knows one of its records: it would stand in for what was received here.
    """
    found = Examined()
    for piece in salvage(path, name):
        check()
        if isinstance(piece, Gap) or is_ours(piece):
            return None
        found.take(piece)
    return found if found.captures or found.own_metadata else None


def whole_end(path: Path, name: str, check: Check) -> int:
    """Return the byte after what is whole of a file that another muragat writes, or was killed over."""
    exchanges = Exchanges(path, name)
    try:
        for _ in exchanges:
            check()
    except RecordDamaged:
        return exchanges.end
    return exchanges.end


def examine(path: Path, name: str, check: Check, limit: int | None = None) -> Examined:
    """Return what lies in a foreign file, or its first `limit` bytes; it is to be called `name`. Raises OSError."""
    survey = Survey(path, name, 0, limit)
    found, passed = _collected(survey, check)
    found.records, found.has_places = survey.records, survey.has_places
    if found.has_places:
        return found
    found.faults.losses += passed + survey.cut
    return found


def _collected(pieces: Iterable[Piece | Flaw | Passed], check: Check) -> tuple[Examined, int]:
    """Return what is found, and how often bytes that are no record were passed over."""
    found, passed = Examined(), 0
    for piece in pieces:
        check()
        if isinstance(piece, Passed):
            passed += 1
            found.faults.add(fault_of(piece))
        elif isinstance(piece, Flaw):
            found.faults.add(Fault(piece.offset, piece.message))
        else:
            found.take(piece)
    return found, passed


def fault_of(passed: Passed) -> Fault:
    length = passed.end - passed.start
    what = "can't be inflated" if passed.is_broken else "passed over"
    return Fault(passed.start, f"{length} bytes {what}: {passed.reason}")
