"""The candidates of a `srcset`; hides where an address ends that may hold commas.

Source: HTML Standard section 4.8.4.3.10, parsing a srcset attribute.
"""

from __future__ import annotations

import re

_CANDIDATE = re.compile(
    r"[\t\n\f\r ,]*+(?:([^\t\n\f\r ]++)(?:(?<=,)|(?:[^,(]++|\([^)]*+\)?+)*+)|\Z)"
)
_LOOKS_SO = re.compile(
    r"[\t\n\f\r ,]*+[^\t\n\f\r ]++[\t\n\f\r ]++\d++(?:\.\d++)?+[wxh][\t\n\f\r ]*+(?:,|\Z)"
)


def candidates(srcset: str) -> list[str]:
    """Return the addresses of all candidates, as written, in order.

    >>> candidates("a,b.jpg 1x, c.jpg, d.jpg 300w")
    ['a,b.jpg', 'c.jpg', 'd.jpg']
    """
    return [address.rstrip(",") for address in _CANDIDATE.findall(srcset) if address]


def is_srcset(value: str) -> bool:
    """True where the first candidate has a width or a density."""
    return bool(_LOOKS_SO.match(value))
