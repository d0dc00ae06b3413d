"""Kills of whole commands, of all their processes or of the first alone: what was acknowledged is there, once, and
everything made again from warc/ is byte for byte what was there before."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.backlog import drain
from archive.errors import SchemaUnknown
from tests.program import ROOT, environment, muragat, start
from tests.sites.demo import DemoSite
from tests.test_backlog import fill, first_crawl, second_crawl

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20261124
MADE_AGAIN = ("state.sqlite", "articles.sqlite", "index.cdxj", "articles.jsonl", "crawls")
LEFT = ("*.tmp", "*.part", ".*", "*.rebuild*")
"""What commands name while they write: nothing of it is left when they end."""


def published(home: Path) -> dict[str, bytes]:
    files = [home / "index.cdxj", home / "articles.jsonl", *sorted(home.glob("crawls/*"))]
    return {path.name: path.read_bytes() for path in files if path.exists()}


def lose(home: Path, *names: str) -> None:
    for name in names:
        for path in home.glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def assert_whole(home: Path) -> None:
    """Fail unless `verify` is clean, nothing is left of what was killed, and rebuild gives the same bytes."""
    assert muragat(home, "verify").out == ""
    assert [path.name for kind in LEFT for path in home.rglob(kind)] == []
    before = published(home)
    lose(home, *MADE_AGAIN)
    run = muragat(home, "rebuild")
    assert (run.code, run.out) == (0, ""), run.err
    assert published(home) == before


def acknowledged(home: Path) -> set[str]:
    state = home / "state.sqlite"
    if not (state.exists() and state.stat().st_size):  # nothing was ever committed
        return set()
    try:
        with Collection(home) as collection:
            return {capture.record_id for capture in collection.captures()}
    except SchemaUnknown:  # made, and no room to fill it
        return set()


def kill(process: subprocess.Popen[str], *, all_of_it: bool) -> None:
    """Kill a command: all its processes at once, or the first, whose others are to end by themselves."""
    if all_of_it:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate(timeout=60)


def group_is_gone(number: int) -> bool:
    """Say whether no process of a killed command is left after a while."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            os.killpg(number, 0)
        except ProcessLookupError:
            return True
        os.sched_yield()
    return False


# a crawl with what pages need


def crawl_with_kills(home: Path, site: DemoSite, kills: int) -> set[str]:
    moments, seen = random.Random(SEED), set[str]()
    words = ("crawl", site.base, "--delay", 0, "--allow", site.photos[7:-1])
    for number in range(kills):
        process = start(home, *words)
        asked = len(site.requests) + len(site.photo_requests) + moments.randint(3, 25)
        while len(site.requests) + len(site.photo_requests) < asked and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.005)
        kill(process, all_of_it=bool(number % 2))
        assert group_is_gone(process.pid)
        seen |= acknowledged(home)
    last = muragat(home, *words)
    assert last.code == 0, last.err
    return seen


@pytest.mark.faults
def test_a_crawl_with_requisites_that_is_killed_loses_nothing(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        seen = crawl_with_kills(home, site, kills=12)
        expected = sum(one.expected for one in site.truth)
    assert seen <= acknowledged(home)
    with Collection(home) as collection:
        urls = Counter(one.url for one in collection.captures() if "/robots.txt" not in one.url)
    assert max(urls.values()) == 1
    assert (home / "articles.jsonl").read_bytes().count(b"\n") == expected
    assert_whole(home)


# publishing, at each call that makes something durable

CALLS = """
import os, pathlib, shutil, sys
from archive import Collection
from archive.backlog import drain

left = int(sys.argv[2])

def counted(call):
    def wrapper(*args, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return call(*args, **named)
    return wrapper

for owner, name in ((os, "fsync"), (pathlib.Path, "replace"), (pathlib.Path, "unlink")):
    setattr(owner, name, counted(getattr(owner, name)))
home = pathlib.Path(sys.argv[1])
with Collection(home, write=True) as collection:
    collection.publish()
drain(home)
print("done")
"""


def ended_at_call(home: Path, code: str, number: int) -> bool:
    """Run `code` in a process that kills itself at its call number so many; return whether it came to that."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(home), str(number)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.faults
@pytest.mark.parametrize("lost", [(), ("index.cdxj", "articles.jsonl")])
def test_publishing_that_is_killed_at_any_call_is_done_by_the_next(tmp_path, lost):
    base = fill(tmp_path / "base", first_crawl())
    drain(base)
    fill(base, second_crawl())
    lose(base, *lost)
    whole = shutil.copytree(base, tmp_path / "whole")
    assert not ended_at_call(whole, CALLS, 10_000)
    number = 1
    while ended_at_call(home := shutil.copytree(base, tmp_path / str(number)), CALLS, number):
        assert not ended_at_call(home, CALLS, 10_000)
        assert published(home) == published(whole)
        assert_whole(home)
        number += 1
    assert number > 6  # six kills or more, of each kind


# rebuild, in its three steps

FRONTIER = """
import os, pathlib, sys
from archive import Collection
from crawler.reconstruct import remake

left = int(sys.argv[2])

def told(statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)

with Collection(pathlib.Path(sys.argv[1]), write=True) as collection:
    collection.state.set_trace_callback(told)
    remake(collection, known={})
    collection.state.set_trace_callback(None)
print(left)
"""


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    home = tmp_path_factory.mktemp("kills") / "home"
    with DemoSite() as site:
        for _ in range(2):
            run = muragat(home, "crawl", site.base, "--delay", 0, "--max-pages", 40)
            assert run.code == 0, run.err
    return home


@pytest.mark.faults
@pytest.mark.parametrize("words", [(), ("--analyse",)])
def test_a_rebuild_that_is_killed_is_done_by_the_next(crawled, tmp_path, words):
    home = shutil.copytree(crawled, tmp_path / "home")
    begun = time.monotonic()
    assert muragat(home, "rebuild", *words).code == 0
    longest, moments = time.monotonic() - begun, random.Random(SEED)
    for number in range(10):
        lose(home, *moments.sample(MADE_AGAIN, 2))
        process = start(home, "rebuild", *words)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0.3, longest))
        kill(
            process, all_of_it=bool(number % 2)
        ) if process.poll() is None else process.communicate()
        assert group_is_gone(process.pid)
    assert muragat(home, "rebuild", *words).code == 0
    assert published(home) == published(crawled)
    assert_whole(home)


@pytest.mark.faults
def test_a_frontier_whose_making_is_killed_is_made_by_the_next(crawled, tmp_path):
    home = shutil.copytree(crawled, tmp_path / "home")
    lose(home, "state.sqlite")
    drawn = random.Random(SEED)
    kills = sum(ended_at_call(home, FRONTIER, drawn.randint(1, 1500)) for _ in range(12))
    assert kills >= 10
    assert muragat(home, "rebuild").code == 0
    assert published(home) == published(crawled)
    assert_whole(home)
