"""From the links of an answer to announcements: what leads on, what only belongs to the page, and who told of it.

Functions from values to values, for the crawl that runs and for the one that is played again from its records.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive import urls
from archive.model import Announcer, Via
from archive.requisites import RequisiteKind
from crawler.discover.announced import announced_in, needed_in
from crawler.discover.channels import is_list
from crawler.discover.links import WHOLE
from crawler.frontier import MAX_REDIRECTS, announcement, respelt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import Response

    from crawler.discover.links import Link
    from crawler.frontier import Announcement, Claim


_AHEAD_S = 86_400.0
"""Clocks go wrong, and dates without a zone lie up to 14 hours ahead."""


def parted(links: Iterable[Link]) -> tuple[list[Link], list[Link]]:
    """Return the links that lead on and those that only belong to the page."""
    leading: list[Link] = []
    shown: list[Link] = []
    for link in links:
        if link.rel == WHOLE:
            continue
        (shown if link.announcer is Announcer.REQUISITE else leading).append(link)
    return leading, shown


def untracked(link: Link) -> Link:
    """Return the link without tracking parameters; a redirect's target is what the server wants, so it is kept."""
    if link.announcer is Announcer.REDIRECT or "?" not in link.url:
        return link
    return replace(link, url=urls.without_tracking(link.url))


def announcements(
    links: Iterable[Link], referrer: str, parent: Claim | None, *, now: float, source: str = ""
) -> Iterable[Announcement]:
    """Yield the announcements of links that `referrer` names; without a `parent` it counts as a seed.

    `now` (seconds since 1970, UTC) is when the answer came: what is dated later is not dated. `source` is the list
    that the answer is a part of, "" where it stands for itself.
    """
    seed = parent.via.seed if parent else referrer
    hop = parent.via.hop + 1 if parent else 1
    for link in links:
        redirects = 0
        if link.announcer is Announcer.REDIRECT:
            redirects = (parent.redirects if parent else 0) + 1
            if redirects > MAX_REDIRECTS:
                continue
        via = Via(announcer=link.announcer, referrer=referrer, seed=seed, hop=hop)
        told = replace(
            announcement(link.url, via, redirects=redirects),
            published=_moment(link.published, now),
            modified=_moment(link.modified, now),
            is_channel=is_list(link),
            source=source,
        )
        if parent and redirects and told.key == parent.key and told.url != parent.url:
            told = respelt(told)
        yield told


def _moment(date: str, now: float) -> float | None:
    """Return an ISO 8601 date in seconds since 1970; None for none, one before that, or one that is yet to come.

    A date without a zone is taken for UTC.
    """
    if not date:
        return None
    try:
        moment = datetime.fromisoformat(date)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= now + _AHEAD_S else None


def needs_of(response: Response, claim: Claim) -> tuple[Link, ...]:
    """Return what a requisite needs itself, or where its redirect leads; `claim` says what it was asked for as."""
    if 300 <= response.status < 400:
        moved = announced_in(response, obeys_nofollow=False)  # it is shown, not followed
        return tuple(replace(link, announcer=Announcer.REQUISITE, rel=claim.kind) for link in moved)
    return needed_in(response, RequisiteKind(claim.kind) if claim.kind else None)
