"""Captures counted by site, kind, answer, type and time; hides the SQL, which sorts on disk what memory can't hold.

A capture counts for the site it was crawled for. One that no crawl of a site made (an imported one, say) counts for
its host, without `www.`.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import add
from typing import TYPE_CHECKING

from archive.model import Kind
from archive.store import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

REQUISITE_MEDIA = frozenset({"image", "stylesheet", "script", "font", "media", "manifest"})

_NO_HOST = "no host"
_MEDIA = (
    ("page", re.compile(r"text/html$|application/xhtml\+xml$")),
    ("image", re.compile(r"image/")),
    ("stylesheet", re.compile(r"text/css$")),
    ("script", re.compile(r".*/(?:x-)?(?:java|ecma)script$")),
    ("font", re.compile(r"font/|application/(?:x-)?font|application/vnd\.ms-fontobject$")),
    ("media", re.compile(r"audio/|video/|application/(?:ogg|dash\+xml|vnd\.apple\.mpegurl)$")),
    ("manifest", re.compile(r"application/manifest\+json$")),
    ("xml", re.compile(r".*[/+]xml$")),
    ("json", re.compile(r".*[/+]json$")),
    ("document", re.compile(r"application/(?:pdf|msword|epub|rtf|vnd\.(?:ms|oasis|openxml))")),
    ("text", re.compile(r"text/")),
)

HOST = "substr(urlkey, 1, instr(urlkey, ')') - 1)"
"""In SQL, what stands before the ")" of a urlkey; a key without one, as of `urn:`, has no host."""

_BYTES = "iif(span, span, length)"  # the span of what an older version wrote may not be known
_PAGE = "mime IN ('text/html', 'application/xhtml+xml') AND status BETWEEN 200 AND 299"

_CELLS = f"""SELECT site, {HOST} AS host, kind, status, mime, {{month}} AS month,
 count(*), sum({_BYTES}), sum(payload_length), min(date), max(date)
 FROM captures GROUP BY site, host, kind, status, mime, month"""  # noqa: S608 - constants
_HOURS = f"""SELECT site, {HOST} AS host, date / 3600000000 AS hour, count(*), sum({_BYTES})
 FROM captures WHERE date >= ? GROUP BY site, host, hour"""  # noqa: S608 - constants
_PAGES = f"""SELECT site, {HOST} AS host, ifnull(max(CASE kind WHEN 'revisit' THEN NULL ELSE {_BYTES} END), 0)
 FROM captures WHERE {_PAGE} GROUP BY site, host, urlkey"""  # noqa: S608 - constants
_SHARES = f"""SELECT site, {HOST} AS host, count(*), sum({_BYTES})
 FROM captures GROUP BY site, host"""  # noqa: S608 - constants
_SAVED = """SELECT ifnull(sum(original.payload_length), 0) FROM captures JOIN captures AS original
 ON original.digest = captures.digest AND original.is_original = 1 AND original.record_id = captures.original
 WHERE captures.kind = 'revisit'"""


@dataclass(frozen=True, slots=True)
class Cell:
    """Captures that agree in all but address and day.

    `month` is 1 for the first of the months asked for, and so on, 0 for all before them. `status` is "2xx", …, or
    "none" where no HTTP answer was read. Bytes are those of whole exchanges in the WARC files, `payload` those of
    the entities in them, in the server's coding. `first` and `last` are microseconds since 1970.
    """

    site: str
    host: str
    kind: Kind
    status: str
    media: str
    month: int
    captures: int
    bytes: int
    payload: int
    first: int
    last: int

    @property
    def is_requisite(self) -> bool:
        """True for answers that pages are made of: images, stylesheets, scripts, fonts, audio, video, manifests."""
        return self.status == "2xx" and self.media in REQUISITE_MEDIA


@dataclass(frozen=True, slots=True)
class Hour:
    """What was captured of a site in the hour, or the rest of one, that began at `began`."""

    site: str
    began: datetime
    captures: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one host holds of one site."""

    site: str
    host: str
    captures: int
    bytes: int


def cells(connection: sqlite3.Connection, months: Sequence[datetime]) -> list[Cell]:
    """Return all captures, counted; `months` are the first moments of those that are told apart."""
    limits = [rows.microseconds(start) for start in months]
    whens = " ".join(f"WHEN date < ? THEN {number}" for number in range(len(limits)))
    month = f"CASE {whens} ELSE {len(limits)} END"
    sums: dict[tuple[str, str, str, int, str, int], list[int]] = {}
    for site, key, kind, status, mime, number, *counts in connection.execute(
        _CELLS.format(month=month), limits
    ):
        cell = (site, key, kind, status // 100, media_of(mime), number)
        known = sums.setdefault(cell, counts)
        if known is not counts:
            known[:3] = map(add, known[:3], counts[:3])
            known[3:] = [min(known[3], counts[3]), max(known[4], counts[4])]
    return [_cell(key, counts) for key, counts in sums.items()]


def _cell(cell: tuple[str, str, str, int, str, int], counts: list[int]) -> Cell:
    site, key, kind, hundreds, media, month = cell
    host, status = host_of(key), f"{hundreds}xx" if hundreds else "none"
    return Cell(site or host, host, Kind(kind), status, media, month, *counts)


def hours(connection: sqlite3.Connection, since: datetime) -> Iterator[Hour]:
    """Yield what was captured in each hour of each site from `since` on."""
    for site, key, hour, *counts in connection.execute(_HOURS, (rows.microseconds(since),)):
        yield Hour(site or host_of(key), datetime.fromtimestamp(hour * 3600, UTC), *counts)


def pages(connection: sqlite3.Connection) -> dict[str, array[int]]:
    """Return for each site the bytes of each page: of the exchange that stored it, the largest where several did.

    0 where only revisits of a page are here. Eight bytes of memory a page.
    """
    found: dict[str, array[int]] = {}
    for site, key, count in connection.execute(_PAGES):
        found.setdefault(site or host_of(key), array("q")).append(count)
    return found


def shares(connection: sqlite3.Connection) -> Iterator[Share]:
    """Yield captures and bytes of each site and host."""
    for site, key, captures, count in connection.execute(_SHARES):
        host = host_of(key)
        yield Share(site or host, host, captures, count)


def saved(connection: sqlite3.Connection) -> int:
    """Return the bytes of the payloads that revisits did not store again."""
    return int(connection.execute(_SAVED).fetchone()[0])


def host_of(key: str) -> str:
    """Return the host of the first part of a urlkey: `com,example,en:8080` is `en.example.com:8080`."""
    if key.startswith("["):
        return key
    name, colon, port = key.partition(":")
    return ".".join(reversed(name.split(","))) + colon + port if key else _NO_HOST


def media_of(mime: str) -> str:
    """Return what a media type is to a page: "page", "image", "stylesheet", …; "other" where none fits."""
    return next((name for name, pattern in _MEDIA if pattern.match(mime)), "other")
