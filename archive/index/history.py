"""Hides how the captures of one article become its history: changes, versions and events.

A *change* compares a capture with the one before at the same address. A *version* is a wording of the article:
another text, headline, byline or published date. An *event* happens to the article as a whole: it is gone
when none of its own addresses shows it any more, back when one does again.

Only the article's own addresses make versions and events: an AMP or print form, or an address whose page says
that it belongs elsewhere, shows the same article in other markup and often lags behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from archive import urls
from archive.index.entry import Appearance, Event, Version
from archive.index.observation import (
    PERMANENT_STATUSES,
    Observation,
    Reading,
    Sight,
    differences,
    identity_of,
    same_metadata,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Landing(StrEnum):
    """Where an address leads in the end, seen from one article."""

    HERE = "here"  # to the article itself
    ELSEWHERE = "elsewhere"  # to a page that was captured and is not this article
    UNKNOWN = "unknown"  # nobody has seen


@dataclass(frozen=True, slots=True)
class History:
    """What became of one article; `latest` is the last capture that shows the last version."""

    latest: Observation
    versions: tuple[Version, ...]
    appearances: tuple[Appearance, ...]
    events: tuple[Event, ...]


def tell(
    observations: Iterable[Observation], *, own: frozenset[str], landings: Mapping[str, Landing]
) -> History:
    """Return the history told by `observations`, which are in order of date and Record-ID.

    `own` holds the identities that make versions and events; at least one observation there shows the article.
    `landings` says for the identity of every redirect's target where it leads; what is missing is unknown.
    A capture that was cut short makes no version where a whole one is there.
    """
    heard = tuple(observations)
    shown = [item for item in heard if item.sight is Sight.ARTICLE and item.identity in own]
    teller = _Teller(own, landings, any(item.capture.truncated is None for item in shown))
    for observation in heard:
        teller.hear(observation)
    assert teller.latest is not None
    return History(
        teller.latest, tuple(teller.versions), tuple(teller.appearances), tuple(teller.events)
    )


@dataclass(slots=True)
class _Place:
    """What is known of one address: its last reading and payload, and whether it shows the article."""

    reading: Reading | None = None
    digest: str = ""
    shows: bool = False
    moved_to: str = ""


@dataclass(slots=True)
class _Teller:
    own: frozenset[str]
    landings: Mapping[str, Landing]
    has_whole: bool
    places: dict[str, _Place] = field(default_factory=dict)
    showing: set[str] = field(default_factory=set)  # own addresses that show the article now
    latest: Observation | None = None
    gone: bool = False
    versions: list[Version] = field(default_factory=list)
    appearances: list[Appearance] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _current: Reading | None = None

    def hear(self, observation: Observation) -> None:
        sight = observation.sight
        if sight is Sight.ARTICLE:
            self._shown(observation)
        elif sight is Sight.REDIRECT:
            self._redirected(observation)
        elif sight in {Sight.GONE, Sight.PAGE}:
            self._missed(observation)

    def _shown(self, observation: Observation) -> None:
        reading = observation.reading
        assert reading is not None
        if self.has_whole and observation.capture.truncated is not None:
            self._note(observation, "", reading.text)
            return
        place = self.places.setdefault(observation.identity, _Place())
        change = self._change(observation, reading, place)
        self._note(observation, change, reading.text)
        if observation.identity in self.own:
            self.showing.add(observation.identity)
            if self.gone:
                self._happened(observation, "back")
                self.gone = False
            self._version(observation, reading, place)
        place.reading = _filled(reading, place.reading)
        place.digest = observation.capture.digest
        place.shows = True
        place.moved_to = ""

    def _change(self, observation: Observation, reading: Reading, place: _Place) -> str:
        if not any(item.change for item in self.appearances):
            return "new"
        before = place.reading or self._current
        if place.reading is not None and not place.shows and not place.moved_to:
            return "back"
        if before is None or (place.reading is None and observation.identity not in self.own):
            return "markup"
        digest = place.digest or (self.latest.capture.digest if self.latest else "")
        if observation.capture.digest == digest or observation.capture.status == 304:
            return "same"
        found = differences(before, reading)
        if "text" in found:
            return "text"
        return (
            "metadata" if found or not same_metadata(before.article, reading.article) else "markup"
        )

    def _version(self, observation: Observation, reading: Reading, place: _Place) -> None:
        seen = urls.timestamp(observation.capture.date)
        current = self._current
        found = differences(current, reading) if current else ("text",)
        if found and current and place.reading and not differences(place.reading, reading):
            return  # a twin that lags behind: this address has shown the older wording before
        if found:
            for name in found if current else ():
                self._happened(observation, name)
            self.versions.append(Version(reading.text, reading.article.headline, seen, seen))
        else:
            self.versions[-1] = replace(self.versions[-1], last_seen=seen)
        self._current = _filled(reading, current)
        self.latest = observation

    def _redirected(self, observation: Observation) -> None:
        target = identity_of(observation.target)
        if target == observation.identity:
            self._note(observation, "")
            return
        landing = self.landings.get(target, Landing.UNKNOWN)
        place = self.places.get(observation.identity)
        if landing is Landing.ELSEWHERE and place is not None:
            self._missed(observation)
            return
        if landing is Landing.HERE or observation.capture.status in PERMANENT_STATUSES:
            self._moved(observation, target, landing)
        if landing is Landing.HERE or place is not None:
            self._note(observation, "")

    def _moved(self, observation: Observation, target: str, landing: Landing) -> None:
        place = self.places.get(observation.identity)
        if place is None or not place.shows or place.moved_to == target:
            return
        place.moved_to = target
        if landing is Landing.HERE:  # an address never seen may yet show it
            place.shows = False
            self.showing.discard(observation.identity)
        if observation.identity in self.own:
            self._happened(observation, "moved")

    def _missed(self, observation: Observation) -> None:
        place = self.places.get(observation.identity)
        if place is None or (not place.shows and place.moved_to):
            return
        self._note(observation, "gone" if place.shows else "same")
        place.shows = False
        self.showing.discard(observation.identity)
        if observation.identity in self.own and not self.showing and not self.gone:
            self.gone = True
            self._happened(observation, "gone")

    def _happened(self, observation: Observation, change: str) -> None:
        self.events.append(Event(urls.timestamp(observation.capture.date), change))

    def _note(self, observation: Observation, change: str, text_digest: str = "") -> None:
        capture = observation.capture
        self.appearances.append(
            Appearance(
                timestamp=urls.timestamp(capture.date),
                url=capture.url,
                status=capture.status,
                mime=capture.mime,
                payload_digest=capture.digest,
                text_digest=text_digest,
                file=capture.file,
                offset=capture.offset,
                length=capture.length,
                original=capture.original,
                change=change,
            )
        )


def _filled(reading: Reading, before: Reading | None) -> Reading:
    """The reading with what the version before told and this one does not."""
    if before is None or (reading.headline and reading.byline and reading.published):
        return reading
    return replace(
        reading,
        headline=reading.headline or before.headline,
        byline=reading.byline or before.byline,
        published=reading.published or before.published,
    )
