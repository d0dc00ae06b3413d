"""The demo site over HTTP/1.1: kept connections, chunks, gzip, validators, a cookie; one thread each."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sites.demo.press import Page

    Ask = Callable[[str], Page]
_CHUNK = 4096
_TEXTUAL = ("text/", "application/rss", "application/atom", "application/xml", "image/svg")


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came and the status it got."""

    method: str
    target: str
    status: int
    fields: tuple[tuple[str, str], ...]


class Server(ThreadingHTTPServer):
    """Serves what `ask(target)` returns; `base` is taken out of bodies before they are digested for ETag."""

    daemon_threads = False  # closing waits for every thread, so that no socket outlives the site

    def __init__(self, port: int, log: Path | None, *, host: str = "127.0.0.1") -> None:
        """Bind a loopback address; 0 takes a free port."""
        super().__init__((host, port), _Handler)
        self.port = self.server_address[1]
        self.base = f"http://{host}:{self.port}"
        self.seen: list[Seen] = []
        self.ask: Ask | None = None
        self._log = log
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def note(self, seen: Seen) -> None:
        """Remember a request, and write it to the log if there is one."""
        with self._lock:
            self.seen.append(seen)
            if self._log:
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(asdict(seen)) + "\n")

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection before its thread starts."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """End the serving loop and every kept connection."""
        self.shutdown()
        for connection in tuple(self._open):
            with suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def handle(self) -> None:
        """Serve the connection until either side ends it, politely or not."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Answer with the page's bytes, 304 where the client has them."""
        assert self.server.ask is not None
        self._answer(self.server.ask(self.path))

    do_HEAD = do_GET  # noqa: N815 - the names the base class calls

    def do_POST(self) -> None:
        """Refuse: nothing here takes input."""
        self.close_connection = True
        self._send(
            HTTPStatus.METHOD_NOT_ALLOWED, [("Allow", "GET, HEAD"), ("Connection", "close")], b""
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent; `Server.note` keeps the requests."""

    def _answer(self, page: Page) -> None:
        fields = [("Vary", "Accept-Encoding"), *page.fields]
        if page.kind == "listing" and self.path == "/":
            fields.append(("Set-Cookie", "kokdala_visit=1; Path=/; HttpOnly; SameSite=Lax"))
        if page.status == 200 and page.kind in {
            "article",
            "image",
            "style",
            "sitemap",
            "feed",
            "amp",
            "print",
        }:
            fields.append(("ETag", self._tag(page)))
            if page.modified:
                fields.append(
                    ("Last-Modified", format_datetime(page.modified.astimezone(UTC), usegmt=True))
                )
            if self._has(page):
                self._send(HTTPStatus.NOT_MODIFIED, fields, None)
                return
        fields.append(("Content-Type", page.media_type))
        body = page.body
        if self._gzips and page.media_type.startswith(_TEXTUAL) and len(body) > 500:
            body = gzip.compress(body, 6, mtime=0)
            fields.append(("Content-Encoding", "gzip"))
        self._send(HTTPStatus(page.status), fields, body, chunked=page.chunked)

    def _send(
        self,
        status: HTTPStatus,
        fields: list[tuple[str, str]],
        body: bytes | None,
        *,
        chunked: bool = False,
    ) -> None:
        """Send all in one write, so that no kept connection waits for a delayed acknowledgement."""
        self.server.note(Seen(self.command, self.path, status, tuple(self.headers.items())))
        if body is not None:
            length = (
                ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
            )
            fields = [*fields, length]
        now = format_datetime(datetime.now(UTC), usegmt=True)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", "Server: kokdala", f"Date: {now}"]
        head = "\r\n".join(
            [*lines, *(f"{name}: {value}" for name, value in fields), "", ""]
        ).encode("latin-1")
        entity = (
            b"" if body is None or self.command == "HEAD" else _chunks(body) if chunked else body
        )
        self.wfile.write(head + entity)

    @property
    def _gzips(self) -> bool:
        return "gzip" in self.headers.get("Accept-Encoding", "")

    def _tag(self, page: Page) -> str:
        body = page.body.replace(b":%d/" % self.server.port, b"/")
        return f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'

    def _has(self, page: Page) -> bool:
        """Whether the client's copy is current; a tag decides alone (RFC 9110 section 13.2.2)."""
        known = self.headers.get("If-None-Match")
        if known is not None:
            return known.strip() == "*" or self._tag(page) in {
                tag.strip() for tag in known.split(",")
            }
        since = self.headers.get("If-Modified-Since")
        if since is None or page.modified is None:
            return False
        with suppress(ValueError):  # an unreadable date asks for nothing
            return page.modified.replace(microsecond=0) <= parsedate_to_datetime(since)
        return False


def _chunks(body: bytes) -> bytes:
    parts = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
