"""What became of single addresses, for those who plan visits: hides nodes, entries and the lines they are kept as."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from isal import isal_zlib

from archive.index.observation import identity_of
from archive.index.reading import Articles

if TYPE_CHECKING:
    from pathlib import Path

_EVENTS: Final = frozenset({"text", "headline", "byline", "published", "gone", "back"})
"""What counts as a change of an article; another date of modification alone, or markup, does not."""

_MOST_CAPTURES: Final = 200
"""The last captures of an address that are looked at."""

_TOLD: Final = """SELECT n.is_page, e.line, e.is_gone FROM node n LEFT JOIN entry e ON e.id = n.entry
 WHERE n.identity = ?"""


@dataclass(frozen=True, slots=True)
class Told:
    """What the index knows of one address; moments are seconds since 1970, UTC.

    `captures` are those of this address that show an article or that it is gone, in order: when, and whether the article
    had changed, was gone or was back then. `published` is None where no date is given.
    """

    is_article: bool
    is_page: bool = False
    is_gone: bool = False
    published: float | None = None
    captures: tuple[tuple[float, bool], ...] = ()


UNKNOWN: Final = Told(is_article=False)


class Histories:
    """Reads `articles.sqlite` of a collection; one that is absent knows nothing."""

    def __init__(self, home: Path) -> None:
        self._articles = Articles(home)

    def close(self) -> None:
        """Close the file."""
        self._articles.close()

    def of(self, url: str) -> Told:
        """Return what is known of an address. Raises StorageError where the file is damaged."""
        identity = identity_of(url)
        row = self._articles.row(_TOLD, (identity,))
        if row is None:
            return UNKNOWN
        is_page, line, is_gone = row
        if line is None:
            return Told(is_article=False, is_page=bool(is_page))
        return _told(_unpacked(line), identity, is_page=bool(is_page), is_gone=bool(is_gone))


def _unpacked(line: bytes) -> dict[str, Any]:
    """Return an entry's line as JSON, an empty one where it can't be read: planning goes on without it."""
    try:
        found = json.loads(isal_zlib.decompress(line))
    except ValueError:
        return {}
    except isal_zlib.error:  # type: ignore[misc]  # the stub declares an instance
        return {}
    return found if isinstance(found, dict) else {}


def _told(entry: dict[str, Any], identity: str, *, is_page: bool, is_gone: bool) -> Told:
    changed = {event["ts"]: True for event in entry.get("events", ()) if event["change"] in _EVENTS}
    shown = [
        item["ts"]
        for item in entry.get("captures", ())[-_MOST_CAPTURES * 4 :]
        if item.get("change") and identity_of(item["url"]) == identity
    ]
    return Told(
        is_article=True,
        is_page=is_page,
        is_gone=is_gone,
        published=_moment(str(entry.get("datePublished") or "")),
        captures=tuple((_seconds(ts), ts in changed) for ts in shown[-_MOST_CAPTURES:]),
    )


def _seconds(timestamp: str) -> float:
    """Return 14 digits, UTC, as seconds since 1970."""
    return datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()


def _moment(date: str) -> float | None:
    """Return ISO 8601 as seconds since 1970, None for none; a date without a zone is taken for UTC."""
    try:
        moment = datetime.fromisoformat(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
