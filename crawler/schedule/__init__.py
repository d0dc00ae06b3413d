"""When pages are visited again, and the crawls that nobody starts by hand."""
