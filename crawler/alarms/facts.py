"""What alarms are judged by: the facts of one site after a crawl, gathered in a bounded part of what is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of this crawl that were looked at, the last ones where there were many; an address counts once.

    `shells` are empty without a browser, `walls` challenges and consent pages, `refusals` answers 401, 403, 429
    and 451 by their status. `shell` and `wall` are addresses of one of them.
    """

    seen: int = 0
    shells: int = 0
    walls: int = 0
    refusals: Mapping[int, int] = field(default_factory=dict)
    shell: str = ""
    wall: str = ""


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """A feed as this crawl read it; `newest` (seconds since 1970, UTC) is None where no entry has a date.

    `had_entries` says whether it had any when it was captured before.
    """

    url: str
    entries: int
    newest: float | None = None
    had_entries: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """How many articles were looked at, and how many of them have each field."""

    articles: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClosedHost:
    """A host of the site that is left alone until a moment (seconds since 1970, UTC), and why."""

    host: str
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """All that is known of one site at `now`; moments are seconds since 1970, UTC.

    `successes`, `errors`, `disallowed` and `unreachable` (its robots.txt) count visits to pages and
    channels in this crawl. `published` are moments at
    which articles of this site were published, as it says, each article once, latest first, none in the future.
    `unlisted` are those of articles that no feed lists. `was_captured` says whether the site had pages before.
    """

    site: str
    now: float
    successes: int = 0
    errors: int = 0
    disallowed: int = 0
    unreachable: int = 0
    was_captured: bool = False
    pages: Pages = Pages()
    feeds: tuple[FeedFacts, ...] = ()
    published: tuple[float, ...] = ()
    unlisted: tuple[float, ...] = ()
    fields_now: Sample = Sample()
    fields_before: Sample = Sample()
    closed: tuple[ClosedHost, ...] = ()
