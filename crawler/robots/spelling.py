"""One spelling for paths and rules of robots.txt, so that they can be compared as text.

Source: RFC 9309 section 2.2.2 and 2.2.3. What has to be percent-coded is; what need not be is not; the special
characters `*` and `$` are coded where they stand for themselves. In the query the reserved characters that part
nothing there are written plainly, which compares as the standard's coding of all of them does.
"""

from __future__ import annotations

import re

_LOWER = re.compile(r"(?:%(?:[a-f][0-9A-Fa-f]|[0-9A-F][a-f]))++")
_CODED = re.compile(r"%[2-7][0-9A-F]")
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_IN_PATH = {f"%{ord(character):02X}": character for character in _UNRESERVED}
_IN_QUERY = {f"%{ord(character):02X}": character for character in _UNRESERVED + ":/?@!'(),;"}
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]++")


def coded(text: bytes) -> str:
    """Return the text of a rule as given, octets outside US-ASCII percent-coded, hexadecimal digits in capitals.

    >>> coded("/caf\u00e9/%d0*".encode())
    '/caf%C3%A9/%D0*'
    """
    if not text.isascii():
        text = _BEYOND_ASCII.sub(lambda found: b"%" + found[0].hex("%").encode(), text)
    return capitals(text.decode("ascii"))


def capitals(text: str) -> str:
    """Return `text` with the hexadecimal digits of its percent-coding in capitals."""
    return _LOWER.sub(lambda found: found[0].upper(), text) if "%" in text else text


def plain_path(path: str) -> str:
    """Return a path with its query in the one spelling; `path` is text as `coded` returns it.

    >>> plain_path("/%7Ea/%2A*?u=http%3A%2F%2Fb%26")
    '/~a/%2A%2A?u=http://b%26'
    """
    return _plain(path).replace("*", "%2A").replace("$", "%24")


def plain_rule(rule: str) -> str:
    """Return a rule, as `coded` returns it, in the one spelling: `*`, and `$` at its end, keep their meaning.

    >>> plain_rule("/%70rivate/$1*$")
    '/private/%241*$'
    """
    text = _plain(rule)
    return text if "$" not in text[:-1] else text[:-1].replace("$", "%24") + text[-1:]


def _plain(text: str) -> str:
    if "%" not in text:
        return text
    path, mark, query = text.partition("?")
    return _decoded(path, _IN_PATH) + mark + _decoded(query, _IN_QUERY)


def _decoded(text: str, plain: dict[str, str]) -> str:
    return _CODED.sub(lambda found: plain.get(found[0], found[0]), text)
