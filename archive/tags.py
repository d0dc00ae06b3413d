"""The tags of a page that name addresses, read in linear time; hides how browsers part a page into tags.

No tree is built. Every HTML parser tried (libxml2, lexbor, resiliparse) takes quadratic time in the attributes of
one tag or in open elements (60,000 nested `div`: lexbor 4.4 s), and a guard before the parser costs what the
tokens themselves cost. Each repetition here is possessive and each failure consumes what it has looked at, so that
no input is read more than three times. Source: HTML Standard section 13.2.5, tokenization; comments and raw text as
there, `noscript`, `noframes` and `template` read as markup because their links count.
"""

from __future__ import annotations

import functools
import html
import html.entities
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILES = (
    "(?i:jpe?+g|jfif|pjpeg|png|apng|gif|webp|avif|heic|jxl|svgz?+|bmp|ico|cur|tiff?+"
    "|mp4|m4v|webm|og[gvma]|opus|mov|mp3|m4a|aac|wav|flac|vtt)"
)
"""The endings of picture, video and sound files, without their dot; a regular expression."""

_SPACE = r"[\t\n\f\r ]"
_NAME = r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
_VALUE = r"""(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|(?!["'])([^\t\n\f\r >]*+))"""
_ATTRIBUTE = re.compile(rf"({_NAME})(?:{_SPACE}*+={_SPACE}*+{_VALUE})?+")
_ANY_VALUE = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|(?!["'])[^\t\n\f\r >]*+)"""
_ATTRIBUTES = (
    rf"(?:[\t\n\f\r /]*+{_NAME}(?:{_SPACE}*+={_SPACE}*+{_ANY_VALUE})?+)*+[\t\n\f\r /]*+(?:>|\Z)"
)
_HREF = re.compile(
    rf"(?:[\t\n\f\r /]*+(?!(?i:href)[\t\n\f\r />=]){_NAME}(?:{_SPACE}*+={_SPACE}*+{_ANY_VALUE})?+)*+"
    rf"[\t\n\f\r /]*+(?i:href){_SPACE}*+(?:={_SPACE}*+{_VALUE})?+"
)
_IS = rf"{_SPACE}*+={_SPACE}*+"
_FILE = rf"\.(?!(?=[A-Za-z]){FILES}(?![A-Za-z0-9]))"
_NAMES_A_FILE = (
    rf"(?:[sS](?i:tyle){_IS}(?:\"[^\"(]*+\(|'[^'(]*+\(|(?![\"'])[^\t\n\f\r >(]*+\()"
    rf"|[dD](?i:ata-)[^\t\n\f\r />=]*+{_IS}"
    rf"(?:\"(?:[^\".]++|{_FILE})*+\.|'(?:[^'.]++|{_FILE})*+\.|(?![\"'])(?:[^\t\n\f\r >.]++|{_FILE})*+\.)"
    rf"|[bB](?i:ackground){_IS})"
)
_PLAIN_ATTRIBUTES = (
    rf"(?:[\t\n\f\r /]*+(?!{_NAMES_A_FILE}){_NAME}(?:{_SPACE}*+={_SPACE}*+{_ANY_VALUE})?+)*+"
    r"[\t\n\f\r /]*+(?:>|\Z)"
)
_RAW = ("iframe", "noembed", "script", "style", "textarea", "title", "xmp")
_WANTED = (
    r"(?i:a(?:rea|mp-[a-z]++|udio)?+|base|embed|f(?:eimage|rame)|i(?:frame|m(?:g|age)|nput)|link|meta|noembed"
    r"|object|plaintext|s(?:cript|ource|tyle)|t(?:extarea|itle|rack)|use|video|xmp)(?=[\t\n\f\r />])"
)
_SKIPPED = (
    rf"<(?!!--|{_WANTED})"
    rf"(?:[A-Za-z][^\t\n\f\r />]*+{_PLAIN_ATTRIBUTES}"
    rf"|/[A-Za-z][^\t\n\f\r />]*+{_ATTRIBUTES}|[!?/](?!(?<=/)[A-Za-z])[^>]*+>?+|(?![A-Za-z!?/]))"
)
_START = rf"<(?:(!--)|([A-Za-z][^\t\n\f\r />]*+)({_ATTRIBUTES}))"
_TOKEN = re.compile(
    r"(?:[^<]++"  # text
    r"|</[A-Za-z][A-Za-z0-9]*+>"  # the usual end tag, first because it is half of all
    rf"|{_SKIPPED})*+{_START}"
)
_TOKEN_IN_WINDOW = re.compile(
    rf"(?:[^<]++|</[A-Za-z][A-Za-z0-9]*+>|{_SKIPPED}(?!\Z))*+(?:{_START}(?!\Z)|)"
)
"""The same where the text goes on behind what is looked at: what reaches to the end of that may be cut, and stays."""

_END_OF_COMMENT = re.compile(r"--!?>")
_END_OF_RAW = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in _RAW}
_REFERENCE = re.compile(r"&(?:#(?:[0-9]++|[xX][0-9a-fA-F]++);?+|[a-zA-Z][a-zA-Z0-9]*+;?+(?!=))")


MAX_TAGS = 200_000
"""Tags of `tags` that are read of one page, some seconds of work; the longest archive pages have 20,000."""

Tag = tuple[str, str, int, int]
"""A start tag: its name in lower case, its attributes as written, where its content begins, where that ends.

The end is known for `script` and `style` alone, of which the content is no markup; of others it is the beginning.
"""


def tags(text: str) -> Iterator[Tag]:
    """Yield the tags of a page that may name an address, in order.

    They are those that do by their kind (a, img, link, …), and any other with a `style` that calls a function,
    a `data-…` that names a file of `FILES`, or a `background`. Of a tag longer than a million characters none
    of the rest is known to belong to it.
    """
    position = 0
    while found := _next_token(text, position):
        position = found.end()
        if found[1]:
            ended = _END_OF_COMMENT.search(text, position - 2)  # `<!-->` is a whole comment
            if not ended:
                return
            position = ended.end()
            continue
        name = found[2].lower()
        if name in _END_OF_RAW:
            start = position
            closed = _END_OF_RAW[name].search(text, start)
            position = closed.start() if closed else len(text)
            if name in _RAW_WANTED:
                yield name, found[3], start, start if name == "iframe" else position
        elif name == "plaintext":
            return
        else:
            yield name, found[3], position, position


_WINDOW = 64_000
"""Characters that one match looks at. It holds the interpreter, 25 ms at worst for as many `.p` in a `data-`; a
page of 16 MiB read at once would for 5 s. Hardly a tag is longer; one that is gets `_READ_CHARACTERS`."""


def _next_token(text: str, position: int) -> re.Match[str] | None:
    """Return the next tag or comment that is wanted, looking at the text piece by piece."""
    window = _WINDOW
    while position + window < len(text):
        found = _TOKEN_IN_WINDOW.match(text, position, position + window)
        assert found is not None
        if found[1] or found[2]:
            return found
        if found.end() > position:
            position, window = found.end(), _WINDOW
        elif window < _READ_CHARACTERS:
            window = _READ_CHARACTERS
        else:
            position, window = position + window, _WINDOW
    return _TOKEN.match(text, position)


_RAW_WANTED = frozenset({"iframe", "script", "style"})


def attributes(source: str) -> Mapping[str, str]:
    """Return attribute values by name in lower case; of two of one name the first counts, as in browsers.

    The last attribute comes first.
    """
    return _kept(source) if len(source) <= _KEPT_CHARACTERS else _parsed(source)


_KEPT_CHARACTERS = 1_000
_READ_CHARACTERS = 1_000_000
"""Of the attributes of one tag; a million bare ones take 0.2 s, in which nothing else of the process runs."""


def _parsed(source: str) -> dict[str, str]:
    written = _ATTRIBUTE.findall(source[:_READ_CHARACTERS].removesuffix(">"))
    written.reverse()
    values = {name.lower(): double or single or bare for name, double, single, bare in written}
    if "&" not in source:
        return values
    return {name: unescaped(value) for name, value in values.items()}


_kept = functools.lru_cache(maxsize=512)(_parsed)
"""The tags of a site's head and menus stand on all its pages, and links and requisites both read them."""


def first_href(source: str) -> str | None:
    """Return `attributes(source)["href"]`, or None; for the tag that a page is full of."""
    found = _HREF.match(source)
    if not found:
        return None
    href: str = found[1] or found[2] or found[3] or ""
    return unescaped(href) if "&" in href else href


def unescaped(value: str) -> str:
    """Resolve the character references of an attribute: `&amp;`, `&#038;`, but not `&section=2`."""
    if "&" not in value:
        return value
    return _REFERENCE.sub(_referred, value)


def _referred(reference: re.Match[str]) -> str:
    written = reference[0]
    if written[1] == "#" or written.endswith(";") or written[1:] in html.entities.html5:
        return html.unescape(written)
    return written
