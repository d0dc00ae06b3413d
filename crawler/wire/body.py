"""A body while it comes in: in memory while small, on disk beyond, never twice in memory.

Hides the temporary file. Disk is written by a thread, while the connection is paused, so that the event loop
never waits for it.
"""

from __future__ import annotations

import asyncio
import errno
import tempfile
from typing import TYPE_CHECKING, BinaryIO, cast

from archive.errors import StorageError, StorageFull

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")

IN_MEMORY_MAX = 2 * 1024 * 1024
"""Bytes of a body that stay in memory; 99.9 % of news pages and nearly all their pictures are smaller."""

_TO_DISK = 1024 * 1024
"""Bytes for one turn of the writing thread: the turn costs 0.1 ms, the bytes 0.4 ms."""


class Body:
    """Collects the pieces of one body."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0
        self._file: BinaryIO | None = None
        self.size = 0

    def add(self, data: bytes) -> None:
        """Take a piece; `wants_disk` tells when the pieces should be moved to disk."""
        self._parts.append(data)
        self._held += len(data)
        self.size += len(data)

    @property
    def wants_disk(self) -> bool:
        """Say whether so much is held that `spool` should be called before more is added."""
        limit = _TO_DISK if self._file is not None else IN_MEMORY_MAX
        return self._held > limit

    async def spool(self) -> None:
        """Move what is held to disk. Raises StorageFull and StorageError."""
        parts, self._parts, self._held = self._parts, [], 0
        await _in_thread(lambda: self._write(parts))

    async def for_record(self) -> bytes | BinaryIO:
        """Return the whole body for the record: bytes while small, else a file at its beginning."""
        if self._file is None and not self.wants_disk:
            return self._joined()
        await self.spool()
        assert self._file is not None
        self._file.seek(0)
        return self._file

    async def for_response(self, max_bytes: int) -> bytes:
        """Return the body for Scrapy, at most `max_bytes` of it (0 means all)."""
        if self._file is None:
            whole = self._joined()
            return whole[:max_bytes] if max_bytes else whole
        await self.spool()
        return await _in_thread(lambda: self._read(max_bytes or -1))

    def close(self) -> None:
        """Remove the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def _joined(self) -> bytes:
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def _write(self, parts: list[bytes]) -> None:
        if self._file is None:
            self._file = cast("BinaryIO", tempfile.TemporaryFile(prefix="muragat-"))  # noqa: SIM115 - closed by close()
        self._file.seek(0, 2)
        self._file.writelines(parts)
        self._file.flush()

    def _read(self, size: int) -> bytes:
        assert self._file is not None
        self._file.seek(0)
        return self._file.read(size)


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Run `work` in a thread and wait for its end even where the waiting is cancelled: it holds the file."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
    except OSError as error:
        message = f"a large body could not be kept in {tempfile.gettempdir()}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"{message}; make room there or set TMPDIR") from error
        raise StorageError(message) from error
