"""Facts about redirects, retries and limits, against servers that answer as scripted."""

from __future__ import annotations

import gzip
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from archive import Collection
from tests.program import command, environment, fetch, muragat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(
    answer: Callable[[str, int], Answer], host: str = "127.0.0.1"
) -> Iterator[tuple[str, list[str]]]:
    """Serve what `answer(path, times asked before)` returns; yield the base address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = (
            65536  # one write an answer: else a kept connection waits 40 ms for an acknowledgement
        )

        def do_GET(self) -> None:
            before = asked.count(self.path)
            asked.append(self.path)
            status, fields, body = answer(self.path, before)
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", **fields}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def page(*links: str) -> Answer:
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    return 200, {}, f"<html><body>{anchors}</body></html>".encode()


MISSING: Answer = (404, {}, b"<html>no</html>")


def crawled(home: Path, base: str, *words: object) -> dict[str, Any]:
    run = fetch(home, base, "--delay", 0, "--json", *words)
    assert run.code in {0, 3}, run.err
    [report] = run.lines
    return report


def paths(home: Path, base: str) -> list[tuple[str, int]]:
    with Collection(home) as collection:
        found = sorted(collection.captures(), key=lambda capture: capture.sequence)
    return [("/" + capture.url.removeprefix(base), capture.status) for capture in found]


def test_a_redirect_is_stored_and_its_target_followed(tmp_path):
    def answer(path, before):
        return {"/": page("/old"), "/old": (301, {"Location": "/new"}, b""), "/new": page()}.get(
            path, MISSING
        )

    with serving(answer) as (base, _):
        crawled(tmp_path / "h", base)
        found = paths(tmp_path / "h", base)
    assert ("/old", 301) in found
    assert ("/new", 200) in found


def test_a_redirect_to_the_same_address_written_otherwise_is_followed(tmp_path):
    def answer(path, before):
        if path == "/a//b":
            return 301, {"Location": "/a/b"}, b""
        return {"/": page("/a//b"), "/a/b": page()}.get(path, MISSING)

    with serving(answer) as (base, _):
        crawled(tmp_path / "h", base)
        found = paths(tmp_path / "h", base)
    assert ("/a//b", 301) in found
    assert ("/a/b", 200) in found


@pytest.mark.parametrize("link", ["/a?", "/a|b", "/a[1]{2}", "/a%zz", "/a b"])
def test_an_address_that_is_sent_otherwise_than_written_is_done_once(tmp_path, link):
    with serving(lambda path, before: page(link) if path == "/" else page()) as (base, asked):
        report = crawled(tmp_path / "h", base)
    assert report["sites"][0]["due"] == 0
    assert len([path for path in asked if path.startswith("/a") and "atom" not in path]) == 1


def test_an_endless_chain_of_redirects_ends(tmp_path):
    def answer(path, before):
        if path == "/":
            return page("/r/0")
        if path.startswith("/r/"):
            return 302, {"Location": f"/r/{int(path[3:]) + 1}"}, b""
        return MISSING

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
    assert sum(path.startswith("/r/") for path in asked) == 11


def test_a_redirect_to_another_host_is_stored_and_not_followed(tmp_path):
    def answer(path, before):
        if path == "/":
            return page("/away")
        return (
            (302, {"Location": "http://127.0.0.66:9/secret"}, b"") if path == "/away" else MISSING
        )

    with serving(answer) as (base, _):
        report = crawled(tmp_path / "h", base)
    assert report["sites"][0]["out_of_scope"] == {"other_host": 1}


def test_a_page_that_answers_503_at_first_is_tried_again_as_asked(tmp_path):
    def answer(path, before):
        if path == "/busy":
            return (503, {"Retry-After": "1"}, b"later") if before == 0 else page()
        return page("/busy") if path == "/" else MISSING

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
        found = paths(tmp_path / "h", base)
    assert [status for path, status in found if path == "/busy"] == [503, 200]
    assert asked.count("/busy") == 2


def test_a_page_that_always_fails_is_tried_three_times(tmp_path):
    def answer(path, before):
        return {"/": page("/broken"), "/broken": (500, {}, b"no")}.get(path, MISSING)

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
    assert asked.count("/broken") == 3


def test_links_that_differ_in_tracking_parameters_are_one_address(tmp_path):
    def answer(path, before):
        return page("/a?utm_source=x", "/a?fbclid=1", "/a") if path == "/" else page()

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
    assert [path for path in asked if path.partition("?")[0] == "/a"] == ["/a"]


def test_a_site_that_answers_404_everywhere_fails(tmp_path):
    with serving(lambda path, before: MISSING) as (base, _):
        run = fetch(tmp_path / "h", base, "--delay", 0, "--json")
    assert run.code == 3
    assert "every page answered with an error" in run.lines[0]["warnings"][0]


def test_two_addresses_of_one_host_are_one_site(tmp_path):
    with serving(lambda path, before: page()) as (base, asked):
        run = fetch(tmp_path / "h", base, f"{base}hidden", "--delay", 0, "--json")
    assert [site["name"] for site in run.lines[0]["sites"]] == [f"127.0.0.1-{base[17:-1]}"]
    assert {"/", "/hidden"} <= set(asked)


def test_a_nofollow_page_leads_nowhere(tmp_path):
    def answer(path, before):
        status, _, body = page("/a")
        return (status, {"X-Robots-Tag": "nofollow"}, body) if path == "/" else page()

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
    assert "/a" not in asked


def test_a_page_that_says_gzip_and_is_plain_is_read_for_links(tmp_path):
    def answer(path, before):
        status, _, body = page("/a")
        return (status, {"Content-Encoding": "gzip"}, body) if path == "/" else page()

    with serving(answer) as (base, asked):
        crawled(tmp_path / "h", base)
    assert "/a" in asked


def test_a_gzipped_robots_txt_is_obeyed(tmp_path):
    def answer(path, before):
        if path == "/robots.txt":
            rules = gzip.compress(b"User-agent: *\nDisallow: /private\n")
            return 200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, rules
        return page("/private", "/open")

    with serving(answer) as (base, asked):
        report = crawled(tmp_path / "h", base)
    assert "/private" not in asked
    assert report["outcomes"]["robots"] == 1


def test_a_bomb_is_stored_and_read_no_further_than_the_limit(tmp_path):
    bomb = gzip.compress(b"<p>" + b"a" * 40_000_000)

    def answer(path, before):
        return (200, {"Content-Encoding": "gzip"}, bomb) if path == "/bomb" else page("/bomb")

    with serving(answer) as (base, _):
        crawled(tmp_path / "h", base)
        found = paths(tmp_path / "h", base)
    assert ("/bomb", 200) in found


def test_sitemaps_that_robots_txt_names_are_read(tmp_path):
    def answer(path, before):
        if path == "/robots.txt":
            return 200, {"Content-Type": "text/plain"}, b"Sitemap: /map.xml\n"
        if path == "/map.xml":
            return 200, {"Content-Type": "application/xml"}, MAP.replace(b"HOST", bases[0].encode())
        return page() if path in {"/", "/only-in-map"} else MISSING

    bases: list[str] = []
    with serving(answer) as (base, asked):
        bases.append(base)
        crawled(tmp_path / "h", base)
    assert "/only-in-map" in asked


MAP = (
    b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    b"<url><loc>HOSTonly-in-map</loc></url></urlset>"
)


def test_requests_to_a_host_keep_the_delay(tmp_path):
    moments: list[float] = []

    def answer(path, before):
        moments.append(time.monotonic())
        return page("/a", "/b") if path == "/" else page()

    with serving(answer) as (base, _):
        fetch(tmp_path / "h", base, "--delay", 0.3, "--max-pages", 3)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(gaps) > 0.25


def wrong_site(home: Path, base: str, spider: str) -> Path:
    """Write a sites file whose one site has that spider."""
    home.mkdir()
    path = home / "sites.toml"
    path.write_text(
        f"[[site]]\nname = 'wrong'\nseeds = ['{base}']\n{spider}allow = ['{base.split('/')[2]}']\n"
    )
    return path


def linking_to_wrong_pages(path: str, before: int) -> Answer:
    pages = {"/": page("/wrong", "/string", "/fine"), "/wrong": page("/behind")}
    return pages.get(path, page())


def test_a_bug_in_a_spider_costs_the_links_of_its_pages_alone(tmp_path):
    home = tmp_path / "home"
    with serving(linking_to_wrong_pages) as (base, asked):
        wrong_site(home, base, "spider = 'tests.wrong_spider.WrongSpider'\n")
        run = fetch(home, "wrong", "--delay", 0, "--json")
        assert set(asked) >= {"/", "/wrong", "/string", "/fine"}
    [report] = run.lines
    assert report["sites"][0]["ended"] == "finished"
    assert any("links of 2 pages were not read" in warning for warning in report["warnings"])
    with Collection(home) as collection:
        assert {f"{base}wrong", f"{base}string"} <= {c.url for c in collection.captures()}


def test_pages_that_a_spider_failed_on_are_read_again_once_it_is_mended(tmp_path):
    home = tmp_path / "home"
    with serving(linking_to_wrong_pages) as (base, asked):
        sites = wrong_site(home, base, "spider = 'tests.wrong_spider.WrongSpider'\n")
        fetch(home, "wrong", "--delay", 0)
        assert "/behind" not in asked
        sites.write_text(sites.read_text().replace("spider =", "# "))
        fetch(home, "wrong", "--delay", 0)
        assert "/behind" in asked


def test_a_site_that_is_down_is_told_in_one_line(tmp_path):
    with serving(lambda path, before: page()) as (base, _):
        pass
    run = fetch(tmp_path / "home", base, "--delay", 0)
    assert run.code == 3
    assert "nothing was captured (connection failed)" in run.out
    assert "Traceback" not in run.err


def test_a_site_crawled_by_its_address_is_listed_with_it(tmp_path):
    with serving(lambda path, before: page()) as (base, _):
        fetch(tmp_path / "home", base, "--delay", 0)
    found = muragat(tmp_path / "home", "sites", "--json").lines
    assert [base] in [site["seeds"] for site in found]


def test_a_full_disk_ends_the_crawl_though_a_server_never_answers(tmp_path):
    released = threading.Event()
    first = page("/never", *(f"/big{number}" for number in range(60)))

    def answer(path, before):
        if path == "/never":
            released.wait(100)
        return (200, {}, os.urandom(60_000)) if path.startswith("/big") else first

    with serving(answer) as (base, asked):
        crawl = command(tmp_path / "home", "crawl", base, "--delay", 0, "--concurrency", 4)
        done = subprocess.run(
            ["sh", "-c", 'ulimit -f 2000; exec "$@"', "sh", *crawl],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=45,
            check=False,
        )
        released.set()
    assert "/never" in asked
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
