"""How known addresses stand, and how many of them: the values of coverage, without files and SQL."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archive.model import Announcer, Outcome
from crawler.report import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DUE: Final = "due"
CLOSED: Final = "closed"
LEFT_OUT: Final = "left_out"
LOST: Final = "lost"
NO_ANSWER: Final = "no_http"

REASONS: Final[Mapping[str, str]] = {
    **{outcome.value: words for outcome, words in WORDS.items()},
    DUE: "not fetched yet",
    CLOSED: "not fetched yet, its host is left alone for now",
    LEFT_OUT: "left out by the site's settings",
    LOST: "stored once, but its record is not here",
    NO_ANSWER: "answered, but not in HTTP",
}
"""Why an address is missing; beside these, an HTTP status stands for the answer that had it."""

_SUCCESSES = frozenset({Outcome.STORED, Outcome.UNCHANGED, Outcome.DUPLICATE, Outcome.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the last visit and the captures say of an address; `is_held` where its host is left alone now."""

    outcome: str | None
    is_captured: bool
    status: int | None
    waits: bool
    is_held: bool = False

    @property
    def is_redirect(self) -> bool:
        """The last answer leads elsewhere; a 304 does not."""
        return self.status is not None and 300 <= self.status < 400 and self.status != 304

    @property
    def word(self) -> str:
        """captured, redirect, or why it is missing."""
        if self.is_captured:
            return "captured"
        return "redirect" if self.is_redirect else self.reason

    @property
    def reason(self) -> str:
        """Why it is missing."""
        answered = str(self.status) if self.status else NO_ANSWER
        if self.outcome is None and self.status in range(200, 300):
            return Outcome.TRUNCATED
        if self.outcome is None:
            return answered if self.status is not None else self._unvisited()
        if self.outcome == Outcome.HTTP_ERROR and self.status is not None:
            return answered
        if self.outcome in _SUCCESSES or self.outcome == Outcome.HTTP_ERROR:
            return LOST
        return self.outcome

    def _unvisited(self) -> str:
        if not self.waits:
            return LEFT_OUT
        return CLOSED if self.is_held else DUE


@dataclass(frozen=True, slots=True)
class Address:
    """A known address. `announcers` are all that told of it, `announcer` the first; `referrer` and `hop` are its."""

    site: str
    url: str
    standing: Standing
    announcers: tuple[str, ...]
    announcer: str
    referrer: str
    hop: int

    @property
    def reason(self) -> str:
        """Why it is missing."""
        return self.standing.reason

    @property
    def status(self) -> int:
        """The status of its last answer, 0 where none is stored."""
        return self.standing.status or 0


@dataclass(slots=True)
class Counts:
    """How many addresses are known, and how they stand; `reasons` adds up to `missing`."""

    known: int = 0
    captured: int = 0
    redirects: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> int:
        """Addresses of which no whole answer is stored, redirects aside."""
        return self.reasons.total()

    def add(self, standing: Standing, count: int) -> None:
        """Count addresses that stand alike."""
        self.known += count
        if standing.is_captured:
            self.captured += count
        elif standing.is_redirect:
            self.redirects += count
        else:
            self.reasons[standing.reason] += count


@dataclass(slots=True)
class Channel(Counts):
    """What one channel knew; `only` of it nobody else did.

    `newest` is the newest date that it told, `read` when it was read last: seconds since 1970 (UTC), None for what is no
    feed, sitemap or REST list.
    """

    only: int = 0
    newest: float | None = None
    read: float | None = None


@dataclass(frozen=True, slots=True)
class ClosedHost:
    """A host that is left alone until a moment (seconds since 1970, UTC), and why."""

    host: str
    until: float
    reason: str


@dataclass(slots=True)
class SiteCoverage:
    """One site: its addresses, the requisites of its pages apart, and the same by each that announced them.

    `closed` are hosts of its addresses that are left alone now; `unfollowed` says how many links the last crawl left
    out, and why.
    """

    site: str
    is_crawled: bool
    addresses: Counts = field(default_factory=Counts)
    requisites: Counts = field(default_factory=Counts)
    channels: dict[str, Channel] = field(default_factory=dict)
    closed: tuple[ClosedHost, ...] = ()
    unfollowed: Mapping[str, int] = field(default_factory=dict)

    def add(self, channels: Sequence[str], standing: Standing, count: int) -> None:
        """Count addresses that stand alike and that the same channels knew."""
        part = self.requisites if Announcer.REQUISITE in channels else self.addresses
        part.add(standing, count)
        for name in channels:
            channel = self.channels.setdefault(name, Channel())
            channel.add(standing, count)
            channel.only += count if len(channels) == 1 else 0

    def missed(self, channel: str) -> int:
        """How many addresses others knew and this channel did not; requisites are none."""
        return self.addresses.known - self.channels[channel].known
