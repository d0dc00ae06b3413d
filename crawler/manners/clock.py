"""The time as manners read it, so that tests can turn it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer(Protocol):
    """Something that is to happen later."""

    def cancel(self) -> None:
        """Let it not happen."""


class Clock(Protocol):
    """What tells the time and calls back."""

    def now(self) -> float:
        """Return seconds since 1970, UTC; a person may set them."""

    def ticks(self) -> float:
        """Return seconds that only ever grow; `time.monotonic` has the same."""

    def later(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Call `act` when so many seconds have passed."""


class SystemClock:
    """This machine's time, and the running event loop's timers."""

    def now(self) -> float:
        return time.time()

    def ticks(self) -> float:
        return time.monotonic()

    def later(self, seconds: float, act: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, act)
