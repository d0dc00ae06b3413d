"""What pages need beside themselves, as a crawl goes after it: which of it, how deep, how much, how long.

Hides the bounds. A requisite may lie on any host, and leads on only to what it needs itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from archive.errors import UsageError
from archive.model import Announcer, Outcome, Via
from archive.requisites import MAX_REQUISITES, RequisiteKind
from crawler.frontier.claims import MAX_REDIRECTS, Announcement, Claim, announcement, respelt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from crawler.discover.links import Link

MODES: Final[Mapping[str, frozenset[str]]] = {
    "all": frozenset(RequisiteKind),
    "images": frozenset({RequisiteKind.IMAGE, RequisiteKind.ICON, RequisiteKind.FAVICON}),
    "none": frozenset(),
}
"""What `requisites` of a site may say, and the kinds that are then fetched."""

MAX_DEPTH = 4
"""A page's stylesheet, what that imports, what this imports, and its fonts; real sites use two or three."""

PATIENCE = 3
"""Requests in a row that a host of requisites may leave without an answer: old articles name hosts that are long
gone, and each request to one takes as long as the time limit."""

_SEEN_MAX = 50_000

_SILENT = frozenset({Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.DNS, Outcome.TLS})


class Needs:
    """Picks the requisites that are news: of the kinds wanted, not seen before, `MAX_REQUISITES` a page on average.

    The average bounds stylesheets that import each other's inventions.
    """

    def __init__(self, mode: str) -> None:
        if mode not in MODES:
            message = f"MURAGAT_REQUISITES is {mode!r}; write {', '.join(MODES)}"
            raise UsageError(message)
        self.kinds = MODES[mode]
        self._seen: set[str] = set()
        self._count = 0

    def new(self, found: Iterable[Link], *, pages: int) -> list[Link]:
        """Return what of `found` is to be announced; `rel` is its kind, `pages` were captured so far."""
        unseen = [one for one in found if one.url not in self._seen and one.rel in self.kinds]
        left = max(0, MAX_REQUISITES * (pages + 1) - self._count)
        if len(self._seen) + len(unseen) > _SEEN_MAX:
            self._seen.clear()
        self._seen.update(one.url for one in unseen[:left])
        self._count += min(left, len(unseen))
        return unseen[:left]


def below(
    needed: Iterable[Link], referrer: str, parent: Claim | None, *, is_redirect: bool = False
) -> Iterator[Announcement]:
    """Yield the announcements of what the answer of `referrer` needs, or of where it redirects.

    Nothing beyond `MAX_DEPTH` and MAX_REDIRECTS. Without a `parent` the referrer counts as a seed.
    """
    depth = parent.depth if parent else 0
    redirects = parent.redirects + 1 if parent and is_redirect else 0
    depth += 0 if is_redirect else 1
    if depth > MAX_DEPTH or redirects > MAX_REDIRECTS:
        return
    seed = parent.via.seed if parent else referrer
    hop = parent.via.hop + 1 if parent else 1
    via = Via(announcer=Announcer.REQUISITE, referrer=referrer, seed=seed, hop=hop)
    for one in needed:
        told = announcement(one.url, via, redirects=redirects, kind=one.rel, depth=depth)
        if parent and redirects and told.key == parent.key and told.url != parent.url:
            told = respelt(told)
        yield told


class Patience:
    """Counts how often hosts that only give requisites are silent; `is_own` tells the site's own, which are asked on."""

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._failures: Counter[str] = Counter()
        self._last: dict[str, Outcome] = {}

    def answered(self, host: str) -> None:
        """Note that a host is there."""
        if host in self._failures:
            del self._failures[host]

    def failed(self, claim: Claim, outcome: Outcome) -> bool:
        """Note how a request ended without an answer; return whether its host is left alone from now on."""
        if outcome not in _SILENT or not claim.is_requisite or self._is_own(claim.host):
            return False
        self._failures[claim.host] += 1
        self._last[claim.host] = outcome
        return self._failures[claim.host] >= PATIENCE

    def is_exhausted(self, claim: Claim) -> bool:
        """True where the host of a claim is left alone for the rest of the crawl."""
        return claim.is_requisite and self._failures[claim.host] >= PATIENCE

    @property
    def exhausted(self) -> frozenset[str]:
        """The hosts that are left alone."""
        return frozenset(host for host, count in self._failures.items() if count >= PATIENCE)

    def last(self, host: str) -> Outcome:
        """Return what came of the last request to a silent host."""
        return self._last[host]
