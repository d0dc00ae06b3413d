"""What can be read of a file that can't be read at random, written anew: its records verbatim, one gzip member each.

The new file is a function of the old one's bytes. Records keep their heads and blocks as they were; only what parts
them is made as the standard says. A record that ends early is kept as far as it goes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from archive.warc import arc
from archive.warc.foreign_records import Flaw, ForeignRecord, Passed, Records
from archive.warc.inflow import Broken, opened
from archive.warc.members import deflated_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FLAWS_MAX = 1000


@dataclass(slots=True)
class Salvaged:
    """What became of a file: records written by type, bytes that are in none, records that end early, flaws."""

    records: Counter[str] = field(default_factory=Counter)
    lost: list[Passed] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)


def salvage_into(source: Path, out: BinaryIO) -> Salvaged:
    """Write what can be read of `source` to the end of `out`, an empty file. Raises OSError."""
    done = Salvaged()
    with source.open("rb") as file:
        size = file.seek(0, 2)
        try:
            inflow = opened(file)
        except Broken as error:
            done.lost.append(Passed(0, size, error.reason, is_broken=True))
            return done
        for found in Records(inflow, size):
            if isinstance(found, Passed):
                done.lost.append(found)
            else:
                _write_record(found, out, done)
    return done


def convert_arc(source: Path, about: str, out: BinaryIO) -> Salvaged:
    """Write the records of an ARC to `out`, an empty file; `about` says of it what it is. Raises OSError."""
    done = Salvaged()
    with source.open("rb") as file:
        for found in arc.records_of(opened(file), about):
            if isinstance(found, Passed):
                done.lost.append(found)
            elif isinstance(found, Flaw):
                if len(done.flaws) < _FLAWS_MAX:
                    done.flaws.append(found)
            else:
                kind, member = found
                out.writelines(member)
                done.records[kind] += 1
    return done


def _write_record(record: ForeignRecord, out: BinaryIO, done: Salvaged) -> None:
    start = out.tell()
    out.writelines(deflated_pieces(_pieces(record)))
    if record.broken:
        out.seek(start)
        out.truncate()
        return
    done.records[record.get("warc-type").lower()[:40] or "unknown"] += 1
    if record.is_short:
        done.cut.append(record.offset)


def _pieces(record: ForeignRecord) -> Iterator[bytes]:
    yield record.head
    while piece := record.read():
        yield piece
    record.finish()
    if not record.is_short:
        yield b"\r\n\r\n"
