"""Finds spiders: those of sites.toml and those with code, as one list for `scrapy list` and `muragat`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.spiderloader import SpiderLoader

from crawler import sites
from crawler.spider import spider_for

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.settings import BaseSettings


class SiteSpiderLoader(SpiderLoader):
    """Scrapy's loader, and the sites of sites.toml that no spider with code serves."""

    def __init__(self, settings: BaseSettings) -> None:
        super().__init__(settings)
        home = Path(settings["MURAGAT_HOME"])
        explicit = settings.get("MURAGAT_SITES")
        path = sites.find(Path(explicit) if explicit else None, home)
        self._sites = sites.load(path)

    def load(self, spider_name: str) -> type[Spider]:
        """Return the spider of a site, or one with code that no table names. Raises KeyError for no such name."""
        site = self._sites.get(spider_name)
        return super().load(spider_name) if site is None else spider_for(site)

    def list(self) -> list[str]:
        """Return all names, sorted."""
        return sorted({*super().list(), *self._sites})
