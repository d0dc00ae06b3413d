"""Where a capture that lies in several files counts as lying: a function of the places alone, not of who came first.

The smallest place counts, by file name and offset; but a file of ours before any imported one, so that no
foreign record can stand in for what was received here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.store.files import serial_of

if TYPE_CHECKING:
    from archive.model import Capture
    from archive.warc.records import Metadata


def place_of(found: Capture | Metadata) -> tuple[bool, str, int]:
    """Return what places are compared by."""
    return not serial_of(found.file), found.file, found.offset
