"""Which addresses belong to a crawl and why the others do not; hides hosts, views of pages, and traps.

A refusal is a value with a named reason, never an exception. All but the budgets at the end depends on the address
alone; those depend also on what was admitted before, count each address once, and take bounded memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive import urls
from crawler.discover.links import is_comment_feed
from crawler.traps import Budgets, is_repetitive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.sites import Site


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address is fetched; `reason` is "" where it is, else one of the names in `REASONS`."""

    in_scope: bool
    reason: str = ""


REASONS = {
    "no_address": "not an http(s) address",
    "other_host": "another host or port than the site's",
    "outside_prefix": "outside the paths that the site's table names",
    "system_page": "administration, login or an interface for programs",
    "search": "a search result",
    "comment_feed": "a feed of comments",
    "reply_link": "the same page with a reply form",
    "share_link": "a link to share the page",
    "print_view": "the same page for print",
    "calendar_file": "a calendar export",
    "session_id": "an address with a session id",
    "file_type": "a picture, film, archive or program, not a page",
    "too_deep": "a path of more than 16 parts",
    "repeated_path": "a path that repeats itself",
    "query_variants": "one path with too many queries",
    "pattern_budget": "too many addresses of one pattern",
}
"""The names of reasons and what they mean, for reports."""

_IN = Verdict(in_scope=True)
_OUT = {reason: Verdict(in_scope=False, reason=reason) for reason in REASONS}

_FILE_TYPES = frozenset(
    """
    jpg jpeg png gif webp avif svg ico bmp tif tiff heic psd mp3 m4a ogg oga wav flac aac wma mp4 m4v mov avi mkv
    webm wmv flv mpg mpeg 3gp ts m3u8 zip gz tgz bz2 xz 7z rar tar iso dmg exe msi apk deb rpm bin css js mjs map
    woff woff2 ttf otf eot swf ics vcf torrent
    """.split()  # noqa: SIM905 - a list of seventy quoted names hides them
)
"""Not pages. PDF and office documents are fetched: newspapers and offices publish their texts in them."""

_PATHS = (
    (
        re.compile(
            r"/(?:wp-(?:admin|includes|json|login|signup|cron|comments-post|trackback)|xmlrpc|cgi-bin|trackback|oembed"
            r"|(?:log-?in|log-?out|sign-?in|sign-?up|register)/?+\Z)(?=[/.]|\Z)",
            re.IGNORECASE,
        ),
        "system_page",
    ),
    (re.compile(r"/(?:search|recherche|buscar|suche|poisk)(?=/|\Z)", re.IGNORECASE), "search"),
    (re.compile(r";jsessionid=", re.IGNORECASE), "session_id"),
    (re.compile(r"/print(?:able)?+/?+\Z", re.IGNORECASE), "print_view"),
    (re.compile(r"/\d{4}/\d{1,2}/(?:\d{1,2}/)?[^/]++/feed(?=/|\Z)"), "comment_feed"),
)
_PARAMETERS = {
    "s": "search",
    "rest_route": "system_page",
    "preview": "system_page",
    "replytocom": "reply_link",
    "like_comment": "reply_link",
    "share": "share_link",
    "shared": "share_link",
    "print": "print_view",
    "printable": "print_view",
    "printpage": "print_view",
    "ical": "calendar_file",
    "outlook-ical": "calendar_file",
    "phpsessid": "session_id",
    "jsessionid": "session_id",
    "sessionid": "session_id",
    "session_id": "session_id",
    "oscsid": "session_id",
    "zenid": "session_id",
}
_SEARCH_TERMS = frozenset({"q", "query", "search", "keyword", "keywords", "searchword"})
_MAX_DEPTH = 16

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

    @classmethod
    def from_site(cls, site: Site) -> Scope:
        """Return the scope that a site's table describes."""
        return cls(site.seeds, site.allow, site.scope)

    def decide(self, url: str) -> Verdict:
        """Return whether `url` is fetched. An address that was admitted once stays admitted.

        Deterministic for one order of questions; takes 10 microseconds; never raises.
        """
        host = _host(url)
        if host not in self._hosts:
            return _OUT["other_host" if host[0] else "no_address"]
        key = urls.fetch_key(url)
        if key in self._seeds:
            return _IN
        rest = key.split("/", 3)[3]
        path, _, query = rest.partition("?")
        path = "/" + path
        reason = self._outside(key, path) or _kind(path, query) or _shape(path)
        reason = reason or self._budgets.refusal(key.removesuffix(rest), path, query)
        return _OUT[reason] if reason else _IN

    def has_place(self, url: str) -> bool:
        """True for an address on the site's hosts and under its prefixes, whatever kind of page it is."""
        if _host(url) not in self._hosts:
            return False
        key = urls.fetch_key(url)
        return key in self._seeds or not self._outside(
            key, f"/{key.split('/', 3)[3].partition('?')[0]}"
        )

    def has_host(self, host: str) -> bool:
        """True for a host of the site's own, on whatever port; the others give requisites alone."""
        return (host.removeprefix("www.") or host) in self._names

    def _outside(self, key: str, path: str) -> str:
        """Name a breach of the prefixes; sitemaps and robots.txt lie above any."""
        if not self._prefixes or path == "/robots.txt" or _is_sitemap(path):
            return ""
        return "" if _place(key).startswith(self._prefixes) else "outside_prefix"


def _host(url: str) -> _Host:
    """Return the host without www., and its port, 0 for the scheme's own; ("", 0) for no address."""
    host, port = urls.host_port(url)
    usual = 443 if url[:6].lower() == "https:" else 80
    return host.removeprefix("www.") or host, 0 if port == usual else port


def _place(key: str) -> str:
    """Return a fetch key without scheme and www., for comparing prefixes."""
    return key.partition("://")[2].removeprefix("www.")


def _is_sitemap(path: str) -> bool:
    return "sitemap" in path.rpartition("/")[2].lower()


def _kind(path: str, query: str) -> str:
    """Name what an address is when it is no page of its own; "" for a page."""
    extension = path.rpartition("/")[2].rpartition(".")[2].lower()
    if extension in _FILE_TYPES and not _is_sitemap(path):
        return "file_type"
    for pattern, reason in _PATHS:
        if pattern.search(path):
            return reason
    if is_comment_feed(f"{path}?{query}"):
        return "comment_feed"
    return _kind_of_query(path, query) if query else ""


def _kind_of_query(path: str, query: str) -> str:
    for parameter in query.lower().split("&"):
        name, _, value = parameter.partition("=")
        if name in _PARAMETERS:
            return _PARAMETERS[name]
        if name in _SEARCH_TERMS and value and "search" in path.lower():
            return "search"
        if name == "sid" and len(value) >= 26:
            return "session_id"
        if value == "print" and name in {"output", "view", "layout", "format"}:
            return "print_view"
    return ""


def _shape(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if len(segments) > _MAX_DEPTH:
        return "too_deep"
    return "repeated_path" if is_repetitive(segments) else ""
