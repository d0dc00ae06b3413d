"""A spider with a bug, for the tests of what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.spider import SiteSpider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import Response

    from crawler.discover.links import Link


class WrongSpider(SiteSpider):
    """Fails on one page, and takes a string for a link on another."""

    def links(self, response: Response) -> Iterable[Link]:
        if response.url.endswith("/wrong"):
            raise ZeroDivisionError("a bug of the spider")
        if response.url.endswith("/string"):
            return ["/not-a-link"]  # type: ignore[list-item] # the bug
        return super().links(response)
