"""What is wrong with a site, as a value: told in the report, in `sites`, to an address or a program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlarmKind(StrEnum):
    """What may be wrong with a site; the guide says of each what to do."""

    EMPTY_SHELL = "empty_shell"
    BLOCKED = "blocked"
    STALE_FEED = "stale_feed"
    EMPTY_FEED = "empty_feed"
    FIELDS = "fields"
    SILENT = "silent"
    CLOSED = "closed"
    ROBOTS = "robots"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong with one site; `message` is a sentence with figures and what to do."""

    site: str
    kind: AlarmKind
    message: str

    def __str__(self) -> str:
        return f"{self.site}: {self.message}"

    def to_json(self) -> dict[str, str]:
        """Return the object that reports, addresses and programs get."""
        return {"site": self.site, "kind": self.kind.value, "message": self.message}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one crawl tells of its sites: the alarms, and which (site, kind) could be judged at all."""

    alarms: tuple[Alarm, ...] = ()
    judged: frozenset[tuple[str, AlarmKind]] = frozenset()
