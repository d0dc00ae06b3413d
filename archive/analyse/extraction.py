"""Takes the article's text out of its tree: hides trafilatura.

Default mode without comments; the tree is ours and parsed already. trafilatura's own metadata, and with
it its look at the clock, is never asked for.
"""

from __future__ import annotations

import logging

from trafilatura import bare_extraction

from archive.analyse.markup import FAULTS, Element

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def extract(root: Element, url: str) -> tuple[str, str]:
    """Return (text, problem): paragraphs parted by line feeds, and what went wrong, or "".

    The tree is not changed.
    """
    try:
        document = bare_extraction(root, url=url, include_comments=False, with_metadata=False)
    except FAULTS as fault:
        return "", f"text: trafilatura failed, {type(fault).__name__}"
    if document is None or isinstance(document, dict):
        return "", ""
    return document.text or "", ""
