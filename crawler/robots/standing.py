"""How the robots.txt of an origin stands, and for how long; functions from values to values.

    read, or unavailable (4xx, a redirect that leads nowhere)   its rules hold a day, less where Cache-Control says so
    unreachable (5xx, 429, no answer in time, a broken one)      what was read before holds on for 30 days; without it
                                                                nothing may be asked for

An unreachable one is asked for again after 10 minutes, then twice as long each time, a day at most; later where the
server asks for that. Source: RFC 9309 sections 2.3.1 and 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crawler.frontier.freshness import DAY_S, lifetime_s
from crawler.robots.rules import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_S = 30 * DAY_S
FIRST_WAIT_S = 600.0
LONGEST_WAIT_S = DAY_S

_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What the request for a robots.txt came to, at `url`: a body without its coding, empty where it is unavailable."""

    url: str
    body: bytes = b""
    fields: Iterable[tuple[bytes, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """One origin's robots.txt. Times are seconds since 1970, UTC; `fetched` is 0 where none was ever read.

    `url` is where its `body` came from, redirects followed. Nothing is asked for before `until`. `failures` counts
    how often in a row it could not be reached.
    """

    origin: str
    url: str = ""
    body: bytes = b""
    fetched: float = 0.0
    until: float = 0.0
    failures: int = 0

    def holds(self, now: float) -> bool:
        """Say whether it need not be asked for yet; later than a day from now a clock was wrong that has been set since."""
        return now < self.until <= now + DAY_S

    def is_known(self, now: float) -> bool:
        """Say whether there are rules to go by; without them nothing may be asked for."""
        if not self.failures:
            return bool(self.fetched)
        return bool(self.fetched) and now - self.fetched <= KEPT_S

    def answered(self, answer: Answer, now: float) -> Standing:
        """Return how it stands once an answer has come."""
        stated = lifetime_s(answer.fields, status=200, received=now)
        return Standing(
            self.origin,
            answer.url,
            answer.body[: MAX_BYTES + 1],  # one more shows the reader that the last line is cut
            fetched=now,
            until=now + min(stated, DAY_S),
        )

    def unreachable(self, now: float, *, retry_after_s: float = 0.0) -> Standing:
        """Return how it stands once it could not be reached; the server asked for `retry_after_s` before the next try."""
        failures = self.failures + 1
        wait = min(FIRST_WAIT_S * 2.0 ** min(self.failures, _MOST_DOUBLINGS), LONGEST_WAIT_S)
        if retry_after_s:
            asked = min(retry_after_s, LONGEST_WAIT_S)
            wait = asked if failures == 1 else max(asked, wait)
        return replace(self, until=now + wait, failures=failures)
