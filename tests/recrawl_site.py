"""A small site with every kind of validator and of robots directive; it remembers what it was asked, and how."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DATED = "Mon, 08 Dec 2025 10:00:00 GMT"
STORY = "<p>" + "A sentence of a story that goes on for quite a while. " * 30 + "</p>"
HTML = "text/html; charset=utf-8"
FEED = (
    "<?xml version='1.0'?><rss version='2.0'><channel><title>News</title>"
    "<item><title>New</title><link>{base}told-by-feed</link></item></channel></rss>"
)

Fields = dict[str, str]


class Site(ThreadingHTTPServer):
    """`asked` holds path and fields of each request; `answers` the fields and body of each path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.base = f"http://127.0.0.1:{self.server_port}/"
        self.asked: list[tuple[str, Fields]] = []
        self.answers: dict[str, tuple[Fields, bytes]] = {}

    def serves(self, path: str, body: str = STORY, *links: str, **fields: str) -> None:
        """Answer `path` with a page of `body` and links to `links`; underscores in names are dashes."""
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        anchors = "".join(f'<a href="{link}">Read on</a>' for link in links)
        whole = body
        if "Content-Type" not in named:
            head = f"<head><title>Page {path}</title></head>"
            whole = (
                f"<html>{head}<body><article><h1>Page {path}</h1>{body}</article>{anchors}</body>"
            )
        self.answers[path] = {"Content-Type": HTML, **named}, whole.encode()

    def requests(self, path: str) -> list[Fields]:
        """The fields of each request for `path`, names in lower case."""
        return [fields for asked, fields in self.asked if asked == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    server: Site

    def do_GET(self) -> None:
        sent = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, sent))
        found = self.server.answers.get(self.path)
        fields, body = found or ({"Content-Type": HTML}, b"<html>not here</html>")
        status = int(fields.get("Status", 200)) if found else 404
        if status == 200 and _is_fresh(fields, sent):
            status = 304
        self.send_response(status)
        for name, value in fields.items():
            if name != "Status" and not (status == 304 and name == "Content-Type"):
                for each in value.split("\n"):
                    self.send_header(name, each)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if status == 304 else body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def _is_fresh(fields: Fields, sent: Fields) -> bool:
    if "if-none-match" in sent:
        return sent["if-none-match"] == fields.get("ETag")
    return "Last-Modified" in fields and sent.get("if-modified-since") == fields["Last-Modified"]


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        thread.join()
        site.server_close()
