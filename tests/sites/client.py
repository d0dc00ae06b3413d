"""How the tests ask the demo site: one connection a request, what a page links to, what is true of a path."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlsplit

from lxml import html

if TYPE_CHECKING:
    from email.message import Message

    from tests.sites.demo import DemoSite, Truth


def ask(
    site: DemoSite, path: str, *, method: str = "GET", **fields: str
) -> tuple[int, Message, bytes]:
    """Return status, headers and body of one request on its own connection."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(site.base).port, timeout=10)
    try:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def nodes(body: bytes, query: str) -> list[Any]:
    """Return what an XPath finds in an HTML page."""
    found = html.document_fromstring(body).xpath(query)
    assert isinstance(found, list)
    return found


def hrefs(site: DemoSite, path: str) -> set[str]:
    """Return paths of this site that a page links to, without queries."""
    links = nodes(ask(site, path)[2], "//a/@href")
    found = (urlsplit(urldefrag(link).url) for link in links)
    return {part.path for part in found if part.netloc == urlsplit(site.base).netloc}


def truth_of(site: DemoSite, path: str) -> Truth:
    return next(truth for truth in site.truth if truth.path == path)
