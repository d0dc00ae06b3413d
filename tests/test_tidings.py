"""Facts about making known what an answer names, while a crawl goes on."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

from archive.model import Announcer
from crawler.announcing.needs import Needs
from crawler.announcing.sieve import BATCH
from crawler.announcing.tidings import Tidings
from crawler.discover.links import Link
from crawler.report.tally import SiteTally
from crawler.scope import Scope

if TYPE_CHECKING:
    from crawler.session.writer import CollectionWriter

BASE = "http://example.test/"


class Writer:
    """Takes each job and does none of it."""

    def submit(self, job: object) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(())
        return done


async def turns_during(links: int) -> int:
    """How often others had their turn while so many links of a sitemap were looked at."""
    tidings = Tidings(
        cast("CollectionWriter", Writer()),
        SiteTally("example"),
        scope=Scope([BASE]),
        needs=Needs("none"),
        fell_due=lambda hosts: None,
    )
    named = [Link(f"{BASE}news/{number}", Announcer.SITEMAP) for number in range(links)]
    announcing = asyncio.ensure_future(tidings.announce(named, referrer=f"{BASE}map.xml"))
    turns = 0
    while not announcing.done():
        await asyncio.sleep(0)
        turns += 1
    await announcing
    return turns


def test_a_long_list_leaves_the_others_their_turn():
    assert asyncio.run(turns_during(20 * BATCH)) >= 20


def test_a_page_is_looked_at_in_one_go():
    assert asyncio.run(turns_during(BATCH)) < 10
