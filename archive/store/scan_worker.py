"""A process that scans WARC files: `python -m archive.store.scan_worker`.

Each line of stdin names a file, as JSON: `["PATH", "NAME"]`. To stdout it writes what lies in it, a JSON list a line:

    ["c", …]                             a capture, the values of its row, its digest in hexadecimal digits
    ["m", …]                             a metadata record, the values of its row
    ["g", START, END, OFFSET, REASON]    bytes that hold nothing whole
    ["e", REASON]                        the end of the file; why it can't be read, or ""

It holds no database, and ends when stdin does.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archive.store import metadata, rows, scan
from archive.warc.exchanges import Gap
from archive.warc.foreign import is_foreign
from archive.warc.records import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def lines(path: Path, name: str) -> Iterator[list[object]]:
    """Yield what is written of a file."""
    try:
        for piece in scan.pieces(path, name):
            yield _line(piece, is_imported=is_foreign(name))
    except OSError as error:
        yield ["e", error.strerror or str(error)]
    else:
        yield ["e", ""]


def _line(piece: scan.Piece, *, is_imported: bool) -> list[object]:
    if isinstance(piece, Gap):
        return ["g", piece.start, piece.end, piece.damage.offset, piece.damage.reason]
    if isinstance(piece, Metadata):
        return ["m", *metadata.as_row(piece)]
    values = rows.as_row(piece, links_read=is_imported)
    return ["c", *(value.hex() if isinstance(value, bytes) else value for value in values)]


def main() -> None:
    try:
        for order in sys.stdin:
            path, name = json.loads(order)
            for line in lines(Path(path), name):
                sys.stdout.write(_encode(line) + "\n")
            sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(1)  # nobody reads any more; what waits in the buffer is for nobody


if __name__ == "__main__":
    main()
