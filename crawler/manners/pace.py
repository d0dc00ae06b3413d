"""The gate that every request passes: it opens when the host may be asked for something.

One `Pace` for all crawls of a process, so that two sites that share a host share its pause; each crawl looks at it
through a `SitePace`, which knows what its site wants. Everything here runs in the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crawler.frontier.claims import host_of
from crawler.manners.clock import Clock, SystemClock
from crawler.manners.host import (
    WAITED_OUT_S,
    Closing,
    Host,
    HostClosed,
)
from crawler.manners.slot import Slot
from crawler.manners.table import HostRow
from crawler.sites.quiet import quiet_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.manners.clock import Timer

LONGEST_CRAWL_DELAY_S = 300.0
_LONGEST_ADAPTED_S = 60.0

_HOSTS_MAX = 5_000
"""Hosts in memory; those that nothing is to be remembered of are forgotten first."""

_DAY_S = 86_400
_FOREVER = float("inf")


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


class Pace:
    """How all hosts stand that this process has to do with."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._hosts: dict[str, Host] = {}
        self._closed: dict[str, Host] = {}
        self._changed: set[str] = set()
        self._queues: dict[str, _Queue] = {}
        self._not_before = float("-inf")
        self.most_hosts = _HOSTS_MAX
        self.has_news = False
        """True while there is a closing that is not yet in the table."""

    def of(self, manners: Manners) -> SitePace:
        """Return the pace as a site wants it."""
        return SitePace(self, manners)

    def load(self, rows: Iterable[HostRow], *, was_killed: bool) -> None:
        """Take up what an earlier process left. After a kill every host is given its whole pause from now on."""
        now, ticks = self.clock.now(), self.clock.ticks()
        if was_killed:
            self._not_before = ticks
        for row in rows:
            host = row.host_at(now, ticks)
            host.from_at = max(host.from_at, self._not_before)
            self._hosts[host.key] = host
            if host.closed_until > now:
                self._closed[host.key] = host

    def changed(self) -> list[HostRow]:
        """Return what the table does not have yet, and forget that it has not."""
        now, ticks = self.clock.now(), self.clock.ticks()
        rows = [
            HostRow.of(self._hosts[key], now, ticks) for key in self._changed if key in self._hosts
        ]
        self._changed.clear()
        self.has_news = False
        if len(self._hosts) > self.most_hosts:
            self._forget(ticks)
        return rows

    def closed(self) -> dict[str, Closing]:
        """Return the hosts that are closed, until when and why, by their names (see `frontier.claims.host_of`)."""
        now = self.clock.now()
        found = {}
        for key, host in list(self._closed.items()):
            closing = host.closing(now)
            if closing is None:
                del self._closed[key]
            else:
                found[key] = closing
        return found

    def set_crawl_delay(self, key: str, seconds: float | None) -> None:
        """Note what the robots.txt of a host asks for; at most `LONGEST_CRAWL_DELAY_S` of it is given.

        `key` may also be the authority of an origin, in which IPv6 addresses always have their brackets.
        """
        key = key[1:-1] if key.startswith("[") and key.endswith("]") else key
        host = self.host(key)
        host.crawl_delay = min(max(seconds or 0.0, 0.0), LONGEST_CRAWL_DELAY_S)
        self._changed.add(key)

    def host(self, key: str) -> Host:
        """Return how a host stands."""
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = Host(key, from_at=self._not_before)
        return host

    def stop(self) -> None:
        """Let nobody wait any more, and send nothing more; for the end of the process."""
        for queue in list(self._queues.values()):
            for waiting in queue.waiting:
                waiting.site.is_stopped = True
            self._serve(queue)

    def judged(self, host: Host) -> None:
        """Note that an answer of a host was judged."""
        self._changed.add(host.key)
        if host.closed_until:
            self.has_news |= host.key not in self._closed or bool(host.failures)
            self._closed[host.key] = host
        else:
            self.has_news |= self._closed.pop(host.key, None) is not None

    async def admitted(self, site: SitePace, host: Host) -> None:
        """Return when the site may send a request to the host, which counts as under way then. Raises HostClosed."""
        queue = self._queues.get(host.key)
        if queue is None:
            site.refuse(host)
            if site.room_at(host) <= 0:
                self._admit(site, host)
                return
            queue = self._queues[host.key] = _Queue(host)
        waiting = _Waiting(site, asyncio.get_running_loop().create_future())
        queue.waiting.append(waiting)
        self._serve(queue)
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if (
                waiting.turn.done()
                and not waiting.turn.cancelled()
                and not waiting.turn.exception()
            ):
                self.left(host)
            raise

    def left(self, host: Host) -> None:
        """Note that a request is over."""
        host.under_way -= 1
        self.look(host.key)

    def look(self, key: str) -> None:
        """Let in who may go now."""
        queue = self._queues.get(key)
        if queue is not None:
            self._serve(queue)

    def look_everywhere(self) -> None:
        """Look at all hosts that somebody waits for."""
        for queue in list(self._queues.values()):
            self._serve(queue)

    def _serve(self, queue: _Queue) -> None:
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        while queue.waiting:
            waiting = queue.waiting[0]
            if not waiting.turn.done():
                try:
                    waiting.site.refuse(queue.host)
                except HostClosed as closed:
                    waiting.turn.set_exception(closed)
                else:
                    seconds = waiting.site.room_at(queue.host)
                    if seconds > 0:
                        if seconds < _FOREVER:
                            queue.timer = self.clock.later(seconds, lambda: self._serve(queue))
                        return
                    self._admit(waiting.site, queue.host)
                    waiting.turn.set_result(None)
            queue.waiting.popleft()
        self._queues.pop(queue.host.key, None)

    def _admit(self, site: SitePace, host: Host) -> None:
        host.under_way += 1
        host.from_at = self.clock.ticks()
        host.sent(int(self.clock.now() // _DAY_S))
        self._changed.add(host.key)

    def _forget(self, ticks: float) -> None:
        long_ago = ticks - 2 * LONGEST_CRAWL_DELAY_S
        today = int(self.clock.now() // _DAY_S)
        for key, host in list(self._hosts.items()):
            is_in_use = host.under_way or key in self._queues or host.spent(today) > _FEW
            if not (is_in_use or host.failures or key in self._closed or host.from_at > long_ago):
                del self._hosts[key]


_FEW = 20
"""Requests to a host that may be forgotten of its day's: hosts of requisites come by the thousand."""


@dataclass(eq=False, slots=True)
class _Waiting:
    site: SitePace
    turn: asyncio.Future[None]


@dataclass(eq=False, slots=True)
class _Queue:
    """Who waits for a host, in their order, and the timer for the first of them."""

    host: Host
    waiting: deque[_Waiting] = field(default_factory=deque)
    timer: Timer | None = None


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
        if self.is_stopped:
            message = f"{host.key}: the crawl is ending"
            raise HostClosed(message)
        closing = self._closing(host)
        if closing is not None and closing.is_long:
            message = f"{host.key}: closed: {closing.reason}"
            raise HostClosed(message)

    def room_at(self, host: Host) -> float:
        """Return in how many seconds a request may be sent, infinity while enough are under way."""
        if host.under_way >= (1 if host.failures else self.manners.at_once):
            return _FOREVER
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
        budget, day = self.manners.daily_budget, int(now // _DAY_S)
        if not budget or host.spent(day) < budget:
            return None
        self._spent.add(host.key)
        until = float((day + 1) * _DAY_S)
        reason = f"daily budget of {budget} requests"
        return Closing(until, reason, is_long=until - now > WAITED_OUT_S)
