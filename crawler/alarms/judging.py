"""A crawl's alarms from beginning to end: judged, kept, told; for the end of a session, off the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.alarms import standing
from crawler.alarms.alarm import AlarmKind
from crawler.alarms.delivery import deliver
from crawler.alarms.gathering import Crawled, Gathering
from crawler.alarms.rules import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from crawler.alarms.alarm import Alarm, Judgement
    from crawler.alarms.delivery import Delivered
    from crawler.alarms.standing import News, Standing
    from crawler.sites import Site
    from crawler.tally import Tally


def alarms_of(
    home: Path, sites: Sequence[Site], tally: Tally, *, since: datetime, now: datetime
) -> tuple[Alarm, ...]:
    """Return what a crawl of `sites`, which began at `since` and is analysed, shows to be wrong with them.

    Raises as `Collection` does, opened for reading.
    """
    return judged(home, Crawled(sites, tally, since, now)).alarms


def judged(home: Path, crawled: Crawled) -> Judgement:
    """Return the alarms of a crawl, and which could be judged."""
    with Gathering(home, crawled) as gathering:
        return judge([gathering.facts(site) for site in crawled.sites])


def collapsed(standings: Sequence[Standing], now: datetime) -> Mapping[str, float]:
    """Return by site since when its fields are known to have collapsed: `Crawled.raised`.

    After 30 days without repair what the site gives is taken for what it has to give.
    """
    fields = [one for one in standings if one.alarm.kind is AlarmKind.FIELDS]
    latest = now.timestamp() - standing.GIVEN_UP_S
    return {one.alarm.site: one.since for one in fields if one.since > latest}


def told(news: Sequence[News], sites: Sequence[Site], crawl: str) -> Delivered:
    """Tell each site's address and program what began and ended there; takes 40 s a site at the most."""
    return deliver(news, {site.name: site for site in sites}, crawl)
