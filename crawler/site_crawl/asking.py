"""How a claimed address is asked for: the request, with all that Scrapy must know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import Request

from crawler.visits.validators import Validators
from crawler.wire.handler import RESPONSE_MAX

if TYPE_CHECKING:
    from crawler.frontier import Claim
    from crawler.site_crawl import SiteCrawl
    from crawler.spider import SiteSpider

_READ_MAX = 4 * 1024 * 1024
"""Bytes of a requisite that are read for what it needs itself; stylesheets stay below 1 MiB."""

_ANYTHING = {"Accept": "*/*"}
"""Hosts of pictures answer a browser's `Accept: text/html` with a page around the picture."""


def request_for(
    claim: Claim, spider: SiteSpider, site_crawl: SiteCrawl, *, requisite_max: int
) -> Request:
    """Return the request for a claimed address; at most `requisite_max` bytes of a requisite are taken.

    It is conditional where the last visit left validators.
    """
    meta = {
        "muragat_claim": claim,
        "muragat_via": claim.via,
        "dont_redirect": True,
        "dont_retry": True,
        "handle_httpstatus_all": True,
    }
    if spider.site.owner and site_crawl.scope.has_host(claim.host):
        meta["dont_obey_robotstxt"] = True
    if claim.is_requisite:
        meta |= {"download_maxsize": requisite_max, RESPONSE_MAX: _READ_MAX}
    headers = Validators(claim.etag, claim.last_modified).fields()
    if claim.is_requisite:
        headers |= _ANYTHING
    return Request(
        claim.url,
        callback=spider.parse,
        errback=spider.failed,
        headers=headers,
        dont_filter=True,
        meta=meta,
    )
