"""What a crawl needs of a frontier; every backend proves itself by the same contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from crawler.frontier.claims import Announcement, Claim, Planned, Visit

LEASE_S = 600.0
"""How long a claim is ours unless it is renewed: longer than any time limit of a request."""


class Frontier(Protocol):
    """Which addresses are known, which are wanted, and which are being fetched now.

    What is announced or done is committed with the captures; all else is at once. Moments are seconds since 1970,
    UTC. A site has rounds: a full one visits every page once, a scheduled one what is due.
    """

    def begin(self, site: str, crawl: str, *, full: bool = True) -> bool:
        """Start a round of `site`, or go on with one that never ended; return whether it goes on.

        A full round makes every page due that is not visited after its beginning, and no requisite: those fall due
        when they are announced again. A scheduled one makes nothing due. A full round that never ended goes on as
        such with either; a scheduled one that never ended is replaced by a full one.
        """

    def end_waiting(self, site: str) -> bool:
        """End a round in which nothing is left but to wait; return whether it was one.

        What is left then was tried, or lies on hosts that gave no answer in the whole round. It stays due;
        a host that is down for good must not keep the others from being visited again.
        """

    def end(self, site: str) -> None:
        """Note that the round came to its end."""

    def announce(self, site: str, announcements: Iterable[Announcement]) -> Sequence[str]:
        """Remember addresses and who announced them; return the host of each that falls due by it.

        A known page stays a page, and keeps its announcer and its place; as long as nobody has asked for it, one that
        gives it a better place takes over, so that the order of two announcements does not matter. It falls due where it is `wanted` and
        was not visited in this round; where a feed, sitemap or REST list gives another `modified` than that channel
        gave before, or for the first time one after the last visit, unless the channel is not to be trusted (see
        `done`); where it was missing from its list and is on it again. A known requisite that is announced as a page
        becomes one. One that is announced as a requisite again is due for `site` where it waits for its first visit,
        or was not visited in this round and is not fresh any more.
        """

    def listed(self, site: str, source_url: str, since: float, total: int | None = None) -> int:
        """Note that the list `source_url` was read to its end; return how many addresses are missing from it by now.

        What it announced before `since` and not after it is missing from then on, and due once. A list that
        announced nothing since says nothing. `total` is how many the list itself says it has: `listing_size` returns
        it from then on, as much more or less as is announced or goes missing later.
        """

    def listing_size(self, site: str, source_url: str) -> int:
        """Return how many addresses the list has that are not missing, see `listed`."""

    def claim(
        self,
        site: str,
        limit: int,
        *,
        without: Collection[str] = (),
        requisites_only: bool = False,
        own_only: bool = False,
        lease_s: float = LEASE_S,
    ) -> Sequence[Claim]:
        """Take up to `limit` addresses that are due, the most urgent first; none of the hosts `without`.

        With `own_only` no requisites of hosts other than the seed's.

        Nobody else gets them until they come back, or for `lease_s` seconds.
        """

    def renew(self, keys: Iterable[str], *, lease_s: float = LEASE_S) -> None:
        """Prolong the leases of claimed addresses; of those whose lease has ended nothing is changed."""

    def release(self, keys: Iterable[str]) -> None:
        """Give claimed addresses back that were not asked for: they are due again, and no failure is counted."""

    def done(self, visit: Visit) -> None:
        """Give back a claimed address; it is not due again before its next round or `retry_at`.

        Where a channel's word caused the visit, its trust is learned from whether there was news (`Visit.is_news`):
        after 20 visits with news in less than one of twenty its words cause none any more, and are still remembered.
        """

    def due(
        self, site: str, *, requisites_only: bool = False, without: Collection[str] = ()
    ) -> float | None:
        """Return when to claim next, None where nothing waits: now or earlier where something is due.

        What is planned for later is no part of the round until it falls due.

        It may be earlier than the moment when something falls due, never later. What others hold counts at the end
        of its lease.
        """

    def next_planned(self, site: str) -> float | None:
        """Return when the next page falls due by plan, None where none is planned."""

    def forgo(self, site: str, kinds: Collection[str]) -> None:
        """Let no requisite of `site` be due that is not of these kinds, until it is announced again."""

    def counts(self, site: str) -> tuple[int, int]:
        """Return how many addresses of `site` are known, and how many of them this round still wants."""

    def unplanned(self, site: str, limit: int) -> Sequence[Planned]:
        """Return up to `limit` pages of `site` that were visited since their next visit was planned."""

    def plan(self, times: Iterable[tuple[int, float | None]]) -> None:
        """Set when pages fall due in scheduled rounds, by `Planned.id`; None for never. What is due now stays so."""
