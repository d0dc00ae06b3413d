"""Which addresses are channels: lists that are asked again and again because they tell of others."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from archive.model import Announcer
from crawler.discover.wordpress import place_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from crawler.discover.links import Link

USUAL = "usual"
"""The relation of addresses that nobody named: places where sites keep their lists."""

CHILD = "child"
"""The relation of an index of sitemaps to what it lists."""

_LISTING = re.compile(
    r"/(?:category|categories|tag|tags|topic|topics|author|authors|archives?|rubric|section|page)/[^?#]+\Z"
    r"|/\d{4}(?:/\d{1,2}){0,2}/?\Z|[?&](?:cat|tag|author|m|paged?)=[^&]+",
    re.IGNORECASE,
)
_HOME = re.compile(r"https?://[^/?#]+/?", re.IGNORECASE)
_NAMES_FILES = {
    Announcer.SITEMAP: frozenset({CHILD, USUAL}),
    Announcer.FEED: frozenset({"alternate", USUAL}),
    Announcer.REST: frozenset({"collection", "next"}),
}


class Role(StrEnum):
    """What an address is to a crawl that comes again."""

    SEED = "seed"
    FEED = "feed"
    SITEMAP = "sitemap"
    REST = "rest"
    LISTING = "listing"
    PAGE = "page"
    FURTHER = "further"


CHANNELS = frozenset({Role.SEED, Role.FEED, Role.SITEMAP, Role.REST, Role.LISTING})
"""Roles that are polled. The further pages of a REST list (`Role.FURTHER`) are not: its first one asks for them."""


def is_list(link: Link) -> bool:
    """True where a link leads to a feed, a sitemap or a REST list, by who names it and as what."""
    if link.announcer is Announcer.ROBOTS:
        return True
    return link.rel in _NAMES_FILES.get(link.announcer, ())


def is_listed(link: Link) -> bool:
    """True where the link stands on a list of the site's own, and on no page that may be made up."""
    if link.announcer is Announcer.ROBOTS:
        return True
    return link.announcer in _NAMES_FILES and link.rel != "alternate"


def is_further(url: str) -> bool:
    """True for a page of a REST list beyond its first: that one says when it is to be read."""
    place = place_of(url)
    return place is not None and (place.is_pass or place.page > 1)


def role_of(url: str, announcers: Collection[Announcer], *, is_source: bool = False) -> Role:
    """Return the role of a known address; `is_source` where it was read as a list that told of something.

    What a site calls a listing is guessed from its address; a page that lists without saying so is a page here.
    """
    if place_of(url) is not None:
        return Role.FURTHER if is_further(url) else Role.REST
    if Announcer.SEED in announcers or _HOME.fullmatch(url):
        return Role.SEED
    if Announcer.ROBOTS in announcers or (is_source and Announcer.SITEMAP in announcers):
        return Role.SITEMAP
    if is_source:
        return Role.FEED
    is_paged = Announcer.PAGINATION in announcers
    return Role.LISTING if is_paged or _LISTING.search(url) else Role.PAGE
