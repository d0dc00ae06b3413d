"""A crawl's alarms from beginning to end: judged, kept, told; for the end of a session, off the event loop."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from archive.store import state
from crawler.alarms import standing
from crawler.alarms.alarm import AlarmKind
from crawler.alarms.delivery import deliver
from crawler.alarms.gathering import Gathering
from crawler.alarms.rules import judge

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from crawler.alarms.alarm import Judgement
    from crawler.alarms.gathering import Crawled
    from crawler.alarms.standing import News, Standing

logger = logging.getLogger(__name__)

_SAID_BESIDES: Final = frozenset([AlarmKind.FAILING, AlarmKind.CLOSED])
"""What a report says in its own words."""

_T = TypeVar("_T")


class InWriter(Protocol):
    """Runs a job on the connection to state.sqlite where alone that may be written, and returns its result."""

    def __call__(self, job: Callable[[sqlite3.Connection], _T], /) -> _T: ...


@dataclass(frozen=True, slots=True)
class Sounded:
    """What a report says of alarms: those that stand for the sites crawled, and all as sentences."""

    alarms: tuple[Mapping[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def sounded(home: Path, crawled: Crawled, crawl: str, in_writer: InWriter) -> Sounded:
    """Judge a crawl that is committed and analysed, keep what it shows, tell what is new; takes 41 s a site at the most.

    Where that fails the crawl is as good as it was: the failure is a warning.
    """
    try:
        return _sounded(home, crawled, crawl, in_writer)
    except Exception as error:  # the top of a task: it is told
        logger.debug("alarms were not judged", exc_info=True)
        return Sounded(warnings=(f"alarms were not judged: {error}; the next crawl does it",))


def _sounded(home: Path, crawled: Crawled, crawl: str, in_writer: InWriter) -> Sounded:
    before = in_writer(standing.standing)
    judgement = _judged(home, crawled, _collapsed(before, crawled.now))
    news = in_writer(lambda connection: _kept(connection, judgement, crawled.since))
    delivered = deliver(news, {site.name: site for site in crawled.sites}, crawl)
    in_writer(lambda connection: _told(connection, delivered.told))
    names = {site.name for site in crawled.sites}
    stand = [one for one in in_writer(standing.standing) if one.alarm.site in names]
    said = tuple(str(one.alarm) for one in stand if one.alarm.kind not in _SAID_BESIDES)
    return Sounded(tuple(one.to_json() for one in stand), said + delivered.warnings)


def _judged(home: Path, crawled: Crawled, raised: Mapping[str, float] | None = None) -> Judgement:
    with Gathering(home, crawled, raised or {}) as gathering:
        return judge([gathering.facts(site) for site in crawled.sites])


def _collapsed(standings: Sequence[Standing], now: datetime) -> Mapping[str, float]:
    """Return by site since when its fields are known to have collapsed.

    After 30 days without repair what the site gives is taken for what it has to give.
    """
    fields = [one for one in standings if one.alarm.kind is AlarmKind.FIELDS]
    latest = now.timestamp() - standing.GIVEN_UP_S
    return {one.alarm.site: one.since for one in fields if one.since > latest}


def _kept(
    connection: sqlite3.Connection, judgement: Judgement, crawl_began: datetime
) -> tuple[News, ...]:
    with state.transaction(connection):
        return standing.keep(connection, judgement, crawl_began)


def _told(connection: sqlite3.Connection, news: Sequence[News]) -> None:
    with state.transaction(connection):
        standing.tell(connection, news)
