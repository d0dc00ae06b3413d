"""What a crawl that has nothing to do may wait for, and why it ends where there is nothing.

A function of what the frontier still wants and of the hosts that are closed; the crawl's limits aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.visits.retries import LONGEST_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crawler.frontier.protocol import Frontier
    from crawler.manners import Closing

FINISHED = "finished"
PUT_OFF = "put off"

LEAST_WAIT_S = 0.01
"""The frontier may name a moment at which nothing falls due after all."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """`wait_s` until something may be asked for, or why the crawl ends; where it is put off, until when and why."""

    wait_s: float = 0.0
    ended: str = ""
    until: float = 0.0
    because: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """When to claim next: from any host, from those that are open, from those open or the site's own; None for never."""

    anywhere: float | None
    open: float | None
    own: float | None


def wanted(
    frontier: Frontier,
    site: str,
    closed: Mapping[str, Closing],
    is_own: Callable[[str], bool],
    *,
    requisites_only: bool,
) -> Wanted:
    """Ask the frontier of a site what it wants when; in the writer's thread."""

    def due(without: tuple[str, ...]) -> float | None:
        return frontier.due(site, requisites_only=requisites_only, without=without)

    anywhere = due(())
    if not closed or anywhere is None:
        return Wanted(anywhere, anywhere, anywhere)
    foreign = tuple(host for host in closed if not is_own(host))
    return Wanted(anywhere, due(tuple(closed)), due(foreign))


def outlook(found: Wanted, closed: Mapping[str, Closing], now: float) -> Outlook:
    """Return what the crawl is to do.

    What falls due later than `LONGEST_WAIT_S` is for a later crawl. Where nothing but requisites of other hosts is
    left that are closed, the site is done: they stay due.
    """
    if not _is_soon(found.anywhere, now):
        return Outlook(ended=FINISHED)
    if found.open is not None and _is_soon(found.open, now):
        return Outlook(wait_s=max(LEAST_WAIT_S, found.open - now))
    short = [closing.until for closing in closed.values() if not closing.is_long]
    if short:
        return Outlook(wait_s=max(LEAST_WAIT_S, min(short) - now))
    if _is_soon(found.own, now):
        first = min(closed.values(), key=lambda closing: closing.until)
        return Outlook(ended=PUT_OFF, until=first.until, because=first.reason)
    return Outlook(ended=FINISHED)


def outlook_of(quiet: Closing) -> Outlook:
    """Return what a crawl is to do while every host is closed to it."""
    if quiet.is_long:
        return Outlook(ended=PUT_OFF, until=quiet.until, because=quiet.reason)
    return Outlook(wait_s=1.0)


def _is_soon(due: float | None, now: float) -> bool:
    return due is not None and due - now <= LONGEST_WAIT_S
