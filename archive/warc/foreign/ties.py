"""Which request goes with which answer in a foreign file; hides that either may come first, and name the other.

An answer waits until so many others have come after it that its request will not come any more: so memory is
bounded, and answers come out in the order of the file. Where neither names the other, they go together when they
stand side by side with the same address and date.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.warc.records import Stored

_WINDOW = 256
"""Answers that wait, and requests that are remembered: browsers fetch some tens of things at once, and tools write
what was asked near what was answered."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What ties a record to others: its id, those it names, address and date, and the bytes where it lies."""

    record_id: str
    concurrent: tuple[str, ...]
    place: tuple[str, str]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Companion:
    """A record that may go with an answer: a request with its method, or notes with the name of a site."""

    frame: Frame
    method: str = ""
    site: str = ""


@dataclass(slots=True)
class _Waiting:
    """An answer that may still learn something."""

    stored: Stored
    frame: Frame
    is_tied: bool = False

    def join(self, companion: Companion) -> None:
        stored, frame = self.stored, companion.frame
        end = frame.end if frame.start == stored.end else stored.end
        capture = stored.capture
        if companion.method:
            self.is_tied = True
            capture = replace(capture, method=companion.method)
        self.stored = replace(stored, capture=capture, end=end, site=companion.site or stored.site)


class Ties:
    """Takes answers and their companions in the order of the file, and gives the answers back complete."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._answers: dict[str, _Waiting] = {}  # by their own id
        self._wanting: dict[str, _Waiting] = {}  # by the id of what they name
        self._early: OrderedDict[tuple[str, str], Companion] = OrderedDict()
        self._before: _Waiting | Companion | None = None

    def answer(self, stored: Stored, frame: Frame) -> Iterator[Stored]:
        """Take an answer; yield those that need not wait any longer."""
        waiting = _Waiting(stored, frame)
        keys = [("names", frame.record_id), *(("is", name) for name in frame.concurrent)]
        for companion in [self._early[key] for key in keys if key in self._early]:
            waiting.join(companion)
        before = self._before
        if isinstance(before, Companion) and not waiting.is_tied and _beside(before.frame, frame):
            waiting.join(before)
            before = None
        self._before = waiting
        self._waiting.append(waiting)
        self._answers[frame.record_id] = waiting
        self._wanting.update((name, waiting) for name in frame.concurrent)
        if len(self._waiting) > _WINDOW:
            yield self._let_go()

    def companion(self, found: Companion) -> None:
        """Take what may go with an answer before it or after it."""
        frame, before = found.frame, self._before
        answers = [self._answers.get(name) for name in frame.concurrent]
        answers.append(self._wanting.get(frame.record_id))
        known = [answer for answer in answers if answer]
        if not known and isinstance(before, _Waiting) and not before.is_tied:
            known = [before] if _beside(before.frame, frame) else []
        for answer in known:
            answer.join(found)
        if not known and found.method:
            self._before = found
            for key in [
                ("is", frame.record_id),
                *(("names", name) for name in frame.concurrent[:4]),
            ]:
                self._early[key] = found
            while len(self._early) > _WINDOW:
                self._early.popitem(last=False)

    def rest(self) -> Iterator[Stored]:
        """Yield the answers that still wait: the file has ended."""
        while self._waiting:
            yield self._let_go()

    def _let_go(self) -> Stored:
        waiting = self._waiting.popleft()
        if self._answers.get(waiting.frame.record_id) is waiting:
            del self._answers[waiting.frame.record_id]
        for name in waiting.frame.concurrent:
            if self._wanting.get(name) is waiting:
                del self._wanting[name]
        return waiting.stored


def _beside(one: Frame, other: Frame) -> bool:
    """Say whether two records that name no other go together."""
    return not one.concurrent and not other.concurrent and one.place == other.place
