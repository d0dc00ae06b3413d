"""Writes `articles.jsonl`: one sequential merge of the old file with the lines that changed.

Hides how a line's id is found without parsing it, and that a reader never sees half a file. Memory holds one
line at a time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from archive.store import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

NAME: Final = "articles.jsonl"

# Canonical JSON has this once in a line: within a text the quotes are escaped, and objects inside begin with "id".
_ID: Final = b',"id":"art:'
_ID_LENGTH: Final = len("art:") + 26
_BUFFER_BYTES: Final = 1 << 20


def stamp(path: Path) -> str:
    """Return what changes when another hand touches the file: size, time of the last change and inode; "" for no file."""
    try:
        return _stamp(path.stat())
    except FileNotFoundError:
        return ""


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"


def publish(home: Path, changed: Iterable[tuple[str, bytes | None]], *, keep: bool) -> str:
    """Write the lines anew, and return the stamp of the file.

    `changed` has (id, line without line feed, or None for one that goes), in order of id. With `keep` all other
    lines are taken from the file that is there, else there are none. Raises StorageFull and StorageError for the
    disk, ValueError where that file is not one that muragat wrote.
    """
    final, temporary = home / NAME, home / f"{NAME}.tmp"
    try:
        with open(temporary, "wb", buffering=_BUFFER_BYTES, opener=_private) as out:
            if keep:
                with final.open("rb", buffering=_BUFFER_BYTES) as old:
                    _merge(old, iter(changed), out)
            else:
                out.writelines(line + b"\n" for _, line in changed if line is not None)
            out.flush()
            os.fsync(out.fileno())
            written = _stamp(os.fstat(out.fileno()))
        temporary.replace(final)
        files.sync_folder(home)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise files.storage_error(error, str(final)) from error
    return written


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _merge(
    old: Iterable[bytes], changed: Iterator[tuple[str, bytes | None]], out: BinaryIO
) -> None:
    ident, line = next(changed, (None, None))
    for kept in old:
        place = _id_of(kept)
        while ident is not None and ident < place:
            if line is not None:
                out.write(line + b"\n")
            ident, line = next(changed, (None, None))
        if ident != place:
            out.write(kept)
    while ident is not None:
        if line is not None:
            out.write(line + b"\n")
        ident, line = next(changed, (None, None))


def _id_of(line: bytes) -> str:
    start = line.find(_ID)
    if start < 0 or not line.endswith(b"}\n"):
        raise ValueError(f"{NAME}: has a line that muragat did not write")
    start += len(_ID) - len("art:")
    return line[start : start + _ID_LENGTH].decode("ascii", "replace")
