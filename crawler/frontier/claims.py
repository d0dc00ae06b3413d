"""The values that go in and out of a frontier, and what every frontier does with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from w3lib.url import safe_url_string

from archive import urls
from archive.model import Announcer, Outcome, Via

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

RESPELT = "#"
"""Ends the keys that `respelt` makes; no fetch key has a fragment."""

MAX_REDIRECTS = 10
"""Redirects in a row that are followed; browsers stop at 20, RFC 9110 section 15.4 names no number."""

PRIORITY = {
    Announcer.SEED: 0,
    Announcer.ROBOTS: 1_000,
    Announcer.REQUISITE: 1_500,
    Announcer.FEED: 2_000,
    Announcer.REDIRECT: 3_000,
    Announcer.SITEMAP: 5_000,
}
"""Smaller is fetched earlier: what a page needs comes before more pages, so that a crawl that stops has whole
ones; what a feed announces is new, a sitemap lists the whole back catalogue."""

_PRIORITY_OF_LINKS = 4_000


@dataclass(frozen=True, slots=True)
class Announcement:
    """One address that somebody told us of; `key` is its fetch key, `redirects` how many led here in a row.

    Requisites alone have a `kind` (a RequisiteKind) and a `depth`: 1 for what a page names, 2 for what its
    stylesheets name, and so on.
    """

    key: str
    url: str
    via: Via
    redirects: int = 0
    kind: str = ""
    depth: int = 0

    @property
    def is_requisite(self) -> bool:
        """Whether it belongs to pages and is none itself."""
        return self.via.announcer is Announcer.REQUISITE

    @property
    def host(self) -> str:
        """The host that it is fetched from, as Scrapy names its download slots."""
        return urlsplit(self.url).hostname or ""

    @property
    def priority(self) -> int:
        """Its place in the queue, smaller first; nearer addresses come first."""
        base = PRIORITY.get(self.via.announcer, _PRIORITY_OF_LINKS)
        return base + min(self.via.hop, 499 if self.is_requisite else 999)


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that is ours to fetch now; it comes back by `done`, or after a restart.

    `digest` is the payload digest of its last visit, "" where there was none; `kind` and `depth` are those of
    its announcement. `etag` and `last_modified` are the validators that its last visit left (see `Visit`),
    `visited` the moment of that (seconds since 1970, UTC), `status` what was answered then, 0 for nothing.
    """

    key: str
    url: str
    via: Via
    redirects: int
    failures: int
    digest: str
    host: str = ""
    kind: str = ""
    depth: int = 0
    etag: str = ""
    last_modified: str = ""
    visited: float | None = None
    status: int = 0

    @property
    def is_requisite(self) -> bool:
        """Whether it belongs to pages and is none itself."""
        return self.via.announcer is Announcer.REQUISITE


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit came to; `retry_at` (seconds since 1970, UTC) where it is to be tried again.

    `fresh_until` is the moment from which a requisite may be asked for again, None for at once. `status` is what
    was answered, 0 where nothing was: then the address keeps the digest and the validators it has, else `etag` and
    `last_modified` take their place, as the server sent them. A `digest` of "" leaves the one there is. `changed`
    says whether the payload is another one than at the last visit, None where nothing can be said.
    """

    key: str
    outcome: Outcome
    digest: str = ""
    retry_at: float | None = None
    fresh_until: float | None = None
    status: int = 0
    etag: str = ""
    last_modified: str = ""
    changed: bool | None = None


class Frontier(Protocol):
    """What a crawl needs of a frontier; every backend proves itself by the same contract tests."""

    def begin(self, site: str, crawl: str) -> bool:
        """Start a round of `site`, or go on with one that never ended; return whether it goes on.

        A new round makes every page due, and no requisite: those fall due when they are announced again.
        """

    def end(self, site: str) -> None:
        """Note that the round came to its end."""

    def announce(self, site: str, announcements: Iterable[Announcement]) -> Sequence[str]:
        """Remember addresses; return the host of each that falls due by it.

        A known page keeps its first announcer and stays a page. A known requisite that is announced as a page
        becomes one. One that is announced as a requisite again is due for `site` where it waits for its first
        visit, or was not visited in this round and is not fresh any more.
        """

    def claim(
        self, site: str, limit: int, *, without: Collection[str] = (), requisites_only: bool = False
    ) -> Sequence[Claim]:
        """Take up to `limit` addresses that are due, the most urgent first; none of the hosts `without`."""

    def done(self, visit: Visit) -> None:
        """Give back a claimed address; it is not due again before its next round or `retry_at`."""

    def due(self, site: str, *, requisites_only: bool = False) -> float | None:
        """Return when the next unclaimed address falls due (seconds since 1970), or None."""

    def forgo(self, site: str, kinds: Collection[str]) -> None:
        """Let no requisite of `site` be due that is not of these kinds, until it is announced again."""


def announcement(
    url: str, via: Via, *, redirects: int = 0, kind: str = "", depth: int = 0
) -> Announcement:
    """Return the announcement of `url`, written as Scrapy will send it, under its fetch key.

    Scrapy escapes more than browsers do and drops an empty query; what is captured must find its row again.
    """
    sent = safe_url_string(url)
    key = urls.fetch_key(sent)
    return Announcement(key, sent, via, redirects=redirects, kind=kind, depth=depth)


def respelt(told: Announcement) -> Announcement:
    """Return the announcement of a redirect's target that shares its fetch key with the address before it.

    A server may insist on one way of writing an address; both are then fetched, under keys of their own.
    """
    return replace(told, key=told.url + RESPELT)
