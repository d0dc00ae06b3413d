"""Parses HTML into one lxml tree: hides libxml2 and its manners."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, cast

from lxml import etree, html

_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_FAULTY_DOCTYPE = re.compile(r"\A\s{0,99}<!DOCTYPE[^<>]{0,400}/[^<>]{0,400}>", re.IGNORECASE)
_SELF_CLOSING_HTML = re.compile(r"(<html\b[^<>]{0,400})/>", re.IGNORECASE)
# React sends parts of a page late, in hidden elements that a script moves to their place (react-dom, Fizz).
_STREAMED = re.compile(r"^S:[0-9a-f]{1,6}$")
# A title that is never closed swallows the page.
_OPEN_TITLE = re.compile(r"(<title\b[^<>]{0,400}>[^<]{0,1000})", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(
    r"(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden)", re.IGNORECASE
)
_MAYBE_HIDDEN = etree.XPath(
    "//body//*[@hidden or @aria-hidden='true' or contains(@style, 'one') or contains(@style, 'hidden')]"
)

Element: TypeAlias = html.HtmlElement
# What other people's code may raise on a tree that it did not expect.
FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    etree.LxmlError,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The root element, or None where there is no markup at all."""

    root: Element | None
    problems: tuple[str, ...] = ()


def parse(text: str) -> Parsed:
    """Return the tree of a page, without comments and processing instructions."""
    text = _SELF_CLOSING_HTML.sub(r"\1>", _FAULTY_DOCTYPE.sub("", text[:4096])) + text[4096:]
    if "</title" not in text and "</TITLE" not in text:
        text = _OPEN_TITLE.sub(r"\1</title>", text, count=1)
    if _NOT_XML.search(text):
        text = _NOT_XML.sub("", text)
    parser = html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, no_network=True
    )
    try:
        root = html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (etree.LxmlError, ValueError):
        return Parsed(None, ("markup: nothing that can be parsed",))
    deep = any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log)
    return Parsed(root, ("markup: nested deeper than 256, the rest is not read",) if deep else ())


def text_of(element: Element) -> str:
    """Return the text of an element with blanks collapsed."""
    return " ".join("".join(element.itertext()).split())


def drop(element: Element) -> None:
    """Take an element out of its tree; the text after it stays."""
    element.drop_tree()


def hidden(root: Element) -> list[Element]:
    """Return the elements that a reader can't see, outermost first: hidden, display: none, aria-hidden.

    A whole page may be hidden until a script runs: what holds its heading, or more of its prose than the
    rest, is not meant.
    """
    found = [
        element
        for element in cast("list[Element]", _MAYBE_HIDDEN(root))
        if _says_hidden(element) and not _holds_the_page(element)
    ]
    if not found:
        return found
    whole = _prose(root)
    return [element for element in found if 2 * _prose(element) <= whole]


def _prose(element: Element) -> int:
    return sum(len("".join(p.itertext())) for p in element.iter("p"))


def _says_hidden(element: Element) -> bool:
    if _STREAMED.match(element.get("id") or ""):
        return False
    if "hidden" in element.attrib or element.get("aria-hidden") == "true":
        return True
    return bool(_HIDDEN_STYLE.search(element.get("style") or ""))


def _holds_the_page(element: Element) -> bool:
    return element.tag in {"html", "body", "main", "article", "h1"} or (
        element.find(".//h1") is not None or element.find(".//article") is not None
    )


def flatten_layout(root: Element) -> None:
    """Make plain boxes of tables that lay out the page: those with prose of several paragraphs in a cell."""
    for cell in list(root.iter("td")):
        if _is_layout(cell):
            for part in (cell, *cell.iterancestors("tr", "tbody", "table")):
                part.tag = "div"
            for sibling in cell.itersiblings("td", preceding=True):
                sibling.tag = "div"
            for sibling in cell.itersiblings("td"):
                sibling.tag = "div"


def _is_layout(cell: Element) -> bool:
    if len(cell.findall(".//p")) < 3 and len(cell.findall(".//br")) < 4:
        return False
    return len("".join(cell.itertext()).strip()) > 300
