"""What the parts of a frontier stand on: one connection, one clock, one name for who holds a lease."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator


class Ground:
    """The connection to state.sqlite, the clock (seconds since 1970, UTC), and the owner of this process's leases."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self.connection = connection
        self.clock = clock
        self.owner = f"{os.getpid()}-{secrets.token_hex(8)}"

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Commit what is done inside, or nothing of it; inside another transaction that one decides.

        One that is not `durable` may be undone by a power loss, together with all that came after it, until the next
        durable one: of leases nobody needs more, and waiting for the disk costs 5 ms.
        """
        if self._is_inside():
            yield
            return
        if not durable:
            self.connection.execute("PRAGMA synchronous = NORMAL")
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self._is_inside():
                self.connection.execute("ROLLBACK")
            raise
        finally:
            if not durable:
                self.connection.execute("PRAGMA synchronous = FULL")

    def _is_inside(self) -> bool:
        return self.connection.in_transaction
