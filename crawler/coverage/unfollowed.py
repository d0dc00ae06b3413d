"""The links that a site's last crawl left out, by reason: read from its report, which alone counts them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST_BYTES: Final = 16_000_000
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


def unfollowed(home: Path, connection: sqlite3.Connection, site: str) -> Mapping[str, int]:
    """Return how many links were left out, by reason; nothing where the crawl goes on or its report can't be read."""
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'rounds'").fetchone()
    query = "SELECT crawl FROM rounds WHERE site = ?"
    row = connection.execute(query, (site,)).fetchone() if there else None
    if row is None or not _ID.fullmatch(row[0]):
        return {}
    for one in _sites(home / "crawls" / f"{row[0]}.json"):
        if isinstance(one, dict) and one.get("name") == site:
            return _counts(one.get("out_of_scope"))
    return {}


def _sites(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return []
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return []
    sites = found.get("sites") if isinstance(found, dict) else None
    return sites if isinstance(sites, list) else []


def _counts(found: object) -> dict[str, int]:
    if not isinstance(found, dict):
        return {}
    counts = {str(name): count for name, count in found.items() if isinstance(count, int)}
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
