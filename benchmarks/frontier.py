"""What the frontier costs with ten thousand and with a million addresses, on disk: `python -m benchmarks.frontier`.

Pages are announced in batches of a hundred, claimed 32 at a time and acknowledged in groups, each group with the
commit that its captures would have. The figures at both sizes come from one run.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from archive.model import Announcer, Outcome, Via
from archive.store import state
from crawler.frontier import Announcement, SqliteFrontier, Visit, announcement

if TYPE_CHECKING:
    import sqlite3

SITE = "example"
SEED = "https://news.example.test/"
BATCH = 100  # links of one page
CLAIMED = 32
GROUP = (
    16  # claims' worth of visits in one commit, as many as the writer's 50 ms bring at full speed
)
MEASURED = 20_000  # addresses claimed and acknowledged for a rate
_HOURS = 3600.0


def page(number: int) -> Announcement:
    """Return an announcement like those of a news site: dated, in sitemaps of 1,000."""
    url = (
        f"{SEED}2026/{number % 12 + 1:02}/article-{number * 7919 % 10**7}-with-some-words-{number}"
    )
    via = Via(
        announcer=Announcer.SITEMAP,
        referrer=f"{SEED}sitemap-{number // 1000}.xml",
        seed=SEED,
        hop=2,
    )
    return replace(announcement(url, via), modified=1_700_000_000.0 - number * _HOURS)


@dataclass(slots=True)
class Bench:
    """A frontier in a file, with the writer's way of committing."""

    connection: sqlite3.Connection
    frontier: SqliteFrontier

    def commit(self) -> None:
        with state.transaction(self.connection):
            self.frontier.flush(self.connection)
        self.frontier.flushed()

    def announce(self, first: int, behind: int) -> float:
        """Announce pages by number; return how many a second."""
        started = time.perf_counter()
        for number in range(first, behind, BATCH):
            self.frontier.announce(SITE, map(page, range(number, min(behind, number + BATCH))))
            if number // BATCH % 50 == 0:
                self.commit()
        self.commit()
        return (behind - first) / (time.perf_counter() - started)

    def fetch(self, count: int) -> tuple[float, float, list[float]]:
        """Claim and acknowledge; return the seconds of claims, of acknowledgements, and of each claim."""
        claiming, done_s, each = 0.0, 0.0, []
        for _ in range(count // CLAIMED // GROUP):
            keys: list[str] = []
            for _ in range(GROUP):
                started = time.perf_counter()
                keys += [claim.key for claim in self.frontier.claim(SITE, CLAIMED)]
                each.append(time.perf_counter() - started)
                claiming += each[-1]
            started = time.perf_counter()
            for key in keys:
                self.frontier.done(
                    Visit(key, Outcome.STORED, "sha256:" + "0" * 64, status=200, etag='"x"')
                )
            self.commit()
            done_s += time.perf_counter() - started
        return claiming, done_s, each


def opened(path: Path) -> Bench:
    connection = state.connect(path)
    return Bench(connection, SqliteFrontier(connection))


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rates(bench: Bench, known: int) -> float:
    """Print the rates with so many known; return the median seconds of a claim."""
    claiming, acknowledging, each = bench.fetch(min(known, MEASURED))
    count = len(each) * CLAIMED
    print(
        f"{known:>9,} known: {count / claiming:,.0f} claims/s, {count / acknowledging:,.0f} acknowledgements/s,"
        f" {count / (claiming + acknowledging):,.0f} of both/s; a claim of {CLAIMED}: median {ms(median(each))},"
        f" longest {ms(max(each))}; {resident_mb():.0f} MB"
    )
    return median(each)


_AS_VISITED = """
UPDATE frontier SET ready = 0, owner = '', due = iif(id <= 10, :now, :now + 1e6), planned = 1, visited = :now,
 round = 1, outcome = 'stored', status = 200
"""


def rounds(path: Path) -> None:
    """Print what a scheduled round with ten due pages costs, and how a full one begins and sweeps."""
    with closing(state.connect(path)) as connection:
        connection.execute(_AS_VISITED, {"now": time.time()})
    started = time.perf_counter()
    bench = opened(path)
    with closing(bench.connection):
        bench.frontier.begin(SITE, "2", full=False)
        begun = time.perf_counter()
        found = len(bench.frontier.claim(SITE, CLAIMED))
        bench.fetch(CLAIMED * GROUP)
        bench.frontier.due(SITE)
        bench.frontier.end(SITE)
        print(
            f"scheduled round: open and begin {ms(begun - started)}, all {found} due {ms(time.perf_counter() - begun)}"
        )
        started = time.perf_counter()
        bench.frontier.begin(SITE, "3", full=True)
        print(f"full round: begin {ms(time.perf_counter() - started)}")
        started = time.perf_counter()
        first = len(bench.frontier.claim(SITE, CLAIMED))
        print(f"full round: first claim of {first} {ms(time.perf_counter() - started)}")
        rates(bench, bench.frontier.counts(SITE)[0])
        started = time.perf_counter()
        known, due = bench.frontier.counts(SITE)
        print(f"counts {known:,}, {due:,} due: {ms(time.perf_counter() - started)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument(
        "--rounds", action="store_true", help="visit all pages, then measure rounds"
    )
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="muragat-bench-") as folder:
        path = Path(folder) / "state.sqlite"
        with closing((bench := opened(path)).connection):
            bench.frontier.begin(SITE, "1")
            print(f"announced {bench.announce(0, 10_000):,.0f}/s, the first 10,000")
            few = rates(bench, 10_000)
            before = resident_mb()
            print(f"announced {bench.announce(10_000, words.pages):,.0f}/s up to {words.pages:,}")
            started = time.perf_counter()
            bench.announce(words.pages // 2, words.pages // 2 + 20_000)
            print(f"announced again {20_000 / (time.perf_counter() - started):,.0f}/s")
        started = time.perf_counter()
        with closing((bench := opened(path)).connection):
            bench.frontier.begin(SITE, "1")
            print(f"open and begin with {words.pages:,}: {ms(time.perf_counter() - started)}")
            many = rates(bench, words.pages)
            grown = resident_mb() - before
            print(f"a claim costs {many / few:.2f} times as much; memory grew by {grown:.0f} MB")
            print(f"{path.stat().st_size / 2**20:,.0f} MB on disk")
        rounds(path)


if __name__ == "__main__":
    main()
