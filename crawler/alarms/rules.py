"""When something is wrong: each rule is a function of a site's facts, without clock, files or network.

A rule says nothing where the facts do not suffice: then an alarm that was raised before stays. docs/decisions.md has the
figures behind each number.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from crawler.alarms.alarm import Alarm, AlarmKind, Judgement
from crawler.alarms.shares import bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crawler.alarms.facts import FeedFacts, SiteFacts

DAY_S: Final = 86_400.0

HALF: Final = 0.5
"""From this share on one page is enough: a site whose only page is empty has nothing else to show."""
LEAST_SHARE: Final = 0.1
LEAST_PAGES: Final = 5
"""Below half: fewer shells or walls than this, or than a tenth, are players, log-ins and chance."""

STALE_S: Final = 2 * DAY_S
STALE_ARTICLES: Final = 3
"""Caches hold a feed for an hour, seldom for a day, and one or two articles may be left out of it on purpose."""

FEWEST_GAPS: Final = 10
SHORTEST_SPAN_S: Final = 14 * DAY_S
LONGER_THAN_ANY: Final = 3.0
SHORTEST_SILENCE_S: Final = DAY_S
"""What the rhythm of a site is seen from, and when it is broken: `python -m benchmarks.silence` shows how often for nothing."""

FEWEST_ARTICLES: Final = 5
FEWEST_BEFORE: Final = 20
USUAL: Final = 0.5
FALLEN: Final = 0.5
"""A field collapses that most articles had, and at most half as many have now."""

_FIELD_WORDS: Final = {
    "headline": "a headline",
    "author": "an author",
    "date": "a date",
    "text": "their usual length of text",
}

_Told = str | None
"""A message, "" where nothing is wrong, None where the facts do not suffice."""


def empty_shell(facts: SiteFacts) -> _Told:
    """Pages hold no text until a browser runs their scripts."""
    pages = facts.pages
    if not pages.seen:
        return None
    if not _is_many(pages.shells, pages.seen):
        return ""
    return (
        f"{pages.shells} of {pages.seen} pages are empty without a browser, as {pages.shell}: their text is not captured;"
        " import WARC files that a browser recorded"
    )


def blocked(facts: SiteFacts) -> _Told:
    """Challenges, consent pages and refusals stand before the pages."""
    pages = facts.pages
    refused = sum(pages.refusals.values())
    if not pages.seen:
        return None
    if not _is_many(pages.walls + refused, pages.seen):
        return ""
    parts = [f"{count} answered {status}" for status, count in sorted(pages.refusals.items())]
    if pages.walls:
        parts.insert(0, f"{pages.walls} show a challenge or a consent page")
    return (
        f"of {pages.seen} pages {', '.join(parts)}, as {pages.wall}; crawl more slowly, name a contact,"
        " or ask the site to let the archive in"
    )


def stale_feed(facts: SiteFacts) -> _Told:
    """The feeds have stood still while the site published."""
    dates = [feed.newest for feed in facts.feeds if feed.newest is not None]
    if not dates or not facts.published:
        return None
    newest = max(dates)
    later = [moment for moment in facts.unlisted if moment > newest]
    if len(later) < STALE_ARTICLES or max(later) - newest < STALE_S:
        return ""
    feed = next(feed.url for feed in facts.feeds if feed.newest == newest)
    return (
        f"the newest entry of its feeds is of {_day(newest)} ({feed}), but {len(later)} articles of later date are known,"
        f" the newest of {_day(max(later))}; new articles are found by lists and sitemaps alone:"
        " see whether the feed has moved, and add it to the seeds"
    )


def empty_feed(facts: SiteFacts) -> _Told:
    """A feed that had entries has none, or no feed has ever had any."""
    if not facts.feeds:
        return None
    empty = [feed for feed in facts.feeds if not feed.entries]
    lost = [feed for feed in empty if feed.had_entries]
    if lost:
        return f"{_named(lost)}, which had entries before; see whether it has moved, and add the new one to the seeds"
    if len(empty) == len(facts.feeds) and facts.published:
        return (
            f"{_named(empty)} and never had any; new articles are found by lists and sitemaps alone"
        )
    return ""


def fields(facts: SiteFacts) -> _Told:
    """Articles lack what the site's articles had: its pages are built in another way."""
    now, before = facts.fields_now, facts.fields_before
    if now.articles < FEWEST_ARTICLES or before.articles < FEWEST_BEFORE:
        return None
    fallen = []
    for name, words in _FIELD_WORDS.items():
        had, has = before.filled.get(name, 0), now.filled.get(name, 0)
        share, rest = had / before.articles, has / now.articles
        is_certain = bounds(has, now.articles)[1] < bounds(had, before.articles)[0]
        if share >= USUAL and rest <= FALLEN * share and is_certain:
            fallen.append(f"{has} of {now.articles} have {words} ({share:.0%} had before)")
    if not fallen:
        return ""
    return (
        f"of the articles of this crawl {', '.join(fallen)}; has the site a new design?"
        " Look at one with 'muragat try URL'; 'muragat rebuild --analyse' reads the stored pages again with a newer muragat"
    )


def silent(facts: SiteFacts) -> _Told:
    """No article for far longer than the site has ever paused. Says nothing of a site that could not be visited."""
    dates = sorted(facts.published)
    gaps = [later - earlier for earlier, later in pairwise(dates) if later > earlier]
    if not facts.successes or len(gaps) < FEWEST_GAPS or dates[-1] - dates[0] < SHORTEST_SPAN_S:
        return None
    pause, usual = facts.now - dates[-1], max(gaps)
    if pause <= max(SHORTEST_SILENCE_S, LONGER_THAN_ANY * usual):
        return ""
    return (
        f"nothing was published since {_day(dates[-1])}, {_days(pause)} ago; between its last {len(gaps) + 1} articles it never"
        f" paused for more than {_days(usual)}; see whether the site has ended or moved"
    )


def closed(facts: SiteFacts) -> _Told:
    """A host of the site failed so often that it is left alone for a while."""
    if not facts.closed:
        return "" if facts.successes else None
    parts = [f"{one.host} until {_minute(one.until)} UTC ({one.reason})" for one in facts.closed]
    return f"left alone: {', '.join(parts)}; nothing is lost, the crawl goes on then"


def robots(facts: SiteFacts) -> _Told:
    """robots.txt forbids all that was to be visited, or can't be had."""
    if facts.successes:
        return ""
    if not facts.disallowed and not facts.unreachable:
        return None
    if facts.unreachable:
        return "its robots.txt can't be had, so nothing is fetched; it is asked for again, later and later"
    before = ", though the site was captured before" if facts.was_captured else ""
    return f"robots.txt forbids all {facts.disallowed} addresses that were to be visited{before}; ask the site, or take it off the list"


def failing(facts: SiteFacts) -> _Told:
    """Not one visit succeeded."""
    if facts.successes:
        return ""
    if not facts.errors:
        return None
    return f"all {facts.errors} visits failed; 'muragat coverage {facts.site}' says why, and what is known is tried again"


RULES: Final[dict[AlarmKind, Callable[[SiteFacts], _Told]]] = {
    AlarmKind.EMPTY_SHELL: empty_shell,
    AlarmKind.BLOCKED: blocked,
    AlarmKind.STALE_FEED: stale_feed,
    AlarmKind.EMPTY_FEED: empty_feed,
    AlarmKind.FIELDS: fields,
    AlarmKind.SILENT: silent,
    AlarmKind.CLOSED: closed,
    AlarmKind.ROBOTS: robots,
    AlarmKind.FAILING: failing,
}


def judge(every: Iterable[SiteFacts]) -> Judgement:
    """Return what is wrong with these sites, and what could be judged."""
    alarms, judged = [], set()
    for facts in every:
        for kind, rule in RULES.items():
            told = rule(facts)
            if told is not None:
                judged.add((facts.site, kind))
            if told:
                alarms.append(Alarm(facts.site, kind, told))
    return Judgement(tuple(alarms), frozenset(judged))


def _is_many(count: int, of: int) -> bool:
    share = count / of
    return share >= HALF or (count >= LEAST_PAGES and share >= LEAST_SHARE)


def _named(feeds: list[FeedFacts]) -> str:
    first = feeds[0].url
    return (
        f"the feed {first} has no entries"
        if len(feeds) == 1
        else f"{len(feeds)} feeds have no entries, as {first}"
    )


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def _minute(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


def _days(seconds: float) -> str:
    if seconds < 2 * DAY_S:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / DAY_S:.0f} days"
