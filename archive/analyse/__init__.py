"""From a page's bytes to an `Article`: hides charsets, parsers, page types, and where sites keep their facts.

The one door is `analyse`. It is loaded when first asked for: trafilatura and the language model take half
a second, and readers of articles (`archive.analyse.codec`) need neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archive.analyse.article import analyse

__all__ = ["analyse"]


def __getattr__(name: str) -> object:
    if name == "analyse":
        return import_module("archive.analyse.article").analyse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
