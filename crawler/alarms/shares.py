"""Whether a share has truly fallen: bounds of a proportion from few observations."""

from __future__ import annotations

import math

_Z = 1.96
"""Standard deviations: 95 of 100 true shares lie between the bounds."""


def bounds(hits: int, of: int) -> tuple[float, float]:
    """Return between which two values the true share lies. Source: E. B. Wilson, 1927.

    >>> [round(bound, 2) for bound in bounds(0, 5)]
    [0.0, 0.43]
    """
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    spread = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, middle - spread), min(1.0, middle + spread)
