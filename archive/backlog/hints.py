"""What a site's table says of its captures, as the crawl that made them recorded it.

Hides where that is written: the record of a capture names crawl and site, the crawl's start record holds the
table. So a capture is analysed in the same way whenever that is done, and a table that is changed holds for what
is captured from then on. Files that came from elsewhere speak of their own captures alone.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from archive.errors import RecordDamaged, StorageError
from archive.model import Hints
from archive.store import files, rows
from archive.store.home import WARC
from archive.warc.closing import read_via

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from archive.collection import Collection
    from archive.model import Capture

_START: Final = "urn:muragat:crawl:{}:start"
_CRAWLS: Final = 64  # crawls whose tables are held
_MOST: Final = 100  # words of one kind that a table may give; more are nobody's

_NONE: Final = Hints()


class RecordedHints:
    """The hints for captures of `collection`, whose rows `state` reads."""

    def __init__(self, collection: Collection, state: sqlite3.Connection) -> None:
        self._collection = collection
        self._state = state
        self._tables: OrderedDict[tuple[str, bool], Mapping[str, Hints]] = OrderedDict()

    def of(self, capture: Capture) -> Hints:
        """Return what is known of the capture's site beside the page; empty hints where nothing is."""
        stored = rows.same(self._state, capture)
        if stored is None or not stored.site:
            return _NONE
        try:
            path = files.find(self._collection.home / WARC, capture.file)
            via = read_via(path, capture, stored.end - capture.offset)
        except (RecordDamaged, StorageError, OSError):
            return _NONE  # `verify` tells of it
        is_own = bool(files.serial_of(capture.file))
        return self._of_crawl(via.crawl, is_own=is_own).get(stored.site, _NONE)

    def _of_crawl(self, crawl: str, *, is_own: bool) -> Mapping[str, Hints]:
        known = self._tables.pop((crawl, is_own), None)
        found = self._read(crawl, is_own=is_own) if known is None else known
        if len(self._tables) >= _CRAWLS:
            self._tables.popitem(last=False)
        self._tables[crawl, is_own] = found
        return found

    def _read(self, crawl: str, *, is_own: bool) -> dict[str, Hints]:
        found: dict[str, Hints] = {}
        target = _START.format(crawl)
        for record in self._collection.metadata(target):
            if record.target != target or bool(files.serial_of(record.file)) is not is_own:
                continue
            try:
                block = self._collection.read_metadata(record)
            except (RecordDamaged, StorageError):
                continue
            for name, hints in _sites(block):
                found.setdefault(name, hints)
        return found


def _sites(block: bytes) -> list[tuple[str, Hints]]:
    """Return name and hints of each site that a start record tells of; what can't be read is left out."""
    try:
        told = json.loads(block)
    except (ValueError, RecursionError):
        return []
    sites = told.get("sites") if isinstance(told, dict) else None
    return [
        (site["name"], _hints(site))
        for site in (sites if isinstance(sites, list) else ())
        if isinstance(site, dict) and isinstance(site.get("name"), str)
    ]


def _hints(site: dict[str, Any]) -> Hints:
    outlet, tdm = site.get("outlet"), site.get("tdm")
    return Hints(
        languages=_words(site.get("languages")),
        outlet=outlet if isinstance(outlet, str) else "",
        ignore=_words(site.get("ignore")),
        tdm=tdm if isinstance(tdm, str) else _NONE.tdm,
    )


def _words(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else []
    return tuple(word for word in found[:_MOST] if isinstance(word, str))
