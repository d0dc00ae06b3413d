"""Where the next addresses come from: links, pagination, feeds, sitemaps."""
