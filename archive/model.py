"""The values that travel through muragat; read this file first.

    request on the wire -> Exchange -> Capture -> Article -> Entry

An `Exchange` is one request and its answer as bytes; `Collection.add` makes a `Capture` of it; analysis
makes an `Article` of the capture's payload; the index folds captures and articles into an `Entry`, which
is one line of `articles.jsonl`. All are frozen: a step returns a new value and changes none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - the fields are read at run time by analyse.codec
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Mapping


class Truncation(StrEnum):
    """Why a block is not whole: the values of `WARC-Truncated` (WARC 1.1 section 5.13)."""

    LENGTH = "length"
    TIME = "time"
    DISCONNECT = "disconnect"
    UNSPECIFIED = "unspecified"


class Announcer(StrEnum):
    """Who told us of an address."""

    SEED = "seed"
    LINK = "link"
    PAGINATION = "pagination"
    REDIRECT = "redirect"
    FEED = "feed"
    SITEMAP = "sitemap"
    REST = "rest"
    HREFLANG = "hreflang"
    CANONICAL = "canonical"
    ROBOTS = "robots"
    REQUISITE = "requisite"
    IMPORT = "import"


class Outcome(StrEnum):
    """What became of one address in a crawl: an ordinary result, never an exception."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    NOT_MODIFIED = "not_modified"
    ROBOTS = "robots"
    ROBOTS_UNREACHABLE = "robots_unreachable"
    OUT_OF_SCOPE = "out_of_scope"
    LIMIT = "limit"
    TIMEOUT = "timeout"
    DNS = "dns"
    TLS = "tls"
    CONNECTION = "connection"
    FORBIDDEN = "forbidden"
    HTTP_ERROR = "http_error"
    TRUNCATED = "truncated"
    BLOCKED = "blocked"
    WITHHELD = "withheld"
    EMPTY_SHELL = "empty_shell"


@dataclass(frozen=True, slots=True)
class Via:
    """How an exchange came to be made; stored in its metadata record. `site` is the name of the site crawled."""

    crawl: str = ""
    announcer: Announcer = Announcer.SEED
    referrer: str = ""
    seed: str = ""
    hop: int = 0
    site: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as bytes.

    `head` is the final status line and the fields as received, with the empty line that ends them; empty
    where no head could be read (HTTP/0.9, rubbish), and then `body` is all that came. `body` is the entity:
    chunk framing removed, content coding kept; a spooled file, at any position, where it is large.
    `interim` holds the heads of 1xx answers, `trailers` the lines after the last chunk, both verbatim.
    `request` is what went out, without credentials: `withheld` names the fields that were dropped.
    """

    url: str
    method: str
    started: datetime
    elapsed_s: float
    peer: str
    request: bytes
    head: bytes
    body: bytes | BinaryIO
    interim: bytes = b""
    trailers: bytes = b""
    chunked: bool = False
    truncated: Truncation | None = None
    withheld: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    via: Via = field(default_factory=Via)


class Kind(StrEnum):
    """The record types that are captures."""

    RESPONSE = "response"
    REVISIT = "revisit"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Capture:
    """One archived exchange; one line of `index.cdxj`.

    `sequence` counts the captures of this collection's state from 1, in the order they were added; it is
    not part of the archive and may change on rebuild. `date` is aware UTC with microseconds. `digest` is the
    payload digest, `sha256:` and 64 hexadecimal digits. `file` is the final name under `warc/`; `offset` and
    `length` are those of the record's gzip member. `original` is the Record-ID of the response that a revisit
    points to, empty otherwise.
    """

    sequence: int
    urlkey: str
    date: datetime
    url: str
    method: str
    status: int
    mime: str
    digest: str
    kind: Kind
    file: str
    offset: int
    length: int
    record_id: str
    original: str = ""
    truncated: Truncation | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something found wrong, said so that a person can mend it.

    `place` is a file under the collection; `offset` a byte in it, or -1; `repair` an imperative sentence.
    """

    place: str
    offset: int
    message: str
    repair: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: byte {self.offset}" if self.offset >= 0 else self.place
        return f"{where}: {self.message}" + (f"; {self.repair}" if self.repair else "")


class PageType(StrEnum):
    """What a page is; only articles enter the article index."""

    ARTICLE = "article"
    LISTING = "listing"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody named as the writer; `kind` is "person" or "organization"."""

    name: str
    url: str = ""
    kind: str = "person"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of an article; sizes in pixels as the page states them, 0 where it does not."""

    url: str
    alt: str = ""
    caption: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Provenance:
    """The rule that gave a field, the (source, value) pairs that competed, and how many agree with the choice."""

    source: str
    agreeing: int = 0
    candidates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rights:
    """What the page says about its use: robots directives, TDM reservation, licence address."""

    robots: tuple[str, ...] = ()
    tdm_reservation: bool | None = None
    license: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """Text and metadata taken from one payload.

    Texts are NFC without control characters; paragraphs of `text` are parted by one line feed. Dates are
    ISO 8601 with an offset (midnight UTC where only a day is given; the raw string tells). `language` is
    BCP 47 or "und". Addresses are absolute. `outcome` is set where the page is a challenge, a consent wall,
    withheld or an empty shell. A field that the page does not give is empty, never guessed.
    """

    page_type: PageType
    headline: str = ""
    alternative_headline: str = ""
    description: str = ""
    text: str = ""
    authors: tuple[Author, ...] = ()
    publisher: str = ""
    credit: str = ""
    published: str = ""
    published_raw: str = ""
    modified: str = ""
    modified_raw: str = ""
    language: str = "und"
    sections: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    main_image: str = ""
    images: tuple[Image, ...] = ()
    is_free: bool | None = None
    schema_type: str = ""
    canonical: str = ""
    alternates: tuple[tuple[str, str], ...] = ()
    amp: str = ""
    print_url: str = ""
    shortlink: str = ""
    rights: Rights = field(default_factory=Rights)
    provenance: Mapping[str, Provenance] = field(default_factory=dict)
    outcome: Outcome | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hints:
    """What a site's table knows that a page does not say; empty hints change nothing.

    `ignore` are the wishes of pages that do not count ("noarchive", "noindex"); `tdm` says what a reservation of
    text and data mining does: "note" or "withhold".
    """

    languages: tuple[str, ...] = ()
    outlet: str = ""
    ignore: tuple[str, ...] = ()
    tdm: str = "note"
