"""Where WARC files live: how they are named, locked, appended to, rotated and made durable.

Hides every call that changes something under `warc/`.

    warc/NAME-SERIAL-YYYYMMDDhhmmss.warc.gz        whole, never changed again
    warc/NAME-SERIAL-YYYYMMDDhhmmss.warc.gz.open   being written, or left by a process that was killed

The serial grows over the life of the collection and stands before the date, so that a clock that goes back
reorders nothing. Everything else says the final name, whatever the file is called at the moment. An append is
whole or not there: what can't be finished is cut off again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive import urls
from archive.errors import CollectionLocked, StorageError, StorageFull
from archive.warc.members import Span, crc32
from archive.warc.names import is_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

OPEN = ".open"
_PART = ".part"
_HASH_LENGTH = 32

_NAME = re.compile(r".+-(\d{5,12})-\d{14}\.warc\.gz", re.ASCII)
_KEPT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,150}-\d{5,9}-\d{14}\.warc\.gz")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FLUSH_SIZE = 1024 * 1024
_PRIVATE = 0o600


def file_name(name: str, serial: int, date: datetime) -> str:
    """Return the final name of a file."""
    return f"{name}-{serial:05d}-{urls.timestamp(date)}.warc.gz"


def serial_of(name: str) -> int:
    """Return the serial in a final name, 0 where it is not one of ours."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else 0


def may_be_kept(name: str) -> bool:
    """Say whether a file of ours may come from elsewhere under this name: one that harms no shell, and leaves serials."""
    return _KEPT.fullmatch(name) is not None


def find(folder: Path, name: str) -> Path:
    """Return where the file with this final name lies now. Raises StorageError where it is gone."""
    final, still_open = folder / name, folder / (name + OPEN)
    for path in (final, still_open, final):  # it may be renamed between two looks
        if path.exists():
            return path
    message = f"warc/{name}: the file is gone; put it back from a backup, or run 'muragat verify'"
    raise StorageError(message)


def is_there(folder: Path, name: str) -> bool:
    """Say whether the file with this final name exists."""
    return (folder / name).exists() or (folder / (name + OPEN)).exists()


def own_files(folder: Path) -> list[str]:
    """Return the final names of the files that muragat wrote, in the order of their serials."""
    names = {path.name.removesuffix(OPEN) for path in folder.iterdir()}
    return sorted(filter(serial_of, names), key=lambda name: (serial_of(name), name))


def imported_files(folder: Path) -> list[str]:
    """Return the names of the files that were taken in as they are."""
    return sorted(path.name for path in folder.iterdir() if is_foreign(path.name))


def part_of(folder: Path, name: str) -> Path:
    """Return where a file lies while it is taken in."""
    return folder / f".{name}{_PART}"


def is_part(name: str) -> bool:
    """Say whether this is the name of a file that is being taken in."""
    return name.startswith(".") and name.endswith(_PART)


def take_in(name: str) -> str:
    """Return the repair for a file in warc/ that is none of the collection's."""
    return f"move it away and run 'muragat import {name}' from there"


def has_its_hash(path: Path) -> bool:
    """Say whether an imported file still has the bytes whose hash is in its name."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    stem = path.name.removesuffix(".gz").removesuffix(".warc")
    return stem.endswith(f"-{digest[:_HASH_LENGTH]}")


def remove_parts(folder: Path) -> None:
    """Remove what was left of files that were never wholly taken in."""
    for path in folder.glob(f".*{_PART}"):
        path.unlink()


def finish(folder: Path, name: str) -> None:
    """Give a file its final name and make that durable; the file's own bytes must be synced before."""
    path = folder / (name + OPEN)
    if path.exists():
        path.rename(folder / name)
        sync_folder(folder)


def cut(path: Path, size: int) -> None:
    """Cut a file to `size` bytes, durably."""
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make names made, changed or removed in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage_error(error: OSError, what: str) -> StorageError:
    """Return the error to raise for a failed write to `what`: a full disk told from a broken one."""
    if error.errno in _FULL:
        return StorageFull(
            f"{what}: {error.strerror}; what was acknowledged is safe. Make room, then run the same command again"
        )
    reason = error.strerror or error
    return StorageError(f"{what}: {reason}; see its rights, and the system's log for the disk")


@contextlib.contextmanager
def reported(what: str) -> Iterator[None]:
    """Turn OSError into StorageFull and StorageError, named for `what` was read or written."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, what) from error


class Lock:
    """The right to write to a collection, held through `home/lock` until closed or the process ends."""

    def __init__(self, home: Path) -> None:
        """Raises CollectionLocked, which names the process that holds it."""
        self._file = os.open(home / "lock", os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            message = f"{home}: process {holder} is writing to this collection; wait until it ends"
            raise CollectionLocked(message) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, b"%d\n" % os.getpid(), 0)

    def close(self) -> None:
        os.close(self._file)


def is_locked(home: Path) -> bool:
    """Say whether a process is writing to the collection now."""
    try:
        descriptor = os.open(home / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Append:
    """Bytes on their way to the end of the file; see `Writer.append`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting = bytearray()

    def write(self, pieces: Iterable[bytes]) -> Span:
        """Append one member given in pieces and return where it lies."""
        start = self._writer.size + len(self._waiting)
        length = crc = 0
        for piece in pieces:
            length += len(piece)
            crc = crc32(piece, crc)
            self._waiting += piece
            if len(self._waiting) > _FLUSH_SIZE:
                self.flush()
        return Span(start, length, crc)

    def flush(self) -> None:
        """Hand what waits to the operating system."""
        self._writer.put(self._waiting)
        self._waiting = bytearray()


class Writer:
    """Appends to one file after another; `begin` makes the first record of each, given its final name.

    The first file is made by the first append. `name` is its final name, "" while there is none, `size` its
    bytes. `sizes` are the bytes of every file written to since `committed` was called last.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        serial: int,
        max_bytes: int,
        begin: Callable[[str], bytes],
    ) -> None:
        self._folder = folder
        self._prefix = name
        self._serial = serial
        self._max_bytes = max_bytes
        self._begin = begin
        self._file = -1
        self._begun = 0
        self._is_broken = False
        self.name = ""
        self.size = 0
        self.sizes: dict[str, int] = {}

    @contextlib.contextmanager
    def append(self) -> Iterator[Append]:
        """Give something to write to; what was written is appended as a whole when the block ends.

        If it raises, the file is as before. Raises StorageFull or StorageError where it can't be written.
        """
        self._refuse_if_broken()
        if self._file < 0 or self.size >= self._max_bytes:
            self._next_file()
        start = self.size
        append = Append(self)
        try:
            yield append
            append.flush()
        except BaseException as error:
            self._take_back(start)
            if isinstance(error, OSError):
                raise storage_error(error, f"warc/{self.name}") from error
            raise
        self.sizes[self.name] = self.size

    def put(self, data: bytes | bytearray) -> None:
        """Write at the end of the file. Raises OSError; then the end is not where it was."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, self.size)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.size += written
            view = view[written:]

    def sync(self) -> None:
        """Make everything appended durable. Raises StorageError, and then nothing more can be written.

        After a failed fsync the kernel may drop the pages and tell the next caller that all is well:
        so there is no next call (PostgreSQL's fsync bug of 2018).
        """
        self._refuse_if_broken()
        if self._file < 0 or self.name not in self.sizes:
            return
        self._is_broken = True
        with reported(f"warc/{self.name}"):
            os.fsync(self._file)
        self._is_broken = False

    def committed(self) -> None:
        """Take note that all sizes were recorded."""
        self.sizes.clear()

    def finish(self) -> None:
        """Give the file its final name, durably, and close it; one that holds no exchange is removed."""
        if self._file >= 0 and self.size == self._begun:
            self._abandon()
        elif self._file >= 0:
            self.sync()
            with reported(f"warc/{self.name}"):
                finish(self._folder, self.name)
        self.close()

    def close(self) -> None:
        """Close the file and leave it as a killed process would."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1
        self.name, self.size = "", 0

    def _next_file(self) -> None:
        self.finish()
        name = file_name(self._prefix, self._serial, datetime.now(UTC))
        while is_there(self._folder, name):  # taken in from another collection in this very second
            self._serial += 1
            name = file_name(self._prefix, self._serial, datetime.now(UTC))
        path = self._folder / (name + OPEN)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.name = name
        try:
            self._file = os.open(path, flags, _PRIVATE)
            self.put(self._begin(name))
            sync_folder(self._folder)
        except OSError as error:
            self._abandon()
            raise storage_error(error, f"warc/{name}") from error
        self._begun = self.size
        self._serial += 1

    def _abandon(self) -> None:
        """Remove a file without exchanges."""
        if self._file >= 0:
            (self._folder / (self.name + OPEN)).unlink()
        self.close()

    def _take_back(self, start: int) -> None:
        self._is_broken = True
        with reported(f"warc/{self.name}"):
            os.ftruncate(self._file, start)
        self._is_broken = False
        self.size = start

    def _refuse_if_broken(self) -> None:
        if self._is_broken:
            message = (
                f"warc/{self.name}: an earlier write failed; start again, and the file is repaired"
            )
            raise StorageError(message)
