"""What a collection takes on the disk, and what is left there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PARTS: Final = {
    "warc": ("warc/*",),
    "state": ("state.sqlite*",),
    "articles": ("articles.sqlite*",),
    "indexes": ("index.cdxj", "articles.jsonl", "crawls/*", "search/**/*"),
}


def parts(home: Path) -> dict[str, int]:
    """Return the bytes of the parts of a collection: the records, the two databases, the files made from them."""
    return {
        part: sum(_size(path) for pattern in patterns for path in home.glob(pattern))
        for part, patterns in _PARTS.items()
    }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # taken away, or given its final name, since it was listed
        return 0


def free(home: Path) -> int:
    """Return the bytes that may still be written on the disk."""
    disk = os.statvfs(home)
    return disk.f_bavail * disk.f_frsize
