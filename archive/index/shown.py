"""What the pages of a site showed, for those who watch over it: hides the rows and the packed articles.

One page at a time, by payload and address, so that what is asked bounds what is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from isal import isal_zlib

from archive.analyse import codec
from archive.index.observation import identity_of
from archive.index.reading import Articles
from archive.model import Outcome, PageType

if TYPE_CHECKING:
    from pathlib import Path

    from archive.model import Article

_READ: Final = """SELECT a.body FROM observation o JOIN article a ON a.digest = o.article
 WHERE o.digest = ? AND o.url = ? AND o.article IS NOT NULL LIMIT 1"""
_SHOWED: Final = "SELECT 1 FROM node WHERE identity = ? AND entry IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one page showed. `published` is seconds since 1970, UTC, None where no date can be read.

    `outcome` is BLOCKED, EMPTY_SHELL, WITHHELD or None; `text` is the length of the text in characters.
    """

    is_article: bool
    outcome: Outcome | None
    headline: bool
    author: bool
    published: float | None
    text: int


class ShownPages:
    """Reads `articles.sqlite` of a collection; one that is absent has seen nothing."""

    def __init__(self, home: Path) -> None:
        self._articles = Articles(home)

    def close(self) -> None:
        """Close the file."""
        self._articles.close()

    def of(self, url: str, digest: str) -> Shown | None:
        """Return what the payload of this digest showed at `url`, None where that was not read."""
        row = self._articles.row(_READ, (digest, url))
        return _shown(row[0]) if row else None

    def was_article(self, url: str) -> bool:
        """Say whether an article was ever seen at this address."""
        return self._articles.row(_SHOWED, (identity_of(url),)) is not None


def _shown(packed: bytes) -> Shown | None:
    """Return what a kept article says, None for one that can't be read."""
    try:
        article = codec.from_json(json.loads(isal_zlib.decompress(packed)))
    except (ValueError, TypeError):
        return None
    except isal_zlib.error:  # type: ignore[misc]  # the stub declares an instance
        return None
    return _seen(article)


def _seen(article: Article) -> Shown:
    return Shown(
        is_article=article.page_type is PageType.ARTICLE and article.outcome is None,
        outcome=article.outcome,
        headline=bool(article.headline),
        author=bool(article.authors),
        published=_moment(article.published),
        text=len(article.text),
    )


def _moment(text: str) -> float | None:
    """Return a date in seconds, one without a zone as UTC, None for what is none."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
