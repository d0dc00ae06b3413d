"""Finds when an article was published and changed: hides where dates stand, how they are written, and htmldate.

No clock: a date after the capture's day is no date of the page. Fourteen hours are allowed, the distance
of the earliest time zone from UTC.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from htmldate import find_date

from archive.analyse.choice import Candidate, Chosen, choose
from archive.analyse.linked_data import ARTICLE_TYPES
from archive.analyse.markup import FAULTS, Element
from archive.analyse.page import Page, outside
from archive.analyse.written import find, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

logging.getLogger("htmldate").setLevel(logging.CRITICAL)

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(hours=14)
_PUBLISHED_META = (
    "article:published_time",
    "article:published",
    "og:article:published_time",
    "datepublished",
    "date.published",
    "publishdate",
    "publish_date",
    "publish-date",
    "published_time",
    "pubdate",
    "parsely-pub-date",
    "sailthru.date",
    "dc.date.issued",
    "dcterms.created",
    "dcterms.date",
    "dc.date",
    "citation_publication_date",
    "cxenseparse:recs:publishtime",
    "date",
)
_MODIFIED_META = (
    "article:modified_time",
    "og:updated_time",
    "og:article:modified_time",
    "datemodified",
    "dcterms.modified",
    "dc.date.modified",
    "last-modified",
    "revised",
)
_PUBLISHED_CLASS = re.compile(r"publi|posted|entry-date|pubdate|date-created", re.IGNORECASE)
_MODIFIED_CLASS = re.compile(r"updated|modified", re.IGNORECASE)
_ISO = re.compile(
    r"^(\d{4})-?(\d{2})-?(\d{2})(?:[T ]\s?(\d{2}):?(\d{2})(?::?(\d{2})(?:[.,]\d{1,9})?)?\s?"
    r"(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?$"
)
_URL_DAY = re.compile(r"/(20\d\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?=[/-])")
_SLASHED = re.compile(r"^(\d{4})/(\d{1,2})/(\d{1,2})(?:\s|$)")
# htmldate reads the whole page with regular expressions; this much text takes it 0.3 s.
_MAX_SEARCHED_ELEMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Dates:
    """ISO 8601 texts with an offset, and what the page had written."""

    published: Chosen
    published_raw: str
    modified: Chosen
    modified_raw: str


def dates(page: Page, captured: datetime) -> Dates:
    """Return both dates; the modified one only where it is not before the published one."""
    latest = captured.astimezone(UTC) + _AHEAD
    raw: dict[str, str] = {}
    published = choose(
        _local(page, _offsets_first(list(_valid(_published(page), latest, raw)))), _moment
    )
    if not published.value:
        published = choose(list(_valid(_searched(page, latest), latest, raw)), _moment)
    modified = choose(
        [
            candidate
            for candidate in _offsets_first(list(_valid(_modified(page), latest, raw)))
            if not published.value or candidate.value[:10] >= published.value[:10]
        ],
        _moment,
    )
    return Dates(published, _raw(raw, published.value), modified, _raw(raw, modified.value))


def _raw(raw: dict[str, str], value: str) -> str:
    """Return what the page had written for a moment, also where its day was put right."""
    if value in raw or not value:
        return raw.get(value, "")
    return next((text for moment, text in raw.items() if _moment(moment) == _moment(value)), "")


def parse(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 or RFC 5322 text names, aware; None for anything else.

    Without an offset it is taken as UTC; a day alone is its midnight UTC.
    """
    text = text.strip()[:64]
    match = _ISO.match(text)
    if match:
        return _from_match(match)
    slashed = _SLASHED.match(text)
    try:
        if slashed:
            year, month, day = (int(part) for part in slashed.groups())
            return datetime(year, month, day, tzinfo=UTC)
        found = parsedate_to_datetime(text) if "," in text or ":" in text else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _from_match(match: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second, offset = match.groups()
    zone = "+00:00"
    if offset and offset not in {"Z", "UTC", "GMT"}:
        digits = offset[1:].replace(":", "").ljust(4, "0")
        zone = f"{offset[0]}{digits[:2]}:{digits[2:]}"
    try:
        return datetime.fromisoformat(
            f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}"
        )
    except ValueError:
        return None


def _valid(
    found: Iterator[Candidate], latest: datetime, raw: dict[str, str]
) -> Iterator[Candidate]:
    for candidate in found:
        moment = parse(candidate.value) or _written(candidate)
        try:
            if moment is None or not _EARLIEST <= moment <= latest:
                continue
        except OverflowError:
            continue
        text = moment.isoformat(timespec="seconds")
        raw.setdefault(text, candidate.value)
        yield Candidate(candidate.source, text)


def _written(candidate: Candidate) -> datetime | None:
    found = find(candidate.value) if candidate.source == "written date" else None
    return found[0] if found else None


def _published(page: Page) -> Iterator[Candidate]:
    yield from _linked(page, "datePublished", "dateCreated")
    yield from (Candidate(f"meta {name}", value) for name, value in page.meta(*_PUBLISHED_META[:1]))
    yield from _itemprop(page, "datepublished", "datecreated")
    yield from (Candidate(f"meta {name}", value) for name, value in page.meta(*_PUBLISHED_META[1:]))
    times = [element for element in page.times if element.get("datetime")]
    for element in times:
        marked = element.get("pubdate") is not None or _named(element, _PUBLISHED_CLASS)
        if marked and not outside(element):
            yield Candidate("time, published", element.get("datetime") or "")
    for element in times:
        if _belongs(page.main, element) and not _named(element, _MODIFIED_CLASS):
            yield Candidate("time in the article", element.get("datetime") or "")
    for line in lines(page):
        found = find(line)
        if found:
            yield Candidate("written date", found[1])


def _modified(page: Page) -> Iterator[Candidate]:
    yield from _linked(page, "dateModified")
    yield from (Candidate(f"meta {name}", value) for name, value in page.meta(*_MODIFIED_META))
    yield from _itemprop(page, "datemodified")
    for element in page.times:
        if (
            _named(element, _MODIFIED_CLASS)
            and element.get("datetime")
            and _belongs(page.main, element)
        ):
            yield Candidate("time, updated", element.get("datetime") or "")


def _linked(page: Page, *names: str) -> Iterator[Candidate]:
    nodes = page.ld.of_type(ARTICLE_TYPES)[:3] or page.ld.of_type({"WebPage", "VideoObject"})[:1]
    for name in names:
        for node in nodes:
            value = node.get(name)
            if isinstance(value, str):
                yield Candidate(f"json-ld {name}", value)


def _itemprop(page: Page, *names: str) -> Iterator[Candidate]:
    for name in names:
        for element in page.marked.get(name, ())[:5]:
            value = element.get("datetime") or element.get("content") or ""
            if value and not outside(element):
                yield Candidate(f"itemprop {name}", value)


def _searched(page: Page, latest: datetime) -> Iterator[Candidate]:
    if sum(1 for _ in page.root.iter()) > _MAX_SEARCHED_ELEMENTS:
        return
    try:
        found = find_date(
            page.root,
            extensive_search=True,
            original_date=True,
            url=page.url,
            max_date=latest.replace(tzinfo=None),
        )
    except FAULTS:
        return
    if found:
        yield Candidate("htmldate", found)


def _offsets_first(candidates: list[Candidate]) -> list[Candidate]:
    """Prefer the spelling with the site's own offset where the first one names the same moment in UTC.

    A UTC stamp names the wrong day for what was published after midnight where the site lives.
    """
    if candidates and candidates[0].value.endswith("+00:00"):
        moment = _moment(candidates[0].value)
        for index, candidate in enumerate(candidates):
            if not candidate.value.endswith("+00:00") and _moment(candidate.value) == moment:
                return [candidate, *candidates[:index], *candidates[index + 1 :]]
    return candidates


def _local(page: Page, candidates: list[Candidate]) -> list[Candidate]:
    """Write a UTC stamp in local time where the page's address names the day before or after.

    The moment stays the same; the offset is the smallest that gives the address's day.
    """
    named = _URL_DAY.search(page.url)
    if not candidates or not named or not candidates[0].value.endswith("+00:00"):
        return candidates
    moment = datetime.fromisoformat(candidates[0].value)
    day = "".join(named.groups())
    whole_day = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    if whole_day or moment.strftime("%Y%m%d") == day:
        return candidates
    for hours in range(1, 15):
        for sign in (-1, 1):
            local = moment.astimezone(timezone(timedelta(hours=sign * hours)))
            if local.strftime("%Y%m%d") == day:
                source = f"{candidates[0].source}, day as in the address"
                return [Candidate(source, local.isoformat(timespec="seconds")), *candidates]
    return candidates


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()


def _named(element: Element, pattern: re.Pattern[str]) -> bool:
    parent = element.getparent()
    names = f"{element.get('class') or ''} {element.get('itemprop') or ''}"
    return bool(
        pattern.search(names) or (parent is not None and pattern.search(parent.get("class") or ""))
    )


def _belongs(main: Element, element: Element) -> bool:
    return any(parent is main for parent in element.iterancestors()) and not outside(element, main)
