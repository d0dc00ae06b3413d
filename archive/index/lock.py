"""The right to write the articles of a collection: `articles.lock`, held by one process; hides flock."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final, Self

from archive.errors import CollectionLocked
from archive.store.home import no_collection

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "articles.lock"


class Lock:
    """Held, with our process id in the file, until closed or the process ends; a context manager."""

    def __init__(self, home: Path) -> None:
        """Raises CollectionLocked, which names the process that holds it, and NotACollection."""
        if not home.is_dir():
            raise no_collection(home)
        path = home / NAME
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip()
            self.close()
            raise CollectionLocked(
                f"{path}: process {holder or 'unknown'} is analysing this collection; wait for it to end"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
