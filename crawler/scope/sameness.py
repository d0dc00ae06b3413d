"""Addresses that all answer with one and the same page: a server that says "not found" with 200, or asks for consent.

Hides what of a page counts as the same. Nothing is refused for good: of a pattern that gave one page again and again a
few addresses are still asked for, and the first that differs opens it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from crawler.discover.announced import is_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import Response

SAME = 64
"""Equal answers in a row after which a pattern is asked no more; no run of articles has one text."""

PROBES = 500
"""One address of so many is still asked for."""

_MAX_PATTERNS = 4_096
_READ_BYTES = 64 * 1024
_HEAD_BYTES = 32 * 1024
_MAX_PIECES = 8_000
_MAX_PARTS = 16
_UNSEEN = (b"script", b"style", b"title")
_TITLE = re.compile(rb"<title[^<>]{0,200}+>([^<]{0,1000})", re.IGNORECASE)
_SOURCE = re.compile(rb"\ssrc\s*+=\s*+[\"']?+([^\"'\s>]{1,500})", re.IGNORECASE)
_TIME = re.compile(rb"\d\d?+:\d\d(?::\d\d)?+|\s++")
_PART = re.compile(r"[^/?&=#]{2,100}")


class Answer:
    """What an answer shows, to be compared with others: its title at once, its text and pictures when asked for.

    Times of day and the parts of the address do not count: error pages repeat them. A redirect shows where it leads.
    """

    def __init__(self, response: Response) -> None:
        self._response = response
        self.is_redirect = 300 <= response.status < 400
        self.is_known = self.is_redirect or (200 <= response.status < 300 and is_page(response))
        self.title = self._title() if self.is_known else b""

    def text(self) -> bytes:
        """Return a digest of what the answer shows; takes 1 ms for a page of 60 kB, linearly."""
        shown = self.title if self.is_redirect else b" ".join(_shown(self._response.body))
        return blake2b(self._bare(shown), digest_size=8).digest()

    def _title(self) -> bytes:
        if self.is_redirect:
            return self._response.headers.get("Location") or b""
        found = _TITLE.search(self._response.body[:_HEAD_BYTES])
        return self._bare(found[1]) if found else b""

    def _bare(self, text: bytes) -> bytes:
        if self.is_redirect:
            return text
        parts = _PART.findall(self._response.url.split("/", 3)[3])
        for part in sorted(parts, key=len, reverse=True)[:_MAX_PARTS]:
            text = text.replace(part.encode("utf-8", "surrogatepass"), b"")
        return _TIME.sub(b"", text)


def _shown(body: bytes) -> Iterator[bytes]:
    """Yield the words and the pictures of a page, by its tags; what scripts hold is not shown."""
    unseen = b""
    for piece in body[:_READ_BYTES].split(b"<", _MAX_PIECES):
        head, _, words = piece.partition(b">")
        name = head[:7].lower()
        if unseen:
            if name.startswith(b"/" + unseen):
                unseen = b""
            else:
                continue
        elif name.startswith(_UNSEEN):
            unseen = next(each for each in _UNSEEN if name.startswith(each))
            continue
        if name.startswith(b"img"):
            source = _SOURCE.search(head[:2_000])
            yield source[1] if source else b""
        yield words


@dataclass(slots=True)
class _Run:
    """How often in a row a pattern has given the same answer, and how many of its addresses were left since."""

    title: bytes = b""
    text: bytes = b""
    length: int = 0
    left: int = 0

    def add(self, answer: Answer) -> None:
        if answer.title != self.title or not self.length:
            self.title, self.text, self.length = answer.title, b"", 1
            return
        text = answer.text()
        self.length = self.length + 1 if text == self.text else 1
        self.text = text


class Sameness:
    """What patterns of addresses have answered in one crawl; the one that was seen longest ago is forgotten."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def saw(self, pattern: str, answer: Answer) -> None:
        """Note an answer; errors and files say nothing."""
        if not answer.is_known:
            return
        run = self._runs.pop(pattern, None) or _Run()
        if len(self._runs) >= _MAX_PATTERNS:
            del self._runs[next(iter(self._runs))]
        self._runs[pattern] = run
        run.add(answer)

    def is_worth(self, pattern: str) -> bool:
        """Say whether an address of `pattern` is to be asked for; each question counts."""
        run = self._runs.get(pattern)
        if run is None or run.length < SAME:
            return True
        run.left += 1
        return run.left % PROBES == 0
