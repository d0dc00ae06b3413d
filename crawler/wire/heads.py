"""What the head of an answer says, and how far it is to be believed.

Hides that there are two readers. llhttp (through httptools) takes a head that keeps to the standard; what it
refuses goes to `archive.http.split_head`, which refuses nothing but a missing status line. So the common case
is checked strictly, and no page is lost to a parser's taste.
"""

from __future__ import annotations

import re

import httptools

from archive.http import Head, is_chunked, split_head

_LENGTH = re.compile(rb"\d{1,18}")


def read_head(raw: bytes) -> tuple[Head | None, str]:
    """Return what a head says, None where it has no status line; and what is wrong with it, "" if nothing."""
    strict = _StrictHead()
    refusal = strict.refusal(raw)
    if not refusal:
        return strict.head(), ""
    try:
        return split_head(raw), f"the head does not keep to HTTP/1.1: {refusal}"
    except ValueError:
        return None, "the answer has no HTTP status line"


def content_length(values: tuple[bytes, ...]) -> tuple[int | None, str]:
    """Return what the Content-Length fields say together, and a problem where they are not one number.

    Of several numbers the largest counts, so that no byte is lost; None where there is no number.
    A repeated equal number is as good as one (RFC 9110 section 8.6).
    """
    if len(values) == 1 and _LENGTH.fullmatch(values[0]):
        return int(values[0]), ""
    texts = {text.strip(b" \t") for value in values for text in value.split(b",")}
    numbers = {int(text) for text in texts if _LENGTH.fullmatch(text)}
    if len(texts) == len(numbers) < 2:
        return max(numbers, default=None), ""
    shown = b", ".join(values)[:60].decode("latin-1")
    return max(numbers, default=None), f"Content-Length is {shown!r}"


def transfer_problem(head: Head) -> str:
    """Return what is wrong with Transfer-Encoding, "" if nothing (RFC 9112 section 6.1)."""
    if not head.get_all(b"transfer-encoding"):
        return ""
    if not is_chunked(head):
        return "Transfer-Encoding does not end with chunked; it is not undone"
    has_length = bool(head.get_all(b"content-length"))
    return "Transfer-Encoding and Content-Length both; the former counts" if has_length else ""


def keeps_open(head: Head) -> bool:
    """Say whether the server means to keep the connection open (RFC 9112 section 9.3)."""
    tokens = b",".join(head.get_all(b"connection")).lower().split(b",")
    options = {token.strip(b" \t") for token in tokens}
    if head.version.upper() == b"HTTP/1.0":
        return b"keep-alive" in options
    return b"close" not in options


class _StrictHead:
    """A head as llhttp reads it, which takes only what keeps to the standard."""

    def __init__(self) -> None:
        self._fields: list[tuple[bytes, bytes]] = []
        self._reason = b""
        self._is_complete = False
        self._parser = httptools.HttpResponseParser(self)

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self._is_complete = True

    def refusal(self, raw: bytes) -> str:
        """Return why llhttp does not take the head, "" where it does."""
        try:
            self._parser.feed_data(raw)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            return str(error) or type(error).__name__
        return "" if self._is_complete else "no end that llhttp takes for one"

    def head(self) -> Head:
        version = f"HTTP/{self._parser.get_http_version()}".encode()
        return Head(version, self._parser.get_status_code(), self._reason, tuple(self._fields))
