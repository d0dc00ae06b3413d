"""From the links of an answer to announcements: what leads on, what only belongs to the page, and who told of it.

Functions from values to values, for the crawl that runs and for the one that is played again from its records.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archive import urls
from archive.model import Announcer, Via
from archive.requisites import RequisiteKind
from crawler.discover.announced import announced_in, needed_in
from crawler.frontier import MAX_REDIRECTS, announcement, respelt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import Response

    from crawler.discover.links import Link
    from crawler.frontier import Announcement, Claim


def parted(links: Iterable[Link]) -> tuple[list[Link], list[Link]]:
    """Return the links that lead on and those that only belong to the page."""
    leading: list[Link] = []
    shown: list[Link] = []
    for link in links:
        (shown if link.announcer is Announcer.REQUISITE else leading).append(link)
    return leading, shown


def untracked(link: Link) -> Link:
    """Return the link without tracking parameters; a redirect's target is what the server wants, so it is kept."""
    if link.announcer is Announcer.REDIRECT or "?" not in link.url:
        return link
    return replace(link, url=urls.without_tracking(link.url))


def announcements(
    links: Iterable[Link], referrer: str, parent: Claim | None
) -> Iterable[Announcement]:
    """Yield the announcements of links that `referrer` names; without a `parent` it counts as a seed."""
    seed = parent.via.seed if parent else referrer
    hop = parent.via.hop + 1 if parent else 1
    for link in links:
        redirects = 0
        if link.announcer is Announcer.REDIRECT:
            redirects = (parent.redirects if parent else 0) + 1
            if redirects > MAX_REDIRECTS:
                continue
        via = Via(announcer=link.announcer, referrer=referrer, seed=seed, hop=hop)
        told = announcement(link.url, via, redirects=redirects)
        if parent and redirects and told.key == parent.key and told.url != parent.url:
            told = respelt(told)
        yield told


def needs_of(response: Response, claim: Claim) -> tuple[Link, ...]:
    """Return what a requisite needs itself, or where its redirect leads; `claim` says what it was asked for as."""
    if 300 <= response.status < 400:
        moved = announced_in(response, obeys_nofollow=False)  # it is shown, not followed
        return tuple(replace(link, announcer=Announcer.REQUISITE, rel=claim.kind) for link in moved)
    return needed_in(response, RequisiteKind(claim.kind) if claim.kind else None)
