"""dimashnews.com: the worked example of a site that needs code.

Its listings page through years of news by "older posts" alone. Following them one by one takes a crawl as
many rounds as there are pages, and one broken page hides all behind it. WordPress says on each listing how
many pages there are, so all of them are announced at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive.model import Announcer
from crawler.discover.links import Link
from crawler.spider import SiteSpider

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy.http import Response

MAX_PAGES = 500

_PAGE = re.compile(r"(?P<listing>.*/)page/(?P<number>\d{1,4})/?")


class DimashNews(SiteSpider):
    """The site's table (addresses, languages, politeness) is in sites.toml; here is only what TOML can't say."""

    name = "dimashnews"

    def links(self, response: Response) -> Iterable[Link]:
        """Return what every reader finds, and all pages of a listing that names its last one."""
        found = tuple(super().links(response))
        yield from found
        yield from listing_pages(link.url for link in found)


def listing_pages(addresses: Iterable[str]) -> Iterator[Link]:
    """Yield the pages 2 to n of each listing, n being the highest that `addresses` name.

    >>> [link.url[-7:] for link in listing_pages(["https://en.example/news/page/4/"])]
    ['page/2/', 'page/3/', 'page/4/']
    """
    last: dict[str, int] = {}
    for address in addresses:
        if match := _PAGE.fullmatch(address):
            listing, number = match["listing"], int(match["number"])
            last[listing] = max(last.get(listing, 0), number)
    for listing, number in last.items():
        for page in range(2, min(number, MAX_PAGES) + 1):
            yield Link(f"{listing}page/{page}/", Announcer.PAGINATION)
