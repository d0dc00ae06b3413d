"""One line in ADDONS turns recording on in any Scrapy project.

Hides which settings recording needs. What the project sets itself stays, save what would keep the wire out of
reach: the handlers of http and https, and the reactor.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy.settings import get_settings_priority
from scrapy.utils.misc import load_object

from crawler.wire.handler import DEFAULT_RECORDER, RecordingDownloadHandler

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"


class MuragatAddon:
    """A Scrapy add-on: `ADDONS = {"crawler.addon.MuragatAddon": 0}`."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Put recording into the settings; Scrapy calls this before a crawl.

        REMOTE_CONTROL_ENABLED and TELNETCONSOLE_ENABLED, which let other programs run code in the crawl, are
        off unless the project turns them on.
        """
        for name in ("REMOTE_CONTROL_ENABLED", "TELNETCONSOLE_ENABLED"):
            settings.set(name, False, "addon")
        recorder = load_object(settings.get("MURAGAT_RECORDER", DEFAULT_RECORDER))
        settings.setdefault_in_component_priority_dict("EXTENSIONS", recorder, 0)
        handlers = settings.getdict("DOWNLOAD_HANDLERS")
        ours = dict.fromkeys(("http", "https"), RecordingDownloadHandler)
        _insist(settings, "DOWNLOAD_HANDLERS", handlers | ours)
        _accept_codings(settings)
        if settings.getbool("TWISTED_REACTOR_ENABLED"):
            _use_asyncio(settings)


def _use_asyncio(settings: BaseSettings) -> None:
    if settings.get("TWISTED_REACTOR") != _REACTOR:
        logger.warning("TWISTED_REACTOR is set to %s: recording needs asyncio", _REACTOR)
        _insist(settings, "TWISTED_REACTOR", _REACTOR)


def _accept_codings(settings: BaseSettings) -> None:
    """Ask for codings that every WARC reader undoes, unless the project asks for others.

    Bodies are stored as they come, and `warcio check` 1.8.1 ends with an error at br where brotli is 1.2.
    """
    headers = settings.getdict("DEFAULT_REQUEST_HEADERS")
    if not any(name.lower() == "accept-encoding" for name in headers):
        priority = settings.getpriority("DEFAULT_REQUEST_HEADERS") or 0
        headers |= {"Accept-Encoding": "gzip, deflate"}
        floor = get_settings_priority("addon")
        settings.set("DEFAULT_REQUEST_HEADERS", headers, max(priority, floor))


def _insist(settings: BaseSettings, name: str, value: object) -> None:
    """Set a value wherever the present one comes from.

    Not below the project's priority: without a reactor Scrapy puts handlers of its own at that one.
    """
    priority = settings.getpriority(name) or 0
    settings.set(name, value, max(priority, get_settings_priority("project")))
