"""What an address is by its form alone, where it is no page of its own; hides the habits of web servers.

The names are those of `scope.REASONS`.
"""

from __future__ import annotations

import re

from crawler.discover.links import is_comment_feed
from crawler.scope.traps import is_repetitive

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
    (re.compile(r";jsessionid=|/\(S\([a-z0-9]{16,40}\)\)/", re.IGNORECASE), "session_id"),
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
    "phpsessionid": "session_id",
    "sessid": "session_id",
    "cftoken": "session_id",
    "session_id": "session_id",
    "oscsid": "session_id",
    "zenid": "session_id",
}
_SEARCH_TERMS = frozenset({"q", "query", "search", "keyword", "keywords", "searchword"})
_MAX_DEPTH = 16


def unfit(path: str, query: str) -> str:
    """Name what the address of these parts is when it is no page of its own; "" for a page."""
    _, dot, extension = path.rpartition("/")[2].rpartition(".")
    if dot and extension.lower() in _FILE_TYPES and not is_sitemap(path):
        return "file_type"
    for pattern, reason in _PATHS:
        if pattern.search(path):
            return reason
    if is_comment_feed(f"{path}?{query}"):
        return "comment_feed"
    return (_kind_of_query(path, query) if query else "") or _shape(path)


_SORTS = frozenset(
    """
    sort sortby sort_by sortorder sort_order sortdir sort_dir sortfield orderby order_by orderdir order_dir
    """.split()  # noqa: SIM905 - as above
)
_PAGING = re.compile(r"(?:^|&)(?:paged?|pg|p|start|offset)=")


def _is_sorted(query: str) -> bool:
    """True for a listing in an order of its own; where its pages have one in their addresses, budgets decide."""
    parameters = (parameter.partition("=") for parameter in query.split("&"))
    has_order = any(
        name in _SORTS or (name in {"order", "dir"} and value in {"asc", "desc"})
        for name, _, value in parameters
    )
    return has_order and _PAGING.search(query) is None


def _kind_of_query(path: str, query: str) -> str:
    if _is_sorted(query.lower()):
        return "sorted_view"
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


def is_sitemap(path: str) -> bool:
    """True where a path looks like a sitemap's; nothing else is sent as `.xml.gz`."""
    name = path.rpartition("/")[2].lower()
    return "sitemap" in name or name.endswith(".xml.gz")
