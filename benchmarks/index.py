"""What the article index costs: folding and storing a page, and publishing `articles.jsonl`.

.venv/bin/python -m benchmarks.index [PAGES]              (default 10,000: two to three minutes)
.venv/bin/python -m benchmarks.index --publish [ENTRIES]  (default 100,000: half a minute, 1.5 GB of disk)

The second publishes only: entries of 1,000 articles are copied under other ids, which is faster than folding as many. The first
publishing clears the mark of every changed entry too, as after a rebuild; the others show what writing the file costs.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import random
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from isal import isal_zlib

from archive import urls
from archive.index import Index, schema
from archive.index.observation import Observation, read
from archive.model import Article, Author, Capture, Image, Kind, PageType

SITE = "https://news.example.com"
WORDS = [
    f"{a}{b}{c}" for a in "dklmnrst" for b in ("a", "ei", "o", "u") for c in ("", "n", "rim", "st")
]


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if "--publish" in sys.argv:
        publish_only(*numbers)
    else:
        measure(*numbers)


def measure(pages: int = 10_000) -> None:
    drawn = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, Index(Path(folder), write=True) as index:
        path = Path(folder) / "articles.jsonl"
        crawl(index, "fold and store, a page", pages, 0, drawn)
        print_speed("publish all", index, path)
        crawl(index, "fold a recapture, a page", pages, 1, None)
        print_speed("publish all again", index, path)
        crawl(index, "fold one in 100", pages // 100, 2, None)
        print_speed("publish one in 100", index, path)
        print_speed("publish nothing", index, path)


def publish_only(entries: int = 100_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Index(home, write=True) as index:
            crawl(index, "fold and store, a page", 1_000, 0, random.Random(1))
        multiply(home, entries)
        path = home / "articles.jsonl"
        with Index(home, write=True) as index:
            print_speed("publish all", index, path)
            for _ in range(2):
                path.unlink()
                print_speed("publish all, file lost", index, path)
            mark(home, 100)
            print_speed("publish one in 100", index, path)
            print_speed("publish nothing", index, path)


def multiply(home: Path, entries: int) -> None:
    """Copy the entries that are there under other ids until there are so many."""
    with contextlib.closing(sqlite3.connect(home / schema.NAME)) as connection:
        columns = "site, line, is_changed, history, is_gone, run, before, was_gone, outcome"
        rows = connection.execute(f"SELECT id, {columns} FROM entry").fetchall()
        idents = sorted(ident_of(number) for number in range(entries - len(rows)))
        for number, ident in enumerate(idents):
            old, site, line, *rest = rows[number % len(rows)]
            text = isal_zlib.decompress(line).replace(old.encode(), ident.encode())
            packed = isal_zlib.compress(text, 1)
            values = (ident, site, packed, *rest)
            connection.execute(f"INSERT INTO entry (id, {columns}) VALUES (?{', ?' * 9})", values)
        connection.commit()


def ident_of(number: int) -> str:
    digest = hashlib.sha256(str(number).encode()).digest()
    return "art:" + base64.b32encode(digest).decode().lower()[:26]


def mark(home: Path, each: int) -> None:
    """Mark one entry in so many as changed."""
    with contextlib.closing(sqlite3.connect(home / schema.NAME)) as connection:
        connection.execute("UPDATE entry SET is_changed = 1 WHERE rowid % ? = 0", (each,))
        connection.commit()


def crawl(index: Index, what: str, pages: int, day: int, drawn: random.Random | None) -> None:
    """Add pages in batches of 50; making them up is not measured."""
    wall = cpu = 0.0
    for start in range(0, pages, 50):
        batch = [observe(number, day, drawn) for number in range(start, min(start + 50, pages))]
        started, used = time.perf_counter(), time.process_time()
        for observation in batch:
            index.add(observation)
        index.commit()
        wall, cpu = wall + time.perf_counter() - started, cpu + time.process_time() - used
    print(f"{what:26} {wall / pages * 1e3:7.2f} ms wall {cpu / pages * 1e3:7.2f} ms CPU")


def observe(number: int, day: int, drawn: random.Random | None) -> Observation:
    """An article of 5 kB; without `drawn`, its next capture, with the same payload."""
    url = f"{SITE}/2026/{number}-a-title-of-some-length/"
    capture = Capture(
        sequence=0,
        urlkey="",
        date=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=number),
        url=url,
        method="GET",
        status=200,
        mime="text/html",
        digest=f"sha256:{number:064x}",
        kind=Kind.RESPONSE,
        file="news-00001-20260101000000.warc.gz",
        offset=number,
        length=10_000,
        record_id=f"urn:uuid:{day:04x}-{number:012x}",
    )
    return Observation(capture, urls.identity(url), read(article(url, drawn)) if drawn else None)


def article(url: str, drawn: random.Random) -> Article:
    text = "\n".join(" ".join(drawn.choices(WORDS, k=70)) for _ in range(14))
    return Article(
        PageType.ARTICLE,
        headline=text[:60],
        text=text,
        authors=(Author("Ann Author"),),
        published="2026-01-01T00:00:00+00:00",
        images=tuple(Image(f"{url}{n}.jpg", "what it shows") for n in range(5)),
        canonical=url,
    )


def print_speed(what: str, index: Index, path: Path) -> None:
    started, used = time.perf_counter(), time.process_time()
    written = index.publish()
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    size = path.stat().st_size / 1e6
    speed = f" {size:7.0f} MB {size / wall:7.0f} MB/s, {size / cpu:.0f} MB a CPU second"
    print(f"{what:26} {wall:7.2f} s" + (speed if written else ""))


if __name__ == "__main__":
    main()
