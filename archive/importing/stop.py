"""Signals during an import: the first ends it at the next safe place, a second at once.

Hides where a safe place is: between two pieces of a file, never within a transaction.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Self

from archive.backlog import Control

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """While entered, SIGINT and SIGTERM are taken note of; `check` raises KeyboardInterrupt after one.

    `control` lets analysis finish what there is, and stops it then.
    """

    def __init__(self) -> None:
        self.control = Control()
        self.control.draining.set()
        self._before: list[signal._HANDLER] = []

    def __enter__(self) -> Self:
        self._before = [signal.signal(number, self._note) for number in _SIGNALS]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in zip(_SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt where a signal came."""
        if self.control.stopping.is_set():
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.control.stopping.is_set():
            raise KeyboardInterrupt
        self.control.stopping.set()
