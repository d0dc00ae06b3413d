"""Reads JSON-LD: hides broken JSON, graphs, references by @id, and the many spellings of a type."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_MAX_CHARACTERS = 1_000_000
_MAX_NODES = 2_000
_MAX_DEPTH = 12
_WRAPPING = re.compile(
    r"\A\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/)|(?:-->|//\s*\]\]>|\]\]>|/\*\s*\]\]>\s*\*/)\s*;?\s*\Z"
)
_TRAILING_COMMA = re.compile(r",(\s{0,200}[}\]])")
_TAGS = re.compile(r"<[^<>]{1,500}>")
_TEASERS = frozenset(
    {"itemListElement", "hasPart", "blogPost", "mentions", "citation", "comment", "isPartOf"}
)

ARTICLE_TYPES = frozenset(
    {"Article", "BlogPosting", "Report", "LiveBlogPosting", "SatiricalArticle", "TechArticle"}
    | {"ScholarlyArticle", "AdvertiserContentArticle", "SocialMediaPosting", "ReportageNewsArticle"}
    | {"NewsArticle", "OpinionNewsArticle", "AnalysisNewsArticle", "BackgroundNewsArticle"}
    | {"ReviewNewsArticle", "AskPublicNewsArticle", "Review", "CriticReview"}
)
Node = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LinkedData:
    """All nodes of a page in document order; `main` leaves out what lists and teasers hold."""

    nodes: tuple[Node, ...] = ()
    main: tuple[Node, ...] = ()
    problems: tuple[str, ...] = ()

    def of_type(self, types: Iterable[str]) -> tuple[Node, ...]:
        """Return the main nodes of one of `types`."""
        wanted = frozenset(types)
        return tuple(node for node in self.main if wanted & types_of(node))

    def resolve(self, value: object) -> object:
        """Return the node that {"@id": x} stands for where the page has it, else `value`."""
        if isinstance(value, Mapping) and set(value) <= {"@id", "@type"} and "@id" in value:
            for node in self.nodes:
                if node.get("@id") == value["@id"] and len(node) > len(value):
                    return node
        return value


def read(scripts: Iterable[str]) -> LinkedData:
    """Return the nodes in the texts of script elements; never raises."""
    found: list[tuple[Node, bool]] = []
    problems: list[str] = []
    for script in scripts:
        value = _load(script)
        if value is None:
            if script.strip():
                problems.append("json-ld: not JSON")
        else:
            found.extend(_walk(value, teaser=False, depth=0))
        if len(found) > _MAX_NODES:
            problems.append(f"json-ld: only the first {_MAX_NODES} nodes are read")
            break
    found = found[:_MAX_NODES]
    return LinkedData(
        tuple(node for node, _ in found),
        tuple(node for node, teaser in found if not teaser),
        tuple(dict.fromkeys(problems)),
    )


def types_of(node: Node) -> frozenset[str]:
    """Return the types of a node without their vocabulary: NewsArticle for http://schema.org/NewsArticle."""
    value = node.get("@type")
    names = value if isinstance(value, list) else [value]
    return frozenset(re.split(r"[/#:]", name)[-1] for name in names if isinstance(name, str))


def strings(value: object) -> list[str]:
    """Return the plain texts of a value: a string, a list of them, or nodes by `name` or `@value`."""
    items = value if isinstance(value, list) else [value]
    found = []
    for item in items[:200]:
        if isinstance(item, Mapping):
            item = item.get("name") or item.get("@value") or item.get("url")  # noqa: PLW2901
        if isinstance(item, str) and (text := plain(item)):
            found.append(text)
    return found


def first(value: object) -> str:
    """Return the first plain text of a value, or ""."""
    return next(iter(strings(value)), "")


def plain(text: str) -> str:
    """Return text without tags and entities, blanks collapsed."""
    if "<" in text or "&" in text:
        text = html.unescape(_TAGS.sub(" ", html.unescape(text)))
    return " ".join(text.split())


def _load(script: str) -> object:
    text = _WRAPPING.sub("", script[:_MAX_CHARACTERS]).strip()
    if not text:
        return None
    for attempt in (text, _TRAILING_COMMA.sub(r"\1", text), html.unescape(text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        return json.JSONDecoder(strict=False).raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _walk(value: object, *, teaser: bool, depth: int) -> Iterator[tuple[Node, bool]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value[:_MAX_NODES]:
            yield from _walk(item, teaser=teaser, depth=depth + 1)
    elif isinstance(value, dict):
        if "@type" in value:
            yield value, teaser
        for key, item in value.items():
            if isinstance(item, (dict, list)):
                yield from _walk(item, teaser=teaser or key in _TEASERS, depth=depth + 1)
