"""Which claimed address is fetched next: a lane for each host, so that a slow one keeps no other waiting.

What is given out before its host has room would only wait at the gate of `crawler.manners`. Asks for nothing: the
scheduler does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from crawler.frontier.claims import Claim

OTHERS_MAX = 16
"""Requests under way at hosts that only give requisites. Silent ones hold theirs until the time limit; the site's
own hosts have room beside them."""

_AHEAD = 4
"""Claims held ready for each request that may be under way at a host: enough to hide the writer's group commit."""

MOST_READY = 1_000
"""Claims of all hosts together that are ready; those of the site's own hosts are not held up by it."""


class Rooms(Protocol):
    """Knows when a host may be asked for more."""

    def room(self, host: str) -> tuple[int, float]:
        """Return how many requests to a host may be given out at once, and in how many seconds the next may go."""


@dataclass(slots=True)
class _Lane:
    """What is ready for one host, and how many of its requests are under way."""

    host: str
    is_own: bool
    requisites: deque[Claim] = field(default_factory=deque)
    pages: deque[Claim] = field(default_factory=deque)
    under_way: int = 0

    @property
    def ready(self) -> int:
        return len(self.requisites) + len(self.pages)


class Lanes:
    """Claims, waiting or under way, and which hosts may have more in the frontier.

    `at_once` requests of a host go out together; where it has no pause as many again are given out, so that none
    waits for the next. `batch` is how many claims to ask for at a time; `is_own` tells the hosts of the site's pages.
    """

    def __init__(self, at_once: int, is_own: Callable[[str], bool], rooms: Rooms) -> None:
        self.batch = max(8, _AHEAD * at_once)
        self._low = self.batch // 2
        self._is_own = is_own
        self._rooms = rooms
        self._lanes: dict[str, _Lane] = {}
        self._held: set[str] = set()
        self._stocked: set[str] = set()
        self._is_unsure = True
        self._is_unsure_of_others = False
        self._others = 0
        self.pages_under_way = 0
        self.under_way = 0

    def put(self, claim: Claim) -> None:
        """Hold a claim ready, unless it is held already: its lease may have ended in between."""
        if claim.key in self._held:
            return
        self._held.add(claim.key)
        lane = self._lanes.get(claim.host)
        if lane is None:
            lane = self._lanes[claim.host] = _Lane(claim.host, self._is_own(claim.host))
        (lane.requisites if claim.is_requisite else lane.pages).append(claim)

    def take(self, *, pages: bool = True) -> Claim | None:
        """Return what is to be fetched now, None where no host has room; no page unless `pages`.

        The hosts take turns; what pages need comes before more pages.
        """
        for host, lane in self._lanes.items():
            queue = lane.requisites or (lane.pages if pages else None)
            if queue and self._room_s(lane) <= 0:
                claim = queue.popleft()
                self._count(lane, claim, 1)
                self._lanes[host] = self._lanes.pop(host)
                return claim
        return None

    def wait_s(self, *, pages: bool = True) -> float:
        """Return in how many seconds `take` may have something by the passing of time alone, infinity for never.

        What it may have at once is not counted.
        """
        waiting = (
            lane for lane in self._lanes.values() if lane.requisites or (pages and lane.pages)
        )
        return min((wait for wait in map(self._room_s, waiting) if wait > 0), default=_NEVER)

    def finished(self, claim: Claim) -> None:
        """Note that a claim that was taken is done with."""
        self._held.discard(claim.key)
        lane = self._lanes[claim.host]
        self._count(lane, claim, -1)
        if not lane.under_way and not lane.ready:
            del self._lanes[claim.host]

    def drop(self, host: str, *, pages: bool = False) -> list[Claim]:
        """Return the requisites that are ready for `host`, with `pages` those too, which are not to be fetched."""
        lane = self._lanes.get(host)
        dropped = self._emptied(lane.requisites) if lane else []
        if lane and pages:
            dropped += self._emptied(lane.pages)
        if lane and not lane.under_way and not lane.ready:
            del self._lanes[host]
        return dropped

    def drop_all(self) -> list[Claim]:
        """Return all that is ready: there is to be no more of it."""
        return [claim for host in list(self._lanes) for claim in self.drop(host, pages=True)]

    def drop_pages(self) -> list[Claim]:
        """Return the pages that are ready: there will be no more of them."""
        return [claim for lane in self._lanes.values() for claim in self._emptied(lane.pages)]

    def stock(self, hosts: Iterable[str]) -> None:
        """Note that the frontier has something new for these hosts."""
        self._stocked.update(hosts)

    def doubt(self) -> None:
        """Note that something may have fallen due at any host."""
        self._is_unsure = True

    def looked(
        self,
        without: Collection[str],
        claims: Iterable[Claim],
        *,
        is_all: bool,
        own_only: bool = False,
    ) -> None:
        """Note what the frontier gave; with `is_all` nothing more is due, but for the hosts it was asked `without`.

        With `own_only` it was asked for the site's own hosts alone, and the others may have something.
        """
        if not is_all:
            self._stocked.update(claim.host for claim in claims)
            return
        self._is_unsure = False
        self._is_unsure_of_others |= own_only
        if own_only:
            without = {*without, *(host for host in self._stocked if not self._is_own(host))}
        else:
            self._is_unsure_of_others = False
        self._stocked.intersection_update(without)

    @property
    def held(self) -> Collection[str]:
        """The keys of all claims that are ready or under way."""
        return self._held

    @property
    def full(self) -> list[str]:
        """The hosts that have enough ready."""
        return [host for host, lane in self._lanes.items() if lane.ready > self._low]

    @property
    def is_crowded(self) -> bool:
        """True where so much is ready that only the site's own hosts may have more."""
        return sum(lane.ready for lane in self._lanes.values()) >= MOST_READY

    @property
    def wants_more(self) -> bool:
        """True where the frontier may have something for a host that has little ready."""
        if self._is_unsure:
            return True
        if self.is_crowded:
            return any(self._is_low(host) and self._is_own(host) for host in self._stocked)
        return self._is_unsure_of_others or any(map(self._is_low, self._stocked))

    @property
    def is_idle(self) -> bool:
        """True where nothing is under way and nothing ready."""
        return not self.under_way and not any(lane.ready for lane in self._lanes.values())

    def _is_low(self, host: str) -> bool:
        lane = self._lanes.get(host)
        return lane is None or lane.ready <= self._low

    def _room_s(self, lane: _Lane) -> float:
        if not lane.is_own and self._others >= OTHERS_MAX:
            return _NEVER
        most, seconds = self._rooms.room(lane.host)
        return seconds if lane.under_way < most else _NEVER

    def _emptied(self, queue: deque[Claim]) -> list[Claim]:
        claims = list(queue)
        queue.clear()
        self._held.difference_update(claim.key for claim in claims)
        return claims

    def _count(self, lane: _Lane, claim: Claim, step: int) -> None:
        lane.under_way += step
        self.under_way += step
        self._others += 0 if lane.is_own else step
        self.pages_under_way += 0 if claim.is_requisite else step


_NEVER = float("inf")
