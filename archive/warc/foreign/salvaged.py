"""What can be read of a file that can't be read at random, written anew: its records verbatim, one gzip member each.

The new file is a function of the old one's bytes. Records keep their heads and blocks as they were; only what parts
them is made as the standard says. A record that ends early is kept as far as it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from archive.warc.foreign import arc
from archive.warc.foreign.inflow import Broken, opened
from archive.warc.foreign.records import Flaw, ForeignRecord, Passed, Records
from archive.warc.members import deflated_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def salvage_into(source: Path, out: BinaryIO, *, check: Callable[[], None]) -> None:
    """Write what can be read of `source` to `out`, an empty file; what can't be is `foreign.Survey`'s to tell.

    `check` is called for each record, and may raise. Raises OSError.
    """
    with source.open("rb") as file:
        size = file.seek(0, 2)
        try:
            inflow = opened(file)
        except Broken:
            return
        for found in Records(inflow, size):
            check()
            if isinstance(found, ForeignRecord):
                _write_record(found, out)


def convert_arc(
    source: Path, about: str, out: BinaryIO, *, check: Callable[[], None]
) -> Iterator[Flaw | Passed]:
    """Write the records of an ARC to `out`, an empty file, and yield what is wrong with it.

    `about` says of the source what it is; `check` as for `salvage_into`. Raises OSError.
    """
    with source.open("rb") as file:
        for found in arc.records_of(opened(file), about):
            check()
            if isinstance(found, (Flaw, Passed)):
                yield found
            else:
                out.writelines(found)


def _write_record(record: ForeignRecord, out: BinaryIO) -> None:
    start = out.tell()
    out.writelines(deflated_pieces(_pieces(record)))
    if record.broken:
        out.seek(start)
        out.truncate()


def _pieces(record: ForeignRecord) -> Iterator[bytes]:
    yield record.head
    while piece := record.read():
        yield piece
    record.finish()
    if not record.is_short:
        yield b"\r\n\r\n"
