"""robots.txt by our rules and by Protego: reading a file, and asking whether an address is allowed.

    python -m benchmarks.robots [--text]

Prints JSON, or with --text a table: milliseconds of CPU, the best of several runs. Protego's matching goes through regular expressions made of the rules; cases that
take it longer than ten seconds are cut there and shown as such.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from protego import Protego

from crawler.robots.rules import MAX_BYTES, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

LONGEST_S = 10.0
ORIGIN = "https://example.org/"
PATH = ORIGIN + "a" * 2_040
HEAD = b"User-agent: *\n"
USUAL = HEAD + (
    b"Disallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\nDisallow: /*?s=\nDisallow: /search\n"
    b"Disallow: /*.pdf$\nCrawl-delay: 2\nSitemap: https://example.org/sitemap.xml\n"
)
ARTICLE = ORIGIN + "2026/11/24/an-article-with-a-long-name-in-its-address/?amp=1"


def filled(lines: Iterator[bytes]) -> bytes:
    """Return a file of 500 KiB of these lines."""
    found, size = [HEAD], len(HEAD)
    for line in lines:
        size += len(line)
        if size > MAX_BYTES:
            break
        found.append(line)
    return b"".join(found)


CASES = {
    "usual": (USUAL, ARTICLE),
    "1,000 plain rules": (HEAD + b"".join(b"Disallow: /d%d/\n" % n for n in range(1000)), ARTICLE),
    "40 wildcard rules": (HEAD + b"".join(b"Disallow: /*/d%d$\n" % n for n in range(40)), ARTICLE),
    "a rule of 200,000 stars": (HEAD + b"Disallow: /" + b"*a" * 200_000 + b"b\n", PATH),
    "rules of 1,000 stars": (
        filled(b"Disallow: /" + b"*a" * 1000 + b"%db\n" % n for n in count()),
        PATH,
    ),
    "short wildcard rules": (filled(b"Allow: /*%d*b\n" % n for n in count()), PATH),
    "near misses": (filled(b"Disallow: /*" + b"a" * (n % 2000) + b"b\n" for n in count()), PATH),
    "percent-coded rules": (filled(b"Disallow: /%%70%%2a%d*%%41$x\n" % n for n in count()), PATH),
    "plain rules": (filled(b"Allow: /%d\n" % n for n in count()), PATH),
    "2 MB of comments": (USUAL + b"# filler line\n" * 150_000, ARTICLE),
}


def ours(body: bytes, url: str) -> tuple[float, float]:
    """Return seconds for reading and for one answer."""
    read_s, rules = best(lambda: Rules(body))
    return read_s, best(lambda: rules.allows(url))[0]


def protego(body: bytes, url: str) -> tuple[float, float]:
    """Return the same of Protego, which gets what Scrapy would give it."""
    read_s, rules = best(lambda: Protego.parse(body.decode("utf-8", "ignore")))
    return read_s, best(lambda: rules.can_fetch(url, "muragat"))[0]


def best(run: Callable[[], T]) -> tuple[float, T]:
    """Return the shortest of several runs, and what it returned."""
    shortest, started = float("inf"), time.perf_counter()
    for _ in range(200):
        before = time.process_time()
        result = run()
        shortest = min(shortest, time.process_time() - before)
        if time.perf_counter() - started > 0.5:
            break
    return shortest, result


def bounded(run: Callable[[bytes, str], tuple[float, float]], name: str) -> list[float] | None:
    """Return milliseconds for reading and for one answer; None after `LONGEST_S`."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        try:
            found = pool.apply_async(run, CASES[name]).get(LONGEST_S)
        except multiprocessing.TimeoutError:
            return None
    return [round(seconds * 1000, 4) for seconds in found]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", action="store_true")
    chosen = parser.parse_args()
    found = {
        name: {"ours": bounded(ours, name), "protego": bounded(protego, name)} for name in CASES
    }
    if not chosen.text:
        print(json.dumps({"unit": "ms: read, match", "cases": found}, indent=1))
        return
    for name, row in found.items():
        told = [
            f"{who} {' + '.join(map(str, ms)) if ms else f'over {LONGEST_S} s'}"
            for who, ms in row.items()
        ]
        print(f"{name:26}", "   ".join(told))


if __name__ == "__main__":
    main()
