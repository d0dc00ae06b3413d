"""What reading a page costs: its links, its requisites, both in one pass: `python -m benchmarks.links [PAGE.html...]`.

Generated pages of 45 kB with eight photos in seven sizes each, and the page folders of the tests; files given as
arguments besides. Milliseconds of CPU a page, the best of the rounds, since other work only adds. Then stylesheets:
tokens of a generated one of 110 kB.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archive.charset import decode_html
from archive.requisites import css, requisites_in
from archive.tags import tags
from benchmarks.pages import all_pages
from crawler.discover.links import read_links

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 30
SIZES = (150, 300, 600, 768, 1024, 1536)
URL = "https://en.example.com/2024/01/some-post/"
HTML = "text/html; charset=utf-8"
FOLDERS = Path(__file__).parents[1] / "tests" / "pages"


def generated() -> list[bytes]:
    """Return articles whose photos have the sizes that WordPress makes."""
    pages = list(all_pages(100, images=8).values())[50:80]
    return [page.replace('.png"', f'.png" {_srcset()}').encode() for page in pages]


def _srcset() -> str:
    listed = ", ".join(f"/images/photo-{width}.png {width}w" for width in SIZES)
    return f'srcset="{listed}" sizes="100vw" loading="lazy" decoding="async"'


def best(read: Callable[[bytes], object], pages: Sequence[bytes]) -> float:
    """Return CPU milliseconds a page."""
    fastest = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for page in pages:
            read(page)
        fastest = min(fastest, time.process_time() - started)
    return fastest / len(pages) * 1000


def main() -> None:
    """Print a table."""
    beds = {
        "generated": generated(),
        "tests/pages": [path.read_bytes() for path in sorted(FOLDERS.glob("*/page.html"))],
        "given": [Path(name).read_bytes() for name in sys.argv[1:]],
    }
    reads: dict[str, Callable[[bytes], object]] = {
        "tags": lambda page: sum(1 for _ in tags(decode_html(page, HTML).text)),
        "links": partial(read_links, url=URL, content_type=HTML),
        "requisites": partial(requisites_in, url=URL, content_type=HTML),
        "both": partial(read_links, url=URL, content_type=HTML, requisites=True),
    }
    print(f"{'':>12} {'kB':>6}" + "".join(f"{name:>12}" for name in reads))
    for bed, pages in beds.items():
        if pages:
            size = sum(map(len, pages)) / len(pages) / 1000
            costs = "".join(f"{best(read, pages):12.3f}" for read in reads.values())
            print(f"{bed:>12} {size:6.1f}{costs}")
    sheet = "".join(f".a-{n}:not(.b){{margin:{n}px;color:var(--c-{n})}}\n" for n in range(2500))
    cost = best(lambda body: list(css.addresses(body.decode())), [f"{sheet}a{{b:url(x)}}".encode()])
    print(f"{'stylesheet':>12} {len(sheet) / 1000:6.1f}{cost:12.3f}")


if __name__ == "__main__":
    main()
