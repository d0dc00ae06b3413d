"""What warcio, the reader that most tools stand on, says of a file of ours; hides warcio.

Our own reader is stricter and names the repair. This one answers another question: whether everybody else
can read what we wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.limitreader import LimitReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PIECE = 64 * 1024


def objections(path: Path, end: int) -> Iterator[tuple[int, str]]:
    """Yield offset and reason of each record before byte `end` that warcio can't read or whose digests it disputes."""
    with path.open("rb") as file:
        records = ArchiveIterator(LimitReader(file, end), check_digests=True)
        try:
            for record in records:
                while record.raw_stream.read(_PIECE):
                    continue
                if record.digest_checker.passed is False:
                    yield records.get_record_offset(), "; ".join(record.digest_checker.problems)
        except ArchiveLoadFailed as error:
            yield records.offset, str(error)
