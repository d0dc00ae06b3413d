"""Payloads that are stored already: which earlier response a new answer can point to.

Hides where it is looked for: first among what was added and not yet committed, then by the index of payload
digests. An original is a whole response with a payload, never a revisit; it lies in the file being written or in
a synced one (the writer syncs a file before it begins the next), so that no cut takes it and leaves the revisit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive.http import split_head
from archive.store import rows
from archive.warc.records import IDENTICAL, NOT_MODIFIED, Original, is_original

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from archive.http import Message
    from archive.model import Capture, Exchange
    from archive.warc.answer import Answer
    from archive.warc.records import Stored


_TAG = re.compile(r'(?:W/)?"[^"]*+"|[^,\s][^,]*+')
"""An entity tag in a list of them (RFC 9110 section 8.8.3), or what a server gives that knows no quotation marks."""


class Originals:
    """The payloads of a collection, those not yet committed included; `read` gives a capture's own head."""

    def __init__(self, connection: sqlite3.Connection, read: Callable[[Capture], Message]) -> None:
        self._connection = connection
        self._read = read
        self._payloads: dict[str, Stored] = {}
        self._latest: dict[str, Capture] = {}

    def note(self, stored: Stored) -> None:
        """Take note of what was added."""
        capture = stored.capture
        if stored.is_original:
            self._payloads.setdefault(capture.digest, stored)
        if capture.status == 200:
            self._latest[capture.url] = capture

    def committed(self) -> None:
        """All that was noted is in the index now."""
        self._payloads.clear()
        self._latest.clear()

    def find(self, exchange: Exchange, answer: Answer, url: str) -> Original | None:
        """Return what `exchange` can point to, None where it must be stored itself."""
        if is_original(answer, exchange.truncated is not None):
            found = self._identical(answer.payload_digest, answer.payload_length)
            return Original(found, IDENTICAL) if found else None
        if answer.status == 304 and not answer.body_length and not exchange.truncated:
            found = self._unchanged(exchange.request, url)
            return Original(found, NOT_MODIFIED) if found else None
        return None

    def payload(self, digest: str, record_id: str) -> Capture | None:
        """Return the response with this payload and Record-ID, committed or not."""
        noted = self._payloads.get(digest)
        if noted and noted.capture.record_id == record_id:
            return noted.capture
        return rows.original(self._connection, digest, record_id)

    def answers(self, url: str) -> list[Capture]:
        """Return the latest captures of exactly `url` with status 200, newest first; the last uncommitted one."""
        noted = self._latest.get(url)
        return ([noted] if noted else []) + rows.answers(self._connection, url)

    def _identical(self, digest: str, length: int) -> Capture | None:
        noted = self._payloads.get(digest)
        if noted and noted.payload_length == length:
            return noted.capture
        return rows.identical(self._connection, digest, length)

    def _unchanged(self, request: bytes, url: str) -> Capture | None:
        """Return the response whose validators were sent: the 304 speaks of it and of no other."""
        wanted = _Validators.sent(request)
        if not (wanted.tags or wanted.date):
            return None
        for capture in self.answers(url):
            if wanted.fit(self._read(capture)):
                found = self.payload(capture.digest, capture.original or capture.record_id)
                if found:
                    return found
        return None


class _Validators:
    """What makes a request conditional: RFC 9110 section 13.1."""

    def __init__(self, tags: frozenset[str], date: str) -> None:
        self.tags = tags
        self.date = date

    @classmethod
    def sent(cls, request: bytes) -> _Validators:
        _, _, fields = request.partition(b"\n")
        head = split_head(b"HTTP/1.1 200\n" + fields)  # the rules for fields are those of answers
        tags = _TAG.findall(b",".join(head.get_all(b"if-none-match")).decode("latin-1"))
        dates = [value.decode("latin-1") for value in head.get_all(b"if-modified-since")]
        return cls(frozenset(map(_weak, tags)) - {""}, dates[0] if dates else "")

    def fit(self, message: Message) -> bool:
        """Say whether these are the validators of `message`; a tag decides where one was sent."""
        if self.tags:
            return _weak(message.get("ETag")) in self.tags
        return message.get("Last-Modified") == self.date


def _weak(tag: str) -> str:
    """Return an entity tag for weak comparison: RFC 9110 section 8.8.3.2."""
    return tag.strip().removeprefix("W/")
