"""When a site's next crawl is due, from its table, its last round and the hosts that are closed.

Functions of values: no clock, no database. Moments are seconds since 1970, UTC. A time that was missed is simply
due. Clocks may have jumped: what lies further ahead than it ever could counts as due, so that a date of a clock that was
wrong holds nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from crawler.sites.quiet import quiet_until
from crawler.sites.site import LEARNED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.sites import Site

SOONEST_S: Final = 300.0
LATEST_S: Final = 86_400.0
"""Bounds between the beginnings of two rounds of a site with `every = "auto"`."""

WAITED_OUT_S: Final = 60.0
"""A crawl begins so long before the hosts of its site are open again, and waits for them."""

LONGEST_CLOSED_S: Final = 31 * 86_400.0
"""No host is closed for longer, whatever it asked for."""

_AGAIN_S: Final = 3_600.0
"""After this a site is tried again whose crawl broke off, and one with `every = "auto"` that met its limit."""

_SLACK_S: Final = 60.0
"""By how much clocks that are set right may go back."""


class State(StrEnum):
    """How a site stands."""

    NEVER = "never"
    FINISHED = "finished"
    UNFINISHED = "unfinished"
    PUT_OFF = "put off"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when hosts are closed, and why."""

    until: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """A site's last round: when it was opened, last taken up, and came to its end (None where it did not).

    `last` says how the last crawl ended that took part in it: "finished", "limit", "put off", "error", "shutdown";
    "" where that is not known. `put_off` is until when, `wanted` when the first of its pages falls due again.
    """

    opened: float
    started: float
    ended: float | None
    last: str = ""
    put_off: Wait | None = None
    wanted: float | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """How a site stands and when it is crawled next, None for by hand only; `reason` says why it waits."""

    state: State
    due: float | None
    reason: str = ""

    def is_due(self, now: float) -> bool:
        """Whether a crawl may begin: it is time, or what it would have to wait for is over within `WAITED_OUT_S`."""
        if self.due is None:
            return False
        return self.due <= now + (WAITED_OUT_S if self.state is State.PUT_OFF else 0.0)


def next_crawl(site: Site, past: Past | None, closed: Iterable[Wait | None], now: float) -> Next:
    """Return how `site` stands; `closed` has one value for each host of its seeds, None for one that is open."""
    state = _state(past)
    if not site.is_scheduled:
        return Next(state, None)
    due, reason = (now, "") if past is None else _planned(site, past, now)
    first = _first_to_open(closed, now)
    if first is not None and first.until > due:
        due, reason = first.until, first.reason
    if reason:
        state = State.PUT_OFF
    due = max(due, now)
    after = quiet_until(site.quiet, site.timezone, due)
    if due <= now < after:
        return Next(State.QUIET, after, "quiet hours")
    return Next(state, after, reason)


def _first_to_open(hosts: Iterable[Wait | None], now: float) -> Wait | None:
    """Return the wait for the host that opens first, None where one is open."""
    found: list[Wait] = []
    for wait in hosts:
        if wait is None or not now < wait.until <= now + LONGEST_CLOSED_S:
            return None
        found.append(wait)
    return min(found, key=lambda wait: wait.until, default=None)


def _state(past: Past | None) -> State:
    if past is None:
        return State.NEVER
    return State.FINISHED if past.ended is not None else State.UNFINISHED


def _planned(site: Site, past: Past, now: float) -> tuple[float, str]:
    """Return when the next round, or the rest of an open one, is due, and why it was put off."""
    if past.ended is None:
        due, longest, reason = _rest(site, past, now)
    elif site.every_s == LEARNED:
        latest = past.opened + LATEST_S
        wanted = latest if past.wanted is None else past.wanted
        due, longest, reason = min(latest, max(past.opened + SOONEST_S, wanted)), LATEST_S, ""
    else:
        due, longest, reason = past.opened + site.every_s, site.every_s, ""
    return (now, "") if due - now > longest + _SLACK_S else (due, reason)


def _rest(site: Site, past: Past, now: float) -> tuple[float, float, str]:
    """Return when an open round goes on, how long that can be ahead at most, and why it was put off."""
    pace = _AGAIN_S if site.every_s == LEARNED else site.every_s
    if past.last == "put off" and past.put_off is not None:
        return past.put_off.until, LONGEST_CLOSED_S, past.put_off.reason
    if past.last == "limit":
        return past.started + pace, pace, ""
    if past.last == "error":
        pause = min(pace, _AGAIN_S)
        return past.started + pause, pause, "the crawl broke off"
    return now, 0.0, ""
