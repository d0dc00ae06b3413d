"""Facts about the frontier made again from the WARC files: what was captured or tried, and what was only announced."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from archive import Collection
from archive.errors import RecordDamaged
from archive.model import Announcer, Outcome, Via
from archive.store import rows
from archive.store.chronology import Chronology
from archive.warc.closing import read_via
from crawler.crawl_records import ATTEMPTS, REPORT, START, Attempt, Start, attempt_records, target
from crawler.reconstruct import add, is_wanting, reconstruct, remake
from crawler.sites import Site
from tests.exchanges import exchange
from tests.program import fetch, muragat
from tests.sites.demo import DemoSite
from tests.test_site_crawl import MISSING, page, serving

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = """key, url, host, site, priority, announcer, referrer, seed, hop, redirects, kind, depth, outcome, digest,
 published, modified, status, changed, etag, last_modified, errors, due IS NULL, failures"""
ANNOUNCED = """SELECT key, channel, date, sources.url, missing IS NULL FROM announced
 JOIN frontier ON frontier.id = address LEFT JOIN sources ON sources.id = source ORDER BY key, channel"""
CRAWL = "20260301000000"
SEED = "http://example.test/"
SITE = Site("example", (SEED,))


def frontier(home: Path) -> dict[str, Any]:
    """All that the frontier's tables say but for moments."""
    with closing(sqlite3.connect(home / "state.sqlite")) as connection:
        known = {row[0]: row for row in connection.execute(f"SELECT {COLUMNS} FROM frontier")}
        rounds = connection.execute("SELECT site, crawl, ended IS NULL FROM rounds").fetchall()
        announced = connection.execute(ANNOUNCED).fetchall()
    return {**known, "rounds": sorted(rounds), "announced": announced}


def lose_state(home: Path) -> None:
    for path in home.glob("state.sqlite*"):
        path.unlink()


def comparable(home: Path) -> dict[str, Any]:
    """The same without the lists: of several of one kind the last that was read counts, and they are read side by side."""
    found = frontier(home)
    told = [(*row[:2], *row[4:]) for row in found["announced"]]
    return {**found, "announced": told}


def check_remade(home: Path) -> None:
    before = comparable(home)
    lose_state(home)
    reconstruct(home, known={})
    assert comparable(home) == before
    reconstruct(home, known={})
    assert comparable(home) == before


@pytest.mark.parametrize("words", [(), ("--max-pages", 12), ("--requisites", "images")])
def test_the_frontier_of_two_crawls_is_what_it_was(tmp_path, words):
    with DemoSite() as site:
        for _ in range(2):
            fetch(tmp_path / "home", site.base, "--delay", 0, *words)
            moved, *_ = [one.path for one in site.truth if one.expected]
            site.rename(moved, "elsewhere")
    check_remade(tmp_path / "home")


def test_redirects_retries_and_silence_are_what_they_were(tmp_path):
    def answer(path, before):
        if path.startswith("/r/"):
            return 302, {"Location": f"/r/{int(path[3:]) + 1}"}, b""
        if path == "/a//b":
            return 301, {"Location": "/a/b"}, b""
        if path == "/busy":
            return 503, {"Retry-After": "3600"}, b"later"
        if path == "/robots.txt":
            return 200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /no\n"
        pages = {"/": page("/r/0", "/a//b", "/busy", "/no", "/a?utm_source=x"), "/a": page("/")}
        return pages.get(path, MISSING)

    with serving(answer) as (base, _):
        fetch(tmp_path / "home", base, "--delay", 0)
    check_remade(tmp_path / "home")


class Past:
    """A collection with crawls that wrote what a test says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.collection = Collection(home, write=True)

    def tell(self, kind: str, block: bytes) -> None:
        self.collection.add_metadata(target(CRAWL, kind), block)

    def start(self, *sites: Site) -> None:
        self.tell(START, Start(sites=sites).block(CRAWL, datetime.now(UTC)))

    def capture(self, url: str, **changes: Any) -> None:
        via = Via(CRAWL, Announcer.LINK, SEED, SEED, 1, "example")
        self.collection.add(exchange(url, **{"via": via, "started": datetime.now(UTC), **changes}))

    def frontier(self) -> dict[str, Any]:
        self.collection.sync()
        remake(self.collection, known={})
        self.collection.close()
        return frontier(self.home)


@pytest.fixture
def past(tmp_path) -> Past:
    return Past(tmp_path / "home")


def html(*links: str) -> dict[str, bytes]:
    _, _, body = page(*links)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    return {"head": head, "body": body}


def test_a_seed_that_was_never_fetched_is_known_and_due(past):
    past.start(SITE)
    found = past.frontier()
    assert found[SEED][-2] == 0
    assert found["rounds"] == [("example", CRAWL, 1)]


def test_a_round_ends_where_the_report_says_so(past):
    past.start(SITE)
    past.tell(REPORT, b'{"sites": [{"name": "example", "ended": "finished"}]}')
    assert past.frontier()["rounds"] == [("example", CRAWL, 0)]


def test_a_crawl_that_told_of_no_start_has_a_round(past):
    past.capture(f"{SEED}a")
    assert past.frontier()["rounds"] == [("example", CRAWL, 1)]


def test_what_a_page_names_is_due_where_it_was_never_fetched(past):
    past.start(SITE)
    past.capture(f"{SEED}a", **html("/b", "http://elsewhere.test/"))
    found = past.frontier()
    assert found[f"{SEED}b"][-2] == 0
    assert "http://elsewhere.test/" not in found


def test_a_spider_that_nobody_knows_today_is_not_run(past):
    past.start(Site("example", (SEED,), spider="tests.wrong_spider.WrongSpider"))
    past.capture(f"{SEED}a", **html("/b"))
    assert f"{SEED}b" in past.frontier()


def sitemap(*paths: str) -> dict[str, bytes]:
    entries = "".join(
        f"<url><loc>{SEED}{path}</loc><lastmod>2026-01-0{number + 1}</lastmod></url>"
        for number, path in enumerate(paths)
    )
    body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n"
    return {"head": head, "body": body.encode()}


def test_lists_tell_their_dates_and_what_is_missing_from_them(past):
    address = f"{SEED}sitemap.xml"
    via = Via(CRAWL, Announcer.ROBOTS, f"{SEED}robots.txt", SEED, 1, "example")
    past.start(SITE)
    for paths in (("x", "y"), ("x",)):
        past.capture(address, via=via, **sitemap(*paths))
    found = {row[0]: row[1:] for row in past.frontier()["announced"]}
    first, second = (datetime(2026, 1, day, tzinfo=UTC).timestamp() for day in (1, 2))
    assert found[f"{SEED}x"] == ("sitemap", first, address, 1)
    assert found[f"{SEED}y"] == ("sitemap", second, address, 0)


def test_an_attempt_is_done_with_its_outcome(past):
    via = Via(CRAWL, Announcer.LINK, SEED, SEED, 1, "example")
    attempt = Attempt(f"{SEED}gone", Outcome.DNS, datetime.now(UTC), via)
    past.start(SITE)
    for _, block in attempt_records([attempt]):
        past.tell(ATTEMPTS, block)
    found = past.frontier()
    assert (found[f"{SEED}gone"][12], found[f"{SEED}gone"][-2]) == (Outcome.DNS, 1)


def test_captures_of_nobodys_crawl_are_no_frontiers(past):
    past.capture(f"{SEED}a", via=Via())
    assert past.frontier() == {"rounds": [], "announced": []}


def test_added_captures_leave_what_is_known_as_it_is(past):
    past.start(SITE)
    past.capture(f"{SEED}a", **html("/b"))
    past.collection.sync()
    remake(past.collection, known={})
    before = frontier(past.home)
    other = Via("20260401000000", Announcer.FEED, "http://c.test/f", "http://c.test/", 3, "other")
    for url in (f"{SEED}a", "http://c.test/x"):
        past.capture(url, via=other)
    past.collection.sync()
    add(past.collection, after=1, known={})
    after = frontier(past.home)
    assert after[f"{SEED}a"] == before[f"{SEED}a"]
    assert after["http://c.test/x"][5:9] == ("feed", "http://c.test/f", "http://c.test/", 3)
    assert ("other", "20260401000000", 1) in after["rounds"]


def test_a_crawl_knows_what_another_collection_brought(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with serving(lambda path, before: page("/a", "/b", "/c")) as (base, _):
        fetch(ours, base, "--delay", 0, "--max-pages", 1)
        fetch(theirs, base, "--delay", 0, "--max-pages", 2)
        assert muragat(ours, "import", theirs).code == 0
        fetch(ours, base, "--delay", 0)
    known = frontier(ours)
    assert {f"{base}{name}" for name in "abc"} <= known.keys()
    with Collection(ours) as collection:
        assert not list(collection.unread())


def test_captures_of_another_site_that_were_imported_are_known(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with (
        serving(lambda path, before: page("/a")) as (base, _),
        serving(lambda path, before: page("/b")) as (other, _),
    ):
        fetch(ours, base, "--delay", 0)
        fetch(theirs, other, "--delay", 0)
        before = frontier(theirs)
        muragat(ours, "import", theirs)
        fetch(ours, base, "--delay", 0)
    after = frontier(ours)
    assert {key: after[key] for key in before if key.startswith("http")} == {
        key: row for key, row in before.items() if key.startswith("http")
    }
    assert set(before["rounds"]) <= set(after["rounds"])


def test_a_frontier_is_wanting_where_captures_tell_of_one(past):
    past.capture(f"{SEED}a")
    past.collection.sync()
    assert is_wanting(past.collection.state)
    remake(past.collection, known={})
    assert not is_wanting(past.collection.state)


def test_all_captures_count_as_read(past):
    past.capture(f"{SEED}a")
    past.collection.sync()
    assert list(past.collection.unread())
    remake(past.collection, known={})
    assert not list(past.collection.unread())


def test_captures_come_in_the_order_of_their_dates(past):
    days = [5, 1, 4, 2, 3]
    for day in days:
        past.capture(f"{SEED}{day}", started=datetime(2026, 1, day, tzinfo=UTC))
    past.collection.sync()
    chronology = Chronology(past.collection.state)
    assert [stored.capture.date.day for stored in chronology] == [1, 2, 3, 4, 5]
    assert len(chronology) == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"x" * 70_000},
        {"interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 4_000},
        {"problems": ("\x1f\x8b\x08 looks like a member",)},
    ],
)
def test_how_a_capture_came_to_be_is_read_from_its_end(past, changes):
    via = Via(CRAWL, Announcer.SITEMAP, f"{SEED}map.xml", SEED, 2, "пример")
    past.capture(f"{SEED}a", via=via, **changes)
    past.collection.sync()
    [stored] = rows.by_sequences(past.collection.state, [1])
    past.collection.close()
    path = past.home / "warc" / stored.capture.file
    span = stored.end - stored.capture.offset
    assert read_via(path, stored.capture, span) == via


def test_an_exchange_without_its_end_is_damaged(past):
    past.capture(f"{SEED}a")
    past.collection.sync()
    [stored] = rows.by_sequences(past.collection.state, [1])
    past.collection.close()
    path = past.home / "warc" / stored.capture.file
    with pytest.raises(RecordDamaged, match="no metadata record"):
        read_via(path, stored.capture, stored.capture.length)
