"""What most people would write: a stock Scrapy CrawlSpider with its LinkExtractor, and no archive.

python -m benchmarks.plain_spider URL [--concurrency 8]
"""

import argparse
import json

from scrapy.crawler import CrawlerProcess
from scrapy.http import Response
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule


class PlainSpider(CrawlSpider):
    """Follows every link of the host and keeps nothing."""

    name = "plain"
    rules = (Rule(LinkExtractor(), callback="parse_page", follow=True),)

    def parse_page(self, response: Response) -> None:
        """Take the page, as an item would; nothing is kept."""
        assert response.body


def main() -> None:
    """Crawl, then print `{"pages": …}`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plain_spider")
    parser.add_argument("url")
    parser.add_argument("--concurrency", type=int, default=8)
    options = parser.parse_args()
    process = CrawlerProcess(
        settings={
            "ROBOTSTXT_OBEY": True,
            "DOWNLOAD_DELAY": 0,
            "CONCURRENT_REQUESTS": options.concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": options.concurrency,
            "LOG_LEVEL": "ERROR",
        }
    )
    crawler = process.create_crawler(PlainSpider)
    process.crawl(crawler, start_urls=[options.url], allowed_domains=["127.0.0.1"])
    process.start()
    assert crawler.stats is not None
    print(json.dumps({"pages": crawler.stats.get_value("response_received_count", 0)}))


if __name__ == "__main__":
    main()
