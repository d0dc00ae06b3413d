"""The recorded crawl against a plain Scrapy spider and `wget --warc-file`, interleaved in one session.

    python -m benchmarks.crawl_ratio [--runs 5] [--articles 2000] [--only plain,wget] [--json]

Every round runs each contestant once, from nothing, on the same server; the medians are compared. The
server says which pages each really asked for: a contestant that missed some is an error, not a result.
`crawl` is the crawling process alone (fetch, record, find links, index captures); `total` has all it
started, analysis included. wget has one connection, as always; Scrapy and muragat have `--concurrency`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.process_tree import Cost, adopt_orphans
from benchmarks.process_tree import run as measured

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
MURAGAT = (
    "{python} -m crawler --home {folder}/home crawl {base} "
    "--delay 0 --concurrency {concurrency} --max-pages {limit} --json"
)
PLAIN = "{python} -m benchmarks.plain_spider {base} --concurrency {concurrency}"
WGET = (
    "wget -r -l inf --no-parent --no-verbose --delete-after --no-directories --directory-prefix {folder}/tmp "
    "--reject png,svg,jpg --warc-file {folder}/wget {base}"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One contestant's crawl: its cost, what the server saw of it, and what it left on disk."""

    name: str
    cost: Cost
    pages: int
    requests: int
    server_cpu_s: float
    disk_mb: float

    def figures(self) -> dict[str, float]:
        """Return what is compared."""
        return {
            "crawl_ms": 1000 * self.cost.main_cpu_s / self.pages,
            "total_ms": 1000 * self.cost.cpu_s / self.pages,
            "wall_s": self.cost.wall_s,
            "pages": self.pages,
            "requests": self.requests,
            "peak_mb": self.cost.peak_mb,
            "disk_mb": self.disk_mb,
            "server_ms": 1000 * self.server_cpu_s / self.pages,
        }


@contextmanager
def served(articles: int) -> Iterator[dict[str, Any]]:
    """Run the site's server; give what it says of itself."""
    command = [sys.executable, "-m", "benchmarks.site", "--articles", str(articles)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def contest(name: str, template: str, site: dict[str, Any], concurrency: int) -> Run:
    """Run one contestant from nothing; raises RuntimeError when it fails or misses a page."""
    folder = Path(tempfile.mkdtemp(prefix="crawl-ratio-"))
    log = folder / "log"
    places = {
        "python": sys.executable,
        "folder": folder,
        "base": site["base"],
        "concurrency": concurrency,
        "limit": 2 * site["pages"],
    }
    before = _tally(site["base"])
    try:
        cost = measured(shlex.split(template.format(**places)), cwd=ROOT, log=log)
        after = _tally(site["base"])
        if cost.status != 0 or after["pages"] != site["pages"] or cost.left_behind:
            tail = log.read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(
                f"{name}: exit {cost.status}, {after['pages']} of {site['pages']} pages, "
                f"{cost.left_behind} processes left behind\n{tail}"
            )
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        server = after["cpu_s"] - before["cpu_s"]
        return Run(name, cost, int(after["pages"]), int(after["requests"]), server, disk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def medians(runs: list[Run]) -> dict[str, dict[str, float]]:
    """Return each contestant's median figures."""
    names = dict.fromkeys(run.name for run in runs)
    return {
        name: {
            figure: round(
                statistics.median(run.figures()[figure] for run in runs if run.name == name), 3
            )
            for figure in runs[0].figures()
        }
        for name in names
    }


def ratios(runs: list[Run], first: str) -> dict[str, dict[str, float]]:
    """Return, for every other contestant, the median over rounds of its cost through `first`'s."""
    mine = [run for run in runs if run.name == first]
    result = {}
    for name in dict.fromkeys(run.name for run in runs if run.name != first):
        theirs = [run for run in runs if run.name == name]
        result[name] = {
            figure: round(
                statistics.median(
                    b.figures()[figure] / a.figures()[figure]
                    for a, b in zip(mine, theirs, strict=True)
                ),
                2,
            )
            for figure in ("crawl_ms", "total_ms", "wall_s")
        }
    return result


def _tally(base: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{base}__tally", timeout=30) as answer:
        return dict(json.load(answer))


def _table(title: str, rows: dict[str, dict[str, float]]) -> str:
    columns = list(next(iter(rows.values())))
    lines = [f"{title:<18}" + "".join(f"{column:>11}" for column in columns)]
    lines += [
        f"{name:<18}" + "".join(f"{row[column]:>11.2f}" for column in columns)
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def rounds(
    site: dict[str, Any], commands: dict[str, str], options: argparse.Namespace
) -> list[Run]:
    """Run every contestant once a round, in turning order, so that none always goes first."""
    runs = []
    for number in range(options.runs):
        for name in list(commands)[:: 1 if number % 2 == 0 else -1]:
            runs.append(contest(name, commands[name], site, options.concurrency))
            print(f"round {number + 1} {name}: {runs[-1].cost}", file=sys.stderr)
    return runs


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crawl_ratio")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--articles", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument(
        "--only", default="muragat,plain,wget", help="contestants, the measure first"
    )
    parser.add_argument(
        "--muragat",
        default=MURAGAT,
        help="its command; {python} {folder} {base} {concurrency} {limit}",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def main() -> None:
    """Run the rounds, print medians and ratios."""
    options = _options()
    known = {"muragat": options.muragat, "plain": PLAIN, "wget": WGET}
    commands = {name: known[name] for name in options.only.split(",")}
    first = next(iter(commands))
    adopt_orphans()
    with served(options.articles) as site:
        try:
            runs = rounds(site, commands, options)
        except RuntimeError as error:
            sys.exit(str(error))
    machine = {
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[1],
        "python": platform.python_version(),
    }
    found = {
        "machine": machine,
        "site": site,
        "runs": options.runs,
        "medians": medians(runs),
        f"through_{first}": ratios(runs, first),
    }
    if options.json:
        print(json.dumps(found))
        return
    print(_table("medians", medians(runs)))
    if len(commands) > 1:
        print("\n" + _table(f"… / {first}", ratios(runs, first)))


if __name__ == "__main__":
    main()
