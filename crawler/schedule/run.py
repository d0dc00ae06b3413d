"""Which sites `muragat run` crawls, and when there is something to do again; loads no Scrapy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archive.errors import UnknownSite, UsageError
from crawler import sites
from crawler.frontier.claims import host_of
from crawler.schedule.due import Next, Wait, next_crawl
from crawler.schedule.past import course
from crawler.sites.site import LEARNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from crawler.schedule.past import Course
    from crawler.sites import Site

_DAY_S: Final = 86_400.0


def scheduled(names: Sequence[str], table: Mapping[str, Site]) -> list[Site]:
    """Return the sites that have a schedule, of all or of those named.

    Raises UnknownSite, and UsageError for a named one that is crawled by hand only.
    """
    if not names:
        return [site for site in table.values() if site.is_scheduled]
    chosen = {name: sites.choose(name, table) for name in names}
    for name, site in chosen.items():
        if name not in table:
            raise UnknownSite(
                f"{name!r} is an address; 'run' takes names, 'muragat sites' lists them"
            )
        if not site.is_scheduled:
            raise UsageError(
                f"site {name} has no schedule; give it 'every', or crawl it by 'muragat crawl {name}'"
            )
    return list(chosen.values())


def look(home: Path, chosen: Iterable[Site]) -> Course:
    """Return what `standing_of` needs to know of sites. Raises StorageError."""
    return course(home, [site.name for site in chosen if site.every_s == LEARNED])


def standing_of(site: Site, known: Course, now: float) -> Next:
    """Return how one site stands at `now` (seconds since 1970)."""
    return next_crawl(site, known.rounds.get(site.name), _waits(site, known, now), now)


def due_sites(home: Path, chosen: Sequence[Site], now: float) -> list[Site]:
    """Return the sites whose next crawl is due. Raises StorageError."""
    known = look(home, chosen)
    return [site for site in chosen if standing_of(site, known, now).is_due(now)]


def _waits(site: Site, known: Course, now: float) -> list[Wait | None]:
    """Return the wait for each host of the seeds, None for one that is open."""
    hosts = dict.fromkeys(map(host_of, site.seeds))
    return [_spent(site, known.spent.get(host), now) or known.closed.get(host) for host in hosts]


def _spent(site: Site, asked: tuple[int, int] | None, now: float) -> Wait | None:
    """Return the wait for a host that was asked as often today as the site's budget allows."""
    today = int(now // _DAY_S)
    if not site.daily_budget or asked is None or asked < (today, site.daily_budget):
        return None
    if asked[0] > today:  # by a clock that was wrong
        return None
    return Wait((today + 1) * _DAY_S, f"daily budget of {site.daily_budget} requests")
