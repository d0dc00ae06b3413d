"""The misbehaving server and a crawl of it, with what its manifest wants held against what came of it.

The server is MURAGAT_LAB/nasty; an instance of its own is started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archive import Collection
from tests.program import ROOT, articles, environment
from tests.test_handler_nasty import LAB, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from archive.model import Capture

Row = dict[str, Any]
_TRIES = 4
CANARY = "127.0.0.66"
LIMIT_S = 400.0


@dataclass
class Bed:
    """A running server and its manifest."""

    base: str
    rows: list[Row]

    @property
    def hosts(self) -> list[str]:
        """The hosts that are the site's own."""
        port = urlsplit(self.base).port
        return [f"127.0.0.{number}:{port}" for number in (1, *range(10, 30))]

    def log(self) -> list[Row]:
        with urllib.request.urlopen(f"{self.base}/__log") as answer:
            return list(json.load(answer))

    def crawl(self, home: Path, seeds: Sequence[str], **table: object) -> Crawled:
        """Crawl with all hosts of the server allowed, as `scrapy crawl` does: with a time limit of our own."""
        home.mkdir(exist_ok=True)
        values = {"name": "nasty", "seeds": seeds, "allow": self.hosts, "concurrency": 8, **table}
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        (home / "sites.toml").write_text("\n".join(["[[site]]", *lines, "delay = 0"]), "utf-8")
        with urllib.request.urlopen(f"{self.base}/__reset", data=b""):
            pass
        began = time.monotonic()
        peak = _run(home)
        took = time.monotonic() - began
        asked = Counter((line["host"], line["target"]) for line in self.log())
        conditional = {line["target"] for line in self.log() if line["cond"]}
        return Crawled(home, asked, conditional, took, peak)


@dataclass
class Crawled:
    """What a crawl left: requests by host and target, those that had a condition, seconds, and MB of all processes."""

    home: Path
    asked: Counter[tuple[str, str]]
    conditional: set[str]
    took_s: float
    peak_mb: float
    captures: dict[str, list[Capture]] = field(default_factory=lambda: defaultdict(list))
    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    dates: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        with Collection(self.home) as collection:
            for capture in sorted(collection.captures(), key=lambda one: one.sequence):
                self.captures[capture.url].append(capture)
        for entry in articles(self.home):
            for named in entry["urls"]:
                self.texts[named["url"]].append(entry["articleBody"] or "")
                self.dates[named["url"]].append(entry["datePublished"] or "")

    def short(self, rows: Sequence[Row]) -> set[tuple[str, str]]:
        """The rows that fall short, each with the key of the manifest that is not met."""
        return {
            (row["id"], key)
            for row in rows
            for key, is_met in CHECKS.items()
            if not is_met(self, row)
        }

    def below(self, prefix: str) -> int:
        return sum(n for (_, target), n in self.asked.items() if target.startswith(prefix))


def _url(row: Row) -> str:
    return str(row["url"]).partition("#")[0]


def _is_archived(found: Crawled, row: Row) -> bool:
    captures = found.captures.get(_url(row), [])
    match row["archive"]:
        case "store":
            return any(not one.truncated for one in captures)
        case "truncated":
            return any(one.truncated for one in captures)
        case "error":
            return not any(one.status == 200 and not one.truncated for one in captures)
        case _:
            return not captures


def _has_marker(found: Crawled, row: Row) -> bool:
    if not row["marker"] or row["archive"] != "store":
        return True
    return any(row["marker"] in text for text in found.texts.get(_url(row), []))


def _has_needle(found: Crawled, row: Row) -> bool:
    if not row.get("needle") or not row["marker"]:
        return True
    return any(row["needle"][:30] in text for text in found.texts.get(_url(row), []))


def _is_dated(found: Crawled, row: Row) -> bool:
    return not row.get("date") or any(
        date.startswith(row["date"]) for date in found.dates.get(_url(row), [])
    )


def _is_in_budget(found: Crawled, row: Row) -> bool:
    if "max_requests" not in row:
        return True
    return found.below(urlsplit(row["url"]).path) <= int(row["max_requests"])


def _says_nothing_forbidden(found: Crawled, row: Row) -> bool:
    word = row.get("forbidden")
    return not word or not any(word in text for texts in found.texts.values() for text in texts)


def _asks_nothing_forbidden(found: Crawled, row: Row) -> bool:
    return not row.get("forbidden_request") or not found.below(row["forbidden_request"])


def _follows(found: Crawled, row: Row) -> bool:
    return row.get("follow", True) or not found.below(f"/m/child-{row['id']}")


def _spares_the_canary(found: Crawled, row: Row) -> bool:
    return not row.get("canary") or not any(host == CANARY for host, _ in found.asked)


def _tries_again(found: Crawled, row: Row) -> bool:
    parts = urlsplit(row["url"])
    return not row.get("retry") or found.asked[str(parts.hostname), parts.path] <= _TRIES


CHECKS: dict[str, Callable[[Crawled, Row], bool]] = {
    "archive": _is_archived,
    "marker": _has_marker,
    "needle": _has_needle,
    "date": _is_dated,
    "max_requests": _is_in_budget,
    "forbidden": _says_nothing_forbidden,
    "forbidden_request": _asks_nothing_forbidden,
    "follow": _follows,
    "canary": _spares_the_canary,
    "retry": _tries_again,
}
"""How each key of the manifest is checked in one crawl; `conditional` takes two, memory and time are of all rows."""


def _run(home: Path) -> float:
    """Crawl; return the most memory that all processes had together, in MB."""
    words = {
        "MURAGAT_HOME": home,
        "MURAGAT_SITES": home / "sites.toml",
        "DOWNLOAD_TIMEOUT": 15,
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "scrapy", "crawl", "nasty"]
    for name, value in words.items():
        command += ["-s", f"{name}={value}"]
    peak = 0.0
    with subprocess.Popen(command, env=environment(), cwd=ROOT) as process:
        end = threading.Timer(LIMIT_S, process.kill)
        end.start()
        while process.poll() is None:
            peak = max(peak, _memory_mb(process.pid))
            time.sleep(0.2)
        end.cancel()
    assert process.returncode == 0
    return peak


def _memory_mb(pid: int) -> float:
    """The memory of a process and of all below it, shared pages counted once."""
    total, pids = 0, [pid]
    while pids:
        folder = Path(f"/proc/{pids.pop()}")
        try:
            for task in (folder / "task").iterdir():
                pids += map(int, (task / "children").read_text().split())
            rollup = (folder / "smaps_rollup").read_text()
        except OSError:  # it has ended
            continue
        total += sum(
            int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
        )
    return total / 1024


@contextmanager
def bed(folder: Path) -> Iterator[Bed]:
    """Start the server; stop it at the end."""
    port = str(free_port())
    variables = os.environ | {"LAB_STATE": str(folder), "LAB_PYTHON": sys.executable}
    subprocess.run([LAB / "up", port], env=variables, check=True, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        with urllib.request.urlopen(f"{base}/__manifest") as answer:
            rows = list(json.load(answer))
        yield Bed(base, rows)
    finally:
        subprocess.run([LAB / "down", port], env=variables, check=True)
