"""What a visit showed, put together from the frontier and the index; hides which of them knows what.

The index says of an article when it was captured and which captures brought something new; the frontier says of a page
how its last visit came out, and of a channel which new addresses name it as the page that told of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from archive.index.observation import GONE_STATUSES, REDIRECT_STATUSES
from archive.model import Announcer, Outcome
from crawler.discover.channels import Role, is_further, role_of
from crawler.frontier.claims import FAILED
from crawler.schedule.choice import learn_article, learn_channel

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from archive.index.histories import Told
    from crawler.frontier.claims import Planned
    from crawler.schedule.choice import SiteRates
    from crawler.schedule.rates import PageRates

ANSWERS: Final = frozenset(
    [Outcome.STORED, Outcome.UNCHANGED, Outcome.DUPLICATE, Outcome.NOT_MODIFIED, Outcome.WITHHELD]
)
"""Outcomes of visits that showed a page; any other says nothing of whether it has changed."""

_SAME: Final = frozenset([Outcome.UNCHANGED, Outcome.NOT_MODIFIED])
_ANNOUNCE: Final = frozenset([Announcer.SEED, Announcer.ROBOTS])
_FILES: Final = frozenset([Announcer.FEED, Announcer.SITEMAP, Announcer.REST])


class Sort(Enum):
    """What a page is to the schedule."""

    CHANNEL = "channel"  # a seed, feed, sitemap or REST list, a listing that a seed names, a page that has told of news
    ARTICLE = "article"
    PAGE = "page"  # neither: a listing that never told of anything new, a page about the site
    GONE = "gone"  # 404, a redirect, forbidden by robots.txt: shows nothing of its own, and that is likely to stay so
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Lesson:
    """A visited page with all that is known of it, after what it showed was learned."""

    row: Planned
    sort: Sort
    rates: PageRates
    published: float


def lesson(row: Planned, told: Told, rates: PageRates, site: SiteRates, *, brought: int) -> Lesson:
    """Learn from the visits of a page since the last ones that were learned from.

    `brought` is how many addresses that nobody knew it has told of since then.
    """
    sort = _sort(row, told, rates, brought)
    found = Lesson(row, sort, rates, _published(row, told))
    if sort is Sort.FAILED:
        return found
    if sort is Sort.GONE:
        rates.stands = row.visited if rates.stands is None else min(rates.stands, row.visited)
    else:
        rates.stands = None
    if sort is Sort.CHANNEL or sort is Sort.PAGE:
        if rates.seen:  # a first visit brings the back catalogue
            learn_channel(site, rates.channel, since=rates.seen, until=row.visited, brought=brought)
        rates.seen = row.visited
    elif _is_taken_in(row, told):
        _learn_seen(found, told, site)
    return found


def _sort(row: Planned, told: Told, rates: PageRates, brought: int) -> Sort:
    if row.outcome not in ANSWERS or row.status in GONE_STATUSES:
        return Sort.FAILED if _has_failed(row) else Sort.GONE
    may_tell = not is_further(row.url)
    if may_tell and (row.announcer in _ANNOUNCE or row.is_source or _is_front_listing(row)):
        return Sort.CHANNEL
    if told.is_article and row.status not in REDIRECT_STATUSES:
        return Sort.ARTICLE
    if row.status in REDIRECT_STATUSES:
        return Sort.GONE
    is_file = (
        row.announcer in _FILES and not told.is_page
    )  # a feed or sitemap that never announced anything
    is_news = rates.channel.brought > 0 or (rates.seen > 0 and brought > 0)
    return Sort.CHANNEL if may_tell and (is_file or is_news) else Sort.PAGE


def _is_front_listing(row: Planned) -> bool:
    """Whether it is the first page of a listing that a seed names: what is new comes there, not on its further pages."""
    if row.hop > 1 or Announcer.PAGINATION in row.channels:
        return False
    return role_of(row.url, row.channels) is Role.LISTING


def _has_failed(row: Planned) -> bool:
    return row.outcome in FAILED and row.status not in GONE_STATUSES


def _published(row: Planned, told: Told) -> float:
    """Return when an article appeared: as it says, as its announcer says, or when it became known.

    A date later than that is none: the age of a page can't be less than it was known for.
    """
    said = told.published if told.published is not None else row.published
    return row.known if said is None else min(said, row.known)


def _is_taken_in(row: Planned, told: Told) -> bool:
    """Whether the index tells of the last visit: what a killed analysis left is learned from another time."""
    return row.outcome in _SAME or bool(told.captures)


def _learn_seen(found: Lesson, told: Told, site: SiteRates) -> None:
    """Learn from the captures of an article since the last one that was learned from, and from the last visit."""
    row, rates = found.row, found.rates
    visits = [(date, changed) for date, changed in told.captures if date > rates.seen]
    if row.outcome in _SAME and (not visits or visits[-1][0] < row.visited):
        visits.append((row.visited, False))
    before = rates.seen
    for date, changed in visits:
        if before:
            learn_article(
                site,
                rates.own,
                published=found.published,
                since=before,
                until=date,
                changed=changed,
            )
        before = date
    rates.seen = max(before, row.visited)


def told_since(connection: sqlite3.Connection, cursor: int, batch: int) -> Iterator[str]:
    """Yield for each page that is new in the frontier the address that told of it; `batch` rows a query."""
    while True:
        rows = connection.execute(
            "SELECT id, referrer, announcer FROM frontier WHERE id > ? ORDER BY id LIMIT ?",
            (cursor, batch),
        ).fetchall()
        yield from (referrer for _, referrer, kind in rows if kind != Announcer.REQUISITE)
        if len(rows) < batch:
            return
        cursor = rows[-1][0]
