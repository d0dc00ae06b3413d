"""One unique article with all its captures and versions: one line of `articles.jsonl`; hides its JSON.

The names are schema.org's, the contract is `docs/article-1.schema.json`. A line is canonical JSON (keys sorted,
no blanks, not escaped to ASCII) and holds no wall clock, so that the same captures give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archive.index import names

if TYPE_CHECKING:
    from archive.model import Article

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the entry; `role`: canonical, seen, amp, print, redirect, short or feed."""

    url: str
    role: str


@dataclass(frozen=True, slots=True)
class Version:
    """One wording of the article; `first_seen` and `last_seen` are 14 digits, UTC."""

    text_digest: str
    headline: str
    first_seen: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the article: text, headline, byline, published, gone, back or moved."""

    timestamp: str
    change: str


@dataclass(frozen=True, slots=True)
class Appearance:
    """One capture of the entry, and what it changed against the one before at its address.

    `change`: new, same, markup, metadata, text, gone, back; empty for a redirect and for a page cut short.
    `text_digest` is empty where the capture shows no article.
    """

    timestamp: str
    url: str
    status: int
    mime: str
    payload_digest: str
    text_digest: str
    file: str
    offset: int
    length: int
    original: str
    change: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A unique article. `url` is the address that showed it first and still does, `canonical_url` where that page
    says it belongs.

    `is_gone` is true from a "gone" event to the next "back".
    """

    id: str
    url: str
    canonical_url: str
    surt: str
    site: str
    article: Article
    text_digest: str
    word_count: int
    addresses: tuple[Address, ...]
    versions: tuple[Version, ...]
    appearances: tuple[Appearance, ...]
    events: tuple[Event, ...] = ()
    translations: tuple[tuple[str, str], ...] = ()
    same_as: tuple[str, ...] = ()
    tool: tuple[str, str] = ("", "")
    problems: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """The article could not be seen any more at the last capture that tells."""
        changes = [event.change for event in self.events if event.change in {"gone", "back"}]
        return changes[-1:] == ["gone"]

    def to_json(self) -> str:
        """Return the line of `articles.jsonl`, without its line feed."""
        document = names.article_to_json(self.article) | self._own_fields()
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def _own_fields(self) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            "id": self.id,
            "url": self.url,
            "canonicalUrl": self.canonical_url,
            "surt": self.surt,
            "site": self.site,
            "textDigest": self.text_digest,
            "wordCount": self.word_count,
            "urls": [{"url": item.url, "role": item.role} for item in self.addresses],
            "versions": [_version_to_json(version) for version in self.versions],
            "captures": [_appearance_to_json(item) for item in self.appearances],
            "events": [{"ts": event.timestamp, "change": event.change} for event in self.events],
            "translations": [{"inLanguage": lang, "url": url} for lang, url in self.translations],
            "group": {"id": self.id, "role": "single"},
            "sameAs": list(self.same_as),
            "extraction": {"tool": self.tool[0], "version": self.tool[1]},
            "problems": list(self.problems),
        }


def _version_to_json(version: Version) -> dict[str, object]:
    return {
        "textDigest": version.text_digest,
        "headline": version.headline,
        "firstSeen": version.first_seen,
        "lastSeen": version.last_seen,
    }


def _appearance_to_json(item: Appearance) -> dict[str, object]:
    document: dict[str, object] = {
        "ts": item.timestamp,
        "url": item.url,
        "status": item.status,
        "mime": item.mime,
        "payloadDigest": item.payload_digest,
        "warc": item.file,
        "offset": item.offset,
        "length": item.length,
        "revisitOf": item.original or None,
    }
    optional = {"textDigest": item.text_digest, "change": item.change}
    return document | {name: value for name, value in optional.items() if value}


def from_line(line: str | bytes) -> Entry:
    """Return the Entry of one line of `articles.jsonl` as muragat writes them.

    Raises ValueError or KeyError for any other line. What a line does not hold (alternates that are no
    translations, how the page names its AMP form) is empty in `article`.
    """
    found = json.loads(line)
    return Entry(
        id=found["id"],
        url=found["url"],
        canonical_url=found["canonicalUrl"],
        surt=found["surt"],
        site=found["site"],
        article=names.article_from_json(found),
        text_digest=found["textDigest"],
        word_count=found["wordCount"],
        addresses=tuple(Address(item["url"], item["role"]) for item in found["urls"]),
        versions=tuple(_version(item) for item in found["versions"]),
        appearances=tuple(_appearance(item) for item in found["captures"]),
        events=tuple(Event(item["ts"], item["change"]) for item in found["events"]),
        translations=tuple((item["inLanguage"], item["url"]) for item in found["translations"]),
        same_as=tuple(found["sameAs"]),
        tool=(found["extraction"]["tool"], found["extraction"]["version"]),
        problems=tuple(found["problems"]),
    )


def _version(item: dict[str, str]) -> Version:
    return Version(item["textDigest"], item["headline"], item["firstSeen"], item["lastSeen"])


def _appearance(item: dict[str, str | int | None]) -> Appearance:
    return Appearance(
        timestamp=str(item["ts"]),
        url=str(item["url"]),
        status=int(item["status"] or 0),
        mime=str(item["mime"]),
        payload_digest=str(item["payloadDigest"]),
        text_digest=str(item.get("textDigest", "")),
        file=str(item["warc"]),
        offset=int(item["offset"] or 0),
        length=int(item["length"] or 0),
        original=str(item["revisitOf"] or ""),
        change=str(item.get("change", "")),
    )
