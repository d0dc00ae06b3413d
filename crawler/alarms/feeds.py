"""The feeds of a site as a crawl left them, read again from their stored records; hides which captures are feeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from archive import urls
from archive.errors import StorageError
from archive.store import rows
from crawler.alarms.facts import FeedFacts
from crawler.discover.feeds import read_feed
from crawler.discover.links import is_comment_feed
from crawler.discover.sniff import Reader, reader_for

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from archive.collection import Collection
    from archive.model import Capture
    from crawler.discover.feeds import Feed

MOST_FEEDS: Final = 6
MOST_BYTES: Final = 1_000_000
"""Of a feed, packed as it was sent; feeds of news sites have some 20 to 500 kB. One of 20 entries takes 25 ms to read."""

_LOOKED_AT: Final = 60
"""Those with the shortest addresses: `/feed/` is the site's own, `/tag/berlin/feed/` is that of a tag."""
_FEEDS: Final = f"""SELECT url, max(sequence) AS last FROM captures WHERE sequence > ? AND site = ? AND status = 200
 AND (mime LIKE '%rss%' OR mime LIKE '%atom%' OR mime LIKE '%feed%' OR mime IN ('application/xml', 'text/xml'))
 GROUP BY url ORDER BY length(url), url LIMIT {_LOOKED_AT}"""  # noqa: S608 - a constant
_BEFORE: Final = """SELECT date FROM captures WHERE urlkey = ? AND url = ? AND date < ? AND digest != ? AND status = 200
 ORDER BY date DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class FeedRead:
    """A feed and what it lists: fetch key -> when it was published (seconds since 1970), 0 where the feed does not say."""

    facts: FeedFacts
    listed: Mapping[str, float] = field(default_factory=dict)


def feeds_of(
    collection: Collection,
    connection: sqlite3.Connection,
    site: str,
    *,
    since: datetime,
    floor: int,
) -> list[FeedRead]:
    """Return the feeds of a site that answered from `since` on, `MOST_FEEDS` at most; comments are none."""
    found: list[FeedRead] = []
    for url, _ in connection.execute(_FEEDS, (floor, site)).fetchall():
        if len(found) == MOST_FEEDS:
            break
        if is_comment_feed(url):
            continue
        capture = _last(collection, url, since)
        feed = _feed(collection, capture) if capture else None
        if capture and feed is not None:
            had = bool(feed.entries) or _had_entries(collection, connection, capture)
            found.append(_read(url, feed, had_entries=had))
    return found


def _last(collection: Collection, url: str, since: datetime) -> Capture | None:
    """Return the last good answer from `since` on; a 304 stands for what it says is unchanged."""
    good = [one for one in collection.captures(url, since=since) if one.status in {200, 304}]
    return good[-1] if good else None


def _feed(collection: Collection, capture: Capture) -> Feed | None:
    """Return what a capture lists, None where it is no feed, is too large, or its record is damaged."""
    try:
        shown = collection.confirmed(capture) if capture.status == 304 else capture
        if shown.length > MOST_BYTES:
            return None
        message = collection.read(shown)
        body, kind = message.decoded().body, message.get("Content-Type")
    except StorageError:
        return None  # 'muragat verify' tells of it
    if reader_for(body, url=capture.url, content_type=kind) not in {Reader.FEED, Reader.JSON_FEED}:
        return None
    return read_feed(body, url=capture.url, content_type=kind)


def _had_entries(collection: Collection, connection: sqlite3.Connection, capture: Capture) -> bool:
    """Say whether the feed had entries when it was last something else."""
    digest = rows.digest_bytes(capture.digest)
    values = (capture.urlkey, capture.url, rows.microseconds(capture.date), digest)
    row = connection.execute(_BEFORE, values).fetchone()
    if row is None:
        return False
    moment = rows.as_date(row[0])
    before = next(iter(collection.captures(capture.url, since=moment, until=moment)), None)
    feed = _feed(collection, before) if before else None
    return feed is not None and bool(feed.entries)


def _read(url: str, feed: Feed, *, had_entries: bool) -> FeedRead:
    listed = {urls.fetch_key(link.url): _moment(link.published) for link in feed.links}
    dates = [_moment(entry.published or entry.updated) for entry in feed.entries]
    newest = max(filter(None, dates), default=None)
    return FeedRead(FeedFacts(url, len(feed.entries), newest, had_entries), listed)


def _moment(date: str) -> float:
    """Return an ISO 8601 date as seconds since 1970, 0 for none; one without a zone is taken for UTC."""
    try:
        moment = datetime.fromisoformat(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
