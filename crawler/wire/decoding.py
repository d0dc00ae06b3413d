"""The downloader middleware that undoes content codings, as leniently as browsers do.

In the place of Scrapy's own, which loses a page whose coding is not what its head says, and decodes up to
the whole download limit. What was recorded is not touched: this comes after the handler.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from scrapy.responsetypes import responsetypes

from archive.http import decode_content

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from archive.http import Decoded

logger = logging.getLogger(__name__)

_IN_THREAD_BYTES = 64 * 1024
"""Coded bytes from which decoding leaves the event loop."""

_AT_ONCE_BYTES = 512 * 1024
"""Decoded bytes at which it does so, too, and begins again: 64 KiB of gzip may become 64 MiB, in 0.1 s; these take 3 ms."""


class ContentDecoding:
    """Gives the spider bodies without their coding, at most MURAGAT_RESPONSE_MAX bytes of each."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the limit from the settings."""
        return cls(crawler.settings.getint("MURAGAT_RESPONSE_MAX"))

    async def process_response(self, request: Request, response: Response) -> Response:
        """Return the response with its body decoded; one that can't be decoded keeps its body as it is."""
        codings = _codings(response)
        if not codings or not response.body:
            return response
        decoded = await self._decoded(response.body, codings)
        for problem in decoded.problems:
            logger.info("url=%s %s", response.url, problem)
        headers = response.headers.copy()
        del headers[
            "Content-Encoding"
        ]  # with it Scrapy believes no media type and looks at the body
        kind = responsetypes.from_args(headers=headers, url=response.url, body=decoded.body)
        return response.replace(cls=kind, body=decoded.body, headers=headers)

    async def _decoded(self, body: bytes, codings: list[str]) -> Decoded:
        at_once = min(self._max_bytes, _AT_ONCE_BYTES)
        if len(body) <= _IN_THREAD_BYTES:
            decoded = decode_content([body], codings, max_bytes=at_once)
            if at_once == self._max_bytes or len(decoded.body) < at_once:
                return decoded
        return await asyncio.to_thread(decode_content, [body], codings, max_bytes=self._max_bytes)


def _codings(response: Response) -> list[str]:
    named = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1")
    return [coding for coding in (part.strip() for part in named.split(",")) if coding]
