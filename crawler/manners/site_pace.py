"""The pace as one site wants it, and one request's way through the gate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.frontier.claims import host_of
from crawler.manners.host import NOTHING, WAITED_OUT_S, Answer, Closing, HostClosed
from crawler.manners.pace import DAY_S, FOREVER
from crawler.sites.quiet import quiet_until
from crawler.visits.retries import seconds_asked

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from crawler.manners.host import Host
    from crawler.manners.pace import Pace

_LONGEST_ADAPTED_S = 60.0


@dataclass(frozen=True, slots=True)
class Manners:
    """What a site wants: seconds between requests to a host, requests at once, requests a UTC day (0: no limit).

    `quiet` and `timezone` are as `sites.quiet.quiet_until` takes them.
    """

    delay_s: float = 0.0
    at_once: int = 1
    daily_budget: int = 0
    quiet: tuple[str, ...] = ()
    timezone: str = ""


class SitePace:
    """The pace as one site wants it; a spider has it as `muragat_pace`."""

    def __init__(self, pace: Pace, manners: Manners) -> None:
        self.pace = pace
        self.manners = manners
        self.is_stopped = False
        self._clock = pace.clock
        self._spent: set[str] = set()

    def slot(self, url: str) -> Slot:
        """Return the context in which an address may be asked for."""
        return Slot(self, self.pace.host(host_of(url)), url)

    def set_crawl_delay(self, key: str, seconds: float | None) -> None:
        """Note what the robots.txt of a host asks for, see `Pace.set_crawl_delay`."""
        self.pace.set_crawl_delay(key, seconds)

    def room(self, key: str) -> tuple[int, float]:
        """Return how many requests to a host may be given out at once, and in how many seconds the next may go."""
        host = self.pace.host(key)
        ahead = 1 if self._delay(host) else 2
        most = 1 if host.failures else self.manners.at_once * ahead
        return most, max(self._closed_s(host), self._pause_s(host))

    def closing(self, key: str) -> Closing | None:
        """Return how a host is closed to this site, None where it is open."""
        return self._closing(self.pace.host(key))

    def closed(self) -> dict[str, Closing]:
        """Return the hosts that are closed to this site, by their keys; quiet hours close all and are not in it."""
        found = self.pace.closed()
        for key in self._spent:
            closing = self._closing(self.pace.host(key))
            if closing is not None:
                found[key] = closing
        return found

    def quiet(self) -> Closing | None:
        """Return the quiet hours that it is now, None where there are none."""
        now = self._clock.now()
        until = quiet_until(self.manners.quiet, self.manners.timezone, now)
        if until <= now:
            return None
        return Closing(until, "quiet hours", is_long=until - now > WAITED_OUT_S)

    def stop(self) -> None:
        """Send nothing more for this site; who waits is told by HostClosed."""
        self.is_stopped = True
        self.pace.look_everywhere()

    def refuse(self, host: Host) -> None:
        """Raise HostClosed where nobody is to wait for this host."""
        if self.is_stopped or self.pace.is_stopped:
            message = f"{host.key}: the crawl is ending"
            raise HostClosed(message)
        closing = self._closing(host)
        if closing is not None and closing.is_long:
            message = f"{host.key}: closed: {closing.reason}"
            raise HostClosed(message)

    def room_at(self, host: Host) -> float:
        """Return in how many seconds a request may be sent, infinity while enough are under way."""
        if host.under_way >= (1 if host.failures else self.manners.at_once):
            return FOREVER
        return max(self._closed_s(host), self._pause_s(host))

    def sent(self, host: Host) -> float:
        """Return for how many seconds a request that has its connection must still wait; 0 notes it as sent."""
        ticks = self._clock.ticks()
        wait = host.sent_at + self._delay(host) - ticks
        if wait > 0:
            return wait
        host.sent_at = ticks
        host.from_at = max(host.from_at, ticks)
        return 0.0

    def over(self, host: Host, *, began_at: float) -> None:
        """Note that an answer began at that tick: one by one, the pause counts from there."""
        if self.manners.at_once == 1:
            host.from_at = max(host.from_at, began_at)

    def _delay(self, host: Host) -> float:
        wanted = self.manners.delay_s
        adapted = min(host.latency, _LONGEST_ADAPTED_S) if wanted else 0.0
        return max(wanted, host.crawl_delay, adapted)

    def _pause_s(self, host: Host) -> float:
        delay = self._delay(host)
        return max(0.0, host.from_at + delay - self._clock.ticks()) if delay else 0.0

    def _closed_s(self, host: Host) -> float:
        closing = self._closing(host)
        return 0.0 if closing is None else closing.until - self._clock.now()

    def _closing(self, host: Host) -> Closing | None:
        manners = self.manners
        if not (host.closed_until or manners.daily_budget or manners.quiet):
            return None
        now = self._clock.now()
        found = [
            host.closing(now),
            self._budget(host, now),
            self.quiet() if manners.quiet else None,
        ]
        return max((one for one in found if one), key=lambda one: one.until, default=None)

    def _budget(self, host: Host, now: float) -> Closing | None:
        budget, day = self.manners.daily_budget, int(now // DAY_S)
        if not budget or host.spent(day) < budget:
            return None
        self._spent.add(host.key)
        until = float((day + 1) * DAY_S)
        reason = f"daily budget of {budget} requests"
        return Closing(until, reason, is_long=until - now > WAITED_OUT_S)


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
