"""A small news site that falls ill as told: a new design, an empty or stale feed, scripts instead of pages, refusals."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

ARTICLES = 24
WRITERS = ("Anna Weber", "Samuel Okoro", "Marie Dubois")
HTML = "text/html; charset=utf-8"


class AlarmingSite:
    """Serves while it is entered. `ills` are any of: design, feed, stale, scripts, refused."""

    def __init__(self, newest: datetime | None = None) -> None:
        self.ills: set[str] = set()
        self.newest = newest or datetime.now(UTC)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def published(self, number: int) -> datetime:
        """Return when an article was published: one a day, the first one last."""
        return (self.newest - timedelta(days=number)).replace(hour=0)

    def answer(self, path: str) -> tuple[int, str, str]:
        """Return status, media type and text of what stands at `path`."""
        if path == "/":
            return 200, HTML, self._home()
        if path == "/feed":
            return 200, "application/rss+xml", self._feed()
        if not path.startswith("/article-"):
            return 404, HTML, "<html><body><h1>Not found</h1></body></html>"
        if "refused" in self.ills:
            return 403, HTML, "<html><body><h1>No</h1></body></html>"
        return 200, HTML, self._article(int(path.rpartition("-")[2]))

    def _home(self) -> str:
        head = '<link rel="alternate" type="application/rss+xml" href="/feed"><title>News</title>'
        if "scripts" in self.ills:
            return (
                f'<html><head>{head}<script src="/app.js"></script></head><body><div id="root"></div>'
                "<noscript>You need to enable JavaScript to run this app.</noscript>"
                f"<script>{'window.state=1;' * 400}</script></body></html>"
            )
        links = "".join(f'<li><a href="/article-{n}">Article {n}</a></li>' for n in range(ARTICLES))
        return f"<html><head>{head}</head><body><ul>{links}</ul></body></html>"

    def _feed(self) -> str:
        first = 12 if "stale" in self.ills else 0
        listed = range(0) if "feed" in self.ills else range(first, ARTICLES)
        items = "".join(
            f"<item><title>Article {n}</title><link>{self.base}article-{n}</link>"
            f"<pubDate>{format_datetime(self.published(n))}</pubDate></item>"
            for n in listed
        )
        return f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>'

    def _article(self, number: int) -> str:
        date = self.published(number).isoformat()
        by = f'<meta name="author" content="{WRITERS[number % 3]}">'
        if "design" in self.ills:
            by = ""
        text = "".join(
            f"<p>On day {number} the mayor of town {number}-{part} said that bridge {number * part} over the river will be"
            " painted blue in the spring, and that the people who live beside it may choose the colour of its rails.</p>"
            for part in range(1, 6)
        )
        return (
            f'<html lang="en"><head><title>The bridge of town {number}</title><meta property="og:type" content="article">'
            f'<meta property="article:published_time" content="{date}">{by}</head><body class="single">'
            f"<article><h1>The bridge of town {number}</h1>{text}</article></body></html>"
        )


def _handler_of(site: AlarmingSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, text = site.answer(self.path)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            pass

    return Handler
