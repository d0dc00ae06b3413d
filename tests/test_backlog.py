"""Stage 2 over real collections, in this process and as the process that the crawl starts."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from archive import Collection
from archive.analyse.supervisor import Limits
from archive.backlog import Control, drain
from archive.errors import CollectionLocked, NotACollection
from archive.index import Index, Tally
from archive.model import Kind
from archive.work import Work, work_for
from tests.observing import SITE, answer, page, seen

NAME = "articles.jsonl"
COMMAND = (sys.executable, "-m", "archive.backlog", "--home")
ROOT = Path(__file__).parent.parent


def first_crawl():
    yield answer("/robots.txt", 0, b"User-agent: *\n", fields="Content-Type: text/plain\r\n")
    links = "".join(f'<li><a href="/story/{n}">Story {n}</a></li>' for n in range(30))
    yield answer(
        "/",
        1,
        f"<html><head><title>News</title></head><body><ul>{links}</ul></body></html>".encode(),
    )
    for number in range(6):
        yield answer(f"/story/{number}", 10 + number, page(f"Story number {number}"))
    yield answer("/story/0?utm_source=feed", 20, page("Story number 0"))
    yield answer("/short/1", 21, status="302 Found", fields="Location: /story/1\r\n")
    yield answer("/photo.jpg", 22, b"\xff\xd8\xff\xe0 jpeg", fields="Content-Type: image/jpeg\r\n")
    yield answer("/missing", 23, b"<html>Not found</html>", status="404 Not Found")
    yield answer("/story/5", 24, b"<html>busy</html>", status="503 Service Unavailable")


def second_crawl():
    yield answer("/story/0", 1000, page("Story number 0"))
    yield answer("/story/1", 1001, page("Story number 1", "Edited since."))
    yield answer("/story/2", 1002, b"gone", status="410 Gone")
    yield answer(
        "/story/3", 1003, status="301 Moved Permanently", fields="Location: /renamed/3\r\n"
    )
    yield answer("/renamed/3", 1004, page("Story number 3"))
    yield answer("/story/4", 1005, status="503 Service Unavailable")
    yield answer("/story/9", 1006, page("Story number 9"))


def fill(home, *crawls):
    with Collection(home, write=True) as collection:
        for crawl in crawls:
            for exchange in crawl:
                collection.add(exchange)
        collection.sync()
    return home


def lines_of(home):
    return [json.loads(line) for line in (home / NAME).read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A home with both crawls, analysed undisturbed."""
    home = fill(tmp_path_factory.mktemp("whole"), first_crawl(), second_crawl())
    drain(home)
    return home


def test_articles_are_published_and_nothing_else(whole):
    urls = {line["url"].removeprefix(SITE) for line in lines_of(whole)}
    assert urls == {f"/story/{n}" for n in (0, 1, 2, 4, 5, 9)} | {"/renamed/3"}


def test_the_history_of_each_article_is_told(whole):
    events = {
        line["headline"][-1]: [event["change"] for event in line["events"]]
        for line in lines_of(whole)
    }
    assert events == {
        "0": [],
        "1": ["text"],
        "2": ["gone"],
        "3": ["moved"],
        "4": [],
        "5": [],
        "9": [],
    }


def test_a_run_is_counted(tmp_path):
    assert drain(fill(tmp_path, first_crawl())).articles == Tally(new=6)
    progress = drain(fill(tmp_path, second_crawl()))
    assert (progress.articles, progress.backlog) == (
        Tally(new=1, changed=2, unchanged=1, gone=1),
        0,
    )


def test_two_crawls_at_once_or_one_after_the_other_give_the_same_bytes(whole, tmp_path):
    drain(fill(tmp_path, first_crawl()))
    drain(fill(tmp_path, second_crawl()))
    assert without_records((tmp_path / NAME).read_text()) == without_records(
        (whole / NAME).read_text()
    )


def without_records(lines):
    """Lines without what differs between two collections: names of files and records, offsets."""
    found = [json.loads(line) for line in lines.splitlines()]
    for line in found:
        for capture in line["captures"]:
            for name in ("warc", "offset", "length", "revisitOf"):
                capture.pop(name)
    return found


def test_a_second_run_with_nothing_new_does_nothing(whole):
    before = (whole / NAME).stat()
    assert drain(whole).articles == Tally()
    assert (whole / NAME).stat().st_mtime_ns == before.st_mtime_ns


def test_lost_articles_are_made_again_from_the_records(whole, tmp_path):
    home = copy_of(whole, tmp_path)
    for name in ("articles.sqlite", NAME):
        (home / name).unlink()
    drain(home)
    assert (home / NAME).read_bytes() == (whole / NAME).read_bytes()


def test_a_state_counted_anew_is_taken_up_from_its_beginning(whole, tmp_path):
    home = copy_of(whole, tmp_path)
    (home / "state.sqlite").unlink()
    with Collection(home, write=True) as collection:
        collection.sync()
    drain(home)
    assert (home / NAME).read_bytes() == (whole / NAME).read_bytes()


def copy_of(home, folder):
    subprocess.run(["cp", "-r", f"{home}/.", folder], check=True)
    return folder


def test_a_damaged_record_is_a_problem_and_the_rest_goes_on(tmp_path):
    home = fill(tmp_path, first_crawl())
    with Collection(home) as collection:
        (story,) = collection.captures(f"{SITE}/story/3")
        (short,) = collection.captures(f"{SITE}/short/1")
    for capture in (story, short):
        with next((home / "warc").iterdir()).open("r+b") as file:
            file.seek(capture.offset + capture.length // 2)
            file.write(b"XXXX")
    progress = drain(home)
    assert progress.articles == Tally(new=5)
    assert len(progress.problems) == 2
    assert all("byte" in problem for problem in progress.problems)


def test_a_capture_that_waited_for_one_that_can_not_be_read_is_analysed_itself(tmp_path):
    home = fill(
        tmp_path, [answer(path, at, page("Story")) for at, path in enumerate(["/b", "/a", "/a"])]
    )
    with Collection(home) as collection:
        first, second = collection.captures(f"{SITE}/a")
    assert (first.digest, first.kind) == (second.digest, Kind.REVISIT)
    with next((home / "warc").iterdir()).open("r+b") as file:
        file.seek(first.offset + first.length // 2)
        file.write(b"XXXX")
    assert len(drain(home).problems) == 1
    (line,) = lines_of(home)
    assert [(one["url"], one["ts"][-1]) for one in line["captures"]] == [
        (f"{SITE}/b", "0"),
        (f"{SITE}/a", "2"),
    ]


def test_what_relied_on_a_capture_that_is_forgotten_is_analysed_in_its_place(whole, tmp_path):
    home = copy_of(whole, tmp_path)
    with Collection(home) as collection, Index(home, write=True) as index:
        index.forget(next(collection.captures(f"{SITE}/story/0")))
        index.commit()
    drain(home)
    story, *_ = (line for line in lines_of(home) if line["headline"] == "Story number 0")
    assert [one["ts"] for one in story["captures"]] == ["20260101000020", "20260101001640"]
    assert all("textDigest" in one for one in story["captures"])


def test_captures_of_a_file_that_is_gone_are_forgotten_where_the_state_is_made_again(tmp_path):
    fill(tmp_path, first_crawl())
    drain(tmp_path)
    first = (tmp_path / NAME).read_bytes()
    fill(tmp_path, second_crawl())
    drain(tmp_path)
    assert (tmp_path / NAME).read_bytes() != first
    sorted((tmp_path / "warc").iterdir())[1].unlink()
    for path in tmp_path.glob("state.sqlite*"):
        path.unlink()
    fill(tmp_path, [])
    drain(tmp_path)
    assert (tmp_path / NAME).read_bytes() == first


def test_a_page_that_can_not_be_analysed_is_told_and_done_with(tmp_path):
    home = fill(tmp_path, [answer("/story/1", 1, page("Story"))])
    progress = drain(home, limits=Limits(time_s=0.0))
    assert (progress.backlog, progress.articles) == (0, Tally())
    assert "took longer than 0 s" in progress.problems[0]
    assert drain(home).problems == ()


def test_two_runs_can_not_share_a_collection(tmp_path):
    home = fill(tmp_path, [])
    with Index(home, write=True), pytest.raises(CollectionLocked):
        drain(home)


def test_a_folder_without_a_collection_is_refused(tmp_path):
    with pytest.raises(NotACollection):
        drain(tmp_path)


@pytest.mark.parametrize(
    ("capture", "work"),
    [
        (seen("/a", 1).capture, Work.ANALYSE),
        (seen("/a", 1, status=304).capture, Work.NOTE),
        (seen("/a", 1, status=301).capture, Work.NOTE),
        (seen("/a", 1, status=410).capture, Work.NOTE),
        (seen("/a", 1, status=500).capture, Work.PASS),
        (seen("/a", 1, status=206).capture, Work.PASS),
    ],
)
def test_statuses_decide_what_is_done(capture, work):
    assert work_for(capture) is work


@pytest.mark.parametrize(
    ("mime", "work"),
    [
        ("text/html", Work.ANALYSE),
        ("application/xhtml+xml", Work.ANALYSE),
        ("", Work.ANALYSE),
        ("html", Work.ANALYSE),
        ("application/octet-stream", Work.ANALYSE),
        ("image/png", Work.PASS),
        ("application/rss+xml", Work.PASS),
        ("text/css", Work.PASS),
    ],
)
def test_types_decide_what_is_analysed(mime, work):
    assert work_for(with_fields(mime=mime)) is work


@pytest.mark.parametrize(
    "fields", [{"method": "POST"}, {"method": "HEAD"}, {"kind": Kind.RESOURCE}]
)
def test_only_answers_to_get_are_analysed(fields):
    assert work_for(with_fields(**fields)) is Work.PASS


def test_a_revisit_of_what_is_not_here_tells_nothing():
    assert work_for(with_fields(digest="sha1:ABC")) is Work.PASS
    assert work_for(with_fields(digest="", status=304)) is Work.PASS


def with_fields(**fields):
    return replace(seen("/a", 1).capture, **fields)


# Following a crawl


def started(home, *options):
    return subprocess.Popen(
        [*COMMAND, str(home), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_a_following_run_takes_what_comes_and_drains_when_told(tmp_path):
    home = fill(tmp_path, [answer("/story/1", 1, page("Story one"))])
    with started(home, "--follow") as process:
        wait_for(process, lambda progress: progress["articles"]["new"] == 1)
        fill(home, [answer("/story/2", 2, page("Story two"))])
        wait_for(process, lambda progress: progress["articles"]["new"] == 2)
        fill(home, [answer("/story/3", 3, page("Story three"))])
        process.stdin.write("drain\n")
        process.stdin.flush()
        progress = json.loads(process.stdout.read().splitlines()[-1])
        assert process.wait(60) == 0
    assert progress == {
        "backlog": 0,
        "articles": {"new": 3, "changed": 0, "unchanged": 0, "gone": 0},
        "problems": [],
    }


def wait_for(process, holds):
    for line in process.stdout:
        if holds(json.loads(line)):
            return
    raise AssertionError("the run ended")


def test_a_drained_run_has_published_and_ends_with_0(tmp_path):
    home = fill(tmp_path, first_crawl())
    with started(home, "--follow") as process:
        process.stdin.write("drain\n")
        process.stdin.flush()
        assert process.wait(60) == 0
    assert len(lines_of(home)) == 6


def test_a_run_stopped_before_it_could_publish_says_so(tmp_path):
    home = fill(tmp_path, [answer("/story/1", 1, page("Story one"))])
    with started(home, "--follow") as process:
        wait_for(process, lambda progress: progress["backlog"] == 0)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert drain(home).articles == Tally()
    assert len(lines_of(home)) == 1


def test_a_run_whose_stdin_closes_saves_its_state_and_does_not_publish(tmp_path):
    home = fill(tmp_path, first_crawl())
    with started(home, "--follow") as process:
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert not (home / NAME).exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_with_130_and_is_taken_up(whole, tmp_path, sent):
    home = copy_of(whole, tmp_path)
    (home / "articles.sqlite").unlink()
    with started(home) as process:
        while not (home / "articles.lock").read_text().startswith(str(process.pid)):
            os.sched_yield()
        process.send_signal(sent)
        process.communicate(timeout=30)
    assert process.returncode == 130
    drain(home)
    assert (home / NAME).read_bytes() == (whole / NAME).read_bytes()


def test_a_run_without_a_collection_ends_with_2(tmp_path):
    done = subprocess.run(
        [*COMMAND, tmp_path], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr


def test_a_stop_from_another_thread_is_obeyed(tmp_path):
    home, control = fill(tmp_path, []), Control()
    timer = threading.Timer(0.3, control.stopping.set)
    timer.start()
    assert drain(home, follow=control).backlog == 0
    timer.join()


# Kills


def killed_until_done(home, seed, kills):
    """Start the run again and again, killed after a random time; then let it finish."""
    drawn = random.Random(seed)
    for _ in range(kills):
        with started(home) as process:
            try:
                process.wait(drawn.uniform(0.05, 2.5))
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
    drain(home)


def check_kills(whole, home, seed, kills):
    copy_of(whole, home)
    for name in ("articles.sqlite", NAME):
        (home / name).unlink()
    killed_until_done(home, seed, kills)
    assert (home / NAME).read_bytes() == (whole / NAME).read_bytes()
    assert orphans(home) == []


def orphans(home):
    """Workers that outlived their supervisor by more than a moment."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [
            path.parent.name
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if b"archive.analyse.worker" in read_or_nothing(path) and parent_of(path.parent) == 1
        ]
        if not found:
            return []
        os.sched_yield()
    return found


def read_or_nothing(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def parent_of(process):
    fields = read_or_nothing(process / "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


@pytest.mark.parametrize("seed", [1])
def test_kills_at_random_moments_change_nothing(whole, tmp_path, seed):
    check_kills(whole, tmp_path, seed, kills=2)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(100, 125))
def test_many_kills_at_random_moments_change_nothing(whole, tmp_path, seed):
    check_kills(whole, tmp_path, seed, kills=4)
