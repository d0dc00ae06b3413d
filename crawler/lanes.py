"""Which claimed address is fetched next: a lane for each host, so that a slow one keeps no other waiting.

Scrapy keeps the pause and the number of connections of each host; what it is given before a host has room only
waits in its queues and fills them. Holds no clock and asks for nothing: the scheduler does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from crawler.frontier.claims import Claim

T = TypeVar("T")

OTHERS_MAX = 16
"""Requests under way at hosts that only give requisites. Silent ones hold theirs until the time limit; the site's
own hosts have room beside them."""

_AHEAD = 4
"""Claims held ready for each request that may be under way at a host: enough to hide the writer's group commit."""

_MOST_READY = 1_000


@dataclass(slots=True)
class _Lane(Generic[T]):
    """What is ready for one host, and how many of its requests are under way."""

    is_own: bool
    requisites: deque[tuple[Claim, T]] = field(default_factory=deque)
    pages: deque[tuple[Claim, T]] = field(default_factory=deque)
    under_way: int = 0

    @property
    def ready(self) -> int:
        return len(self.requisites) + len(self.pages)


class Lanes(Generic[T]):
    """Claims with what belongs to them, waiting or under way, and which hosts may have more in the frontier.

    `at_once` requests of a host go out together; as many again are given out so that none waits for the next.
    `batch` is how many claims to ask for at a time; `is_own` tells the hosts of the site's pages.
    """

    def __init__(self, at_once: int, is_own: Callable[[str], bool]) -> None:
        self.batch = max(8, _AHEAD * at_once)
        self._most = 2 * at_once
        self._low = self.batch // 2
        self._is_own = is_own
        self._lanes: dict[str, _Lane[T]] = {}
        self._stocked: set[str] = set()
        self._is_unsure = True
        self._others = 0
        self.pages_under_way = 0
        self.under_way = 0

    def put(self, claim: Claim, item: T) -> None:
        """Hold a claim ready."""
        lane = self._lanes.setdefault(claim.host, _Lane(self._is_own(claim.host)))
        (lane.requisites if claim.is_requisite else lane.pages).append((claim, item))

    def take(self, *, pages: bool = True) -> T | None:
        """Return what is to be fetched now, None where all hosts are busy; no page unless `pages`.

        The hosts take turns; what pages need comes before more pages.
        """
        for host, lane in self._lanes.items():
            queue = lane.requisites or (lane.pages if pages else None)
            if queue and lane.under_way < self._most and (lane.is_own or self._others < OTHERS_MAX):
                claim, item = queue.popleft()
                self._count(lane, claim, 1)
                self._lanes[host] = self._lanes.pop(host)
                return item
        return None

    def finished(self, claim: Claim) -> None:
        """Note that a claim that was taken is done with."""
        lane = self._lanes[claim.host]
        self._count(lane, claim, -1)
        if not lane.under_way and not lane.ready:
            del self._lanes[claim.host]

    def drop(self, host: str) -> list[Claim]:
        """Return the requisites that are ready for `host`, which are not to be fetched."""
        lane = self._lanes.get(host)
        dropped = [claim for claim, _ in lane.requisites] if lane else []
        if lane:
            lane.requisites.clear()
        return dropped

    def drop_pages(self) -> None:
        """Forget the pages that are ready: there will be no more of them."""
        for lane in self._lanes.values():
            lane.pages.clear()

    def stock(self, hosts: Iterable[str]) -> None:
        """Note that the frontier has something new for these hosts."""
        self._stocked.update(hosts)

    def doubt(self) -> None:
        """Note that something may have fallen due at any host."""
        self._is_unsure = True

    def looked(self, without: Collection[str], claims: Iterable[Claim], *, is_all: bool) -> None:
        """Note what the frontier gave; with `is_all` nothing more is due, but for the hosts it was asked `without`."""
        if is_all:
            self._is_unsure = False
            self._stocked.intersection_update(without)
        else:
            self._stocked.update(claim.host for claim in claims)

    @property
    def full(self) -> list[str]:
        """The hosts that have enough ready."""
        return [host for host, lane in self._lanes.items() if lane.ready > self._low]

    @property
    def wants_more(self) -> bool:
        """True where the frontier may have something for a host that has little ready."""
        if sum(lane.ready for lane in self._lanes.values()) >= _MOST_READY:
            return False
        return self._is_unsure or any(self._is_low(host) for host in self._stocked)

    @property
    def is_idle(self) -> bool:
        """True where nothing is under way and nothing ready."""
        return not self.under_way and not any(lane.ready for lane in self._lanes.values())

    def _is_low(self, host: str) -> bool:
        lane = self._lanes.get(host)
        return lane is None or lane.ready <= self._low

    def _count(self, lane: _Lane[T], claim: Claim, step: int) -> None:
        lane.under_way += step
        self.under_way += step
        self._others += 0 if lane.is_own else step
        self.pages_under_way += 0 if claim.is_requisite else step
