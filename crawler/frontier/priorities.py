"""Which address is fetched before which: one number for each, in bands, smaller first.

It follows from the announcement alone, never from the clock, so that a frontier that is made again from the WARC
files has the same order. What a page needs comes before more pages, so that a crawl that stops has whole ones;
what a feed announces is new, dated pages come newest first, and the rest of the back catalogue last.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from archive.model import Announcer

if TYPE_CHECKING:
    from archive.model import Via

BAND = 10**9


class Band(IntEnum):
    """The bands in the order in which they are fetched."""

    SEED = 0
    CHANNEL = 1
    REQUISITE = 2
    REDIRECT = 3
    FEED = 4
    NEAR = 5
    DATED = 6
    FAR = 7


_BANDS = {
    Announcer.SEED: Band.SEED,
    Announcer.ROBOTS: Band.CHANNEL,
    Announcer.REQUISITE: Band.REQUISITE,
    Announcer.REDIRECT: Band.REDIRECT,
    Announcer.FEED: Band.FEED,
    Announcer.PAGINATION: Band.NEAR,
}

REQUISITES = (Band.REQUISITE * BAND, (Band.REQUISITE + 1) * BAND)
"""The first priority of requisites, and the first behind them."""

_FOREIGN = BAND // 2
"""Where the requisites of other hosts begin in their band."""

FOREIGN = (REQUISITES[0] + _FOREIGN, REQUISITES[1])
"""The same for requisites of hosts other than the seed's."""

_FARTHEST = 999
_YEAR_2100 = 4_102_444_800
_HOUR_S = 3600
_OLDEST = BAND - 1


def priority_of(via: Via, *, is_own: bool, is_channel: bool, dated: float | None) -> int:
    """Return the priority of an address; `is_own` tells requisites on the host of the seed, `dated` is its date.

    In the bands of feeds and of dated pages it is the hours from the date to the year 2100, elsewhere the hops.
    """
    band = _band(via, is_channel=is_channel, is_dated=dated is not None)
    if band in (Band.FEED, Band.DATED):
        return band * BAND + _age(dated)
    foreign = _FOREIGN if band is Band.REQUISITE and not is_own else 0
    return band * BAND + foreign + min(max(via.hop, 0), _FARTHEST)


def _band(via: Via, *, is_channel: bool, is_dated: bool) -> Band:
    own = _BANDS.get(via.announcer)
    if is_channel and own is not Band.SEED:
        return Band.CHANNEL
    if own is not None:
        return own
    if is_dated:
        return Band.DATED
    is_listed = via.announcer in (Announcer.SITEMAP, Announcer.REST)
    return Band.NEAR if via.hop <= 1 and not is_listed else Band.FAR


def _age(dated: float | None) -> int:
    if dated is None:
        return _OLDEST
    return min(max(int((_YEAR_2100 - dated) // _HOUR_S), 0), _OLDEST)
