"""The values that go in and out of a frontier, and what every frontier does with them; what it must do is in `protocol`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archive import urls
from archive.model import Announcer, Outcome, Via
from crawler.frontier.priorities import priority_of

if TYPE_CHECKING:
    from collections.abc import Collection

RESPELT = "#"
"""Ends the keys that `respelt` makes; no fetch key has a fragment."""

MAX_REDIRECTS = 10
"""Redirects in a row that are followed; browsers stop at 20, RFC 9110 section 15.4 names no number."""

DATED = frozenset({Announcer.FEED, Announcer.SITEMAP, Announcer.REST})
"""Channels that say when a page changed, and are read again and again: what they say makes a known page due."""

FAILED = frozenset(
    {
        Outcome.TIMEOUT,
        Outcome.DNS,
        Outcome.TLS,
        Outcome.CONNECTION,
        Outcome.HTTP_ERROR,
        Outcome.TRUNCATED,
        Outcome.BLOCKED,
    }
)
"""Outcomes of visits that say nothing of whether a page has changed."""

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Announcement:
    """One address that somebody told us of; `key` is its fetch key, `redirects` how many led here in a row.

    Requisites alone have a `kind` (a RequisiteKind) and a `depth`: 1 for what a page names, 2 for what its
    stylesheets name, and so on. `published` and `modified` are the dates that the announcer gives of it (seconds
    since 1970, UTC). `wanted` makes a known page due that was not visited in this round. `is_channel` says that
    the address is a feed, a sitemap or a REST list itself. `source` is the list that it stands on, "" for the
    referrer; the pages of one REST list have one source.
    """

    key: str
    url: str
    via: Via
    redirects: int = 0
    kind: str = ""
    depth: int = 0
    published: float | None = None
    modified: float | None = None
    wanted: bool = False
    is_channel: bool = False
    source: str = ""

    @property
    def is_requisite(self) -> bool:
        """Whether it belongs to pages and is none itself."""
        return self.via.announcer is Announcer.REQUISITE

    @property
    def host(self) -> str:
        """The host that it is fetched from, see `host_of`."""
        return host_of(self.url)

    @property
    def date(self) -> float | None:
        """The date that is compared with the one its announcer gave before."""
        return self.published if self.modified is None else self.modified

    @property
    def priority(self) -> int:
        """Its place in the queue, smaller first; it follows from the announcement alone."""
        is_own = self.is_requisite and _name(self.host) == _name(host_of(self.via.seed))
        dated = self.modified if self.published is None else self.published
        return priority_of(self.via, is_own=is_own, is_channel=self.is_channel, dated=dated)


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that is ours to fetch now, until its lease ends; it comes back by `done` or `release`.

    `digest` is the payload digest of its last good answer, "" where there was none; `kind` and `depth` are those of
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

    @property
    def is_news(self) -> bool | None:
        """Whether a visit that somebody's word caused was worth it; None where it failed and nobody can say."""
        if self.status in (404, 410):
            return True
        if self.outcome in (Outcome.UNCHANGED, Outcome.NOT_MODIFIED):
            return False
        return None if self.outcome in FAILED or not self.status else self.changed is not False


@dataclass(frozen=True, slots=True)
class Planned:
    """A page that was visited since its next visit was last planned.

    `channels` are all that announced it, `announcer` the first of them. Moments are seconds since 1970, UTC: `known`
    when it became known, `visited` its last visit; `published` and `modified` as announced. `errors` counts the
    visits that failed since the last that did not. `changed` is None where the last visit says nothing of it.
    `is_source` tells feeds, sitemaps and REST lists that have announced something.
    """

    id: int
    key: str
    url: str
    host: str
    announcer: Announcer
    channels: Collection[Announcer]
    hop: int
    published: float | None
    modified: float | None
    known: float
    visited: float
    outcome: Outcome
    status: int
    changed: bool | None
    errors: int
    digest: str
    is_source: bool


def announcement(
    url: str, via: Via, *, redirects: int = 0, kind: str = "", depth: int = 0
) -> Announcement:
    """Return the announcement of `url`, written as Scrapy will send it, under its fetch key.

    Scrapy escapes more than browsers do and drops an empty query; what is captured must find its row again.
    """
    from w3lib.url import safe_url_string  # noqa: PLC0415 - 50 ms, and who only counts wants none

    sent = safe_url_string(url)
    key = urls.fetch_key(sent)
    return Announcement(key, sent, via, redirects=redirects, kind=kind, depth=depth)


def respelt(told: Announcement) -> Announcement:
    """Return the announcement of a redirect's target that shares its fetch key with the address before it.

    A server may insist on one way of writing an address; both are then fetched, under keys of their own.
    """
    return replace(told, key=told.url + RESPELT)


def host_of(url: str) -> str:
    """Return the host that `url` is fetched from, with its port where that is not the scheme's own; "" for none.

    It is the unit of politeness: addresses of one host wait for each other.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if port in (None, _PORTS.get(parts.scheme)):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _name(host: str) -> str:
    return host.removeprefix("www.")
