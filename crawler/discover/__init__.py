"""Where a crawl can go next: readers of pages, redirects, feeds, sitemaps and robots.txt, each giving Links.

`sniff.reader_for` says which one an answer needs. Readers are functions from bytes to values: bounded, without network,
never raising on any bytes. Whether a link is followed is decided in `crawler.scope`.
"""
