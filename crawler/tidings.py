"""What the answers of one crawl name, made known to the frontier; hides what was told before and what is out of scope.

Stands between the spider (in the event loop) and the writer's thread. Addresses that were announced before are
dropped here as strings, before anything else is made of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from crawler.announcing import announcements, parted, untracked
from crawler.needs import Needs, below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from archive.model import Capture
    from crawler.discover.links import Link
    from crawler.frontier import Announcement, Claim
    from crawler.scope import Scope
    from crawler.tally import SiteTally
    from crawler.writer import CollectionWriter, Store

_SEEN_MAX = 50_000
"""Addresses remembered as strings. A page of a small site names about 100, nearly all of them on every page;
what is forgotten costs one look-up in the frontier, some microseconds."""


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
        self._scope = scope
        self._fell_due = fell_due
        self._seen: set[str] = set()

    async def announce(
        self,
        links: Iterable[Link],
        *,
        referrer: str,
        capture: Capture | None = None,
    ) -> None:
        """Make links known to the frontier, requisites among them; returns when they are, not when they are durable.

        `referrer` is the address that named them. With `capture` its links count as read from then on.
        """
        leading, shown = parted(links)
        unseen = [link for link in map(untracked, leading) if self._is_unseen(link)]
        in_scope = [link for link in unseen if self._in_scope(link)]
        needed = self.needs.new(shown, pages=self._tally.pages)

        def told(store: Store) -> Iterable[Announcement]:
            if not (in_scope or needed):
                return ()
            known = store.frontier.claim_of_url(referrer)
            parent = known[1] if known else None
            pages = announcements(in_scope, referrer, parent)
            return (*pages, *below(needed, referrer, parent))

        await self._tell(told, capture)

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
        self, told: Callable[[Store], Iterable[Announcement]], capture: Capture | None
    ) -> None:
        def job(store: Store) -> Sequence[str]:
            hosts = store.frontier.announce(self._tally.name, told(store))
            if capture is not None:
                store.read.append(capture.sequence)
            return hosts

        self._fell_due(await asyncio.wrap_future(self._writer.submit(job)))

    def _is_unseen(self, link: Link) -> bool:
        if link.url in self._seen:
            return False
        if len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        self._seen.add(link.url)
        return True

    def _in_scope(self, link: Link) -> bool:
        verdict = self._scope.decide(link.url)
        if not verdict.in_scope:
            self._tally.reasons[verdict.reason] += 1
        return verdict.in_scope
