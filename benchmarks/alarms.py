"""What gathering the facts of alarms costs at many known addresses: `python -m benchmarks.alarms 300000`."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.known import BEGAN_S, known
from crawler.alarms.gathering import Crawled, Gathering
from crawler.report.tally import Tally
from crawler.sites import Site


def main(count: int = 300_000) -> None:
    """Print the CPU seconds of one site, the best of three."""
    site = Site("news", ("https://news.test/",))
    now = datetime.fromtimestamp(BEGAN_S + 3600 * count, UTC)
    crawled = Crawled([site], Tally(), now - timedelta(days=1), now)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        known(home, count)
        best = min(_spent(home, crawled, site) for _ in range(3))
    print(f"{best:.2f} s CPU at {count:,} addresses")


def _spent(home: Path, crawled: Crawled, site: Site) -> float:
    began = time.process_time()
    with Gathering(home, crawled, {}) as gathering:
        gathering.facts(site)
    return time.process_time() - began


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
