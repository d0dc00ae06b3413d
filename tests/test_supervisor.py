import fcntl
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archive import Collection
from archive.analyse import messages
from archive.analyse.process import COMMAND
from archive.analyse.supervisor import Limits, Supervisor
from archive.analyse.worker import MAX_BESIDE_BYTES
from archive.errors import MuragatError
from archive.model import PageType
from tests.observing import SITE, answer, page, seen

BAD = (sys.executable, "-m", "tests.bad_worker")


def results_of(supervisor, captures, **named):
    found: dict[str, Any] = {}
    waiting = list(captures)
    while waiting or supervisor.in_flight:
        while waiting and supervisor.has_room:
            supervisor.submit(waiting.pop(0), **named)
        found |= {item.capture.url: item for item in supervisor.results(5.0)}
    return found


def stubs(*paths):
    return [seen(path, number).capture for number, path in enumerate(paths)]


@pytest.fixture
def bad(tmp_path):
    limits = Limits(time_s=0.5)
    with Supervisor(tmp_path, workers=2, limits=limits, command=BAD) as supervisor:
        yield supervisor


@pytest.mark.parametrize(
    "deed", ["exit", "crash", "hang", "rubbish", "flood", "other", "shape", "deaf"]
)
def test_a_bad_page_costs_itself_alone(bad, deed):
    good = [f"/{n}" for n in range(6)]
    found = results_of(bad, stubs(*good[:3], f"/{deed}", *good[3:]))
    problem = found.pop(f"{SITE}/{deed}").problem
    assert "analysis failed twice" in problem.message
    assert all(item.article and not item.problem for item in found.values())
    assert len(found) == 6


@pytest.mark.parametrize("deed", ["exit", "crash", "hang", "rubbish"])
def test_a_page_that_fails_once_is_tried_again_in_a_fresh_worker(bad, deed):
    found = results_of(bad, stubs("/1", "/2", f"/once/{deed}", "/3", "/4"))
    assert all(item.article for item in found.values())


def test_a_problem_tells_place_signal_and_last_words(bad):
    found = results_of(bad, stubs("/crash", "/exit"))
    crash, ended = (found[f"{SITE}/{deed}"].problem for deed in ("crash", "exit"))
    assert crash.place == "warc/news-00001-20260101000000.warc.gz"
    assert "signal 11" in crash.message
    assert "status 1 (memory used up)" in ended.message


def test_a_page_tried_again_is_alone(bad):
    found = results_of(bad, stubs("/1", "/once/exit", "/2", "/3", "/4", "/5"))
    pids = [item.article.text for item in found.values()]
    assert len(set(pids)) >= 2
    assert len(found) == 6


def test_a_worker_is_replaced_after_its_share_of_jobs(tmp_path):
    limits = Limits(jobs_per_worker=2)
    with Supervisor(tmp_path, workers=1, limits=limits, command=BAD) as supervisor:
        pids = [
            results_of(supervisor, [capture])[capture.url].article.text
            for capture in stubs("/1", "/2", "/3", "/4")
        ]
    assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2]


def test_a_worker_that_a_page_made_big_is_replaced(tmp_path):
    with Supervisor(tmp_path, workers=1, command=BAD) as supervisor:
        pids = [
            results_of(supervisor, [capture])[capture.url].article.text
            for capture in stubs("/1", "/big", "/3", "/4")
        ]
    assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2]


def test_what_waits_behind_a_page_that_made_its_worker_big_is_answered(tmp_path):
    pages = stubs("/1", "/big", "/a/big", "/4", "/5")
    with Supervisor(tmp_path, workers=2, command=BAD) as supervisor:
        assert set(results_of(supervisor, pages)) == {page.url for page in pages}


def test_workers_that_can_not_start_are_an_error(tmp_path):
    with (
        Supervisor(tmp_path, command=(*BAD, "stillborn")) as supervisor,
        pytest.raises(MuragatError, match=r"can't start.*no such library"),
    ):
        results_of(supervisor, stubs("/1"))


def test_no_more_is_taken_than_can_be_held(tmp_path):
    with Supervisor(tmp_path, workers=1, command=BAD) as supervisor:
        given = 0
        for capture in stubs(*map(str, range(100))):
            if not supervisor.has_room:
                break
            supervisor.submit(capture)
            given += 1
    assert given == 4


def test_an_address_too_long_for_a_job_is_a_problem(bad):
    (item,) = results_of(bad, stubs("/" + "x" * 30_000)).values()
    assert "too long" in item.problem.message


def test_nothing_under_way_is_not_waited_for(bad):
    assert list(bad.results(3600.0)) == []


def test_closing_ends_workers_whatever_they_do(tmp_path):
    with Supervisor(tmp_path, workers=1, limits=Limits(time_s=600), command=BAD) as supervisor:
        supervisor.submit(stubs("/1")[0])
        (item,) = supervisor.results(30.0)
        assert item.article
        supervisor.submit(stubs("/hang")[0])
    with pytest.raises(ProcessLookupError):
        os.kill(int(item.article.text), 0)


# The real worker


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A collection of a page, the same at another address, something else, and one compressed."""
    home = tmp_path_factory.mktemp("collection")
    with Collection(home, write=True) as collection:
        for number, (path, body) in enumerate(
            [
                ("/a", page("First story")),
                ("/b", page("First story")),
                ("/pdf", b"%PDF-1.7 <html"),
                ("/raw", page("Raw")),
            ]
        ):
            fields = "" if path in {"/pdf", "/raw"} else "Content-Type: text/html\r\n"
            collection.add(answer(path, number, body, fields=fields))
        collection.sync()
        captures = {capture.url: capture for capture in collection.captures(after=0)}
    return home, captures


def test_real_pages_are_analysed(filled):
    home, captures = filled
    with Supervisor(home, workers=1) as supervisor:
        found = results_of(supervisor, [captures[f"{SITE}/a"], captures[f"{SITE}/raw"]])
        assert 0 < supervisor.start_up_s < 60
    assert found[f"{SITE}/a"].article.headline == "First story"
    assert found[f"{SITE}/a"].article.published == "2025-02-03T04:05:06+00:00"
    assert found[f"{SITE}/raw"].article.page_type is PageType.ARTICLE


def test_big_pages_are_analysed_one_at_a_time(tmp_path):
    big = page("Big").replace(b"</article>", b"<p>x</p>" * 20_000 + b"x" * MAX_BESIDE_BYTES)
    with Collection(tmp_path, write=True) as collection:
        for number, body in enumerate([big, page("Small")]):
            collection.add(answer(f"/{number}", number, body))
        collection.sync()
        pages = list(collection.captures())
    with Supervisor(tmp_path, workers=2) as supervisor:
        fcntl.lockf(supervisor._gate, fcntl.LOCK_EX)  # stands for a worker that has a big page
        for capture in pages:
            supervisor.submit(capture)
        assert [item.capture.url for item in supervisor.results(60.0)] == [f"{SITE}/1"]
        assert list(supervisor.results(0.5)) == []
        fcntl.lockf(supervisor._gate, fcntl.LOCK_UN)
        (item,) = supervisor.results(60.0)
    assert item.article is not None
    assert item.article.headline == "Big"


def test_a_revisit_is_analysed_with_its_originals_payload(filled):
    home, captures = filled
    revisit, original = captures[f"{SITE}/b"], captures[f"{SITE}/a"]
    assert revisit.original == original.record_id
    with Supervisor(home, workers=1) as supervisor:
        (item,) = results_of(supervisor, [revisit], original=original).values()
    assert item.article.headline == "First story"


def test_a_record_that_is_not_there_is_a_problem_at_once(filled, tmp_path):
    _, captures = filled
    with Supervisor(tmp_path, workers=1) as supervisor:
        (item,) = results_of(supervisor, [captures[f"{SITE}/a"]]).values()
    assert "the file is gone" in item.problem.message
    assert "twice" not in item.problem.message


@pytest.fixture
def worker(tmp_path):
    root = Path(__file__).parent.parent
    process = subprocess.Popen(
        [*COMMAND, "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdin is not None
    assert isinstance(process.stdout, io.BufferedReader)
    assert messages.read_message(process.stdout) == {"ready": True}
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_worker_ends_when_its_stdin_closes(worker):
    worker.stdin.close()
    assert worker.wait(20) == 0


def test_a_worker_does_not_mind_ctrl_c(worker):
    worker.send_signal(signal.SIGINT)
    worker.stdin.close()
    assert worker.wait(20) == 0


def test_a_worker_ends_for_a_job_that_is_none(worker):
    worker.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
    worker.stdin.close()
    assert worker.wait(20) != 0


def test_a_worker_has_no_more_memory_than_its_limit(worker):
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    (line,) = (line for line in limits.splitlines() if line.startswith("Max data size"))
    assert int(line.split()[3]) < 1 << 30


def test_a_worker_has_no_database():
    code = "import sys, archive.analyse.worker; print('sqlite3' in sys.modules, 'archive.index' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
