"""What a rebuild from the WARC files alone costs: captures and MB a second, and memory of all its processes.

.venv/bin/python -m benchmarks.rebuild [CAPTURES]     (default 100,000: a few minutes to fill, 1.4 GB of disk)

The collection is made of pages as news sites send them, half of them gzipped: 45 kB each, one in five seen before.

.venv/bin/python -m benchmarks.rebuild --whole [CAPTURES]     (default 5,000)

measures `muragat rebuild` as a whole over articles of 4 kB: first where no articles are there and all are analysed, then where all
are taken over, frontier and publishing included.
"""

from __future__ import annotations

import gzip
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive import Collection
from archive.model import Exchange, Via
from archive.store import state

REQUEST = b"GET /2024/01/post/ HTTP/1.1\r\nHost: en.example.com\r\nUser-Agent: muragat\r\nAccept: */*\r\n\r\n"
FIELDS = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html; charset=UTF-8\r\n"
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
PAGE = 45_000
ARTICLE = 4_000
LINE_END = b"\n"
PAGE_HEAD = b"""<html lang="en"><head><title>Headline number %d</title><meta property="og:type" content="article">
<meta property="article:published_time" content="2024-01-01T00:00:00Z"></head><body><article><h1>Headline number %d</h1><p>%d"""
BODIES = 50  # texts that pages are cut from, so that drawing them is not what takes the time
FILE = 250_000_000
REBUILD = "import sys; from pathlib import Path; from archive.rebuild import rebuild; rebuild(Path(sys.argv[1]), workers=int(sys.argv[2]))"


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if "--whole" in sys.argv:
        measure_whole(*numbers)
    else:
        measure_captures(*numbers)


def measure_whole(count: int = 5_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "collection"
        fill(home, count, ARTICLE)
        command = [sys.executable, "-m", "crawler", "--home", str(home), "rebuild"]
        before = b""
        for what in ("analysed", "taken over"):
            lose_index(home)
            spent, cpu, peak = measured(command)
            if before not in (b"", (home / "articles.jsonl").read_bytes()):
                sys.exit("the articles are others")
            before = (home / "articles.jsonl").read_bytes()
            print(
                f"{count} captures, {before.count(LINE_END)} articles {what}: {spent:.1f} s, {count / spent:.0f} captures/s, "
                f"{cpu / count * 1e3:.2f} ms of processors a capture, {peak / 1e6:.0f} MB of memory"
            )


def measure_captures(count: int = 100_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "collection"
        started = time.monotonic()
        fill(home, count)
        size = sum(path.stat().st_size for path in (home / "warc").iterdir())
        print(
            f"{count} captures, {size / 1e6:.0f} MB, filled in {time.monotonic() - started:.0f} s"
        )
        before = (home / "index.cdxj").read_bytes()
        for workers in (1, 2):
            lose_index(home)
            spent, cpu, peak = measured([sys.executable, "-c", REBUILD, str(home), str(workers)])
            if (home / "index.cdxj").read_bytes() != before:
                sys.exit("the index is another one")
            print(
                f"{workers} workers: {spent:.1f} s, {count / spent:.0f} captures/s, "
                f"{size / 1e6 / spent:.0f} MB/s, {cpu:.1f} s of processors, {peak / 1e6:.0f} MB of memory"
            )


def fill(home: Path, count: int, size: int = PAGE) -> None:
    """Make a collection of `count` captures."""
    draw = random.Random(1)
    words = [bytes(draw.choices(b"abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(900)]
    texts = [(b" ".join(draw.choices(words, k=9000)))[:size] for _ in range(BODIES)]
    with Collection(home, write=True, max_file_bytes=FILE) as collection:
        for number in range(count):
            page = number if number % 5 else max(1, number - 101)
            collection.add(exchange(number, page, texts[page % BODIES]))
            if number % 200 == 0:
                collection.sync()
        collection.sync()
        collection.publish()


def exchange(number: int, page: int, text: bytes) -> Exchange:
    """Return the exchange of a page; a page seen before has the same payload."""
    body = PAGE_HEAD % (page, page, page) + text
    head = FIELDS + b"\r\n"
    if page % 2:
        body, head = gzip.compress(body, 1, mtime=0), FIELDS + b"Content-Encoding: gzip\r\n\r\n"
    url = f"http://en.example.com/2024/01/some-post-{page}/"
    date = BEGIN + timedelta(seconds=number)
    via = Via(crawl="20240101000000", site="example")
    return Exchange(url, "GET", date, 0.1, "192.0.2.1", REQUEST, head, body, via=via)


def lose_index(home: Path) -> None:
    for path in home.iterdir():
        if path.name.startswith((state.NAME, "index")):
            path.unlink()
        elif path.name == "crawls":
            shutil.rmtree(path)


def measured(command: list[str]) -> tuple[float, float, int]:
    """Run a command; return its seconds, those of processors, and the most bytes that its processes held at once."""
    started, burnt = time.monotonic(), burned()
    process = subprocess.Popen(command)
    peak = 0
    while process.poll() is None:
        peak = max(peak, held(process.pid))
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"ended with {process.returncode}")
    return time.monotonic() - started, burned() - burnt, peak


def burned() -> float:
    """Return the processor seconds of all processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def held(pid: int) -> int:
    """Return the resident bytes of a process and its children; what they share counts for each."""
    total = 0
    for one in [pid, *children(pid)]:
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    return total


def children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


if __name__ == "__main__":
    main()
