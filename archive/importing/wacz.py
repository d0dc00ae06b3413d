"""WACZ files: zips of WARC files with a list of what is in them; hides that the zip may be made to harm.

    datapackage.json           the list: path, size and hash of each file
    datapackage-digest.json    the hash of the list
    archive/*.warc.gz          the WARC files; all that is taken

Nothing is unpacked under a name that the zip gives, or beyond the size that it states. Source: WACZ 1.1.1.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Self

from archive.importing.outcome import Fault, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIST = "datapackage.json"
_LIST_DIGEST = "datapackage-digest.json"
_LIST_MAX = 64 * 1024 * 1024
_ENTRIES_MAX = 1_000_000
_EXPANSION_MAX = 200
"""Times that a WARC may be larger than its zipped form: HTML shrinks 5 to 20 times; a bomb 1000 times."""

_EXPANSION_FREE = 1024 * 1024  # bytes that are never a bomb
_PIECE = 1024 * 1024
_SUFFIXES = (".warc", ".warc.gz")
_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


class Wacz:
    """One WACZ file, open; a context manager. `members` are the names of its WARC files, sorted."""

    def __init__(self, path: Path) -> None:
        """Raises Refused for what is no WACZ, or one that must not be unpacked."""
        try:
            self._zip = zipfile.ZipFile(path)
        except _ERRORS as error:
            raise Refused(f"it is no zip that can be read ({error})") from error
        try:
            self._check_names()
            self.faults: list[Fault] = []
            self._listed = self._read_list()
        except BaseException:
            self._zip.close()
            raise
        self.members = sorted(
            name
            for name in self._zip.namelist()
            if name.startswith("archive/") and name.lower().endswith(_SUFFIXES)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of a member. Raises Refused where it can't be had."""
        entry = self._zip.getinfo(name)
        if entry.file_size > _EXPANSION_FREE + _EXPANSION_MAX * entry.compress_size:
            raise Refused(
                f"it would grow from {entry.compress_size} to {entry.file_size} bytes: a bomb"
            )
        if entry.flag_bits & 1:
            raise Refused("it is encrypted; unpack it, and import what is in it")
        try:
            with self._zip.open(entry) as file:
                while piece := file.read(_PIECE):
                    yield piece
        except _ERRORS as error:
            raise Refused(f"it can't be unpacked ({error})") from error

    def objections(self, name: str, size: int, sha256: str) -> Iterator[Fault]:
        """Yield where a member is not what the list says."""
        listed = self._listed.get(name)
        if listed is None:
            yield Fault(-1, f"is not in {_LIST}")
            return
        stated = str(listed.get("hash", ""))
        algorithm, _, value = stated.partition(":")
        if listed.get("bytes", size) != size:
            yield Fault(-1, f"has {size} bytes, {_LIST} says {listed['bytes']!r:.40}")
        if algorithm == "sha256" and value.lower() != sha256:
            yield Fault(-1, f"does not match its hash in {_LIST}")
        elif algorithm != "sha256":
            yield Fault(-1, f"has no hash in {_LIST} that is understood: {stated[:40]!r}")

    def _check_names(self) -> None:
        names = self._zip.namelist()
        if len(names) > _ENTRIES_MAX:
            raise Refused(f"it has {len(names)} entries, more than {_ENTRIES_MAX}")
        if len(set(names)) < len(names):
            raise Refused(
                "it holds two files of the same name; unpack it, and import what is in it"
            )
        for name in names:
            if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
                raise Refused(f"it holds a name that leads out of it: {name[:80]!r}")
        if nested := [name for name in names if name.lower().endswith(".wacz")]:
            raise Refused(
                f"it holds other WACZ files ({nested[0]!r}); unpack it, and import each of them"
            )

    def _read_list(self) -> dict[str, dict[str, Any]]:
        """Return what the list says of each path."""
        block = self._small(_LIST)
        if block is None:
            self.faults.append(Fault(-1, f"has no {_LIST}: nothing says what should be in it"))
            return {}
        try:
            listed = json.loads(block)
        except (ValueError, RecursionError):
            self.faults.append(Fault(-1, f"its {_LIST} can't be read"))
            return {}
        self._check_list(block)
        listed = listed if isinstance(listed, dict) else {}
        if listed.get("profile") == "multi-wacz-package":
            raise Refused("it is a list of other WACZ files; import each of them")
        resources = listed.get("resources")
        found = (
            [each for each in resources if isinstance(each, dict)]
            if isinstance(resources, list)
            else []
        )
        for path in sorted({str(each.get("path")) for each in found} - set(self._zip.namelist())):
            self.faults.append(Fault(-1, f"lacks {path[:80]!r}, which {_LIST} names", is_loss=True))
        return {str(each.get("path")): each for each in found}

    def _check_list(self, block: bytes) -> None:
        signed = self._small(_LIST_DIGEST)
        if signed is None:
            return
        try:
            stated = json.loads(signed).get("hash")
        except (ValueError, AttributeError, RecursionError):
            stated = None
        if stated != f"sha256:{hashlib.sha256(block).hexdigest()}":
            self.faults.append(Fault(-1, f"its {_LIST} does not match {_LIST_DIGEST}"))

    def _small(self, name: str) -> bytes | None:
        """Return a file of the zip that is held in memory, None where there is none."""
        if name not in self._zip.namelist():
            return None
        if self._zip.getinfo(name).file_size > _LIST_MAX:
            raise Refused(f"its {name} takes more than {_LIST_MAX} bytes")
        return b"".join(self.pieces(name))
