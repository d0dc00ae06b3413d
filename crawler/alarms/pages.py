"""What the pages of a crawl showed, counted: shells, walls, refusals, and which fields their articles have."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archive.model import Outcome
from crawler.alarms.facts import Pages, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from archive.index.shown import Shown

_FEW_LETTERS: Final = 140
_SHARE_OF_TEXT: Final = 0.25
"""A text counts as there from so many letters on, and from this share of what is usual at the site."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was captured last; `shown` is None where it was not read."""

    url: str
    status: int
    shown: Shown | None


def looked_at(pages: Iterable[Page]) -> Pages:
    """Count pages by what stood in the place of their text."""
    seen = shells = walls = 0
    refusals: Counter[int] = Counter()
    shell = wall = ""
    for page in pages:
        outcome = page.shown.outcome if page.shown else None
        if page.shown is None and page.status < 300:
            continue  # analysis has not come to it, or could not read it
        seen += 1
        if outcome is Outcome.EMPTY_SHELL:
            shells, shell = shells + 1, shell or page.url
        elif outcome is Outcome.BLOCKED:
            walls, wall = walls + 1, wall or page.url
        elif page.status >= 400:
            refusals[page.status] += 1
            wall = wall or page.url
    return Pages(seen, shells, walls, dict(refusals), shell, wall)


def usual_length(pages: Iterable[Page]) -> float:
    """Return the median length of the texts of articles, 0 for none."""
    lengths = [page.shown.text for page in pages if page.shown and page.shown.is_article]
    return statistics.median(lengths) if lengths else 0.0


def sample(
    pages: Sequence[Page], usual: float, was_article: Callable[[str], bool] | None = None
) -> Sample:
    """Count which fields articles have; `usual` is the length that their texts had.

    With `was_article` a page that shows none, and did before, is an article that has lost all its fields.
    """
    filled = dict.fromkeys(("headline", "author", "date", "text"), 0)
    count = 0
    for page in pages:
        shown = page.shown
        if shown is None or shown.outcome is not None:
            continue
        if shown.is_article:
            count += 1
            filled["headline"] += shown.headline
            filled["author"] += shown.author
            filled["date"] += shown.published is not None
            filled["text"] += shown.text >= max(_FEW_LETTERS, _SHARE_OF_TEXT * usual)
        elif was_article is not None and was_article(page.url):
            count += 1
    return Sample(count, filled)
