"""Which captures stage 2 analyses; hides what servers call HTML."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from archive.index.observation import GONE_STATUSES, REDIRECT_STATUSES
from archive.model import Kind

if TYPE_CHECKING:
    from archive.model import Capture

# Types that may be HTML; where the type does not say so, the worker looks at the first bytes.
_PAGE_TYPES: Final = frozenset(
    {
        "text/html",
        "application/xhtml+xml",
        "",
        "-",
        "unk",
        "text/plain",
        "text/xml",
        "application/xml",
        "application/octet-stream",
        "application/x-unknown-content-type",
        "unknown/unknown",
    }
)


class Work(Enum):
    """What stage 2 does with a capture."""

    ANALYSE = "analyse"
    NOTE = "note"  # its status alone tells something
    PASS = "pass"  # noqa: S105 - no word to keep secret


def work_for(capture: Capture) -> Work:
    """Return what is to be done with a capture: pages are analysed, redirects, 304, 404 and 410 are noted.

    A revisit of what is not here tells nothing until its original comes.
    """
    is_answer = capture.method == "GET" and capture.kind is not Kind.RESOURCE
    if not is_answer or not is_resolved(capture):
        return Work.PASS
    if capture.status == 304 or capture.status in GONE_STATUSES | REDIRECT_STATUSES:
        return Work.NOTE
    is_page = capture.mime in _PAGE_TYPES or "/" not in capture.mime
    return Work.ANALYSE if capture.status in {200, 203} and is_page else Work.PASS


def is_resolved(capture: Capture) -> bool:
    """What the capture holds is known: no revisit whose original is not in the collection."""
    return capture.digest.startswith("sha256:")
