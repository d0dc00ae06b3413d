"""What an import costs: `python -m benchmarks.importing [MEGABYTES]`.

A file of generated pages of 45 kB, as warcio would write it (a gzip member a record, SHA-1 of block and payload,
a request beside each answer), is made once and imported into a new collection; articles are not analysed. Then the same pages
in one gzip member, which must be salvaged, a fifth of them. Wall, CPU and peak memory of a process of its own.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import subprocess
import sys
import tempfile
import uuid
from hashlib import sha1
from pathlib import Path

from isal import igzip

MEGABYTES = 500
DATE = "2024-01-31T23:59:58Z"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\nVary: Accept-Encoding\r\n\r\n"
IMPORT = """
import json, resource, sys, time
from pathlib import Path
from archive.importing import import_files
begin = time.perf_counter()
[taken] = import_files(Path(sys.argv[1]), [Path(sys.argv[2])])
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([taken.new, time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


def record(kind: str, block: bytes, number: int, *extra: str) -> bytes:
    """Return a WARC/1.0 record."""
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Date: {DATE}",
        f"WARC-Target-URI: http://en.example.com/2024/01/some-post-{number}/",
        f"WARC-Block-Digest: sha1:{sha1(block).hexdigest()}",
        f"Content-Type: application/http; msgtype={kind}",
        f"Content-Length: {len(block)}",
        *extra,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + block + b"\r\n\r\n"


def pair(number: int, draw: random.Random, words: list[bytes]) -> tuple[bytes, bytes]:
    """Return a response and its request."""
    names = [uuid.UUID(int=draw.getrandbits(128)).urn for _ in range(2)]
    body = b"<html><p>%d " % number + b" ".join(draw.choices(words, k=7000))
    digest = f"WARC-Payload-Digest: sha1:{sha1(body).hexdigest()}"
    request = b"GET /2024/01/some-post-%d/ HTTP/1.1\r\nHost: en.example.com\r\n\r\n" % number
    tie = f"WARC-Concurrent-To: <{names[0]}>"
    return (
        record("response", HEAD + body, number, f"WARC-Record-ID: <{names[0]}>", digest),
        record("request", request, number, f"WARC-Record-ID: <{names[1]}>", tie),
    )


def write(path: Path, megabytes: int, *, one_member: bool) -> float:
    """Write a file of about so many megabytes; return its megabytes without compression."""
    draw = random.Random(1)
    words = [bytes(draw.choices(b"abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(9000)]
    number = raw = 0
    with path.open("wb") as file, contextlib.ExitStack() as stack:
        whole = None
        if one_member:
            whole = stack.enter_context(gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1))
        while file.tell() < megabytes * 1_000_000:
            number += 1
            for each in pair(number, draw, words):
                raw += len(each)
                if whole:
                    whole.write(each)
                else:
                    file.write(igzip.compress(each, 1))
    return raw / 1e6


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, size, one_member in (
            ("as it is", megabytes, False),
            ("salvaged", megabytes // 5, True),
        ):
            path = folder / f"{size}.warc.gz"
            raw = write(path, size, one_member=one_member)
            command = [sys.executable, "-c", IMPORT, str(folder / label), str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            captures, wall_s, cpu_s, peak = json.loads(done.stdout)
            compressed = path.stat().st_size / 1e6
            print(
                f"{label}: {compressed:.0f} MB ({raw:.0f} MB without compression), {captures} captures:"
                f" wall {wall_s:.1f} s, CPU {cpu_s:.1f} s, {compressed / cpu_s:.0f} MB and {captures / cpu_s:.0f}"
                f" captures a CPU second, {peak:.0f} MB of memory"
            )


if __name__ == "__main__":
    main()
