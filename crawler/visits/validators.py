"""What makes the next request for an address conditional: entity tag and date, as the server sent them.

Hides which answers give validators that can be trusted, and what an answer of 304 leaves of those that were sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from archive.http.dates import http_date
from archive.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archive.model import Capture

_LONGEST = 1024
"""Characters of a field that is sent back; tags have 10 to 60, and the rest is somebody's joke."""

_WEAK = "W/"

_EMPTY = "sha256:" + sha256(b"").hexdigest()
"""A 304 could point to no such payload: nothing is stored of it."""


@dataclass(frozen=True, slots=True)
class Validators:
    """An entity tag, weak ones with their `W/`, and a date; "" for what there is none of."""

    etag: str = ""
    last_modified: str = ""

    def fields(self) -> dict[str, str]:
        """Return the fields of a conditional request. Source: RFC 9110 sections 13.1.2 and 13.1.3."""
        fields = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in fields.items() if value}


def validators_after(
    capture: Capture,
    fields: Iterable[tuple[bytes, bytes]],
    sent: Validators,
    *,
    is_unchanged: bool,
) -> Validators:
    """Return what the next request for an address is to be sent with, once `capture` came of it.

    `fields` are those of the answer, `sent` what this visit was sent with, `is_unchanged` says that its payload is
    that of the visit before. A whole 200 gives new ones; after a 304 that speaks of a stored answer, and after an
    error of the server, those of that answer hold on. After all else there is nothing stored that a 304 could speak of.
    """
    is_whole = capture.truncated is None and capture.digest != _EMPTY
    if capture.status == 200 and is_whole:
        new = validators_in(fields, received=capture.date.timestamp())
        return _understood(new, sent, is_unchanged=is_unchanged)
    is_confirmed = capture.status == 304 and capture.kind is Kind.REVISIT
    is_passing = capture.status >= 500 or capture.status == 429 or capture.truncated is not None
    return sent if is_confirmed or is_passing else Validators()


def _understood(new: Validators, sent: Validators, *, is_unchanged: bool) -> Validators:
    """Return the new validators without a tag that the server does not know again, where it gives a date as well.

    WordPress compares tags letter by letter, and a server before it that compresses has made them weak: the same
    page comes whole each time, until it is asked for by its date alone.
    """
    if not (new.last_modified and new.etag.startswith(_WEAK)):
        return new
    is_unknown = is_unchanged and sent.etag == new.etag
    was_without = sent.last_modified and not sent.etag
    return Validators(last_modified=new.last_modified) if is_unknown or was_without else new


def validators_in(fields: Iterable[tuple[bytes, bytes]], *, received: float) -> Validators:
    """Return the validators among the fields of an answer that came at `received` (seconds since 1970).

    A date is left out that can't be read, that lies after the answer, or in its very second: what changed after
    it, but within that second, would never be seen. Source: RFC 9110 section 8.8.2.2.
    """
    values: dict[bytes, bytes] = {}
    for name, value in fields:
        values.setdefault(name.lower(), value.strip())
    moment = http_date(values.get(b"date", b"").decode("latin-1"))
    modified = http_date(values.get(b"last-modified", b"").decode("latin-1"))
    is_past = modified is not None and modified <= (received if moment is None else moment) - 1
    return Validators(
        etag=_sendable(values.get(b"etag", b"")),
        last_modified=_sendable(values.get(b"last-modified", b"")) if is_past else "",
    )


def _sendable(value: bytes) -> str:
    """Return a field's value as it is to be sent back, "" for one that is too long or no line of visible ASCII."""
    text = value.decode("latin-1")
    return text if text.isascii() and text.isprintable() and len(text) <= _LONGEST else ""
