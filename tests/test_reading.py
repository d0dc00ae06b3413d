"""Facts about the commands that read: beside a crawl, on a home that can't be written to, on a copy of a moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from tests.program import ROOT, Run, articles, command, environment, muragat, start
from tests.sites.demo import DemoSite

if TYPE_CHECKING:
    from collections.abc import Iterator

READING = (
    ("list", "*", "--json"),
    ("stats",),
    ("stats", "--json"),
    ("coverage",),
    ("coverage", "--missing", "--json"),
    ("sites", "--json"),
)


@contextmanager
def crawling(home: Path, site: DemoSite, requests: int) -> Iterator[subprocess.Popen[str]]:
    """A crawl that has asked so often and goes on; it is interrupted in the end."""
    process = start(home, "crawl", site.base, "--delay", 0.02)
    enough = len(site.requests) + requests
    while len(site.requests) < enough and process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def hold(number: int) -> list[int]:
    """Stop a process and all that it started, and wait until each of their threads stands still."""
    os.kill(number, signal.SIGSTOP)
    tasks = Path(f"/proc/{number}/task")
    while any(state_of(task) != "T" for task in tasks.iterdir()):
        os.sched_yield()
    started = [
        int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()
    ]
    return [number, *(one for child in started for one in hold(child))]


def state_of(task: Path) -> str:
    """The letter that the kernel gives for what a thread does; `proc(5)`."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture(scope="module")
def moment(tmp_path_factory):
    """A copy of a home taken in the middle of a crawl, which was held for so long; and what was committed then."""
    folder = tmp_path_factory.mktemp("moment")
    with DemoSite() as site, crawling(folder / "live", site, 40) as process:
        held = hold(process.pid)
        try:
            shutil.copytree(folder / "live", folder / "copy")
            beside = {words: muragat(folder / "live", *words) for words in (*READING, ("verify",))}
            with Collection(folder / "live") as collection:
                committed = {capture.record_id for capture in collection.captures()}
        finally:
            for number in held:
                os.kill(number, signal.SIGCONT)
    return folder / "copy", beside, committed


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    home = tmp_path_factory.mktemp("crawled") / "home"
    with DemoSite() as site:
        assert muragat(home, "crawl", site.base, "--delay", 0, "--max-pages", 40).code == 0
        yield home, site.base


def locked_up(home: Path, folder: Path) -> Path:
    """Return a copy of a home in which nothing can be written."""
    copy = folder / "read-only"
    shutil.copytree(home, copy)
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return copy


def powerless(home: Path, *words: object) -> Run:
    """Run a command as somebody for whom rights hold: root may write anywhere."""
    before = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if before and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv")
    done = subprocess.run(
        [*before, *command(home, *words)],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def test_reading_commands_run_beside_a_crawl_and_leave_it_alone(tmp_path):
    runs: list[Run] = []
    with DemoSite() as site:
        with crawling(tmp_path / "home", site, 15) as process:
            while process.poll() is None:
                runs.append(muragat(tmp_path / "home", *READING[len(runs) % len(READING)]))
        assert process.returncode == 0
    assert [(run.code, run.err) for run in runs] == [(0, "")] * len(runs)
    assert len(runs) >= 3
    assert muragat(tmp_path / "home", "verify").out == ""


def test_a_held_crawl_is_read_as_it_was_committed(moment):
    _, beside, committed = moment
    assert {words: (run.code, run.err) for words, run in beside.items()} == dict.fromkeys(
        beside, (0, "")
    )
    assert len(beside[READING[0]].lines) == len(committed) > 20
    assert beside["stats", "--json"].lines[0]["captures"] == len(committed)


def test_a_copy_of_a_held_crawl_is_read_like_the_home(moment, tmp_path):
    copy, beside, _ = moment
    shutil.copytree(copy, tmp_path / "home")
    for words in READING[:1] + READING[3:5]:
        assert muragat(tmp_path / "home", *words).out == beside[words].out


def test_a_copy_of_a_held_crawl_becomes_whole_at_its_next_start(moment, tmp_path):
    copy, _, committed = moment
    home = tmp_path / "home"
    shutil.copytree(copy, home)
    assert muragat(home, "verify", "--repair").code == 0
    assert muragat(home, "verify").out == ""
    with Collection(home) as collection:
        assert committed <= {capture.record_id for capture in collection.captures()}


def test_a_copy_of_a_held_crawl_is_read_where_nothing_can_be_written(moment, tmp_path):
    copy, beside, _ = moment
    home = locked_up(copy, tmp_path)
    for words in READING[:1] + READING[3:5]:
        run = powerless(home, *words)
        assert (run.code, run.out, run.err) == (0, beside[words].out, "")


def test_a_copy_without_the_shared_memory_is_read_where_nothing_can_be_written(moment, tmp_path):
    copy, beside, _ = moment
    home = tmp_path / "copy"
    shutil.copytree(copy, home)
    for path in home.glob("*-shm"):
        path.unlink()
    home = locked_up(home, tmp_path)
    assert powerless(home, *READING[0]).out == beside[READING[0]].out


@pytest.mark.parametrize("words", [*READING, ("verify",)], ids=" ".join)
def test_a_home_that_can_not_be_written_to_is_read_as_ever(crawled, tmp_path, words):
    home, _ = crawled
    run, free = powerless(locked_up(home, tmp_path), *words), muragat(home, *words)
    assert (run.code, run.err) == (free.code, free.err) == (0, "")
    if words[0] != "stats":  # the free bytes of the disk change
        assert run.out == free.out


def test_an_article_is_shown_from_a_home_that_can_not_be_written_to(crawled, tmp_path):
    home, _ = crawled
    ident = articles(home)[0]["id"]
    run = powerless(locked_up(home, tmp_path), "show", ident)
    assert (run.code, run.err) == (0, "")
    assert ident in run.out


def test_writing_to_a_home_that_can_not_be_written_to_is_refused_with_the_reason(crawled, tmp_path):
    home, base = crawled
    run = powerless(locked_up(home, tmp_path), "crawl", base)
    assert run.code == 4
    assert "read-only" in run.err
    assert "Traceback" not in run.err
