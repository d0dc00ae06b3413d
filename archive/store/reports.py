"""crawls/ID.json: the reports of crawls, each also a metadata record under warc/, which is where it is made again from.

Hides which record is whose file. Where two collections came together, two crawls may have one ID: the earliest
report is ID.json, one in a file of ours before any in a foreign one; another is ID.HASH.json, HASH the first digits
of its SHA-256. So the names are a function of the records.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from typing import TYPE_CHECKING

from archive.errors import RecordDamaged
from archive.store import metadata
from archive.store.files import reported, serial_of, sync_folder
from archive.warc.records import NOTE_MAX

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archive.warc.records import Metadata

    Read = Callable[[Metadata], bytes]

FOLDER = "crawls"

_log = logging.getLogger(__name__)
_PREFIX = "urn:muragat:crawl:"
_TARGET = re.compile(re.escape(_PREFIX) + r"([0-9A-Za-z-]{1,64}):report")
_NAME = re.compile(r"([0-9A-Za-z-]{1,64})\.json")
_PRIVATE = 0o600


def write(home: Path, connection: sqlite3.Connection, read: Read, *, anew: bool = False) -> None:
    """Write the reports whose files are missing; with `anew` those as well that are not what their records say.

    A record that can't be read is left out: `verify` tells of it. Raises StorageFull or StorageError.
    """
    folder = home / FOLDER
    with reported(str(folder)):
        for name, block in _missing(folder, connection, read, anew=anew):
            folder.mkdir(mode=0o700, exist_ok=True)
            _replace(folder / name, block)


def without_record(home: Path, connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Yield target and block of a record for each report that has none: an older muragat wrote files alone."""
    folder = home / FOLDER
    known = _by_crawl(connection)
    with reported(str(folder)):
        for path in sorted(folder.glob("*.json")):
            found = _NAME.fullmatch(path.name)
            if found and found[1] not in known and path.stat().st_size <= NOTE_MAX:
                block = path.read_bytes()
                if _is_report(block):
                    yield f"{_PREFIX}{found[1]}:report", block


def _missing(
    folder: Path, connection: sqlite3.Connection, read: Read, *, anew: bool
) -> Iterator[tuple[str, bytes]]:
    for crawl, records in _by_crawl(connection).items():
        if len(records) == 1 and not anew and (folder / f"{crawl}.json").exists():
            continue
        for name, block in _files(crawl, records, read):
            path = folder / name
            if not path.exists() or path.read_bytes() != block:
                yield name, block


def _files(crawl: str, records: list[Metadata], read: Read) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of the files of one ID, whose records come with the first to be named at the head."""
    seen: set[bytes] = set()
    for record in records:
        try:
            block = read(record)
        except RecordDamaged as error:
            _log.warning("%s", error)
            continue
        digest = hashlib.sha256(block)
        if digest.digest() in seen or not _is_report(block):
            continue
        yield f"{crawl}.{digest.hexdigest()[:8]}.json" if seen else f"{crawl}.json", block
        seen.add(digest.digest())


def _by_crawl(connection: sqlite3.Connection) -> dict[str, list[Metadata]]:
    found: dict[str, list[Metadata]] = {}
    for record in metadata.by_target(connection, _PREFIX):
        if match := _TARGET.fullmatch(record.target):
            found.setdefault(match[1], []).append(record)
    for records in found.values():
        records.sort(key=lambda record: not serial_of(record.file))
    return found


def _is_report(block: bytes) -> bool:
    """Say whether a block is a JSON object; what an imported file holds may be anything."""
    try:
        return isinstance(json.loads(block), dict)
    except (ValueError, RecursionError):
        return False


def _replace(path: Path, block: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        part.chmod(_PRIVATE)
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
