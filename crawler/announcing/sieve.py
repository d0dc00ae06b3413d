"""Picks of the links of an answer those to be told to the frontier; hides what was told before and what is refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from archive.model import Announcer
from crawler.announcing import untracked
from crawler.discover.channels import is_listed
from crawler.scope import BUDGETED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy.http import Response

    from crawler.discover.links import Link
    from crawler.scope import Scope

_SEEN_MAX = 50_000
"""Addresses remembered as strings. A page of a small site names about 100, nearly all of them on every page;
what is forgotten costs one look-up in the frontier, some microseconds."""

BATCH = 200
"""Links that are looked at in one go, 5 ms; a sitemap has up to 50,000."""

_BITS = {announcer: 1 << number for number, announcer in enumerate(Announcer)}
_ASKED = 1 << len(_BITS)
"""What is kept of an address: who told of it; or that it was asked about, and refused for as long as budgets say."""


class Sieve:
    """The sieve of one crawl; `reasons` counts the addresses that were refused, by the names in `scope.REASONS`."""

    def __init__(self, scope: Scope, reasons: Counter[str] | None = None) -> None:
        self._scope = scope
        self._reasons = Counter() if reasons is None else reasons
        self._seen: dict[str, int] = {}

    def news(
        self, links: Iterable[Link], *, referrer: str, response: Response | None = None
    ) -> list[Link]:
        """Return what is in scope and was not told of before by the same channel, without tracking parameters.

        What stands on a list of the site's own is always told: its last mention counts. The budgets of the scope
        learn from the answer first.
        """
        batches = self.sifted(links, referrer=referrer, response=response)
        return [link for batch in batches for link in batch]

    def sifted(
        self, links: Iterable[Link], *, referrer: str, response: Response | None = None
    ) -> Iterator[list[Link]]:
        """Yield the same in batches, each of at most `BATCH` links looked at: some milliseconds."""
        leading = [untracked(link) if "?" in link.url else link for link in links]
        self._scope.read(referrer, [link.url for link in leading], response)
        for start in range(0, len(leading), BATCH):
            told = self._seen.get
            news = (
                link
                for link in leading[start : start + BATCH]
                if not told(link.url, 0) & _BITS[link.announcer] or is_listed(link)
            )
            yield [link for link in news if self._passes(link, referrer)]

    def _passes(self, link: Link, referrer: str) -> bool:
        listed = is_listed(link)
        bit = _BITS[link.announcer]
        told = self._seen.get(link.url, 0)
        verdict = self._scope.decide(link.url, referrer=referrer, is_listed=listed)
        if not verdict.in_scope and not told:
            self._reasons[verdict.reason] += 1
        if len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        self._seen[link.url] = told | (_ASKED if verdict.reason in BUDGETED else bit)
        return verdict.in_scope
