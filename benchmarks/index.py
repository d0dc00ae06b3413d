"""What the article index costs: folding and storing a page, and publishing `articles.jsonl`.

.venv/bin/python -m benchmarks.index [PAGES]      (default 20,000; 100,000 takes two minutes and 1 GB of disk)
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive import urls
from archive.index import Index
from archive.index.observation import Observation, read
from archive.model import Article, Author, Capture, Image, Kind, PageType

SITE = "https://news.example.com"
WORDS = [
    f"{a}{b}{c}" for a in "dklmnrst" for b in ("a", "ei", "o", "u") for c in ("", "n", "rim", "st")
]


def main() -> None:
    pages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
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
    started = time.perf_counter()
    written = index.publish()
    wall, size = time.perf_counter() - started, path.stat().st_size / 1e6
    print(
        f"{what:26} {wall:7.2f} s" + (f" {size:7.0f} MB {size / wall:7.0f} MB/s" if written else "")
    )


if __name__ == "__main__":
    main()
