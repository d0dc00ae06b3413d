"""The three keys of a URL and its 14-digit dates; hides every rule of writing one address one way.

    absolute(base, href)   what a browser would request for a link; every URL in muragat is made by it
    fetch_key(url)         same resource, same string: the frontier, and exact replay
    key(url)               SURT urlkey: `com,dimashnews,en)/2024/01/post`, the sort key of CDXJ
    identity(url)          as `fetch_key`, https, tracking parameters dropped: articles only

Ideas from urlcanon (iipc/urlcanon, the semantic form), surt (internetarchive/surt) and the URL Standard
(WHATWG); the first two as their tests state them, without their code.
"""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive.urls import hosts
from archive.urls import parts as urlparts
from archive.urls.hosts import registrable_domain

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MAX_LENGTH",
    "absolute",
    "fetch_key",
    "from_timestamp",
    "host_port",
    "identity",
    "key",
    "registrable_domain",
    "timestamp",
    "without_tracking",
]

MAX_LENGTH = 8192  # characters; servers refuse longer request lines (nginx and Apache: 8 KiB)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_LABELS = rf"(?![^/:]{{254}})(?:(?:[a-z0-9_-]++\.)*+[a-z][a-z0-9_-]*+|(?:{_OCTET}\.){{3}}{_OCTET})"
_ORIGIN = rf"https?+://{_LABELS}(?::(?!80/|443/)(?:[1-5]\d{{4}}|[1-9]\d{{0,3}})(?=/))?+"
_QUERY = r"(?:\?[\w~!$'()*,:@=./-]++)?+"  # one parameter: nothing to sort
_PLAIN = re.compile(rf"{_ORIGIN}/[\w~!$'()*+,;:@=&./-]*+{_QUERY}", re.ASCII)
_AS_SENT = re.compile(
    rf"{_ORIGIN}/[\w~!$'()*+,;:@=&./%-]*+(?:\?[\w~!$()*+,;:@=&./%?-]*+)?+", re.ASCII
)
_ROOTED = re.compile(
    r"/(?:[\w~!$'()*+,;:@=&.%-][\w~!$'()*+,;:@=&./%-]*+)?+(?:\?[\w~!$()*+,;:@=&./%?-]*+)?+",
    re.ASCII,
)
_NOT_ASCII_ONLY = re.compile(r"(?:[\w~!$'()*+,;:@=&./-]++|%[89A-Fa-f][0-9A-Fa-f])*+", re.ASCII)
_WEB = re.compile(r"[\x00-\x20]*+https?+:[/\\]", re.IGNORECASE)
_TWO_SLASHES = re.compile(r"[/\\]{2}")
_SLASHES = re.compile(r"//++")
_ESCAPED_DOT = re.compile(r"%2e", re.IGNORECASE)


def fetch_key(url: str) -> str:
    """Return the semantic form of `url`: addresses of one resource, written one way.

    Host, port, escapes (decoded as often as they were encoded), dot segments, doubled slashes and the order
    of query parameters are made plain; case, www, scheme and a slash at the end are kept; userinfo and
    fragment are dropped. Without a scheme it is taken for http. Idempotent; raises nothing: what
    names no host comes back as it is, tidied. A key, not an address to send: fetch what `absolute` returned.
    Source: urlcanon, semantic form.
    """
    if _PLAIN.fullmatch(url) and "/." not in url and url.rfind("//") < 7:
        return url
    return urlparts.joined(_canonical(urlparts.split(url))) or urlparts.tidy(url)


def key(url: str) -> str:
    """Return the SURT urlkey of `url`: host turned round, port kept, all in lower case; never a space.

    Scheme, www, userinfo, session ids, an empty query and a slash at the end are dropped, the query is sorted.
    "-" for "" (CDX's empty field); `urn:`, `dns:`, `mailto:`, `filedesc:` and the like are kept as they are.
    IPv4 addresses are turned round as the surt package does, so that pywb finds them. Raises nothing.
    """
    parts = urlparts.split(url)
    if not parts.authority or parts.scheme in {"filedesc", "warcinfo"}:
        return "".join(map(_AS_IS.__getitem__, urlparts.to_bytes(url.strip(urlparts.EDGES)))) or "-"
    _, authority, path, query = _canonical(parts)
    host, port = urlparts.host_and_port((authority or "").lower())
    turned = ",".join(reversed(_WWW.sub("", host).split(".")))
    path = _without_session(path.lower())
    path = path.rstrip("/") or "/"
    query = "&".join(sorted(_without_sessions((query or "").lower().split("&"))))
    return f"{turned}{port and ':' + port}){path}{query and '?' + query}"


_AS_IS = tuple(chr(b) if 0x20 < b < 0x7F else f"%{b:02X}" for b in range(256))
_WWW = re.compile(r"www\d*+\.")
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*+", re.IGNORECASE)
_ASP_SESSION = re.compile(r"/\((?:[a-z]\([0-9a-z]{24}\)|[0-9a-z]{24})++\)(?=/)", re.IGNORECASE)
_SESSION = re.compile(
    r"(?:jsessionid|phpsessid|sid)=[0-9a-z]{32}|aspsessionid[a-z]{8}=[a-z]{24}|(?:cfid|cftoken)=.++",
    re.IGNORECASE,
)


def _without_session(path: str) -> str:
    """Drop session ids that some servers write into the path: `;jsessionid=…`, `/(S(…))/`."""
    if ";" in path:
        path = _PATH_SESSION.sub("", path)
    return _ASP_SESSION.sub("", path) if "(" in path else path


def _without_sessions(parameters: list[str]) -> list[str]:
    kept = [parameter for parameter in parameters if not _SESSION.fullmatch(parameter)]
    return kept if len(kept) < len(parameters) else parameters


_TRACKING = frozenset(
    [
        "fbclid",
        "fb_action_ids",
        "fb_action_types",
        "fb_source",
        "fb_ref",
        "mibextid",
        "sfnsn",
        "gclid",
        "gclsrc",
        "dclid",
        "gbraid",
        "wbraid",
        "srsltid",
        "_ga",
        "_gl",
        "yclid",
        "ymclid",
        "ysclid",
        "_openstat",
        "msclkid",
        "twclid",
        "ttclid",
        "igshid",
        "igsh",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "_hsenc",
        "_hsmi",
        "mkt_tok",
        "vero_id",
        "oly_enc_id",
        "oly_anon_id",
        "wickedid",
        "rb_clickid",
        "xtor",
        "at_medium",
        "at_campaign",
        "at_custom1",
        "at_custom2",
        "at_custom3",
        "at_custom4",
        "wt_mc",
        "guccounter",
        "guce_referrer",
        "guce_referrer_sig",
        "__twitter_impression",
        "replytocom",
    ]
)
_TRACKING_PREFIXES = ("utm_", "mtm_", "pk_", "piwik_", "hsa_")
_SHARE = re.compile(
    r"share=(?:jetpack-)?[a-z]++(?:-[a-z]++)*+(?:-\d)?+"
)  # Jetpack: ?share=facebook&nb=1


def identity(url: str) -> str:
    """Return the address that names an article: `fetch_key` as https, without what only tracks the reader.

    Known tracking parameters (utm_*, fbclid, gclid, yclid, …), `replytocom`, Jetpack's share links and session
    ids are dropped, and a query that is empty then; unknown parameters never, AMP markers neither: an AMP page
    is joined to its article by its canonical link. `/a`, `/a/` and `/a/index.html` stay three addresses, as
    nothing but a redirect or a canonical link can tell that they are one. Idempotent; raises nothing.
    """
    parts = _canonical(urlparts.split(url))
    if parts.scheme not in {"http", "https"} or not parts.authority:
        return urlparts.joined(parts) or urlparts.tidy(url)
    path = urlparts.without_dots(_SLASHES.sub("/", _without_session(parts.path) or "/"))
    query = parts.query and "&".join(_untracked(parts.query.split("&")))
    authority = parts.authority.removesuffix(":443")
    return urlparts.joined(urlparts.Parts("https", authority, path, query or None))


def without_tracking(url: str) -> str:
    """Return `url` without the parameters that `identity` drops; unchanged where it has none of them.

    >>> without_tracking("https://a.test/post?utm_source=feed&p=1")
    'https://a.test/post?p=1'
    """
    address, mark, query = url.partition("?")
    parameters = query.split("&")
    kept = list(_untracked(parameters)) if mark else parameters
    if len(kept) == len(parameters):
        return url
    return f"{address}?{'&'.join(kept)}" if kept else address


def _untracked(parameters: list[str]) -> Iterable[str]:
    shared = any(map(_SHARE.fullmatch, parameters))
    for parameter in _without_sessions(parameters):
        name = parameter.partition("=")[0].lower()
        if name in _TRACKING or name.startswith(_TRACKING_PREFIXES):
            continue
        if not (shared and name in {"share", "nb"}):
            yield parameter


def _canonical(parts: urlparts.Parts) -> urlparts.Parts:
    scheme, authority, path, query = parts
    if authority is not None:
        authority = _canonical_authority(scheme, authority)
    path = _rewritten(path, urlparts.PATH, urlparts.SLASH_BYTES)
    if path.startswith("/"):
        path = urlparts.without_dots(path)
    if scheme in urlparts.PORTS:
        path = _SLASHES.sub("/", path)
    if scheme == "file":
        path = path or "/"
    if query:
        decoded = _rewritten(query, urlparts.PARAMETERS, urlparts.PARAMETER_BYTES)
        query = "&".join(sorted(decoded.split("&")))
    return urlparts.Parts(scheme, authority, path, query)


def _canonical_authority(scheme: str, authority: str) -> str:
    host, port = urlparts.host_and_port(authority.rpartition("@")[2])
    raw = bytes(urlparts.unescaped(urlparts.to_bytes(host), frozenset()))
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = ""
    if scheme in urlparts.PORTS:
        name = hosts.ascii_name(name)
    name = ".".join(filter(None, name.split("."))) or ("0.0.0.0" if name else "")  # noqa: S104
    written = hosts.ipv4(name) or hosts.ipv6(name)
    written = written or "".join(map(urlparts.HOST.__getitem__, name.encode() or raw))
    return f"{written}:{port}" if port and port != urlparts.PORTS.get(scheme) else written


def _rewritten(text: str, table: tuple[str, ...], kept: frozenset[int]) -> str:
    """Decode `text` fully, then escape what `table` says; bytes in `kept` stay escaped where they were."""
    if "%" not in text and _NOT_ASCII_ONLY.fullmatch(text):
        return text
    if _NOT_ASCII_ONLY.fullmatch(text):  # Cyrillic, Chinese: only the case of hexadecimal digits
        first, *rest = text.split("%")
        return "%".join([first, *(piece[:2].upper() + piece[2:] for piece in rest)])
    return "".join(map(table.__getitem__, urlparts.unescaped(urlparts.to_bytes(text), kept)))


def absolute(base: str, href: str, *, charset: str = "utf-8") -> str | None:
    """Return the address that a browser would request for `href` on the page `base`, or None.

    None where it is no http(s) address: another scheme, an impossible host or port, longer than
    `MAX_LENGTH`. Userinfo and fragment are dropped; backslashes, spaces, line breaks, raw Unicode and IDN
    hosts are put right. `charset` is the page's: queries are written in it (URL Standard, "query state").
    `base` must be an address that this function returned; raises nothing.
    """
    if len(href) > MAX_LENGTH:
        return None
    if "#" in href:
        href = href.partition("#")[0]
    is_plain = "/." not in href and "%2" not in href
    if is_plain and _AS_SENT.fullmatch(href):
        return href
    if is_plain and _ROOTED.fullmatch(href):
        origin = _base(base)[0]
        url = origin + href
        return url if origin and len(url) <= MAX_LENGTH else None
    return _resolved(base, urlparts.tidy(href), charset)


@functools.lru_cache(maxsize=64)
def _base(url: str) -> tuple[str, str, str]:
    """Return origin, path up to its last slash, and whole path; an empty origin for what is no web address."""
    scheme, authority, path, _ = urlparts.split(url)
    return _origin(scheme, authority or "") or "", path[: path.rfind("/") + 1], path


def _resolved(base: str, href: str, charset: str) -> str | None:
    scheme = base.partition(":")[0]
    found = urlparts.SCHEME.match(href)
    rest = href
    if found:
        if found[1].lower() not in {"http", "https"}:
            return None
        rest = href[found.end() :]
        if found[1].lower() != scheme or _TWO_SLASHES.match(rest):
            rest = "//" + rest.lstrip("/\\")
        scheme = found[1].lower()
    path, mark, query = rest.partition("?")
    path = path.replace("\\", "/")
    query = mark + _query_sent(query, charset)
    if path.startswith("//"):
        authority, slash, path = path.lstrip("/").partition("/")
        origin = _origin(scheme, authority)
        return origin and _bounded(origin, slash + path, query)
    origin, folder, document = _base(base)
    if not origin:
        return None
    if not path and not mark:
        return absolute("", base)
    if not path.startswith("/"):
        path = folder + path if path else document
    return _bounded(origin, path, query)


def _bounded(origin: str, path: str, query: str) -> str | None:
    """Join the parts, path escaped and its dots resolved; None where that is too long."""
    path = "".join(map(urlparts.SENT_PATH.__getitem__, urlparts.to_bytes(path))) or "/"
    if "%2" in path:
        path = "/".join(map(_plain_dots, path.split("/")))
    url = origin + urlparts.without_dots(path) + query
    return url if len(url) <= MAX_LENGTH else None


def _plain_dots(segment: str) -> str:
    """Return `..` for `%2e.` and the like, other segments unchanged."""
    plain = _ESCAPED_DOT.sub(".", segment) if len(segment) <= 6 else segment
    return plain if plain in {".", ".."} else segment


def _query_sent(query: str, charset: str) -> str:
    if not query:
        return ""
    encoded = urlparts.to_bytes(query)
    if not (query.isascii() or charset.lower().startswith("utf")):
        with suppress(LookupError, UnicodeError):  # an unknown charset: UTF-8
            encoded = query.encode(charset, "xmlcharrefreplace")
    return "".join(map(urlparts.SENT_QUERY.__getitem__, encoded))


def _origin(scheme: str, authority: str) -> str | None:
    if scheme not in {"http", "https"}:
        return None
    host, port = urlparts.host_and_port(authority.rpartition("@")[2])
    raw = bytes(urlparts.unescaped(urlparts.to_bytes(host), frozenset()))
    try:
        name = hosts.domain(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    if not name or (port and (len(port) > 5 or int(port) > 65535)):
        return None
    return f"{scheme}://{name}" + (f":{port}" if port and port != urlparts.PORTS[scheme] else "")


def host_port(url: str) -> tuple[str, int]:
    """Return the host (IPv6 without brackets) and port that `url` is fetched from; ("", 0) for no http(s) URL."""
    sent = absolute("", url) if _WEB.match(url) else None
    if sent is None:
        return "", 0
    scheme, authority = sent.split("/", 3)[0:3:2]
    host, port = urlparts.host_and_port(authority)
    return host.strip("[]"), int(port or urlparts.PORTS[scheme.rstrip(":")])


def timestamp(date: datetime) -> str:
    """Return 14 digits, UTC: `20240131235959`; fractions are cut. Raises ValueError for a naive date."""
    if date.tzinfo is None:
        raise ValueError("a date without a time zone has no timestamp")
    utc = date.astimezone(UTC)
    return f"{utc.year:04d}{utc:%m%d%H%M%S}"


def from_timestamp(digits: str) -> datetime:
    """Return the aware UTC date of 14 digits. Raises ValueError for anything else."""
    if len(digits) != 14 or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a 14-digit timestamp: {digits[:40]!r}")
    return datetime.strptime(digits + "Z", "%Y%m%d%H%M%S%z").astimezone(UTC)
