"""How one host stands: what its pause counts from, how often it failed in a row, until when it is closed.

Judges answers; knows no event loop and no site. A host is one name, with its port where that is not the scheme's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scrapy.exceptions import IgnoreRequest

NOTHING = -1
"""The status of a request that brought no byte: no connection, or silence. 0 is that of bytes that are no answer."""

LONGEST_PAUSE_S = 120.0
"""A server that asks for a longer pause asks it for one address, unless it asks so for several."""

ENOUGH = 3
"""Failures in a row that close a host. One of them says little of the host, two may be two bad pages."""

BELIEVED = 10
"""So many times the pause that a server asks for is taken for what it says; then it does not know itself."""

FIRST_CLOSING_S = 30.0
LONGEST_CLOSING_S = 6 * 3600.0
LONGEST_ASKED_S = 30 * 86400.0

WAITED_OUT_S = 60.0
"""A crawl waits while a host is closed for no longer than this, else it is put off."""

WAITED_OUT_UNSEEN_S = 10.0
"""The same for a host that has not given one good answer in this run: a site that is down is told of soon."""

_TOLD_MAX = 4


class HostClosed(IgnoreRequest):
    """A request that is not sent: its host is closed for long, or the crawl is ending. Its address stays due."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Until when (seconds since 1970, UTC) a host is left alone, and why; `is_long` where no crawl waits for it."""

    until: float
    reason: str
    is_long: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: its status (NOTHING, or 0 for bytes that are no answer), the seconds that its Retry-After asks for.

    `sent_at` is the tick at which the request went out.
    """

    url: str
    status: int
    asked_s: float
    sent_at: float

    @property
    def is_failure(self) -> bool:
        """Whether it may be the host that fails."""
        return self.status in {NOTHING, 429} or self.status >= 500


@dataclass(slots=True)
class Host:
    """How a host stands. `key` is as `frontier.claims.host_of` returns it.

    `from_at` is the tick that the pause counts from, `sent_at` that of the last sending; `latency` how long it usually takes to answer (s);
    `crawl_delay` what its robots.txt asks for (s); `failures` how often it was closed without a good answer since;
    `closed_until` seconds since 1970; `requests` were sent on `day` (days since 1970, UTC).
    """

    key: str
    from_at: float = float("-inf")
    sent_at: float = float("-inf")
    latency: float = 0.0
    crawl_delay: float = 0.0
    under_way: int = 0
    failures: int = 0
    closed_until: float = 0.0
    closed_at: float = float("-inf")
    reason: str = ""
    is_long: bool = False
    has_answered: bool = False
    day: int = 0
    requests: int = 0
    _bad: set[str] = field(default_factory=set)
    _row: int = 0
    _put_off: dict[str, float] = field(default_factory=dict)
    _told: int = 0
    _asked_s: float = 0.0

    def closing(self, now: float) -> Closing | None:
        """Return how it is closed, None where it is open."""
        if self.closed_until <= now:
            return None
        return Closing(self.closed_until, self.reason, self.is_long)

    def took(self, seconds: float) -> None:
        """Note how long an answer took to begin."""
        self.latency = seconds if not self.latency else 0.8 * self.latency + 0.2 * seconds

    def answered(self, answer: Answer, *, now: float, ticks: float) -> None:
        """Judge what came of a request."""
        was_before = answer.sent_at < self.closed_at
        if answer.is_failure:
            self._failed(answer, was_before=was_before, now=now, ticks=ticks)
            return
        self.has_answered = True
        self._row, self._told, self._asked_s = 0, 0, 0.0
        self._bad.clear()
        self._put_off.clear()
        if not was_before:
            self.failures, self.closed_until = 0, 0.0

    def spent(self, day: int) -> int:
        """Return how many requests were sent on `day`."""
        return self.requests if day == self.day else 0

    def sent(self, day: int) -> None:
        """Count a request."""
        self.requests = self.spent(day) + 1
        self.day = day

    def _failed(self, answer: Answer, *, was_before: bool, now: float, ticks: float) -> None:
        asked_s = answer.asked_s
        if asked_s > LONGEST_PAUSE_S:
            self._put_off[answer.url] = min(asked_s, LONGEST_ASKED_S)
            if len(self._put_off) >= ENOUGH:
                self._close(
                    now,
                    ticks,
                    max(self._put_off.values()),
                    f"asked for a long pause ({answer.status})",
                )
            return
        if answer.status == 429 and asked_s:
            self._wait(now, ticks, asked_s)
            self._told += not was_before
            if self._told <= _TOLD_MAX:
                return
        self._asked_s = max(self._asked_s, asked_s)
        self._row += 1
        if len(self._bad) < ENOUGH:
            self._bad.add(answer.url)
        is_host = (
            self._row >= ENOUGH and len(self._bad) > 1
        )  # one page alone may be at fault itself
        if not was_before and (is_host or self.failures):
            seconds = _closing_s(self._asked_s, self.failures)
            self._close(now, ticks, seconds, _reason(answer.status))

    def _wait(self, now: float, ticks: float, seconds: float) -> None:
        self.closed_at = ticks
        if now + seconds > self.closed_until:
            self.closed_until, self.is_long = now + seconds, False
            self.reason = "asked to wait (429)"

    def _close(self, now: float, ticks: float, seconds: float, reason: str) -> None:
        self.failures += 1
        self.closed_at = ticks
        patience = WAITED_OUT_S if self.has_answered else WAITED_OUT_UNSEEN_S
        if now + seconds > self.closed_until:
            self.closed_until, self.reason = now + seconds, reason
            self.is_long = seconds > patience


def _closing_s(asked_s: float, failures: int) -> float:
    """Return for how long a host is closed that was closed `failures` times before without a good answer since.

    Twice as long each time; but a server that says when to come back is asked once a minute at least to begin with.
    """
    doubled = (asked_s or FIRST_CLOSING_S) * 2.0 ** min(failures, 30)
    if asked_s:
        late = WAITED_OUT_S * 2.0 ** min(failures - BELIEVED, 30)
        doubled = min(doubled, max(WAITED_OUT_S, late, asked_s))
    return min(doubled, LONGEST_CLOSING_S)


def _reason(status: int) -> str:
    return "no answer" if status == NOTHING else f"answers with {status}"
