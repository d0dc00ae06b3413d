"""Finds who wrote an article: hides bylines, JSON-LD persons and the outlets that sign for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from archive import urls
from archive.analyse import linked_data
from archive.analyse.choice import Candidate, Chosen, choose, clean, word_key
from archive.analyse.linked_data import ARTICLE_TYPES, types_of
from archive.analyse.markup import Element, text_of
from archive.analyse.page import Page, outside
from archive.analyse.written import find, lines
from archive.model import Author

_MAX_AUTHORS = 30
_PREFIX = re.compile(
    r"^(?:(?:written|about|story|text|words|reported|posted|published|article|report|analysis|opinion|review)\s+)?"
    r"(?:by|von|par|por|door|autor(?:in|a|es)?|auteure?s?|author|writer|byline|texte?|texto|"
    r"about|автор(?:ы|ка)?|текст|подготовил[аи]?|авторы|мәтін|作者|文|记者|撰文|编辑)(?:\s*[:：|]\s*|\s+)",
    re.IGNORECASE,
)
_COLON_ONLY = frozenset({"text", "texte", "texto", "текст"})
_SPLIT = re.compile(r"\s*(?:[;,、|•·/&]|\s(?:and|und|et|y|e|и|och|og|en|және|with|mit|avec)\s)\s*")
_TAIL = re.compile(
    r"\s*(?:\(.{0,80}\)|[-–—|,]\s*(?:[\w ]{0,40}\b)?(?:staff|team|reporter|editor|correspondent|redaktion|rédaction).{0,60})$",
    re.IGNORECASE,
)
_NO_NAME = re.compile(
    r"https?:|www\.|@|\d{2}|[{}<>=\[\]():]|\be-?mail\b|^(?:view all|see (?:all|more)|read more|more (?:from|by)|all posts)\b|^(?:admin(?:istrator)?|author|editor|staff|unknown|none|null|anonymous|guest|"
    r"follow|share|posts?|the editors?|"
    r"web ?master|user|root|default|by|von|par|profile)$",
    re.IGNORECASE,
)
_AGENCY = re.compile(
    r"^(?:afp|ap|dpa|epa|reuters|associated press|the associated press|pa media|press association|bloomberg|"
    r"тасс|риа новости|интерфакс|интерфакс-казахстан|казинформ|қазақпарат|xinhua|新华社|efe|ansa|kna|epd|sid|pti|ians|"
    r"agence france-presse|canadian press|the canadian press|wire reports?|news agenc(?:y|ies))(?:$|[\s/-])",
    re.IGNORECASE,
)
_ORGANISATION = re.compile(
    r"\b(?:staff|team|desk|editorial|newsroom|redaktion|redacción|rédaction|редакция|agency|редакция|news|press|magazine|"
    r"times|journal|gazette|tribune|foundation|institute|university|ministry|inc|ltd|gmbh|media|network|\.com)\b",
    re.IGNORECASE,
)
_BYLINE_CLASS = re.compile(
    r"byline|author|(?:^|[\s_-])(?:autor(?:en)?|auteur|verfasser|writer|vcard|contributor|username)(?:$|[\s_-])",
    re.IGNORECASE,
)
_NO_BYLINE_CLASS = re.compile(
    r"bio|avatar|image|img|photo|picture|social|follow|about|more|articles|posts|related|comment|descri|job|role|"
    r"position|date|time|icon|twitter|email|contact|authorized",
    re.IGNORECASE,
)
_WRITTEN_BY = re.compile(
    r"written by|verfasst von|geschrieben von|écrit par|rédigé par|escrito por|scritto da|автор|написано|geschreven door|napisane przez",
    re.IGNORECASE,
)
_BOX_TITLE = re.compile(r"^about the author\s*[-–—:]\s*", re.IGNORECASE)
_GLUED = re.compile(
    r"^(?:(?:Written|Posted|Published|Reviewed)\s?)?(?:By|BY|Von|Par|Por)\s?(?=[A-ZÀ-Þ][a-zà-þ])"
)
_CREDENTIAL = re.compile(
    r"^(?:[A-Z]{2,5}|(?:[A-Z][a-z]?\.){2,}|Ph\.?\s?D\.?|Jr\.?|Sr\.?|M\.?D\.?)$"
)
_DOMAIN = re.compile(r"^[\w-]{2,40}(?:\.[\w-]{2,20}){1,2}$")
_BOX_CLASS = re.compile(
    r"(?:^|[\s_-])(?:author-?(?:box|bio|info)|about-?author)(?:$|[\s_-])", re.IGNORECASE
)
_NAME_CLASS = re.compile(r"author-?(?:name|title)|(?:^|\s)fn(?:$|\s)", re.IGNORECASE)
_META = ("author", "article:author", "article:author_name", "dc.creator", "dcterms.creator", "parsely-author", "sailthru.author", "byl", "citation_author", "twitter:data1")  # fmt: skip


def authors(page: Page, outlet: str) -> tuple[tuple[Author, ...], Chosen]:
    """Return the writers in the page's order, and the provenance of the choice.

    Names keep their case. The outlet's own name is dropped where a person is named.
    """
    names = _outlets(page, outlet)
    found: list[tuple[str, tuple[Author, ...]]] = []
    for source, people in _sources(page):
        kept = _tidied(people, names)
        if kept:
            found.append((source, kept))
    best = next((people for _, people in found if any(a.kind == "person" for a in people)), ())
    best = best or (found[0][1] if found else ())
    ordered = sorted(found, key=lambda item: item[1] is not best)
    chosen = choose(
        [Candidate(source, "; ".join(a.name for a in people)) for source, people in ordered],
        _name_key,
    )
    return best, chosen


def _name_key(value: str) -> str:
    return " ".join(sorted(word_key(name) for name in value.split(";")))


def _sources(page: Page) -> Iterator[tuple[str, list[Author]]]:
    for node in page.ld.of_type(ARTICLE_TYPES)[:3]:
        yield "json-ld author", list(_linked(page, node.get("author")))
        yield "json-ld creator", list(_linked(page, node.get("creator")))
    for name in _META[:-1]:
        values = [value for _, value in page.meta(name)]
        yield f"meta {name}", [a for value in values for a in _split(value)]
    yield "itemprop author", list(_marked(page))
    yield (
        "rel=author",
        [
            a
            for e in _anchors(page)
            for a in _split(text_of(e), _address(page, e))
            if _looks_named(a)
        ],
    )
    yield "byline", list(_bylines(page, page.main))
    yield "meta written by", [a for _, v in page.meta("twitter:misc:written by") for a in _split(v)]
    if any(_WRITTEN_BY.search(value) for _, value in page.meta("twitter:label1")):
        yield (
            "meta twitter:data1",
            [a for _, value in page.meta("twitter:data1") for a in _split(value)],
        )
    yield "line with a written date", list(_beside_date(page))
    body = page.root.find("body")
    if body is not None and body is not page.main:
        yield "byline outside the article", list(_bylines(page, body))
    yield "author box", list(_boxed(page))


def _linked(page: Page, value: object) -> Iterator[Author]:
    items = value if isinstance(value, list) else [value]
    for item in items[:_MAX_AUTHORS]:
        node = page.ld.resolve(item)
        if isinstance(node, Mapping):
            organisation = any("Organization" in name for name in types_of(node))
            address = node.get("url") or node.get("@id")
            url = urls.absolute(page.url, address) if isinstance(address, str) and address else None
            for name in linked_data.strings(node.get("name")):
                if organisation:
                    yield Author(clean(name), url or "", "organization")
                else:
                    yield from _split(name, url or "")
        elif isinstance(node, str):
            yield from _split(linked_data.plain(node))


def _marked(page: Page) -> Iterator[Author]:
    for element in page.marked.get("author", ())[:_MAX_AUTHORS]:
        if outside(element):
            continue
        inner = element.find(".//*[@itemprop='name']")
        target = element if inner is None else inner
        yield from _split(target.get("content") or text_of(target))


def _anchors(page: Page) -> Iterator[Element]:
    for anchor in page.root.iter("a"):
        rel = anchor.get("rel")
        if rel and "author" in rel.lower().split() and not outside(anchor) and _near(page, anchor):
            yield anchor


def _bylines(page: Page, top: Element) -> Iterator[Author]:
    """Read the first byline below `top` that names somebody, outside furniture and other articles."""
    for element in top.iter("span", "p", "div", "a", "address", "li", "ul", "strong"):
        names = element.get("class")
        if (
            not names
            or not _BYLINE_CLASS.search(names[:200])
            or _NO_BYLINE_CLASS.search(names[:200])
        ):
            continue
        if outside(element, top) or not _near(page, element):
            continue
        linked = [a for a in element.iter("a") if text_of(a)]
        texts = [text_of(a) for a in linked] or [text_of(element)]
        people = [
            a
            for text in texts
            if len(text) < 120
            for a in _split(text)
            if _looks_named(a) or "username" in names or _NAME_CLASS.search(names)
        ]
        if people:
            yield from people
            return


def _beside_date(page: Page) -> Iterator[Author]:
    """Read a name of two words or more that shares a line with the date: "Ann Berg, 2 October 2025"."""
    for line in lines(page):
        found = find(line)
        if found:
            rest = line.replace(found[1], "").strip(" ,;|·•–—-")
            people = [a for a in _split(rest) if _looks_named(a) and a.name.count(" ")]
            if people and len(rest) < 80:
                yield from people
                return


def _boxed(page: Page) -> Iterator[Author]:
    """Read the name in the box about the author that stands below the article."""
    for box in page.main.iter("div", "section", "aside", "footer"):
        if _BOX_CLASS.search(box.get("class") or ""):
            for element in box.iter("h2", "h3", "h4", "h5", "span", "p", "a"):
                if element.tag.startswith("h") or _NAME_CLASS.search(element.get("class") or ""):
                    yield from _split(text_of(element))
                    return


def _near(page: Page, element: Element) -> bool:
    """Say whether an element is in the article, or in no other article of the page."""
    return (
        next(element.iterancestors("article"), page.main) is page.main or page.main.tag != "article"
    )


def _address(page: Page, element: Element) -> str:
    href = element.get("href")
    return (urls.absolute(page.url, href) or "") if href else ""


def _split(text: str, url: str = "") -> Iterator[Author]:
    text = clean(linked_data.plain(text[:600]))
    if not text or "://" in text:
        return
    text = _GLUED.sub("", _BOX_TITLE.sub("", text))
    match = _PREFIX.match(text)
    if match and match.group().strip().lower() not in _COLON_ONLY:
        text = text[match.end() :]
    pieces = [p for n, p in enumerate(_SPLIT.split(text)) if not (n and _CREDENTIAL.match(p))]
    if _DOMAIN.match(pieces[0]):
        pieces = pieces[:1]  # "outlet.com, City, Country"
    names = [name for piece in pieces if (name := _TAIL.sub("", piece).strip(" .-–—:*"))]
    for name in names:
        if 1 < len(name) <= 70 and len(name.split()) <= 6 and not _NO_NAME.search(name):
            yield Author(name, url if len(names) == 1 else "", _kind(name))


def _looks_named(author: Author) -> bool:
    """Say whether a link or byline text can be a name: a letter of a script without case, or a capital."""
    return any(word[:1].isupper() or not word[:1].islower() for word in author.name.split())


def _kind(name: str) -> str:
    return (
        "organization"
        if _DOMAIN.match(name) or _AGENCY.match(name) or _ORGANISATION.search(name)
        else "person"
    )


def _outlets(page: Page, outlet: str) -> frozenset[str]:
    names = [
        outlet,
        *(value for _, value in page.meta("og:site_name", "application-name", "publisher")),
    ]
    for node in page.ld.of_type({"NewsMediaOrganization", "Organization", "WebSite"})[:10]:
        names.extend(linked_data.strings(node.get("name")))
    for node in page.ld.of_type(ARTICLE_TYPES)[:3]:
        names.extend(linked_data.strings(page.ld.resolve(node.get("publisher"))))
    host = re.sub(r"^https?://(?:www\d?\.)?", "", page.url).partition("/")[0].partition(":")[0]
    names.extend([host, host.rpartition(".")[0]])
    return frozenset(key for name in names if (key := word_key(name)))


def _tidied(people: Iterable[Author], outlets: frozenset[str]) -> tuple[Author, ...]:
    """Return each name once; the outlet is an organization, and left out beside a person."""
    kept: dict[str, Author] = {}
    for person in people:
        key = word_key(person.name)
        if not key or key in kept:
            continue
        ours = key in outlets or key.removeprefix("the") in outlets
        kept[key] = Author(person.name, person.url, "organization") if ours else person
    known = [a for key, a in kept.items() if key not in outlets]
    if any(a.kind == "person" for a in known):
        return tuple(known[:_MAX_AUTHORS])
    return tuple(list(kept.values())[:_MAX_AUTHORS])
