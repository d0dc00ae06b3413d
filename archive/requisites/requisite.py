"""What a page needs to be shown whole, as values, and the list that readers fill; hides addresses and doubles."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from enum import StrEnum

from archive import urls

MAX_REQUISITES = 5_000
"""Addresses taken from one document; a gallery of 300 photos in eight sizes has 2,400."""

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of a document that are read."""


class RequisiteKind(StrEnum):
    """What a requisite is for; said by the place that names it, not by what is sent.

    A `FAVICON` no place names: it is what browsers ask for beside pages that name no icon. No page lacks it.
    """

    IMAGE = "image"
    STYLESHEET = "stylesheet"
    FONT = "font"
    SCRIPT = "script"
    MEDIA = "media"
    ICON = "icon"
    FAVICON = "favicon"
    MANIFEST = "manifest"
    DOCUMENT = "document"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Requisite:
    """An absolute http(s) address without fragment, and what it is for."""

    url: str
    kind: RequisiteKind


@dataclass(frozen=True, slots=True)
class Requisites:
    """What one document needs, each address once, its own left out.

    In document order; files that it only links to (photos in full size) come last.
    """

    found: tuple[Requisite, ...] = ()
    problems: tuple[str, ...] = ()


_KIND_OF_ENDING = {
    ending: kind
    for kind, endings in {
        RequisiteKind.IMAGE: "jpg jpe jpeg jfif pjpeg png apng gif webp avif heic jxl svg svgz bmp ico cur tif tiff",
        RequisiteKind.MEDIA: "mp4 m4v webm ogg ogv ogm oga opus mov mp3 m4a aac wav flac vtt",
        RequisiteKind.FONT: "woff woff2 ttf otf eot",
        RequisiteKind.SCRIPT: "js mjs",
        RequisiteKind.STYLESHEET: "css",
        RequisiteKind.DOCUMENT: "htm html xhtml pdf",
    }.items()
    for ending in endings.split()
}
_ENDING = re.compile(r"\.([A-Za-z0-9]{1,5})(?:[?#]|\Z)")


@functools.lru_cache(maxsize=8192)
def kind_by_name(address: str) -> RequisiteKind | None:
    """Return what the ending of the file's name says, None where it says nothing."""
    found = _ENDING.search(address)
    return _KIND_OF_ENDING.get(found[1].lower()) if found else None


class Finds:
    """The requisites found so far in one document; its readers fill it."""

    def __init__(self, url: str, charset: str = "utf-8") -> None:
        self.url = url
        self.base = url
        self.charset = charset
        self.kinds: dict[str, RequisiteKind] = {}
        self.linked: dict[str, RequisiteKind] = {}
        self._known: set[str] = set()

    @property
    def is_full(self) -> bool:
        return len(self.kinds) > MAX_REQUISITES

    def add(self, href: str, kind: RequisiteKind) -> None:
        """Note what `href`, as written, leads to; nothing where that is no http(s) address."""
        if href in self._known:
            return
        self._known.add(href)
        href = href.strip()
        if not href or href[0] == "#" or href[:5].lower() == "data:":
            return
        address = urls.absolute(self.base, href, charset=self.charset)
        if address is not None and address != self.url:
            self.kinds.setdefault(address, kind)

    def link(self, href: str | None) -> None:
        """Note where an anchor leads, if that is a picture: the photo in full size."""
        if href and kind_by_name(href) is RequisiteKind.IMAGE:
            address = urls.absolute(self.base, href, charset=self.charset)
            if address is not None and address != self.url:
                self.linked[address] = RequisiteKind.IMAGE

    def all(self, *problems: str) -> Requisites:
        """Return what was found."""
        kinds = self.kinds | {
            url: kind for url, kind in self.linked.items() if url not in self.kinds
        }
        found = tuple(Requisite(url, kind) for url, kind in kinds.items())
        if len(found) > MAX_REQUISITES:
            problems = (*problems, f"requisites: more than {MAX_REQUISITES}, the rest is not read")
        return Requisites(found[:MAX_REQUISITES], problems)
