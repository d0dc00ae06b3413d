"""How the sites of past crawls were configured, from the start records of a collection.

Hides what stands in for a start record that is missing: crawls of muragat's first version wrote none.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from archive.errors import BadAddress, RecordDamaged, UsageError
from archive.store.files import serial_of
from crawler.announcing.needs import MODES
from crawler.crawl_records import START, sites_in, target
from crawler.sites import Site
from crawler.spider import spider_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archive import Collection
    from archive.model import Via

_CRAWLS = (
    64  # crawls whose sites are held; exchanges are asked for by date, so these are few at a time
)
_BUNDLED = "spiders."


class Configurations:
    """The sites of each crawl of `collection`; `known` are those of today's sites file.

    Records may come from anywhere. Those in foreign files configure nothing. A site keeps its spider only where
    today's file names it, or where it came with muragat: what a record says must not choose which code runs. What
    this version does not know of a site is as where nothing was said.
    """

    def __init__(self, collection: Collection, known: Mapping[str, Site]) -> None:
        self._collection = collection
        self._by_seed = {seed: site for site in known.values() for seed in site.seeds}
        self._spiders = {site.spider for site in known.values()}
        self._sites = lru_cache(_CRAWLS)(self._read)

    def of_crawl(self, crawl: str) -> Mapping[str, Site]:
        """Return the sites of a crawl by name, as they were configured then; those that are recorded."""
        return self._sites(crawl)

    def site_of(self, via: Via) -> Site | None:
        """Return the site that an exchange was made for, None where it was made for none."""
        told = self._sites(via.crawl).get(via.site) if via.crawl else None
        return told or self._guessed(via)

    def _read(self, crawl: str) -> dict[str, Site]:
        found: dict[str, Site] = {}
        for record in self._collection.metadata(target(crawl, START)):
            if not serial_of(record.file):
                continue
            try:
                block = self._collection.read_metadata(record)
            except RecordDamaged:
                continue  # `verify` tells of it; the sites are guessed
            for site in sites_in(block):
                found.setdefault(site.name, self._trusted(site))
        return found

    def _trusted(self, site: Site) -> Site:
        is_trusted = site.spider in self._spiders or site.spider.startswith(_BUNDLED)
        usable = replace(
            site,
            spider=site.spider if is_trusted else "",
            requisites=site.requisites if site.requisites in MODES else Site("", ()).requisites,
        )
        try:
            spider_for(usable)
        except UsageError:
            return replace(usable, spider="")
        return usable

    def _guessed(self, via: Via) -> Site | None:
        """Return today's site with the same seed, else that of the seed's address."""
        if not via.seed:
            return None
        try:
            site = self._by_seed.get(via.seed) or Site.for_address(via.seed)
        except BadAddress:
            return None
        return replace(site, name=via.site or site.name)
