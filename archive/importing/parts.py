"""Files on their way in: written beside those under warc/ as hidden parts, synced, and removed if nothing comes of them.

A part is never mistaken for a file of the collection; the next start removes what a killed process left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from archive.importing import examined
from archive.importing.examined import fault_of
from archive.importing.outcome import FLAWS_TOLD, Fault, Refused
from archive.store import files
from archive.store.home import WARC
from archive.warc.foreign import Passed
from archive.warc.foreign.salvaged import convert_arc, salvage_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from archive.importing.examined import Check

_PRIVATE = 0o600
_PIECE = 1024 * 1024
_INCOMING = "incoming"
_UNPACKED = "unpacked"


class Parts:
    """Parts in the `folder` of a collection's WARC files; `check` is called often, and may raise."""

    def __init__(self, folder: Path, check: Check) -> None:
        self._folder = folder
        self._check = check

    def unpacked(self, pieces: Iterable[bytes]) -> tuple[Path, str, int]:
        """Write what was packed in another file; return the part, its SHA-256 in hex and its size."""
        part = files.part_of(self._folder, _UNPACKED)
        digest, size = hashlib.sha256(), 0
        with self._written(part) as out:
            for piece in pieces:
                self._check()
                digest.update(piece)
                size += len(piece)
                out.write(piece)
        return part, digest.hexdigest(), size

    def copied(self, path: Path, name: str, sha256: str, limit: int | None) -> Path:
        """Return a part that holds the first `limit` bytes of a file. Raises Refused where they are not `sha256`.

        A part that was unpacked here is renamed instead.
        """
        part = files.part_of(self._folder, name)
        if path.parent == self._folder and path.name.startswith("."):
            self._rename(path, part)
            return part
        unpacked, digest, _ = self.unpacked(_pieces(path, limit))
        if digest != sha256:
            raise Refused("it changed while it was read; import it again when nobody writes to it")
        self._rename(unpacked, part)
        return part

    def salvaged(self, path: Path) -> tuple[Path, str]:
        """Return a part with what can be read of a file, and the name it should get."""
        part = files.part_of(self._folder, _INCOMING)
        with self._written(part) as out:
            salvage_into(path, out, check=self._check)
        return self._named(part)

    def converted(self, path: Path, sha256: str) -> tuple[Path, str, list[Fault]]:
        """Return a part with the records of an ARC, the name it should get, and what is wrong with the ARC."""
        part = files.part_of(self._folder, _INCOMING)
        faults: list[Fault] = []
        with self._written(part) as out:
            for wrong in convert_arc(path, f"sha256:{sha256}", out, check=self._check):
                if isinstance(wrong, Passed):
                    faults.append(replace(fault_of(wrong), is_loss=True))
                elif len(faults) < FLAWS_TOLD:
                    faults.append(Fault(wrong.offset, wrong.message))
        return *self._named(part), faults

    def clean(self) -> None:
        """Remove the parts that nothing came of."""
        with files.reported(str(self._folder)):
            files.remove_parts(self._folder)

    def _named(self, part: Path) -> tuple[Path, str]:
        """Give a part the name that its own bytes give it."""
        sha256, _ = examined.digest_of_file(part, self._check)
        name = examined.foreign_name(sha256, is_packed=True)
        final = files.part_of(self._folder, name)
        self._rename(part, final)
        return final, name

    def _rename(self, part: Path, final: Path) -> None:
        with files.reported(f"{WARC}/{final.name}"):
            part.rename(final)

    @contextlib.contextmanager
    def _written(self, part: Path) -> Iterator[BinaryIO]:
        """Give a new part to write to; it is synced at the end. Raises StorageError, for OSError within, too."""
        with files.reported(f"{WARC}/{part.name}"):
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE)
            with os.fdopen(descriptor, "w+b", buffering=_PIECE) as out:
                yield out
                out.flush()
                os.fsync(descriptor)


def _pieces(path: Path, limit: int | None) -> Iterator[bytes]:
    left = limit
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE if left is None else min(_PIECE, left)):
                left = None if left is None else left - len(piece)
                yield piece
    except OSError as error:
        raise Refused(f"it can't be read: {error.strerror or error}") from error
