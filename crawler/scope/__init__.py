"""Which addresses belong to a crawl and why the others do not; hides hosts, views of pages, and traps.

A refusal is a value with a named reason, never an exception. All but the budgets at the end depends on the address
alone; those depend also on what was admitted and read before, count each address once, and take bounded memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive import urls
from crawler.discover.wordpress import place_of
from crawler.report.reasons import REASONS
from crawler.scope import traps
from crawler.scope.forms import is_sitemap, unfit
from crawler.scope.sameness import Answer, Sameness
from crawler.scope.traps import Budgets, Kind, Pattern, patterns_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from scrapy.http import Response

    from crawler.sites import Site


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address is fetched; `reason` is "" where it is, else one of the names in `REASONS`."""

    in_scope: bool
    reason: str = ""


BUDGETED = frozenset({"query_variants", "calendar", "endless_listing", "pattern_budget"})
"""Reasons that may not hold any more when the address is named again."""

_IN = Verdict(in_scope=True)
_OUT = {reason: Verdict(in_scope=False, reason=reason) for reason in REASONS}

_Host = tuple[str, int]


class Scope:
    """The addresses of one site.

    `www.` and the bare name are one host, http and https on their usual ports too; other names and other
    ports only where a seed or `allow` names them. Seeds are always in.
    """

    def __init__(
        self, seeds: Iterable[str], allow: Iterable[str] = (), prefixes: Iterable[str] = ()
    ) -> None:
        named = [*seeds, *prefixes]
        self._hosts = {_host(url) for url in named} | {_host(f"http://{host}/") for host in allow}
        self._hosts |= {_host(f"https://{host}/") for host in allow}
        self._hosts.discard(("", 0))
        self._names = frozenset(name for name, _ in self._hosts)
        self._seeds = frozenset(map(urls.fetch_key, seeds))
        self._prefixes = tuple(_place(urls.fetch_key(prefix)) for prefix in prefixes)
        self._budgets = Budgets()
        self._sameness = Sameness()
        self._referrer = ("", "")

    @classmethod
    def from_site(cls, site: Site) -> Scope:
        """Return the scope that a site's table describes."""
        return cls(site.seeds, site.allow, site.scope)

    def decide(self, url: str, *, referrer: str = "", is_listed: bool = False) -> Verdict:
        """Return whether `url` is fetched. An address that was admitted once stays admitted.

        `referrer` is the page that names it; `is_listed` where a list of the site's own does, which has no budget, and
        may lie behind the interface for programs. Deterministic for one order of questions and of `read`; takes 25
        microseconds; never raises.
        """
        host = _host(url)
        if host not in self._hosts:
            return _OUT["other_host" if host[0] else "no_address"]
        parts = _Parts.of(url)
        if parts.key in self._seeds:
            return _IN
        reason = "" if is_listed and place_of(url) else self._unfit(parts)
        if not reason:
            is_inbred = not is_listed and parts.place == self._place_of(referrer)
            reason = self._budgets.refusal(parts.patterns, is_inbred=is_inbred, is_listed=is_listed)
        return _OUT[reason] if reason else _IN

    def read(self, url: str, links: Collection[str], response: Response | None = None) -> None:
        """Note that the page `url` came and what it names: budgets grow by what is news. Call it before `decide`."""
        if _host(url) not in self._hosts:
            return
        parts = _Parts.of(url)
        if response is not None:
            self._sameness.saw(parts.pattern, Answer(response))
        if parts.patterns:
            self._budgets.read(parts.patterns, links, lambda link: self._is_brought(link, parts))

    def is_worth(self, url: str) -> bool:
        """Say whether an address is to be asked for although others like it may all have given one page.

        Seeds, sitemaps and REST lists always are.
        """
        parts = _Parts.of(url)
        if parts.key in self._seeds or is_sitemap(parts.path) or place_of(url):
            return True
        return self._sameness.is_worth(parts.pattern)

    def _is_brought(self, url: str, page: _Parts) -> bool:
        """Say whether an address is more than one of a page's own kind: no date, no page of a listing, no view."""
        if _host(url) not in self._hosts:
            return False
        parts = _Parts.of(url)
        if parts.place == page.place or self._unfit(parts):
            return False
        return all(pattern.kind is Kind.NUMBER for pattern in parts.patterns)

    def _place_of(self, referrer: str) -> str:
        """Return the place of the page that names an address; a home page makes up no queries of its own."""
        if referrer != self._referrer[0]:
            self._referrer = (referrer, "")
            parts = _Parts.of(referrer) if referrer else None
            if parts and (parts.path != "/" or parts.query):
                self._referrer = (referrer, parts.place)
        return self._referrer[1]

    def _unfit(self, parts: _Parts) -> str:
        """Name what alone by its form keeps an address of the site's hosts out, "" for a page."""
        return self._outside(parts.key, parts.path) or unfit(parts.path, parts.query)

    @property
    def barren(self) -> set[str]:
        """Patterns without end that brought nothing, to be remembered from crawl to crawl; see `traps.Budgets`."""
        return self._budgets.barren

    def has_place(self, url: str) -> bool:
        """True for an address on the site's hosts and under its prefixes, whatever kind of page it is."""
        if _host(url) not in self._hosts:
            return False
        parts = _Parts.of(url)
        is_lists = place_of(url) is not None
        return parts.key in self._seeds or is_lists or not self._outside(parts.key, parts.path)

    def has_host(self, host: str) -> bool:
        """True for a host of the site's own, on whatever port; the others give requisites alone."""
        name, _, port = host.rpartition(":")
        if port.isdigit() and (":" not in name or name.startswith("[")):
            host = name.strip("[]")
        return (host.removeprefix("www.") or host) in self._names

    def _outside(self, key: str, path: str) -> str:
        """Name a breach of the prefixes; sitemaps and robots.txt lie above any."""
        if not self._prefixes or path == "/robots.txt" or is_sitemap(path):
            return ""
        return "" if _place(key).startswith(self._prefixes) else "outside_prefix"


@dataclass(frozen=True, slots=True)
class _Parts:
    """An address of the web as its fetch key has it: `https://example.com/`, `/list`, `page=2`."""

    key: str
    origin: str
    path: str
    query: str

    @classmethod
    def of(cls, url: str) -> _Parts:
        key = urls.fetch_key(url)
        rest = key.split("/", 3)[3]
        path, _, query = rest.partition("?")
        return cls(key, key.removesuffix(rest), f"/{path}", query)

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        return patterns_of(self.origin, self.path, self.query)

    @property
    def place(self) -> str:
        return traps.place_of(self.origin, self.path)

    @property
    def pattern(self) -> str:
        """The narrowest pattern; the folder of an address that has none."""
        patterns = self.patterns
        return patterns[-1].text if patterns else f"{self.origin}{self.path.rpartition('/')[0]}/*"


def _host(url: str) -> _Host:
    """Return the host without www., and its port, 0 for the scheme's own; ("", 0) for no address."""
    host, port = urls.host_port(url)
    usual = 443 if url[:6].lower() == "https:" else 80
    return host.removeprefix("www.") or host, 0 if port == usual else port


def _place(key: str) -> str:
    """Return a fetch key without scheme and www., for comparing prefixes."""
    return key.partition("://")[2].removeprefix("www.")
