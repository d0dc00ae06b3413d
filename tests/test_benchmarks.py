"""The benchmark beds: the generated site, its server, and the measure of a command's cost."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.pages import all_pages, article_path, page_count

ROOT = Path(__file__).parent.parent
ARTICLES = 120

MEASURE = """
import json, sys
from pathlib import Path
from benchmarks.process_tree import adopt_orphans, run
adopt_orphans()
cost = run([sys.executable, "-c", sys.argv[1]], cwd=Path.cwd(), log=Path(sys.argv[2]), patience_s=float(sys.argv[3]))
print(json.dumps([cost.cpu_s, cost.main_cpu_s, cost.status, cost.left_behind]))
"""
BURN = "import time\nwhile time.process_time() < 0.4: pass"
ORPHAN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BURN!r}])"


@pytest.fixture(scope="module")
def pages():
    return all_pages(ARTICLES)


@pytest.fixture
def server():
    command = [sys.executable, "-m", "benchmarks.site", "--articles", "20", "--images", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield running, json.loads(running.stdout.readline())
        running.terminate()
        running.wait(20)


def get(base: str, path: str, **fields: str):
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=10)
    try:
        connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in fields.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def measured(script: str, log: Path, *, patience_s: float = 20) -> list[float]:
    command = [sys.executable, "-c", MEASURE, script, str(log), str(patience_s)]
    return list(
        json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    )


def test_site_has_the_pages_it_says(pages):
    assert len(pages) == page_count(ARTICLES)


def test_following_links_from_the_front_page_reaches_every_page(pages):
    known, left = {"/"}, ["/"]
    while left:
        found = set(re.findall(r'href="(/[^"#]*)"', pages[left.pop()])) - known
        known |= found
        left += sorted(found)
    assert known == set(pages)


def test_article_has_the_size_and_links_of_a_real_one(pages):
    page = pages[article_path(7)].encode()
    assert 40_000 < len(page) < 52_000
    assert 8_500 < len(gzip.compress(page, 6)) < 12_500
    assert 90 <= page.count(b"<a ") <= 100


def test_pages_are_the_same_bytes_every_time(pages):
    assert all_pages(ARTICLES) == pages


def test_server_sends_the_coding_asked_for(server):
    base = server[1]["base"]
    _, headers, packed = get(base, article_path(3), Accept_Encoding="gzip, br")
    status, plain_headers, plain = get(base, article_path(3))
    assert (status, headers["Content-Encoding"], plain_headers["Content-Encoding"]) == (
        200,
        "gzip",
        None,
    )
    assert gzip.decompress(packed) == plain == all_pages(20, images=1)[article_path(3)].encode()


def test_server_serves_the_pictures_of_its_pages(server):
    assert get(server[1]["base"], "/images/3-0.png")[2].startswith(b"\x89PNG")


def test_server_counts_distinct_pages_and_all_requests(server):
    base = server[1]["base"]
    for path in ("/", "/", article_path(1), "/nowhere"):
        get(base, path)
    counts = json.loads(get(base, "/__tally")[2])
    assert (counts["pages"], counts["requests"]) == (2, 4)
    assert json.loads(get(base, "/__tally")[2])["requests"] == 0


def test_server_tells_its_cost_at_the_end(server):
    running, said = server
    get(said["base"], "/")
    running.terminate()
    assert json.loads(running.stdout.readline())["requests"] == 1


@pytest.mark.skipif(shutil.which("wget") is None, reason="needs wget: apt-get install wget")
def test_plain_spider_and_wget_fetch_every_page():
    command = [sys.executable, "-m", "benchmarks.crawl_ratio", "--runs", "1", "--articles", "20"]
    done = subprocess.run(
        [*command, "--only", "wget,plain", "--json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert {name: row["pages"] for name, row in found["medians"].items()} == {
        "wget": 70,
        "plain": 70,
    }
    assert found["through_wget"]["plain"]["total_ms"] > 1


def test_contestant_that_misses_pages_is_an_error():
    command = [sys.executable, "-m", "benchmarks.crawl_ratio", "--runs", "1", "--articles", "20"]
    done = subprocess.run(
        [*command, "--only", "muragat", "--muragat", "true"],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert b"0 of 70 pages" in done.stderr


def test_cost_tells_the_first_process_from_the_rest(tmp_path):
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"
    total, main, status, left = measured(script, tmp_path / "log")
    assert (status, left) == (0, 0)
    assert total - main >= 0.35
    assert main < 0.35


def test_cost_has_what_the_command_leaves_behind(tmp_path):
    total, main, _, left = measured(ORPHAN, tmp_path / "log")
    assert total - main >= 0.35
    assert left == 0


def test_process_that_stays_is_ended_and_told(tmp_path):
    script = "import subprocess; subprocess.Popen(['sleep', '60'])"
    *_, left = measured(script, tmp_path / "log", patience_s=0.2)
    assert left == 1
