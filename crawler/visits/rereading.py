"""A page that has not changed, read again from its stored answer, so that it leads on as if it had come.

Hides which stored answer a 304 speaks of, and what need not be read twice: feeds and sitemaps say the same as before.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from scrapy.http import Response

from archive.errors import RecordDamaged
from archive.model import Kind
from crawler.discover.announced import is_list, stored_response
from crawler.visits import refreshed

if TYPE_CHECKING:
    from archive import Collection
    from archive.model import Capture
    from crawler.visits import Fields

logger = logging.getLogger(__name__)

_LISTS: Final = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/json"}
)


def is_confirmation(capture: Capture) -> bool:
    """Say whether the capture is a 304 that speaks of a stored answer."""
    return capture.status == 304 and capture.kind is Kind.REVISIT


def response_again(collection: Collection, capture: Capture) -> Response:
    """Return what the spider is to read of a stored capture; an empty response where there is nothing to be read.

    Of a 304 that is the answer it speaks of, with the fields that came now.
    """
    try:
        if not is_confirmation(capture):
            return stored_response(capture.url, collection.read(capture))
        return _confirmed(collection, capture)
    except RecordDamaged as error:
        logger.warning("url=%s its links are lost: %s", capture.url, error)
        return Response(capture.url)


def fields_confirmed(collection: Collection, capture: Capture) -> Fields:
    """Return the fields of the stored answer that a 304 speaks of; none where it is damaged, which `verify` tells."""
    with suppress(RecordDamaged):
        return collection.read(collection.confirmed(capture)).fields
    return ()


def _confirmed(collection: Collection, capture: Capture) -> Response:
    stored = collection.confirmed(capture)
    if stored is capture or stored.mime in _LISTS:
        return Response(capture.url)
    response = stored_response(capture.url, collection.read(stored))
    if is_list(response):
        return Response(capture.url)
    news = collection.read(capture).fields
    response.headers.update(_as_headers(refreshed((), news)))
    return response


def _as_headers(fields: Fields) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return found
