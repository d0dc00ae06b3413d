"""`python -m crawler` is `muragat`."""

from __future__ import annotations

from crawler.cli import main

main()
