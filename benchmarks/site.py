"""Serve the generated news site from memory: bodies gzipped beforehand, so that the server costs little.

    python -m benchmarks.site --articles 2000 [--images 2] [--port 0]

prints `{"base": …, "pages": …, "html_bytes": …, "gzip_bytes": …}` when ready, and on SIGTERM
`{"requests": …, "cpu_s": …}`. `GET /__tally` answers the counts since the last `/__tally`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import signal
import statistics
from typing import TYPE_CHECKING

import httptools

from benchmarks.pages import all_pages, page_count

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = "HTTP/1.1 {status}\r\nServer: kitap\r\nContent-Type: {type}\r\n{coding}Content-Length: {length}\r\n\r\n"


class Store:
    """Whole answers by path and coding, and what has been asked."""

    def __init__(self, pages: Mapping[str, str], images: Mapping[str, bytes]) -> None:
        """Make every answer; identity bodies are kept as well, so that neither coding costs at run time."""
        html, coded = (
            "text/html; charset=UTF-8",
            "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n",
        )
        self.plain: dict[bytes, bytes] = {}
        self.packed: dict[bytes, bytes] = {}
        for path, text in pages.items():
            body = text.encode()
            self.plain[path.encode()] = _answer(body, html)
            self.packed[path.encode()] = _answer(
                gzip.compress(body, 6, mtime=0), html, coding=coded
            )
        self.pages = frozenset(self.packed)
        robots = _answer(b"User-agent: *\nDisallow:\n", "text/plain")
        for path, body in {
            path: _answer(body, "image/png") for path, body in images.items()
        }.items():
            self.plain[path.encode()] = self.packed[path.encode()] = body
        self.plain[b"/robots.txt"] = self.packed[b"/robots.txt"] = robots
        self.missing = _answer(b"not here\n", "text/plain", status="404 Not Found")
        self.requests = self.total = 0
        self.seen: set[bytes] = set()

    def answer(self, url: bytes, *, packed: bool) -> bytes:
        """Return the whole answer to a request target."""
        if url == b"/__tally":
            return _answer(json.dumps(self.tally()).encode(), "application/json")
        self.requests += 1
        self.total += 1
        found = (self.packed if packed else self.plain).get(url)
        if found is None:
            return self.missing
        if url in self.pages:
            self.seen.add(url)
        return found

    def tally(self) -> dict[str, float]:
        """Return and forget the counts: requests, distinct pages; the server's CPU seconds so far."""
        counts = {"requests": self.requests, "pages": len(self.seen), "cpu_s": _cpu_s()}
        self.requests, self.seen = 0, set()
        return counts


class _Connection(asyncio.Protocol):
    """One kept connection; the parser calls back into it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._packed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._url, self._packed = b"", False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"accept-encoding" and b"gzip" in value:
            self._packed = True

    def on_message_complete(self) -> None:
        self._transport.write(self._store.answer(self._url, packed=self._packed))
        if not self._parser.should_keep_alive():
            self._transport.close()


def _answer(body: bytes, media_type: str, *, status: str = "200 OK", coding: str = "") -> bytes:
    head = _HEAD.format(status=status, type=media_type, coding=coding, length=len(body))
    return head.encode() + body


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


def _images(articles: int, each: int) -> dict[str, bytes]:
    """Return pictures of 30 to 90 kB that do not compress: bytes of their own behind a PNG's signature."""
    import random  # noqa: PLC0415 - only where pictures are asked for

    return {
        f"/images/{index}-{n}.png": b"\x89PNG\r\n\x1a\n"
        + random.Random(index * 16 + n).randbytes(30_000 + index * 7919 % 60_000)
        for index in range(articles)
        for n in range(each)
    }


async def serve(store: Store, port: int, ready: dict[str, object]) -> None:
    """Serve until SIGTERM or SIGINT; print where, then what it cost."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: _Connection(store), "127.0.0.1", port, backlog=512)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    print(json.dumps({"base": base, **ready}), flush=True)
    started = _cpu_s()
    await stop.wait()
    server.close()
    with contextlib.suppress(BrokenPipeError):
        print(
            json.dumps({"requests": store.total, "cpu_s": round(_cpu_s() - started, 2)}), flush=True
        )


def main() -> None:
    """Make the site and serve it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site")
    parser.add_argument("--articles", type=int, default=2000)
    parser.add_argument("--images", type=int, default=0, help="pictures an article")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    pages = all_pages(options.articles, images=options.images)
    store = Store(pages, _images(options.articles, options.images))
    ready: dict[str, object] = {
        "pages": page_count(options.articles),
        "html_bytes": round(statistics.mean(map(len, pages.values()))),
        "gzip_bytes": round(statistics.mean(len(store.packed[path.encode()]) for path in pages)),
        "links": round(statistics.mean(page.count("<a ") for page in pages.values())),
    }
    del pages
    asyncio.run(serve(store, options.port, ready))


if __name__ == "__main__":
    main()
