"""What an answer's Link fields name for its page: styles, fonts and pictures sent for early; hides their grammar.

Source: RFC 8288 section 3; HTML Standard section 4.6.6, processing Link headers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENTRY = re.compile(r"<([^<>]*+)>((?:[^,\"]++|\"(?:[^\"\\]++|\\[\s\S])*+\"?+)*+)")
_PARAMETER = re.compile(
    r";\s*+([^\s;=,\"]++)\s*+(?:=\s*+(?:\"((?:[^\"\\]++|\\[\s\S])*+)|([^\s;,\"]*+)))?+"
)
_ESCAPED = re.compile(r"\\([\s\S])")


def links(fields: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield each link of the fields as the attributes that a `link` element would have.

    >>> list(links(['</a.css>; rel=preload; as="style", </b>; rel=next']))
    [{'rel': 'preload', 'as': 'style', 'href': '/a.css'}, {'rel': 'next', 'href': '/b'}]
    """
    for field in fields:
        for target, written in _ENTRY.findall(field):
            values: dict[str, str] = {}
            for name, quoted, bare in _PARAMETER.findall(written):
                values.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) or bare)
            yield {**values, "href": target.strip()}
