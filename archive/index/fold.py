"""Folds the observations of one article into its Entry; hides which address, text and id it gets.

A pure function of a *set* of observations: they are put in order of date and Record-ID first, and nothing
depends on when they arrived.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from archive import urls
from archive.index.entry import Address, Entry
from archive.index.history import History, Landing, tell
from archive.index.names import language_tag
from archive.index.observation import Observation, Sight, identity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from archive.model import Article

TOOL: Final = "muragat"
_PORTS: Final = frozenset({0, 80, 443})


@functools.lru_cache(maxsize=4096)
def entry_id(identity: str) -> str:
    """`art:` and the first 26 base32 characters, in lower case, of the SHA-256 of an identity URL."""
    digest = hashlib.sha256(identity.encode("utf-8", "replace")).digest()
    return "art:" + base64.b32encode(digest)[:26].decode("ascii").lower()


def fold(observations: Iterable[Observation], landings: Mapping[str, Landing]) -> Entry:
    """Return the Entry of one cluster: all observations of the addresses that show one article.

    At least one of them shows it. The id is that of the address (identity) whose capture showed it first;
    `same_as` holds those of its other addresses, as each may once have been the first one known.
    `landings` tells for identities that redirects and canonical links lead to where they end.
    """
    ordered = resolved(sorted(observations, key=lambda item: item.order))
    shown = [item for item in ordered if item.sight is Sight.ARTICLE]
    own = _own(shown)
    history = tell(ordered, own=own, landings=landings)
    latest = history.latest
    assert latest.reading is not None
    article = latest.reading.article
    place = _place(ordered, shown, own) or latest
    assert place.reading is not None
    url = sendable(place.capture.url)
    canonical = _canonical(place.reading.article, url, landings)
    ids = {entry_id(item.identity) for item in shown}
    first = entry_id(shown[0].identity)
    return Entry(
        id=first,
        url=url,
        canonical_url=canonical,
        surt=urls.key(url),
        site=site_of(url),
        article=article,
        text_digest=latest.reading.text,
        word_count=latest.reading.words,
        addresses=_addresses(history, shown, article, canonical),
        versions=history.versions,
        appearances=history.appearances,
        events=history.events,
        translations=_translations(article, {item.identity for item in ordered}),
        same_as=tuple(sorted(ids - {first})),
        tool=(TOOL, latest.reading.version),
        problems=_problems(latest),
    )


def resolved(ordered: Sequence[Observation]) -> list[Observation]:
    """Give each observation the reading of the earliest one with the same payload and hints at the same URL.

    A 304 for which there is none gets that of the response it confirms, or else of the last one at its URL.
    """
    by_payload: dict[tuple[str, str, str], Observation] = {}
    by_record: dict[str, Observation] = {}
    by_url: dict[str, Observation] = {}
    found: list[Observation] = []
    for item in ordered:
        capture = item.capture
        payload = (capture.url, capture.digest, item.hints)
        source = by_payload.get(payload)
        if item.reading is not None:
            source = by_payload.setdefault(payload, item)
        elif item.sight is Sight.UNCHANGED:
            source = source or by_record.get(capture.original) or by_url.get(capture.url)
        told = _with_reading(item, source)
        by_record[capture.record_id] = told
        if told.reading is not None:
            by_url[capture.url] = told
        found.append(told)
    return found


def _with_reading(item: Observation, source: Observation | None) -> Observation:
    if source is None or source is item or item.sight in {Sight.GONE, Sight.REDIRECT}:
        return item
    return replace(item, reading=source.reading)


def _own(shown: Sequence[Observation]) -> frozenset[str]:
    """The addresses that are the article's own: no AMP or print form, and not canonical elsewhere from the start.

    Where all point to one another, the first captured one is.
    """
    first: dict[str, Observation] = {}
    for item in shown:
        first.setdefault(item.identity, item)
    forms = set(_forms(shown))
    elsewhere = {
        name
        for name, item in first.items()
        if item.reading
        and item.reading.article.canonical
        and identity_of(item.reading.article.canonical) in first.keys() - {name}
    }
    return frozenset(first.keys() - forms - elsewhere) or frozenset({shown[0].identity})


def _place(
    ordered: Sequence[Observation], shown: Sequence[Observation], own: frozenset[str]
) -> Observation | None:
    """The last capture at the address that showed the article first and still does; so the address does not flap."""
    last = {item.identity: item for item in ordered if item.sight is not Sight.NOTHING}
    for item in shown:
        now = last[item.identity]
        if item.identity in own and now.sight in {Sight.ARTICLE, Sight.UNCHANGED} and now.reading:
            return now
    return None


def _forms(shown: Iterable[Observation]) -> dict[str, tuple[str, str]]:
    """Role and URL of each other form that the pages name, by identity; a page is no form of itself."""
    found: dict[str, tuple[str, str]] = {}
    for item in shown:
        assert item.reading is not None
        article = item.reading.article
        named = (("amp", article.amp), ("print", article.print_url), ("short", article.shortlink))
        for role, url in named:
            if url and (name := identity_of(url)) != item.identity:
                found.setdefault(name, (role, url))
    return found


def _canonical(article: Article, url: str, landings: Mapping[str, Landing]) -> str:
    """Where the page says that it belongs, unless what was captured there is another page."""
    stated = sendable(article.canonical)
    if not stated or landings.get(identity_of(stated)) is Landing.ELSEWHERE:
        return url
    return stated


def _addresses(
    history: History, shown: Sequence[Observation], article: Article, canonical: str
) -> tuple[Address, ...]:
    """Every address that the captures have, and the other forms that the page names; in order of URL."""
    forms = _forms(shown)
    captured = {sendable(item.url): item.status for item in history.appearances}
    same = {url for url in captured if identity_of(url) == identity_of(canonical)}
    main = {canonical} & same or {url for url in same if captured[url] == 200} or same
    found: dict[str, str] = {}
    for url, status in captured.items():
        role = forms.get(identity_of(url), ("",))[0] or (
            "redirect" if 300 < status < 304 or status in {307, 308} else "seen"
        )
        found[url] = "canonical" if url in main else role
    for role, url in (
        ("amp", article.amp),
        ("print", article.print_url),
        ("short", article.shortlink),
    ):
        if url and _same_owner(url, canonical):
            found.setdefault(sendable(url), role)
    return tuple(Address(url, found[url]) for url in sorted(found))


def _same_owner(url: str, other: str) -> bool:
    return domain_of(url) == domain_of(other)


def _translations(article: Article, here: set[str]) -> tuple[tuple[str, str], ...]:
    """The page's alternates in other languages; they are linked, never merged."""
    tags = {(language_tag(tag), sendable(url)) for tag, url in article.alternates}
    return tuple(
        sorted((tag, url) for tag, url in tags if tag != "und" and identity_of(url) not in here)
    )


def _problems(latest: Observation) -> tuple[str, ...]:
    assert latest.reading is not None
    found = list(latest.reading.article.problems)
    if latest.capture.truncated is not None:
        found.append(f"page is cut short: {latest.capture.truncated.value}")
    return tuple(dict.fromkeys(found))


def sendable(url: str) -> str:
    """`url` in ASCII as a request would have it; as it is where that can't be."""
    if url.isascii() and " " not in url:
        return url
    return urls.absolute("http://invalid/", url) or url


def site_of(url: str) -> str:
    """The host without `www.`, and the port where it is not the scheme's own."""
    host, port = urls.host_port(url)
    name = host.removeprefix("www.")
    return name if port in _PORTS else f"{name}:{port}"


def domain_of(url: str) -> str:
    """The registrable domain of a URL; "" where it has no host.

    An IP address and a host without dots come with their port: who holds one port may not hold another.
    """
    host, port = urls.host_port(url)
    is_address = ":" in host or "." not in host or host.replace(".", "").isdigit()
    return f"{host}:{port}" if is_address and port not in _PORTS else urls.registrable_domain(host)
