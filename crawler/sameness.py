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
    from scrapy.http import Response

SAME = 64
"""Equal answers in a row after which a pattern is asked no more; no run of articles has one text."""

PROBES = 500
"""One address of so many is still asked for."""

_MAX_PATTERNS = 4_096
_READ_BYTES = 64 * 1024
_UNSEEN = re.compile(rb"<(script|style)\b[^>]*+>.*?</\1\s*+>", re.IGNORECASE | re.DOTALL)
_PICTURE = re.compile(rb"<img\s[^>]*?src\s*+=\s*+[\"']?+([^\"'\s>]++)[^>]*+>", re.IGNORECASE)
_TAG = re.compile(rb"<[^>]*+>")
_PASSING = re.compile(rb"\d\d?:\d\d(?::\d\d)?+|\s++")
_PART = re.compile(r"[^/?&=#]{2,}")


def fingerprint(response: Response) -> bytes:
    """Return what two answers share that show the same text and pictures, or redirect to the same place; else b"".

    Times of day and the parts of the address itself do not count: error pages repeat them.
    """
    if 300 <= response.status < 400:
        return blake2b(response.headers.get("Location") or b"", digest_size=8).digest()
    if not 200 <= response.status < 300 or not is_page(response):
        return b""
    body = _UNSEEN.sub(b"", response.body[:_READ_BYTES])
    text = _TAG.sub(b"", _PICTURE.sub(rb"\1", body))
    for part in sorted(_PART.findall(response.url.partition("://")[2])[1:], key=len, reverse=True):
        text = text.replace(part.encode("utf-8", "surrogatepass"), b"")
    return blake2b(_PASSING.sub(b"", text), digest_size=8).digest()


@dataclass(slots=True)
class _Run:
    """How often in a row a pattern has given the same answer, and how many of its addresses were left since."""

    last: bytes = b""
    length: int = 0
    left: int = 0


class Sameness:
    """What patterns of addresses have answered in one crawl; the one that was seen longest ago is forgotten."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def saw(self, pattern: str, answer: bytes) -> None:
        """Note the fingerprint of an answer; b"" says nothing."""
        if not answer:
            return
        run = self._runs.pop(pattern, None) or _Run()
        if len(self._runs) >= _MAX_PATTERNS:
            del self._runs[next(iter(self._runs))]
        self._runs[pattern] = run
        run.length = run.length + 1 if answer == run.last else 1
        run.last = answer

    def is_worth(self, pattern: str) -> bool:
        """Say whether an address of `pattern` is to be asked for; each question counts."""
        run = self._runs.get(pattern)
        if run is None or run.length < SAME:
            return True
        run.left += 1
        return run.left % PROBES == 0
