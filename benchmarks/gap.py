"""How long a server waits for a crawl that has more to ask: from an answer's last byte to the next request.

    python -m benchmarks.gap [--articles 1000] [--late 0.5] [--json]

One request at a time, no pause, on the generated news site: there is nearly always an address to be had, so that a gap
is the crawler's own. The last page names one that comes `--late` seconds after it was asked for, when nothing else is left, and
names one more: that gap is how long the crawl takes to come to what was announced late. Gaps above 50 ms are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.pages import all_pages

ROOT = Path(__file__).parent.parent
LIMIT_MS = 50.0
TEXT = (
    "<p>The river keeps a slow account of every lantern that crossed the old stone bridge.</p>" * 60
)


class Site(ThreadingHTTPServer):
    """The generated news site, and when each page was asked for and answered (monotonic seconds)."""

    daemon_threads = True

    def __init__(self, articles: int, late_s: float) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.pages = {path: text.encode() for path, text in all_pages(articles).items()}
        self.left = set(self.pages)
        self.late_s = late_s
        self.asked: list[tuple[str, float]] = []
        self.answered: list[float] = []

    def body(self, path: str) -> bytes | None:
        """Return a page, None where there is none; the last of all names one that comes late and names one more."""
        if path == "/late":
            time.sleep(self.late_s)
            return b'<html><body><a href="/last">x</a></body></html>'
        if path == "/last":
            return b"<html><body>the last</body></html>"
        self.left.discard(path)
        more = b"" if self.left else b'<a href="/late">x</a>'
        found = self.pages.get(path)
        return None if found is None else found.replace(b"</body>", more + b"</body>")


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.path, time.monotonic()))
        body = self.server.body(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")
        self.wfile.flush()
        self.server.answered.append(time.monotonic())

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def gaps_of(site: Site) -> dict[str, float]:
    """Return the gaps in milliseconds, of those pages between which there was always more, and of the late one."""
    gaps, late = [], 0.0
    seen: set[str] = set()
    for (path, _), answered, (after, asked) in zip(
        site.asked, site.answered, site.asked[1:], strict=False
    ):
        gap = 1000 * (asked - answered)
        if path == "/late" and after == "/last":
            late = gap
        elif len(seen) > 20 and after in site.pages:
            gaps.append(gap)
        seen.add(path)
    cuts = statistics.quantiles(gaps, n=1000)
    return {
        "gaps": len(gaps),
        "p50_ms": round(cuts[499], 2),
        "p90_ms": round(cuts[899], 2),
        "p99_ms": round(cuts[989], 2),
        "p999_ms": round(cuts[998], 2),
        "max_ms": round(max(gaps), 2),
        "above_50_ms": sum(gap > LIMIT_MS for gap in gaps),
        "late_ms": round(late, 2),
    }


def crawled(site: Site, folder: str) -> None:
    """Crawl the site in a process of its own; analysis runs beside it."""
    command = [
        *(sys.executable, "-m", "crawler", "--home", f"{folder}/home", "crawl"),
        *(f"http://127.0.0.1:{site.server_port}/", "--delay", "0", "--concurrency", "1", "--json"),
    ]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=600)


def main() -> None:
    """Crawl once, print the gaps."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gap")
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--late", type=float, default=0.5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    site = Site(options.articles, options.late)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="gap-") as folder:
        crawled(site, folder)
    found = gaps_of(site) | {"load": os.getloadavg()[0]}
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>12} {value}")


if __name__ == "__main__":
    main()
