"""What `stats`, `sites` and `coverage` cost: `python -m benchmarks.figures [--captures 100000]`.

A home with rows only: three hosts over sixteen months, two of them crawled sites, three quarters images, one capture in
three a revisit, one in twenty a 404; and a frontier that knows half as many addresses again. CPU seconds of this process,
the best of three, and its peak memory.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from archive.figures import figures, summaries
from archive.store import state
from crawler.coverage import Coverage
from crawler.frontier.tables import make_tables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

SITES = (("news", "www.news.test"), ("", "imported.test"), ("blog", "blog.test"))
MONTHS_S = 16 * 30 * 86400
CHANNELS = ("link", "feed", "sitemap")


def address(number: int) -> tuple[str, str, str, bool]:
    """Return site, address, urlkey, and whether it is an image."""
    site, host = SITES[number % 3]
    is_image = number % 4 != 0
    path = f"/2025/{number % 12 + 1:02}/" + (
        f"some-photo-of-an-article-{number}.jpg" if is_image else f"some-article-{number}"
    )
    key = ",".join(reversed(host.removeprefix("www.").split(".")))
    return site, f"https://{host}{path}", f"{key}){path}", is_image


def captures(count: int, now: int) -> Iterator[tuple[object, ...]]:
    draw = random.Random(1)
    for number in range(1, count + 1):
        of = number % (count // 2)
        site, url, key, is_image = address(of)
        is_revisit = draw.random() < 0.3
        date = (now - int(MONTHS_S * (1 - number / count))) * 1_000_000 + number
        yield (
            *(number, key, date, url, "GET", 404 if draw.random() < 0.05 else 200),
            *("image/jpeg" if is_image else "text/html", hashlib.sha256(b"%d" % of).digest()),
            *("revisit" if is_revisit else "response", 1, number * 20_000, 15_000),
            *(f"urn:uuid:{number:032x}", f"urn:uuid:{of:032x}" if is_revisit else "", ""),
            *(0 if is_revisit else draw.randrange(2_000, 300_000), not is_revisit, 1, site),
            draw.randrange(1_500, 3_000) if is_revisit else draw.randrange(5_000, 200_000),
        )


def known(count: int, stored: int) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        site, url, _, is_image = address(number)
        if site:
            announcer = "requisite" if is_image else CHANNELS[number // 4 % 3]
            outcome = "stored" if number < stored else None
            due = None if outcome else 1.0
            yield (url, url, site, 4000, due, announcer, f"{url}#", url, 2, 0, outcome)


def fill(connection: sqlite3.Connection, count: int) -> None:
    make_tables(connection)
    with state.transaction(connection):
        connection.execute("INSERT INTO files VALUES (1, 'BE-00001-20260101000000.warc.gz', 1)")
        connection.executemany(
            "INSERT INTO captures (sequence, urlkey, date, url, method, status, mime, digest, kind, file, offset,"
            " length, record_id, original, truncated, payload_length, is_original, links_read, site, span)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            captures(count, int(time.time())),
        )
        connection.executemany(
            "INSERT INTO frontier (host, key, url, site, priority, due, announcer, referrer, seed, hop, redirects, outcome)"
            " VALUES ('', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            known(count * 3 // 4, count // 2),
        )
        connection.execute(
            "INSERT INTO rounds (site, crawl, started, opened) VALUES ('news', '', 1, 1)"
        )
        connection.execute(
            "INSERT INTO rounds (site, crawl, started, opened) VALUES ('blog', '', 1, 1)"
        )


def covered(home: Path) -> None:
    with Coverage(home) as coverage:
        list(coverage.sites(coverage.names))


def best(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--captures", type=int, default=100_000)
    count = parser.parse_args().captures
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "warc").mkdir()
        connection = state.open_for_writing(home / state.NAME)
        fill(connection, count)
        connection.close()
        now = datetime.now(UTC)
        print(f"{count:,} captures")
        print(f"stats     {best(lambda: figures(home, now)):.2f} s")
        print(f"sites     {best(lambda: summaries(home)):.2f} s")
        print(f"coverage  {best(lambda: covered(home)):.2f} s, {count * 3 // 4:,} addresses")
    print(f"peak      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
