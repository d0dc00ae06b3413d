"""What became of each file that was to be taken in, as a line for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAWS_TOLD: Final = 1000
"""Flaws of one file that are kept; the rest are counted."""


def shown(name: object) -> str:
    """Return the name of a file as it may be printed: what can't be, or would steer a terminal, as U+FFFD."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in str(name))


class Fate(StrEnum):
    """What was done with a file."""

    IMPORTED = "imported"
    SALVAGED = "salvaged"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a byte of a source, -1 where it is the whole; `is_loss` where something was left behind."""

    offset: int
    message: str
    is_loss: bool = False

    def __str__(self) -> str:
        return f"byte {self.offset}: {self.message}" if self.offset >= 0 else self.message


@dataclass(slots=True)
class Faults:
    """The faults of one source, the first of them word for word."""

    told: list[Fault] = field(default_factory=list)
    count: int = 0
    losses: int = 0

    def add(self, fault: Fault) -> None:
        self.count += 1
        self.losses += fault.is_loss
        if len(self.told) < FLAWS_TOLD:
            self.told.append(fault)

    def to_json(self) -> list[dict[str, object]]:
        return [{"offset": fault.offset, "message": fault.message} for fault in self.told]


@dataclass(frozen=True, slots=True)
class Taken:
    """One source file and what became of it; `file` is its name under warc/, "" where it is not there.

    `new` and `known` count its captures, `unresolved` its revisits whose original is not here; `records` counts by
    type. `reason` says why it was refused.
    """

    source: str
    fate: Fate
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    new: int = 0
    known: int = 0
    unresolved: int = 0
    records: dict[str, int] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    reason: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether all that the source holds is in the collection."""
        return self.fate is not Fate.REFUSED and not self.faults.losses

    def to_json(self) -> dict[str, object]:
        values = asdict(self)
        del values["faults"], values["new"], values["known"], values["unresolved"]
        return {
            **values,
            "captures": {"new": self.new, "known": self.known},
            "revisits_without_original": self.unresolved,
            "flaws": self.faults.to_json(),
            "flaws_count": self.faults.count,
            "losses": self.faults.losses,
        }

    def line(self) -> str:
        """Return the line for people."""
        if self.fate is Fate.REFUSED:
            return f"{self.source}: refused: {self.reason}"
        if self.fate is Fate.KNOWN:
            return f"{self.source}: known already, as {self.file}"
        counts = {
            "captures new": self.new,
            "known": self.known,
            "requests": self.records.get("request", 0),
            "revisits without original": self.unresolved,
            "flaws": self.faults.count,
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        return f"{self.source}: {self.fate}: {told}"

    def complaints(self) -> Iterator[str]:
        """Yield a line for each fault."""
        for fault in self.faults.told:
            yield f"{self.source}: {fault}"
        if more := self.faults.count - len(self.faults.told):
            yield f"{self.source}: and {more} more"


class Refused(Exception):  # noqa: N818 - as the errors of archive.errors
    """This file can't be taken in; the text is the reason, and what to do. `faults` is what was found in it."""

    def __init__(self, reason: str, faults: Faults | None = None) -> None:
        super().__init__(reason)
        self._faults = faults or Faults()

    def taken(self, label: str) -> Taken:
        """Return what became of the source called `label`."""
        return Taken(label, Fate.REFUSED, faults=self._faults, reason=str(self))
