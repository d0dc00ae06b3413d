"""One request's way through the gate, and what it tells of its answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from crawler.manners.host import NOTHING, Answer
from crawler.visits.retries import seconds_asked

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from crawler.manners.host import Host
    from crawler.manners.pace import SitePace


class Slot:
    """One request's way through the gate: `async with` waits for the turn, and raises HostClosed where none comes."""

    __slots__ = ("_host", "_is_judged", "_sent_at", "_site", "_url")

    def __init__(self, site: SitePace, host: Host, url: str) -> None:
        self._site = site
        self._host = host
        self._url = url
        self._sent_at = 0.0
        self._is_judged = False

    async def __aenter__(self) -> Self:
        await self._site.pace.admitted(self._site, self._host)
        self._sent_at = self._site.pace.clock.ticks()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._site.pace.left(self._host)

    async def sending(self) -> None:
        """Return when the request may go out over its connection: the pause counts from here."""
        while (seconds := self._site.sent(self._host)) > 0:
            done = asyncio.get_running_loop().create_future()
            self._site.pace.clock.later(seconds, lambda to=done: to.done() or to.set_result(None))  # type: ignore[misc] # the default binds it
            await done
        self._sent_at = self._site.pace.clock.ticks()

    def answered(self, status: int, retry_after: str = "", *, began_at: float = 0.0) -> None:
        """Note an answer: its status, 0 for bytes that are none; the tick at which it began, 0 for now."""
        pace, host = self._site.pace, self._host
        began_at = began_at or pace.clock.ticks()
        host.took(max(0.0, began_at - self._sent_at))
        self._site.over(host, began_at=began_at)
        now = pace.clock.now()
        asked = (seconds_asked(retry_after, now) or 0.0) if retry_after else 0.0
        self._judge(status, asked, now)

    def failed(self) -> None:
        """Note that not one byte came."""
        pace, host = self._site.pace, self._host
        self._site.over(host, began_at=pace.clock.ticks())
        self._judge(NOTHING, 0.0, pace.clock.now())

    def _judge(self, status: int, asked_s: float, now: float) -> None:
        pace = self._site.pace
        answer = Answer(self._url, status, asked_s, self._sent_at)
        self._host.answered(answer, now=now, ticks=pace.clock.ticks())
        pace.judged(self._host)
