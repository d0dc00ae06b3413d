"""Finds the pictures of an article: hides lazy loading, scaled copies, captions and credits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from archive import urls
from archive.analyse import linked_data
from archive.analyse.addresses import base_of
from archive.analyse.choice import Candidate, Chosen, choose, clean
from archive.analyse.credits import split_credit
from archive.analyse.linked_data import ARTICLE_TYPES
from archive.analyse.markup import Element, text_of
from archive.analyse.page import Page, outside
from archive.model import Image

_MAX_IMAGES = 100
_SOURCES = ("data-src", "data-lazy-src", "data-original", "data-orig-file", "data-full-url", "src")
_SCALED = re.compile(
    r"-\d{2,5}x\d{2,5}(?=\.[a-z]{3,4}$)|-scaled(?=\.[a-z]{3,4}$)|\?.*$", re.IGNORECASE
)
_ORNAMENT = re.compile(
    r"emoji|avatar|gravatar|smil(?:ey|ies)|spinner|spacer|pixel|blank\.gif|/icons?/|logo|sprite",
    re.IGNORECASE,
)
_CREDIT_CLASS = re.compile(r"credit|copyright|source|photographer|byline", re.IGNORECASE)
_NUMBER = re.compile(r"^\s*(\d{1,5})(?:px)?\s*$")


def images(page: Page) -> tuple[tuple[Image, ...], str, Chosen]:
    """Return the article's pictures in their order, the main one's address, and its provenance.

    The main picture is the one that the head names; it stands first where the article does not show it.
    """
    base = base_of(page)
    found: dict[str, Image] = {}
    for element in page.main.iter("img", "amp-img"):
        image = _image(element, base)
        if image and not outside(element, page.main):
            found.setdefault(_key(image.url), image)
    stated = list(_stated(page, base))
    chosen = choose(
        [*stated, *(Candidate("first in the article", i.url) for i in list(found.values())[:1])],
        _key,
    )
    if not chosen.value:
        return (), "", chosen
    shown = found.get(_key(chosen.value))
    if shown is None:
        shown = Image(chosen.value, clean(next((v for _, v in page.meta("og:image:alt")), "")))
        found = {_key(shown.url): shown, **found}
    return tuple(list(found.values())[:_MAX_IMAGES]), shown.url, chosen


def _stated(page: Page, base: str) -> Iterator[Candidate]:
    for name, value in page.meta(
        "og:image", "og:image:url", "og:image:secure_url", "twitter:image"
    ):
        url = urls.absolute(base, value)
        if url and not _ORNAMENT.search(url):
            yield Candidate(f"meta {name}", url)
    for node in page.ld.of_type(ARTICLE_TYPES)[:2]:
        href = _linked(page, node.get("image"))
        url = urls.absolute(base, href) if href else None
        if url:
            yield Candidate("json-ld image", url)


def _linked(page: Page, value: object) -> str:
    """Return the address in an image property: a text, an ImageObject, a reference, or a list of them."""
    value = page.ld.resolve(value)
    if isinstance(value, list):
        value = page.ld.resolve(value[0]) if value else ""
    if isinstance(value, Mapping):
        value = value.get("url") or value.get("contentUrl")
    return linked_data.first(value)


def _image(element: Element, base: str) -> Image | None:
    width, height = _pixels(element.get("width")), _pixels(element.get("height"))
    if 0 < width < 40 or 0 < height < 40:
        return None
    href = next(_hrefs(element), "")
    url = urls.absolute(base, href) if href else None
    if not url or _ORNAMENT.search(url) or _ORNAMENT.search(element.get("class") or ""):
        return None
    caption, credit = _caption(element)
    return Image(url, clean(element.get("alt") or ""), caption, credit, width, height)


def _hrefs(element: Element) -> Iterator[str]:
    for name in _SOURCES:
        value = (element.get(name) or "").strip()
        if value and not value.startswith("data:"):
            yield value
    for name in ("data-srcset", "srcset"):
        yield from _largest(element.get(name) or "")
    parent = element.getparent()
    if parent is not None and parent.tag == "picture":
        for source in parent.iter("source"):
            yield from _largest(source.get("srcset") or source.get("data-srcset") or "")


def _largest(srcset: str) -> Iterator[str]:
    best, url = -1.0, ""
    for piece in srcset[:20_000].split(", "):
        href, _, size = piece.strip().partition(" ")
        number = re.match(r"\d+(?:\.\d+)?", size.strip())
        width = float(number.group()) if number else 0.0
        if href and not href.startswith("data:") and width > best:
            best, url = width, href.rstrip(",")
    if url:
        yield url


def _caption(element: Element) -> tuple[str, str]:
    """Return caption and credit of the figure that holds the picture."""
    for level, parent in enumerate(element.iterancestors()):
        if (
            level > 4
            or parent.tag in {"article", "main", "body"}
            or len(parent.findall(".//img")) > 1
        ):
            break
        box = parent.find(".//figcaption")
        if box is None and "wp-caption" in (parent.get("class") or ""):
            box = parent.find(".//*[@class='wp-caption-text']")
        if box is not None:
            credit = next(
                (
                    c
                    for c in box.iter()
                    if c is not box and _CREDIT_CLASS.search(c.get("class") or "")
                ),
                None,
            )
            text = clean(text_of(box))
            if credit is not None:
                named = clean(text_of(credit))
                return text.replace(named, "").strip(" |–—-"), split_credit(named)[1] or named
            return split_credit(text)
    return "", ""


def _key(url: str) -> str:
    return _SCALED.sub("", url)


def _pixels(value: str | None) -> int:
    match = _NUMBER.match(value or "")
    return int(match.group(1)) if match else 0
