"""Whose a file under `warc/` is, by its name alone; what is in an imported one is for `archive.warc.foreign`."""

from __future__ import annotations

import re

_IMPORTED = re.compile(r".+-[0-9a-f]{32}\.warc(?:\.gz)?", re.ASCII)


def is_foreign(name: str) -> bool:
    """Say whether this is the name of an imported file: `STEM-HASH.warc.gz` or `STEM-HASH.warc`."""
    return _IMPORTED.fullmatch(name) is not None
