"""A clock that tests turn by hand; what is to happen later happens while it is turned."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = 1_700_000_000.0


@dataclass(eq=False)
class Alarm:
    at: float
    act: Callable[[], None]
    is_off: bool = False

    def cancel(self) -> None:
        self.is_off = True


@dataclass
class TurnedClock:
    """Stands at `EPOCH` and at tick 1000 until it is turned."""

    passed: float = 0.0
    alarms: list[Alarm] = field(default_factory=list)

    def now(self) -> float:
        return EPOCH + self.passed

    def ticks(self) -> float:
        return 1000.0 + self.passed

    def later(self, seconds: float, act: Callable[[], None]) -> Alarm:
        alarm = Alarm(self.passed + seconds, act)
        self.alarms.append(alarm)
        return alarm

    async def turn(self, seconds: float) -> None:
        """Let so many seconds pass, and everybody do what is then to be done."""
        end = self.passed + seconds
        await settled()
        while due := [one for one in self.alarms if not one.is_off and one.at <= end + 1e-9]:
            first = min(due, key=lambda one: one.at)
            self.alarms.remove(first)
            self.passed = max(self.passed, first.at)
            first.act()
            await settled()
        self.passed = end


async def settled() -> None:
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)
