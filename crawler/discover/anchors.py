"""Where an anchor leads, who announces it by that, and its words; hides what is the same on all pages of a site."""

from __future__ import annotations

import functools
import re

from archive import urls
from archive.model import Announcer
from archive.tags import attributes, first_href, unescaped

_TEXT_CHARACTERS = 300
_END_OF_ANCHOR = re.compile("</[aA]")
_PAGED = re.compile(r"/page/\d++/?+\Z|[?&](?:paged?|pg|start|offset)=\d++(?:&|\Z)")

Target = tuple["str | None", Announcer, str, bool]
"""Where an anchor leads, who announces it by that, its relation, whether it is not to be followed."""

_KEPT_CHARACTERS = 1_000
_FROM_ROOT = re.compile(r"https?+://|/(?![/\\])")


def target_of(base: str, origin: str, charset: str, source: str) -> Target:
    """Return where the anchor with the attributes `source` leads on a page with this base and its origin."""
    kept = _of_origin(origin, charset, source) if len(source) <= _KEPT_CHARACTERS else None
    return kept or _target(base, charset, source)


@functools.lru_cache(maxsize=4096)
def _of_origin(origin: str, charset: str, source: str) -> Target | None:
    """Return where an anchor leads from any page of an origin, None where that depends on the page.

    Kept because most anchors of a page stand on the site's other pages too: menus, lists of what is new.
    """
    href = first_href(source)
    if href is None or not _FROM_ROOT.match(href):
        return None
    return _target(f"{origin}/", charset, source)


def _target(base: str, charset: str, source: str) -> Target:
    href = first_href(source)
    address = None if href is None else urls.absolute(base, href, charset=charset)
    if address is None:
        return None, Announcer.LINK, "", False
    values = attributes(source) if _tells_more(source.lower()) else {}
    relations = values.get("rel", "").lower().split()
    announcer, rel = _kind_of(address, relations, "hreflang" in values)
    return address, announcer, rel, "nofollow" in relations


def _tells_more(source: str) -> bool:
    """False where a tag in lower case has no relation that counts here, as nearly all have none."""
    if "hreflang" in source:
        return True
    return "rel" in source and any(word in source for word in _RELATIONS_READ)


_RELATIONS_READ = ("nofollow", "next", "prev", "&")


def _kind_of(address: str, relations: list[str], has_language: bool) -> tuple[Announcer, str]:
    if "next" in relations or "prev" in relations:
        return Announcer.PAGINATION, "next" if "next" in relations else "prev"
    if ("/page/" in address or "?" in address) and _PAGED.search(address):
        return Announcer.PAGINATION, ""
    return (Announcer.HREFLANG, "alternate") if has_language else (Announcer.LINK, "")


def words_after(text: str, start: int) -> str:
    """Return the words of a link whose start tag ends at `start`, as far as its first `_TEXT_CHARACTERS`."""
    first = text.find("<", start, start + _TEXT_CHARACTERS)
    if first >= 0 and text.startswith("</a", first):
        return _cleaned(text[start:first])
    window = text[start : start + _TEXT_CHARACTERS]
    words = _END_OF_ANCHOR.split(window, maxsplit=1)[0]
    if "<" in words:
        words = re.sub(r"<[^>]*+>?+", " ", words)
    return _cleaned(words)


@functools.lru_cache(maxsize=8192)
def _cleaned(words: str) -> str:
    return " ".join(unescaped(words).split())
