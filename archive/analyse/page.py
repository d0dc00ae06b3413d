"""Looks over a page's tree once and keeps what gate and fields ask for: hides where things stand in HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archive.analyse import linked_data
from archive.analyse.markup import Element, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archive.analyse.linked_data import LinkedData

_MAX_VALUE = 20_000
_OUTSIDE = frozenset({"aside", "nav", "form", "template", "dialog"})
_OUTSIDE_WORDS = re.compile(
    r"(?:^|[\s_-])(?:comments?|commentlist|respond|replies|sidebar|widget(?:-area)?(?!\s+blog\b)|related|recommended|recirc\w{0,12}|"
    r"popular|trending|most-?read|newsletter|tag-?cloud|breadcrumbs?|menu|navbar|navigation|site-?footer|page-?footer|colophon|cookie\w{0,12}|"
    r"consent|share|sharing|social|promo|teasers?|yarpp|jp-relatedposts|disqus\w{0,12}|author-?(?:box|bio))(?:$|[\s_-])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as gate and fields see it. `metas` keys are lower case; `links` are (rel, element) pairs."""

    root: Element
    url: str
    headers: tuple[tuple[str, str], ...]
    metas: dict[str, list[str]]
    links: tuple[tuple[frozenset[str], Element], ...]
    ld: LinkedData
    title: str
    headings: tuple[Element, ...]
    times: tuple[Element, ...]
    body_classes: frozenset[str]
    scripts: int
    script_characters: int
    main: Element
    lang: str = ""
    base: str = ""
    marked: dict[str, list[Element]] = field(default_factory=dict)

    def meta(self, *names: str) -> list[tuple[str, str]]:
        """Return (name, content) of the meta elements with one of `names`, in the order of `names`."""
        return [(name, value) for name in names for value in self.metas.get(name, ())]

    def header(self, name: str) -> list[str]:
        """Return the values of a response header."""
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(slots=True)
class _Collected:
    metas: dict[str, list[str]] = field(default_factory=dict)
    links: list[tuple[frozenset[str], Element]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    headings: list[Element] = field(default_factory=list)
    times: list[Element] = field(default_factory=list)
    title: str = ""
    base: str = ""
    count: int = 0
    characters: int = 0


def look(root: Element, url: str, headers: Sequence[tuple[str, str]]) -> Page:
    """Return what `root` shows; the tree itself is not changed."""
    seen = _Collected()
    for element in root.iter("meta", "link", "script", "title", "h1", "h2", "time", "base"):
        _COLLECT[element.tag](seen, element)
    body = root.find("body")
    classes = (body.get("class") or "").lower().split() if body is not None else []
    marked: dict[str, list[Element]] = {}
    for element in root.iterfind(".//body//*[@itemprop]"):
        for name in (element.get("itemprop") or "").split():
            marked.setdefault(name.lower(), []).append(element)
    return Page(
        root=root,
        url=url,
        headers=tuple(headers),
        metas=seen.metas,
        links=tuple(seen.links),
        ld=linked_data.read(seen.scripts),
        title=seen.title,
        headings=tuple(seen.headings),
        times=tuple(seen.times),
        body_classes=frozenset(classes),
        scripts=seen.count,
        script_characters=seen.characters,
        main=_main(root, seen.headings),
        lang=root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "",
        base=seen.base,
        marked=marked,
    )


def outside(element: Element, top: Element | None = None) -> bool:
    """Say whether an element belongs to the page's furniture: comments, sidebars, related, navigation.

    `top` ends the climb (exclusive); the body always does.
    """
    node: Element | None = element
    while node is not None and node is not top and node.tag not in {"body", "html"}:
        if node.tag in _OUTSIDE or (node.tag == "footer" and not _of_article(node)):
            return True
        names = f"{node.get('class') or ''} {node.get('id') or ''}"
        if (
            len(names) > 1
            and node.tag not in {"main", "article"}
            and _OUTSIDE_WORDS.search(names[:400])
        ):
            return True
        node = node.getparent()
    return False


def _of_article(footer: Element) -> bool:
    """Say whether a footer is an article's own, where themes put tags and byline."""
    return next(footer.iterancestors("article"), None) is not None


def _main(root: Element, headings: list[Element]) -> Element:
    """Return the element that holds the article: an <article> with the h1, the longest one, main, body."""
    for heading in headings:
        if heading.tag == "h1":
            for parent in heading.iterancestors("article"):
                return parent
    articles = [a for a in root.findall(".//article")[:200] if not _is_comment(a)]
    if articles:
        longest = max(articles, key=_paragraph_length)
        if _paragraph_length(longest) > 400:
            return longest
    main = root.find(".//main")
    if main is None:
        main = root.find(".//*[@role='main']")
    body = root.find("body")
    return main if main is not None else body if body is not None else root


def _is_comment(article: Element) -> bool:
    """Say whether an <article> is a reader's comment (WordPress) or a card beside the text."""
    parent = article.getparent()
    names = f"{article.get('class') or ''} {article.get('id') or ''}"
    return "comment" in names.lower() or (parent is not None and outside(parent))


def _paragraph_length(element: Element) -> int:
    return sum(len("".join(p.itertext())) for p in element.iter("p"))


def _meta(seen: _Collected, element: Element) -> None:
    content = element.get("content")
    if not content:
        return
    for attribute in ("name", "property", "itemprop", "http-equiv"):
        name = element.get(attribute)
        if name:
            seen.metas.setdefault(name.strip().lower(), []).append(content[:_MAX_VALUE].strip())


def _link(seen: _Collected, element: Element) -> None:
    rel = element.get("rel")
    if rel and element.get("href"):
        seen.links.append((frozenset(rel.lower().split()), element))


def _script(seen: _Collected, element: Element) -> None:
    text = element.text or ""
    if "ld+json" in (element.get("type") or "").lower():
        seen.scripts.append(text)
        return
    seen.count += 1
    seen.characters += len(text)


def _title(seen: _Collected, element: Element) -> None:
    parent = element.getparent()
    if not seen.title and (parent is None or parent.tag != "svg"):
        seen.title = text_of(element)[:1000]


def _heading(seen: _Collected, element: Element) -> None:
    if len(seen.headings) < 400:
        seen.headings.append(element)


def _time(seen: _Collected, element: Element) -> None:
    if len(seen.times) < 200:
        seen.times.append(element)


def _base(seen: _Collected, element: Element) -> None:
    seen.base = seen.base or element.get("href") or ""


_COLLECT = {
    "meta": _meta,
    "link": _link,
    "script": _script,
    "title": _title,
    "h1": _heading,
    "h2": _heading,
    "time": _time,
    "base": _base,
}
