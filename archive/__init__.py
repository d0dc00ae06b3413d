"""The archive: WARC records, their index, and the articles in them. Imports no Scrapy and no Twisted."""
