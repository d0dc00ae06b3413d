"""Robots directives of a page or a header field, as far as they concern us.

Source: the robots meta tag and X-Robots-Tag, as Google documents them; no RFC defines them.
"""

from __future__ import annotations

AGENT = "muragat"
_WITH_VALUE = frozenset(
    {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
)


def directives(value: str) -> tuple[str, ...]:
    """Return the directives of one field value in lower case; () where it is for another crawler.

    `googlebot: noindex` concerns Google alone; `muragat: noindex` and `noindex, nofollow` concern us.
    """
    agent, colon, rest = value.partition(":")
    if colon and "," not in agent and agent.strip().lower() not in _WITH_VALUE:
        if agent.strip().lower() not in {AGENT, "*"}:
            return ()
        value = rest
    found = (directive.strip().lower() for directive in value.split(","))
    return tuple(directive for directive in found if directive)
