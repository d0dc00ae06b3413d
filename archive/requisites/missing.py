"""What a stored page needs, and which of it the collection lacks; hides the walk through stylesheets and redirects."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive import urls
from archive.errors import RecordDamaged
from archive.model import Kind
from archive.requisites import (
    MAX_REQUISITES,
    Requisite,
    RequisiteKind,
    requisites_in,
    requisites_in_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from archive.collection import Collection
    from archive.model import Capture

MAX_DEPTH = 5
"""How deep stylesheets may import each other; real sites use two or three."""

_MAX_REDIRECTS = 10
_NESTING = frozenset({RequisiteKind.STYLESHEET, RequisiteKind.MANIFEST})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOLD = frozenset(
    {
        "robots",
        "limit",
        "forbidden",
        "dns",
        "timeout",
        "tls",
        "connection",
        "out_of_scope",
        "blocked",
    }
)
_CACHED = 2_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A requisite that the collection holds whole; `capture` is the one nearest to the page's, redirects followed."""

    url: str
    kind: RequisiteKind
    capture: Capture


@dataclass(frozen=True, slots=True)
class Missing:
    """A requisite that the collection does not hold whole, and why: `404`, `never fetched`, `robots`, …"""

    url: str
    kind: RequisiteKind
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How whole a stored page is: its requisites, each once, in the order in which a browser would find them."""

    kept: tuple[Kept, ...] = ()
    missing: tuple[Missing, ...] = ()


def missing(
    collection: Collection, capture: Capture, *, outcome_of: Callable[[str], str] = lambda _: ""
) -> tuple[Missing, ...]:
    """Return the requisites of a page that the collection lacks. Raises as `requisites_of`."""
    return requisites_of(collection, capture, outcome_of=outcome_of).missing


def requisites_of(
    collection: Collection, capture: Capture, *, outcome_of: Callable[[str], str] = lambda _: ""
) -> Standing:
    """Return what a page needs, its stylesheets, manifest and SVG pictures read in their turn.

    A requisite is there where an answer 200 or 203 to its address is stored whole, before the page or after;
    an address written otherwise counts where only scheme, www or escapes differ. `outcome_of` tells what became of
    an address without capture. Raises RecordDamaged where the page itself can't be read.
    """
    return PageCheck(collection, outcome_of=outcome_of).of(capture)


class PageCheck:
    """Checks page after page of one collection; what stylesheets name is remembered between pages."""

    def __init__(
        self, collection: Collection, *, outcome_of: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._collection = collection
        self._outcome_of = outcome_of
        self._named: dict[str, tuple[Requisite, ...]] = {}

    def of(self, capture: Capture) -> Standing:
        """Return how whole the page of `capture` is; see `requisites_of`."""
        found: dict[str, Kept | Missing] = {}
        waiting = deque((one, 1) for one in self._read(capture, None, is_page=True))
        while waiting and len(found) < MAX_REQUISITES:
            requisite, depth = waiting.popleft()
            if requisite.url in found or requisite.url == capture.url:
                continue
            found[requisite.url] = place = self._place(requisite, capture.date)
            if isinstance(place, Kept) and depth < MAX_DEPTH and _may_need_more(place):
                waiting.extend((one, depth + 1) for one in self._nested(place))
        places = found.values()
        return Standing(
            kept=tuple(place for place in places if isinstance(place, Kept)),
            missing=tuple(place for place in places if isinstance(place, Missing)),
        )

    def _nested(self, place: Kept) -> tuple[Requisite, ...]:
        known = self._named.get(place.capture.record_id)
        if known is None:
            if len(self._named) >= _CACHED:
                self._named.clear()
            try:
                known = self._read(place.capture, place.kind)
            except RecordDamaged:  # `verify` tells of it
                known = ()
            self._named[place.capture.record_id] = known
        return known

    def _read(
        self, capture: Capture, kind: RequisiteKind | None, *, is_page: bool = False
    ) -> tuple[Requisite, ...]:
        message = self._collection.read(capture)
        content_type = message.get("Content-Type") or capture.mime
        body = message.decoded().body
        found = requisites_in(body, url=capture.url, content_type=content_type, kind=kind).found
        if not is_page or "html" not in content_type.lower():
            return found
        return (*found, *requisites_in_fields(message.get_all("Link"), url=capture.url))

    def _place(self, requisite: Requisite, when: datetime) -> Kept | Missing:
        """Find a requisite, following stored redirects."""
        url, seen = requisite.url, {requisite.url}
        while True:
            captures = self._captures(url)
            whole = [one for one in captures if _is_whole(one)]
            if whole:
                return Kept(requisite.url, requisite.kind, _nearest(whole, when))
            target = self._target(captures, when)
            if not target or target in seen or len(seen) > _MAX_REDIRECTS:
                reason = self._reason(url, captures, when)
                if url != requisite.url:
                    reason = f"redirects to {url}, which is not archived ({reason})"
                return Missing(requisite.url, requisite.kind, reason)
            seen.add(target)
            url = target

    def _captures(self, url: str) -> list[Capture]:
        """Return the captures of an address; of one that is only alike where it differs in no letter."""
        name = _name(url)
        return [
            one
            for one in self._collection.captures(url)
            if one.url == url or _name(one.url) == name
        ]

    def _target(self, captures: Sequence[Capture], when: datetime) -> str:
        redirects = [one for one in captures if one.status in _REDIRECTS]
        if not redirects:
            return ""
        last = _nearest(redirects, when)
        try:
            location = self._collection.read(last).get("Location").strip()
        except RecordDamaged:
            return ""
        try:
            location = location.encode("latin-1").decode("utf-8")
        except UnicodeError:  # not UTF-8: as it stands
            location = location.strip()
        return (urls.absolute(last.url, location) or "") if location else ""

    def _reason(self, url: str, captures: Sequence[Capture], when: datetime) -> str:
        if captures:
            last = _nearest(captures, when)
            if last.truncated:
                return f"cut short ({last.truncated})"
            return "its original is not here" if _is_unresolved(last) else str(last.status)
        outcome = self._outcome_of(url)
        return outcome if outcome in _TOLD else "never fetched"


def _is_whole(capture: Capture) -> bool:
    if capture.truncated or capture.method == "HEAD" or _is_unresolved(capture):
        return False
    return capture.status in {200, 203} or (capture.kind is Kind.REVISIT and capture.status == 304)


def _is_unresolved(capture: Capture) -> bool:
    return capture.kind is Kind.REVISIT and not capture.original


def _may_need_more(place: Kept) -> bool:
    return place.kind in _NESTING or place.capture.mime == "image/svg+xml"


def _nearest(captures: Sequence[Capture], when: datetime) -> Capture:
    """Return the capture nearest to `when`, the earlier of two equally near ones."""
    return min(captures, key=lambda one: (abs(one.date - when), one.date, one.record_id))


def _name(url: str) -> str:
    return urls.fetch_key(url).partition("://")[2].removeprefix("www.")
