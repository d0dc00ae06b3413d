"""The gate that every request passes: it opens when the host may be asked for something.

One `Pace` for all crawls of a process, so that two sites that share a host share its pause. What a site wants is in
`site_pace`; here it is asked for its terms. Everything runs in the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from crawler.manners.clock import Clock, SystemClock
from crawler.manners.host import Closing, Host, HostClosed
from crawler.manners.table import HostRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.manners.clock import Timer

LONGEST_CRAWL_DELAY_S = 300.0

_HOSTS_MAX = 5_000
"""Hosts in memory; those that nothing is to be remembered of are forgotten first."""

DAY_S = 86_400
FOREVER = float("inf")


class Terms(Protocol):
    """What one site has to say of a host, see `site_pace`."""

    def refuse(self, host: Host) -> None:
        """Raise HostClosed where nobody is to wait for this host."""

    def room_at(self, host: Host) -> float:
        """Return in how many seconds a request may be sent, infinity while enough are under way."""
        ...


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
        self.is_stopped = False
        self.has_news = False
        """True while there is a closing that is not yet in the table."""

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
        self.is_stopped = True
        self.look_everywhere()

    def judged(self, host: Host) -> None:
        """Note that an answer of a host was judged."""
        self._changed.add(host.key)
        if host.closed_until:
            self.has_news |= host.key not in self._closed or bool(host.failures)
            self._closed[host.key] = host
        else:
            self.has_news |= self._closed.pop(host.key, None) is not None

    async def admitted(self, site: Terms, host: Host) -> None:
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
                        if seconds < FOREVER:
                            queue.timer = self.clock.later(seconds, lambda: self._serve(queue))
                        return
                    self._admit(waiting.site, queue.host)
                    waiting.turn.set_result(None)
            queue.waiting.popleft()
        self._queues.pop(queue.host.key, None)

    def _admit(self, site: Terms, host: Host) -> None:
        host.under_way += 1
        host.from_at = self.clock.ticks()
        host.sent(int(self.clock.now() // DAY_S))
        self._changed.add(host.key)

    def _forget(self, ticks: float) -> None:
        long_ago = ticks - 2 * LONGEST_CRAWL_DELAY_S
        today = int(self.clock.now() // DAY_S)
        for key, host in list(self._hosts.items()):
            is_in_use = host.under_way or key in self._queues or host.spent(today) > _FEW
            if not (is_in_use or host.failures or key in self._closed or host.from_at > long_ago):
                del self._hosts[key]


_FEW = 20
"""Requests to a host that may be forgotten of its day's: hosts of requisites come by the thousand."""


@dataclass(eq=False, slots=True)
class _Waiting:
    site: Terms
    turn: asyncio.Future[None]


@dataclass(eq=False, slots=True)
class _Queue:
    """Who waits for a host, in their order, and the timer for the first of them."""

    host: Host
    waiting: deque[_Waiting] = field(default_factory=deque)
    timer: Timer | None = None
