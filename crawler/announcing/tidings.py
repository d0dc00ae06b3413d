"""What the answers of one crawl name, made known to the frontier; hides which thread does what.

Stands between the spider (in the event loop) and the writer's thread. Addresses that were announced before are
dropped as strings (see `sieve`), before anything else is made of them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from crawler.announcing import announcements, parted
from crawler.announcing.lists import follow_up, list_read, shallow
from crawler.announcing.needs import below
from crawler.announcing.sieve import BATCH, Sieve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scrapy.http import Response

    from archive.model import Capture
    from crawler.announcing.lists import ListRead
    from crawler.announcing.needs import Needs
    from crawler.discover.links import Link
    from crawler.frontier import Announcement, Claim
    from crawler.report.tally import SiteTally
    from crawler.scope import Scope
    from crawler.session.writer import CollectionWriter, Store


class Tidings:
    """Tells the frontier what one crawl of a site finds; `fell_due` is called with the host of each address that is due by it."""

    def __init__(
        self,
        writer: CollectionWriter,
        tally: SiteTally,
        *,
        scope: Scope,
        needs: Needs,
        fell_due: Callable[[Sequence[str]], None],
    ) -> None:
        self.needs = needs
        self._writer = writer
        self._tally = tally
        self._sieve = Sieve(scope, tally.reasons)
        self._fell_due = fell_due

    async def announce(
        self,
        links: Iterable[Link],
        *,
        referrer: str,
        capture: Capture | None = None,
        response: Response | None = None,
    ) -> None:
        """Make links known to the frontier, requisites among them; returns when they are, not when they are durable.

        `referrer` is the address that named them, `response` its answer, from which budgets learn and lists are known
        as such. With `capture` its links count as read from then on.
        """
        found = tuple(links)
        leading, shown = parted(found)
        chosen: list[Link] = []
        for batch in self._sieve.sifted(leading, referrer=referrer, response=response):
            chosen += batch
            if len(leading) > BATCH:
                await asyncio.sleep(0)  # others have their turn
        needed = self.needs.new(shown, pages=self._tally.pages)
        read = list_read(referrer, found, response)

        def told(store: Store) -> Iterable[Announcement]:
            if not (chosen or needed):
                return ()
            known = store.frontier.claim_of_url(referrer)
            parent = known[1] if known else None
            pages = announcements(
                shallow(store.frontier, chosen, parent),
                referrer,
                parent,
                now=time.time(),
                source=read.source if read else "",
            )
            return (*pages, *below(needed, referrer, parent))

        await self._tell(told, capture, read)

    async def announce_below(
        self,
        claim: Claim,
        links: Iterable[Link],
        *,
        capture: Capture | None,
        is_redirect: bool = False,
    ) -> None:
        """Make known what a requisite needs in its turn, or with `is_redirect` where it is to be had."""
        needed = self.needs.new(links, pages=self._tally.pages)
        await self._tell(
            lambda _: below(needed, claim.url, claim, is_redirect=is_redirect), capture
        )

    async def _tell(
        self,
        told: Callable[[Store], Iterable[Announcement]],
        capture: Capture | None,
        read: ListRead | None = None,
    ) -> None:
        name = self._tally.name

        def job(store: Store) -> Sequence[str]:
            now = time.time()
            hosts = store.frontier.announce(name, told(store))
            if read is not None:
                wanted = follow_up(store, name, read, news=bool(hosts), now=now)
                hosts = [*hosts, *store.frontier.announce(name, wanted)]
            if capture is not None:
                store.read.append(capture.sequence)
            return hosts

        self._fell_due(await asyncio.wrap_future(self._writer.submit(job)))
