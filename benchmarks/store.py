"""What storing an exchange costs, beside warcio's writer in the same run: `python -m benchmarks.store`.

Two kinds of page of 45 kB, as sent plain and as sent gzipped. Ours finds duplicates, checks heads, sniffs types and
computes SHA-256 twice; warcio's writes the same three records with SHA-1 and nothing else. Medians of the rounds,
in CPU milliseconds an exchange. Then ISA-L's levels, a sync of grouped exchanges, and verify.
"""

from __future__ import annotations

import gzip
import io
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from isal import isal_zlib
from warcio.warcwriter import WARCWriter

from archive import Collection
from archive.model import Exchange

PAGES = 300
ROUNDS = 7
GROUP = 32
REQUEST = b"GET /2024/01/post/ HTTP/1.1\r\nHost: en.example.com\r\nUser-Agent: muragat\r\nAccept: */*\r\n\r\n"
FIELDS = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    b"Content-Type: text/html; charset=UTF-8\r\nVary: Accept-Encoding\r\n"
)
METADATA = b"via: http://en.example.com/\r\nhopsFromSeed: 1\r\nfetchTimeMs: 120\r\n" * 3


def pages(*, coded: bool) -> list[tuple[bytes, bytes]]:
    """Return heads and bodies of pages that compress to about a quarter."""
    draw = random.Random(1)
    words = [bytes(draw.choices(b"abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(900)]
    made = []
    for _ in range(PAGES):
        html = b"<html><p>" + b" ".join(draw.choices(words, k=7200))
        html = (html[:30_000] + html[:15_000]).ljust(45_000)
        body = gzip.compress(html, 6) if coded else html
        made.append((FIELDS + (b"Content-Encoding: gzip\r\n\r\n" if coded else b"\r\n"), body))
    return made


def url(number: int) -> str:
    return f"http://en.example.com/2024/01/some-post-{number}/"


def ours(made: list[tuple[bytes, bytes]], home: Path) -> tuple[float, float, int]:
    """Return CPU ms an exchange, wall ms a sync of GROUP exchanges, and bytes written."""
    now = datetime.now(UTC)
    exchanges = [
        Exchange(url(n), "GET", now, 0.1, "192.0.2.1", REQUEST, head, body)
        for n, (head, body) in enumerate(made)
    ]
    syncs = []
    with Collection(home, write=True) as collection:
        spent = 0.0
        for start in range(0, PAGES, GROUP):
            begin = time.process_time()
            for exchange in exchanges[start : start + GROUP]:
                collection.add(exchange)
            spent += time.process_time() - begin
            begin = time.perf_counter()
            collection.sync()
            syncs.append(time.perf_counter() - begin)
    size = sum(path.stat().st_size for path in (home / "warc").iterdir())
    return spent / PAGES * 1e3, statistics.median(syncs) * 1e3, size


def theirs(made: list[tuple[bytes, bytes]], path: Path) -> tuple[float, int]:
    """Return warcio's CPU ms an exchange and bytes written."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version="1.1")
        begin = time.process_time()
        for n, (head, body) in enumerate(made):
            block = head + body
            answer = writer.create_warc_record(url(n), "response", io.BytesIO(block), len(block))
            request = writer.create_warc_record(
                url(n), "request", io.BytesIO(REQUEST), len(REQUEST)
            )
            note = writer.create_warc_record(
                url(n), "metadata", io.BytesIO(METADATA), len(METADATA), "application/warc-fields"
            )
            writer.write_request_response_pair(request, answer)
            writer.write_record(note)
        spent = time.process_time() - begin
    return spent / PAGES * 1e3, path.stat().st_size


def levels(made: list[tuple[bytes, bytes]]) -> None:
    for level in (0, 1, 2, 3):
        begin = time.process_time()
        size = sum(len(isal_zlib.compress(head + body, level, -15)) for head, body in made)
        spent = (time.process_time() - begin) / PAGES * 1e3
        print(f"  ISA-L level {level}: {spent:.3f} ms, {size / PAGES:.0f} bytes a record")


def verify_speed(home: Path) -> float:
    """Return the MB of WARC files that verify reads in a second."""
    size = sum(path.stat().st_size for path in (home / "warc").iterdir())
    with Collection(home) as collection:
        begin = time.perf_counter()
        problems = list(collection.verify())
        spent = time.perf_counter() - begin
    if problems:
        sys.exit(f"verify found {problems[0]}")
    return size / spent / 1e6


def main() -> None:
    for coded in (False, True):
        made = pages(coded=coded)
        with tempfile.TemporaryDirectory() as folder:
            runs = [
                (ours(made, Path(folder) / f"c{n}"), theirs(made, Path(folder) / f"w{n}"))
                for n in range(ROUNDS)
            ]
            own, sync = (statistics.median(run[0][n] for run in runs) for n in (0, 1))
            other = statistics.median(run[1][0] for run in runs)
            print(f"{'gzipped' if coded else 'plain'} pages of {len(made[0][1])} bytes:")
            print(f"  muragat {own:.3f} ms, warcio {other:.3f} ms, ratio {own / other:.2f}")
            print(f"  bytes: muragat {runs[0][0][2]}, warcio {runs[0][1][1]}")
            print(f"  sync of {GROUP} exchanges: {sync:.1f} ms")
            print(f"  verify: {verify_speed(Path(folder) / 'c0'):.0f} MB/s")
            levels(made)


if __name__ == "__main__":
    main()
