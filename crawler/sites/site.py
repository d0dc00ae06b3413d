"""One site and how it is crawled; hides what a person means by an address and which hosts are private."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from archive import urls
from archive.errors import BadAddress
from archive.model import Hints

LEARNED = -1.0
"""`every_s` of a site that is visited as often as it is worth it."""

_LOCAL_SUFFIXES = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Site:
    """One site and how it is crawled; one `[[site]]` table.

    `allow` are hosts, or host:port, that may be fetched and connected to besides the seeds' hosts, private
    addresses included; `scope` are addresses that every page must begin with, () for all of the hosts.
    Seconds throughout; 0 means no limit, or by hand only for `every_s`, which may also be `LEARNED`. `spider` is the
    import path of a spider with code. `requisites` says what is fetched beside the pages: "all", "images" or "none";
    `requisite_max` bytes of each. `daily_budget` bounds the requests to each host in a UTC day; `quiet` are times
    of day ("22:00-06:30") without scheduled crawls, in `timezone` (an IANA name, "" for this machine's). `ignore` are
    the wishes of pages that are not obeyed ("noarchive", "noindex", "nofollow"); `tdm` says what a reservation of
    text and data mining does: "note" or "withhold". `alarm` is an address, `alarm_command` a program with its
    arguments, that is told of warnings.
    """

    name: str
    seeds: tuple[str, ...]
    allow: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    every_s: float = 0.0
    delay_s: float = 1.0
    concurrency: int = 1
    max_pages: int = 0
    max_time_s: float = 0.0
    owner: bool = False
    contact: str = ""
    outlet: str = ""
    spider: str = ""
    requisites: str = "all"
    requisite_max: int = 32_000_000
    daily_budget: int = 0
    quiet: tuple[str, ...] = ()
    timezone: str = ""
    ignore: tuple[str, ...] = ()
    tdm: str = "note"
    alarm: str = ""
    alarm_command: tuple[str, ...] = ()

    @property
    def is_scheduled(self) -> bool:
        """Whether `muragat run` visits it."""
        return self.every_s != 0

    @property
    def hints(self) -> Hints:
        """What analysis may know of this site."""
        return Hints(self.languages, self.outlet, ignore=self.ignore, tdm=self.tdm)

    def joined(self, other: Site) -> Site:
        """Return this site with the other's seeds and allowed hosts as well: two addresses of one host."""
        return replace(
            self,
            seeds=tuple(dict.fromkeys([*self.seeds, *other.seeds])),
            allow=tuple(dict.fromkeys([*self.allow, *other.allow])),
        )

    @classmethod
    def for_address(cls, address: str) -> Site:
        """Return the site of an address given by hand, all of its host. Raises BadAddress.

        A name without a scheme is taken for https, one with a port or on this machine or network for http.
        A private host given by hand may be connected to, on that port and no other.
        """
        url = _completed(address)
        host, port = urls.host_port(url)
        if not host:
            raise BadAddress(
                f"{address!r} is not an address that can be crawled; give one like https://example.com/"
            )
        authority = url.split("/", 3)[2]
        shown = host.replace(":", "_") + (f"-{port}" if authority != _bracketed(host) else "")
        return cls(name=shown, seeds=(url,), allow=private_hosts([url]))


def _completed(address: str) -> str:
    """Return the address that a person means, or ""."""
    text = address.strip()
    if "://" not in text:
        host = text.partition("/")[0]
        if "@" in host:  # an e-mail address
            return ""
        bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        scheme = "http" if bare != host or _is_private(bare.strip("[]")) else "https"
        text = f"{scheme}://{text}"
    return urls.absolute("", text) or ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def private_hosts(addresses: list[str]) -> tuple[str, ...]:
    """Return host:port of those addresses that name a machine of one's own network.

    A public name is never among them, whatever it resolves to: its owner must not point us at our own machines.
    """
    named = dict.fromkeys(urls.host_port(url) for url in addresses)
    return tuple(f"{_bracketed(host)}:{port}" for host, port in named if _is_private(host))


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
