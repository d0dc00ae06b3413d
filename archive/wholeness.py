"""How whole a saved page is, as `show` tells it: which capture is looked at, its requisites as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive import urls
from archive.errors import RecordDamaged
from archive.requisites.missing import Standing, requisites_of
from archive.store.outcomes import outcome_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive import Collection
    from archive.index import Entry
    from archive.model import Capture

_SHOWS_THE_PAGE = frozenset({200, 203, 304})


def capture_of(collection: Collection, entry: Entry) -> Capture | None:
    """Return the latest capture that shows the article of `entry`, None where the collection has none."""
    shown = [item for item in entry.appearances if item.status in _SHOWS_THE_PAGE and item.change]
    if not shown:
        return None
    last = max(shown, key=lambda item: item.timestamp)
    when = urls.from_timestamp(last.timestamp)
    captures = [one for one in collection.captures(last.url) if one.status in _SHOWS_THE_PAGE]
    return min(captures, key=lambda one: (abs(one.date - when), one.record_id), default=None)


def latest_capture(collection: Collection, url: str) -> Capture | None:
    """Return the latest capture of an address that shows something, else the latest of all, None without any."""
    captures = list(collection.captures(url))
    shown = [one for one in captures if one.status in _SHOWS_THE_PAGE]
    return max(shown or captures, key=lambda one: (one.date, one.record_id), default=None)


def standing(collection: Collection, capture: Capture) -> Standing:
    """Return the requisites of a capture; none where its record is damaged, as `verify` says."""
    try:
        return requisites_of(collection, capture, outcome_of=outcome_reader(collection.home))
    except RecordDamaged:
        return Standing()


def standing_lines(found: Standing, *, every: bool = False) -> Iterator[str]:
    """Yield the count of the requisites and each that is missing; the kept ones too if `every`."""
    yield f"requisites: {len(found.kept)} kept, {len(found.missing)} missing"
    for lack in found.missing:
        yield f"  missing  {lack.kind:<10}  {lack.url}  ({lack.reason})"
    for place in found.kept if every else ():
        yield f"  kept     {place.kind:<10}  {place.url}  {urls.timestamp(place.capture.date)}"


def standing_json(found: Standing) -> Iterator[dict[str, object]]:
    """Yield one object for each requisite, those that are missing last; `capture` is null for them."""
    for place in found.kept:
        capture = {"ts": urls.timestamp(place.capture.date), "url": place.capture.url}
        yield {
            "url": place.url,
            "kind": place.kind,
            "state": "kept",
            "reason": None,
            "capture": capture,
        }
    for lack in found.missing:
        why = {"state": "missing", "reason": lack.reason, "capture": None}
        yield {"url": lack.url, "kind": lack.kind, **why}
