"""Runs `muragat` as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 120


@dataclass(frozen=True)
class Run:
    """How a run ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON, one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(home: Path, *words: object, module: str = "crawler") -> list[str]:
    return [sys.executable, "-m", module, "--home", str(home), *map(str, words)]


def environment() -> dict[str, str]:
    """The environment without what a user may have set, so that runs do not differ."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MURAGAT_")}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def muragat(home: Path, *words: object, cwd: Path = ROOT, module: str = "crawler") -> Run:
    """Run a command to its end."""
    done = subprocess.run(
        command(home, *words, module=module),
        capture_output=True,
        text=True,
        env=environment(),
        cwd=cwd,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def fetch(home: Path, *words: object) -> Run:
    """Crawl without analysis: half the time where nobody looks at articles."""
    return muragat(home, "crawl", *words, module="tests.fetching")


def start(home: Path, *words: object) -> subprocess.Popen[str]:
    """Start a command and leave it running, in a process group of its own."""
    return subprocess.Popen(
        command(home, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
        start_new_session=True,
    )


def articles(home: Path) -> list[dict[str, Any]]:
    """The lines of articles.jsonl."""
    return [json.loads(line) for line in (home / "articles.jsonl").read_text("utf-8").splitlines()]
