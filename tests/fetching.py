"""`muragat` whose crawls fetch and store, and leave the analysis of pages out: `python -m tests.fetching`.

Analysis is three processes of its own, twice the work of a small crawl; only where articles are looked at is it run.
"""

from __future__ import annotations

from functools import partial

from crawler import cli, crawl

if __name__ == "__main__":
    crawl.CrawlOptions = partial(crawl.CrawlOptions, analyse=False)  # type: ignore[misc,assignment]
    cli.main()
