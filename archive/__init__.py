"""The archive: WARC records, their index, and the articles in them. Imports no Scrapy and no Twisted.

`from archive import Collection` is the way in for readers of a collection; see docs/collection.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archive.collection import Collection
    from archive.warc.warcinfo import Warcinfo

__all__ = ["Collection", "Warcinfo", "__version__"]

__version__ = "0.1.0"

_HOMES = {"Collection": "archive.collection", "Warcinfo": "archive.warc.warcinfo"}


def __getattr__(name: str) -> object:
    """Load a door when it is first asked for, so that `import archive.urls` loads nothing else."""
    if name not in _HOMES:
        message = f"module 'archive' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES[name]), name)
