"""Scrapy's downloader, holding nobody back: pauses and limits of hosts are the gate's in the download handler.

Scrapy keeps both in a slot for each host, made from DOWNLOAD_DELAY and CONCURRENT_REQUESTS_PER_DOMAIN. Those stay
the names of what a user sets; all requests share one slot here, which `DOWNLOAD_SLOTS` leaves open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.core.downloader import Downloader

if TYPE_CHECKING:
    from scrapy import Request

SLOT = "muragat"
"""The one slot's name; no host has one without a dot that is not this machine's."""


class OpenDownloader(Downloader):
    """Puts every request into the one slot."""

    def get_slot_key(self, request: Request) -> str:
        """Return the one slot's name."""
        return SLOT
