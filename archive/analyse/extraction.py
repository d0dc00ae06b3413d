"""Takes the article's text out of its tree: hides trafilatura.

Default mode without comments; the tree is ours and parsed already. trafilatura's own metadata, and with
it its look at the clock, is never asked for.
"""

from __future__ import annotations

import copy
import logging

from trafilatura import bare_extraction
from trafilatura.settings import DEFAULT_CONFIG

from archive.analyse.markup import FAULTS, Element

_DENSE = copy.deepcopy(DEFAULT_CONFIG)
_DENSE.set("DEFAULT", "MIN_EXTRACTED_SIZE", "100")
_DENSE.set("DEFAULT", "MIN_OUTPUT_SIZE", "1")

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def extract(root: Element, url: str, *, dense: bool = False) -> tuple[str, str]:
    """Return (text, problem): paragraphs parted by line feeds, and what went wrong, or "".

    `dense` is for scripts without blanks, where the lengths below which trafilatura distrusts its result
    are too long. The tree is not changed.
    """
    try:
        document = bare_extraction(
            root,
            url=url,
            include_comments=False,
            with_metadata=False,
            config=_DENSE if dense else DEFAULT_CONFIG,
        )
    except FAULTS as fault:
        return "", f"text: trafilatura failed, {type(fault).__name__}"
    if document is None or isinstance(document, dict):
        return "", ""
    return document.text or "", ""
