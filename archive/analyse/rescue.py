"""Finds an article's text where extraction has next to nothing: JSON-LD's articleBody, content elements, noscript copies.

Idea of a cheap second witness: the extraction benchmarks of the public article sets, where bodies split
over several containers are the costliest fault.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from archive.analyse.choice import word_key
from archive.analyse.extraction import extract
from archive.analyse.linked_data import ARTICLE_TYPES
from archive.analyse.markup import text_of

if TYPE_CHECKING:
    from archive.analyse.markup import Element
    from archive.analyse.page import Page

_BLOCK = re.compile(r"</?(?:p|div|br|h[1-6]|li|blockquote)\b[^<>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{1,500}>")
_FULLER = 1.35
_LITTLE = 200
_MAX_BODY = 500_000
_BRIEF = 600
_LEAST = 20  # letters and digits
_CONTAINERS = frozenset(
    {"entry-content", "post-content", "article-content", "article-body", "story-body", "post-body"}
)


def rescue(page: Page, text: str, *, dense: bool) -> tuple[str, str]:
    """Return a fuller text and its source, or `text` and "trafilatura" where there is none."""
    body = _article_body(page)
    if len(body) > _FULLER * len(text) and len(body) >= _LITTLE and _agree(text, body):
        return body, "json-ld articleBody"
    if "\n" in body and "\n" not in text and word_key(body) == word_key(text):
        return body, "json-ld articleBody"  # the same without its paragraphs
    if "\n" not in text and len(text) < _BRIEF and (inner := _of_container(page, text)):
        return inner, "content element"
    if len(text) < _LITTLE:
        shown = _from_noscript(page, dense=dense)
        if len(shown) > max(_FULLER * len(text), _LITTLE):
            return shown, "noscript"
    return text, "trafilatura"


def _article_body(page: Page) -> str:
    bodies = [node.get("articleBody") for node in page.ld.of_type(ARTICLE_TYPES)[:3]]
    raw = max((body for body in bodies if isinstance(body, str)), key=len, default="")[:_MAX_BODY]
    if "<" in raw or "&" in raw:
        raw = html.unescape(_TAG.sub("", _BLOCK.sub("\n", html.unescape(raw))))
    return "\n".join(line for piece in raw.splitlines() if (line := piece.strip()))


def _agree(text: str, body: str) -> bool:
    """Say whether most of `text` is in `body`: then it is the same article, and not a teaser of another."""
    if len(text) < _LITTLE:
        return True
    whole = word_key(body)
    lines = [key for line in text.split("\n") if len(key := word_key(line)) > 30]
    return bool(lines) and sum(key[:60] in whole for key in lines) >= 0.6 * len(lines)


def _of_container(page: Page, text: str) -> str:
    """Return what the one element says that themes put the article's text into, where `text` has it and more.

    Of a message of a sentence or two trafilatura gives all of the page's main element in one line: date, byline
    and what the theme says of the author are then part of it, and change with the theme.
    """
    found = [one for one in page.main.iter("div", "section") if _is_container(one)]
    if len(found) != 1:
        return ""
    lines = [text_of(one) for one in found[0].iter("p", "li", "blockquote", "h2", "h3")]
    inner = "\n".join(line for line in lines if line)
    key = word_key(inner)
    return inner if len(key) >= _LEAST and key in word_key(text) else ""


def _is_container(element: Element) -> bool:
    names = (element.get("class") or "").lower().split()
    return element.get("itemprop") == "articleBody" or not _CONTAINERS.isdisjoint(names)


def _from_noscript(page: Page, *, dense: bool) -> str:
    """Read noscript elements as part of the page; the tree is changed and serves no one after this."""
    boxes: list[Element] = [box for box in page.root.iter("noscript") if _holds_text(box)]
    for box in boxes:
        box.tag = "div"
    return extract(page.root, page.url, dense=dense)[0] if boxes else ""


def _holds_text(box: Element) -> bool:
    return len("".join(box.itertext()).split()) > 20
