"""What a crawl writes about itself into the WARC files, so that they alone tell what it did.

Hides the addresses of these metadata records and their JSON:

    urn:muragat:crawl:ID:start      what the crawl was told: sites with all their fields, options, version
    urn:muragat:crawl:ID:attempts   addresses that brought no answer, and why; a record for each group of them
    urn:muragat:crawl:ID:report     the bytes of crawls/ID.json

They may come from another collection: what can't be read in them is passed over, never an error.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import archive
from archive.model import Announcer, Outcome, Via
from crawler.sites import Site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PREFIX: Final = "urn:muragat:crawl:"
START: Final = "start"
ATTEMPTS: Final = "attempts"
REPORT: Final = "report"

_TARGET = re.compile(re.escape(PREFIX) + r"([0-9A-Za-z-]{1,64}):([a-z]+)")
_FIELDS = {each.name: each for each in fields(Site)}
_MOST_HOPS: Final = 2**31
_GROUP = 200  # attempts in one record, so that even the longest addresses leave it small


def target(crawl: str, kind: str) -> str:
    """Return the address of a crawl's records of one kind.

    >>> target("20261123120000", START)
    'urn:muragat:crawl:20261123120000:start'
    """
    return f"{PREFIX}{crawl}:{kind}"


def named_by(address: str) -> tuple[str, str]:
    """Return the crawl and the kind that a record's address names, empty where it is no crawl's."""
    found = _TARGET.fullmatch(address)
    return (found[1], found[2]) if found else ("", "")


@dataclass(frozen=True, slots=True)
class Start:
    """What a crawl was told at its start. `sites` are as configured, the command line's options taken in.

    `spiders` names those that are no site's: a Scrapy project's own. No secret is among `options`. `is_scheduled` where
    nobody started it by hand.
    """

    sites: tuple[Site, ...] = ()
    spiders: tuple[str, ...] = ()
    user_agent: str = ""
    robots: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    is_scheduled: bool = False

    def beyond(self, known: Start) -> Start | None:
        """Return this without the sites and spiders that `known` names, None where nothing is left."""
        sites = tuple(site for site in self.sites if site not in known.sites)
        spiders = tuple(name for name in self.spiders if name not in known.spiders)
        return replace(self, sites=sites, spiders=spiders) if sites or spiders else None

    def joined(self, other: Start) -> Start:
        """Return this with the sites and spiders of `other` as well."""
        sites, spiders = self.sites + other.sites, self.spiders + other.spiders
        return replace(self, sites=sites, spiders=spiders)

    def block(self, crawl: str, started: datetime) -> bytes:
        """Return the block of the record."""
        return _encoded(
            {
                "crawl": crawl,
                "started": _date(started),
                "version": archive.__version__,
                "scheduled": self.is_scheduled,
                "userAgent": self.user_agent,
                "robots": self.robots,
                "sites": [asdict(site) for site in self.sites],
                "spiders": list(self.spiders),
                "options": dict(self.options),
            }
        )


def sites_in(block: bytes) -> tuple[Site, ...]:
    """Return the sites that the block of a start record configures; those that can't be read are left out."""
    found = _decoded(block).get("sites")
    sites = (_site(each) for each in found) if isinstance(found, list) else ()
    return tuple(site for site in sites if site)


def is_scheduled_in(block: bytes) -> bool:
    """Say whether the crawl of the block of a start record was one that nobody started by hand."""
    return _decoded(block).get("scheduled") is True


@dataclass(frozen=True, slots=True)
class Attempt:
    """An address that brought no answer; `via` names crawl and site. Unless `is_final` it was tried again."""

    url: str
    outcome: Outcome
    date: datetime
    via: Via
    is_final: bool = True


def attempt_records(attempts: Iterable[Attempt]) -> Iterator[tuple[str, bytes]]:
    """Yield target and block of the records that hold `attempts`, in their order."""
    by_crawl: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_crawl.setdefault(attempt.via.crawl, []).append(attempt)
    for crawl, told in by_crawl.items():
        for start in range(0, len(told), _GROUP):
            group = [_attempt_json(attempt) for attempt in told[start : start + _GROUP]]
            yield target(crawl, ATTEMPTS), _encoded({"attempts": group})


def attempts_in(block: bytes, crawl: str) -> tuple[Attempt, ...]:
    """Return the attempts in the block of a record of `crawl`; those that can't be read are left out."""
    found = _decoded(block).get("attempts")
    attempts = (_attempt(each, crawl) for each in found) if isinstance(found, list) else ()
    return tuple(attempt for attempt in attempts if attempt)


def finished_in(block: bytes) -> tuple[str, ...]:
    """Return the names of the sites whose crawl came to its end, from the block of a report record."""
    found = _decoded(block).get("sites")
    sites = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return tuple(str(each.get("name", "")) for each in sites if each.get("ended") == "finished")


def _attempt_json(attempt: Attempt) -> dict[str, object]:
    via = attempt.via
    return {
        "url": attempt.url,
        "site": via.site,
        "outcome": attempt.outcome,
        "date": _date(attempt.date),
        "announcer": via.announcer,
        "referrer": via.referrer,
        "seed": via.seed,
        "hop": via.hop,
        "final": attempt.is_final,
    }


def _attempt(told: object, crawl: str) -> Attempt | None:
    if not isinstance(told, dict):
        return None
    texts = {name: told.get(name) for name in ("url", "site", "referrer", "seed", "date")}
    hop = told.get("hop")
    if not all(isinstance(text, str) for text in texts.values()):
        return None
    if type(hop) is not int or not 0 <= hop < _MOST_HOPS:
        return None
    try:
        date = datetime.fromisoformat(str(texts["date"]))
        outcome, announcer = (
            Outcome(str(told.get("outcome"))),
            Announcer(str(told.get("announcer"))),
        )
    except ValueError:
        return None
    via = Via(crawl, announcer, str(texts["referrer"]), str(texts["seed"]), hop, str(texts["site"]))
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return Attempt(str(texts["url"]), outcome, date, via, is_final=told.get("final") is not False)


def _site(told: object) -> Site | None:
    """Return the site of a start record; fields that this version does not know are passed over."""
    if not isinstance(told, dict):
        return None
    values = {name: _value(value) for name, value in told.items() if name in _FIELDS}
    if not values.get("name") or not values.get("seeds"):
        return None
    model = Site("", ())
    if any(not _is_like(value, getattr(model, name)) for name, value in values.items()):
        return None
    return Site(**values)


def _value(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_like(value: object, model: object) -> bool:
    """Say whether a value from JSON can stand where `model` stands."""
    if isinstance(model, tuple):
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if isinstance(model, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(model)


def _date(date: datetime) -> str:
    return f"{date.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _decoded(block: bytes) -> dict[str, Any]:
    try:
        value = json.loads(block)
        if b"\\ud" in block.lower():  # halves of a pair of surrogates are no text
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
