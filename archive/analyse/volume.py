"""Measures how much text a page has and where: hides scripts, links and how dense a script is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archive.analyse.markup import Element
    from archive.analyse.page import Page

_SAMPLE = 20_000
_FOREIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Volume:
    """Lengths in letters without blanks: all text, that in links, that in long paragraphs outside links."""

    text: int
    links: int
    long: int

    @property
    def visible(self) -> int:
        """Return the length of the text outside links."""
        return max(self.text - self.links, 0)

    @property
    def link_share(self) -> float:
        """Return the share of all text that is in links."""
        return self.links / self.text if self.text else 0.0


def measure(page: Page) -> Volume:
    """Return how much text a page has and where; a CJK letter counts as two and a half."""
    body = page.root.find("body")
    if body is None:
        return Volume(0, 0, 0)
    whole, start = 0, ""
    for piece in body.itertext():  # never all of it at once: a page may have eight million letters
        letters = "".join(piece.split())
        whole += len(letters)
        if len(start) < _SAMPLE:
            start += letters[:_SAMPLE]
    unseen = sum(
        len("".join((e.text or "").split())) for e in body.iter("script", "style", "template")
    )
    start = start[:_SAMPLE]
    weight = 2.5 if len(_FOREIGN.findall(start)) > 0.2 * len(start) else 1.0
    links = sum(_length(a) for a in body.iter("a"))
    long = sum(
        length for p in body.iter("p") if (length := _length(p)) > 60 / weight and _plain(p, length)
    )
    return Volume(*(int(weight * value) for value in (max(whole - unseen, 0), links, long)))


def _length(element: Element) -> int:
    return len("".join("".join(element.itertext()).split()))


def _plain(paragraph: Element, length: int) -> bool:
    return sum(_length(a) for a in paragraph.iter("a")) < 0.5 * length


def teasers(page: Page) -> int:
    """Return how many other pages this one presents: articles beside the first, headings that link."""
    articles = len(page.root.findall(".//article")[:50])
    linked = sum(1 for h in page.headings if h.tag == "h2" and h.find(".//a") is not None)
    return max(articles - 1, linked)
