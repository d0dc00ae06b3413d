"""Facts about `stats`: what it counts, for whom, and what it foresees."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from archive import Collection
from archive.figures import figures, summaries
from archive.figures.growth import Month, Rate, crawls, forecast, month_starts, months, rate
from archive.figures.tables import figures_json, figures_lines, named
from archive.model import Kind, Via
from archive.store.tallies import Cell, Hour, host_of, media_of
from tests.exchanges import exchange, warc_files
from tests.program import muragat

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
IMAGE = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Type: text/html\r\n\r\n"


def site_named(found, name):
    return next(site for site in found.sites if site.name == name)


def hour(ago_days, count=1000):
    return Hour("news", NOW - ago_days * DAY, 1, count)


def known_rate(*of):
    found = rate(*of)
    assert found is not None
    return found


def report(folder, name, started, ended="finished", seconds=3600, site="news"):
    folder.mkdir(exist_ok=True, parents=True)
    sites = [{"name": site, "ended": ended, "captures": 3}]
    text = {"crawl": name, "started": started.isoformat(), "seconds": seconds, "sites": sites}
    (folder / f"{name}.json").write_text(json.dumps(text))


def as_the_first_version_left_it(path):
    """Take away what came behind the columns of version 1."""
    with closing(sqlite3.connect(path)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(captures)")]
        added = columns[columns.index("links_read") + 1 :]
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
        for name, text in indexes.fetchall():
            if text and any(column in text for column in added):
                connection.execute(f"DROP INDEX {name}")
        for column in added:
            connection.execute(f"ALTER TABLE captures DROP COLUMN {column}")
        connection.execute("DROP TABLE metadata")
        connection.execute("PRAGMA user_version = 1")


@pytest.fixture
def home(tmp_path):
    """A site with two pages, a photo, a page gone and a page seen twice; and what no crawl of a site made."""
    home = tmp_path / "home"
    via = Via(crawl="1", site="news")
    with Collection(home, write=True) as collection:
        for number, (url, changes) in enumerate(
            [
                ("http://news.test/a", {"body": b"<p>a</p>" * 500}),
                ("http://www.news.test/b", {"body": b"<p>b</p>" * 1500}),
                ("http://news.test/a.jpg", {"head": IMAGE, "body": b"\xff\xd8" * 4000}),
                ("http://news.test/old", {"head": GONE, "body": b"gone"}),
                ("http://news.test/a", {"body": b"<p>a</p>" * 500}),
            ]
        ):
            started = NOW - (40 - number) * DAY
            collection.add(exchange(url, via=via, started=started, **changes))
        collection.add(exchange("http://www.other.test/x", started=NOW - DAY))
        collection.sync()
        collection.publish()
    return home


def test_captures_are_counted_for_their_site_or_their_host(home):
    found = figures(home, NOW)
    counts = {site.name: site.holdings.captures for site in found.sites}
    assert counts == {"news": 5, "other.test": 1}


def test_pages_are_addresses_and_requisites_are_captures(home):
    news = site_named(figures(home, NOW), "news")
    assert (news.pages, news.holdings.requisites) == (2, 1)


def test_a_site_s_bytes_add_up_to_the_files_but_for_their_warcinfo(home):
    found = figures(home, NOW)
    [file] = warc_files(home)
    assert sum(site.holdings.bytes for site in found.sites) == found.holdings.bytes
    assert 0 < file.stat().st_size - found.holdings.bytes < 1000


def test_kinds_statuses_and_media_are_counted(home):
    held = site_named(figures(home, NOW), "news").holdings
    assert held.kinds == {"response": 4, "revisit": 1}
    assert held.statuses == {"2xx": 4, "4xx": 1}
    assert held.media == {"page": 4, "image": 1}


def test_a_revisit_saves_its_payload(home):
    found = figures(home, NOW)
    assert found.saved == 4000
    assert found.saved_share == 4000 / (4000 + found.holdings.bytes)


def test_the_cost_of_a_page_is_that_of_its_first_storing(home):
    news = site_named(figures(home, NOW), "news")
    assert 0 < news.page_median < news.page_mean


def test_first_and_last_are_those_of_the_site(home):
    held = site_named(figures(home, NOW), "news").holdings
    assert (held.first, held.last) == (NOW - 40 * DAY, NOW - 36 * DAY)


def test_the_disk_is_told_by_part(home):
    (home / "crawls").mkdir()
    (home / "crawls" / "1.json").write_bytes(b"{}\n")
    taken = figures(home, NOW).disk
    assert taken["warc"] == warc_files(home)[0].stat().st_size
    assert taken["indexes"] == (home / "index.cdxj").stat().st_size + 3
    assert taken["state"] >= (home / "state.sqlite").stat().st_size
    assert taken["articles"] == 0


def test_what_waits_for_analysis_is_the_backlog(home):
    assert figures(home, NOW).backlog == 6


def test_an_empty_collection_has_figures(tmp_path):
    with Collection(tmp_path / "home", write=True):
        pass
    found = figures(tmp_path / "home", NOW)
    assert (found.holdings.captures, found.sites, found.forecast.days_left) == (0, (), None)
    assert "0 captures" in "\n".join(figures_lines(found))


def test_every_site_counts_in_the_month_of_its_captures(home):
    found = figures(home, NOW)
    counts = {month.name: month.captures for month in found.holdings.months if month.captures}
    assert counts == {"2026-10": 5, "2026-11": 1}
    assert len(found.holdings.months) == 12


def test_the_last_twelve_months_end_with_this_one():
    starts = month_starts(datetime(2026, 2, 28, 23, 59, tzinfo=UTC))
    assert (starts[0], starts[-1]) == (
        datetime(2025, 3, 1, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )


def test_what_came_before_the_months_is_in_none_of_them():
    cells = [
        Cell("a", "a", Kind.RESPONSE, "2xx", "page", month, 1, 10, 10, 0, 0) for month in (0, 2, 2)
    ]
    starts = [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)]
    assert months(cells, starts) == (Month("2026-01", 0, 0), Month("2026-02", 2, 20))


def test_the_rate_leaves_the_first_crawl_out():
    taken_in = NOW - 10 * DAY
    found = known_rate([hour(11, 10**9), hour(5), hour(1)], NOW, NOW - 12 * DAY, taken_in)
    assert found == Rate(taken_in, 10.0, 2, 2000)
    assert found.bytes_per_day == 200


def test_the_rate_looks_at_thirty_days():
    found = known_rate([hour(29), hour(1)], NOW, NOW - 400 * DAY, NOW - 399 * DAY)
    assert (found.days, found.bytes) == (30.0, 2000)


def test_a_site_crawled_once_has_no_rate_yet():
    assert rate([hour(11)], NOW, NOW - 12 * DAY, NOW - 10 * DAY) is None


def test_a_site_that_never_finished_has_no_rate_before_thirty_days():
    assert rate([hour(3), hour(1)], NOW, NOW - 4 * DAY, None) is None
    assert known_rate([hour(3), hour(1)], NOW, NOW - 40 * DAY, None).captures == 2


def test_a_site_that_was_left_alone_grows_by_nothing():
    found = known_rate([], NOW, NOW - 400 * DAY, NOW - 399 * DAY)
    assert (found.bytes, found.bytes_in(365)) == (0, 0)


def test_less_than_a_day_counts_as_a_day():
    found = known_rate([hour(0.01)], NOW, NOW - DAY, NOW - 0.1 * DAY)
    assert found.days == 1.0


def test_the_forecast_adds_the_indexes_in_today_s_proportion():
    rates = {"a": Rate(NOW, 10.0, 1, 1000), "b": None}
    found = forecast(rates, disk=150, warc=100, free=3000)
    assert (found.per_day, found.days_left, found.unknown) == (150.0, 20.0, ("b",))


def test_crawls_are_counted_and_the_first_that_finished_ends_the_taking_in(tmp_path):
    report(tmp_path, "1", NOW - 9 * DAY, ended="limit")
    report(tmp_path, "2", NOW - 8 * DAY)
    report(tmp_path, "3", NOW - 7 * DAY)
    found = crawls(tmp_path)["news"]
    assert found.count == 3
    assert found.last == NOW - 7 * DAY
    assert found.taken_in == NOW - 8 * DAY + timedelta(hours=1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 10_000,
        b'{"started": "x", "seconds": 1, "sites": []}',
        b'{"started": "2026-01-01T00:00:00+00:00", "seconds": 1e99, "sites": [{"name": "a", "ended": ""}]}',
        b'{"started": 5, "seconds": 1, "sites": []}',
    ],
)
def test_a_report_that_is_none_is_passed_over(tmp_path, text):
    (tmp_path / "1.json").write_bytes(text)
    assert crawls(tmp_path) == {}


def test_the_listing_of_sites_gets_the_same_counts(home):
    found = figures(home, NOW)
    held = summaries(home)
    assert {name: (one.captures, one.bytes) for name, one in held.items()} == {
        site.name: (site.holdings.captures, site.holdings.bytes) for site in found.sites
    }


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("com,example,en", "en.example.com"),
        ("com,example:8080", "example.com:8080"),
        ("1,0,0,127:81", "127.0.0.1:81"),
        ("[::1]", "[::1]"),
        ("", "no host"),
    ],
)
def test_a_urlkey_gives_its_host(key, host):
    assert host_of(key) == host


@pytest.mark.parametrize(
    ("mime", "media"),
    [
        ("text/html", "page"),
        ("application/xhtml+xml", "page"),
        ("image/svg+xml", "image"),
        ("application/x-javascript", "script"),
        ("font/woff2", "font"),
        ("application/rss+xml", "xml"),
        ("application/ld+json", "json"),
        ("application/manifest+json", "manifest"),
        ("application/pdf", "document"),
        ("", "other"),
    ],
)
def test_media_types_are_told_apart(mime, media):
    assert media_of(mime) == media


def test_the_table_fits_eighty_columns_whatever_a_site_is_called(tmp_path):
    with Collection(tmp_path / "home", write=True) as collection:
        for number in range(50):
            name = f"site-{number}\x1b[31m" + "ы" * (number * 2)
            collection.add(exchange(f"http://{number}.test/", via=Via(site=name), started=NOW))
        collection.sync()
    lines = list(figures_lines(figures(tmp_path / "home", NOW)))
    assert len([line for line in lines if line.startswith("site-")]) == 100
    table = [line for line in lines if line.startswith(("site", "2026-"))]
    assert max(map(len, table)) <= 80
    assert not [line for line in lines if "\x1b" in line]


def test_a_home_of_the_first_version_has_figures_before_it_is_migrated(home):
    as_the_first_version_left_it(home / "state.sqlite")
    found = figures(home, NOW)
    assert {site.name: site.holdings.captures for site in found.sites} == {
        "news.test": 5,
        "other.test": 1,
    }
    assert 0 < found.holdings.bytes < warc_files(home)[0].stat().st_size


def test_a_long_name_is_cut():
    assert named("abcdef", 4) == "abc…"


def test_the_program_prints_what_the_figures_are(home):
    [printed] = muragat(home, "stats", "--json").lines
    here = json.loads(json.dumps(figures_json(figures(home, datetime.now(UTC)))))
    assert printed["sites"][0].keys() == here["sites"][0].keys()
    for name in ("captures", "bytes", "saved", "pages", "kinds", "statuses", "media", "backlog"):
        assert printed[name] == here[name]
    assert "news" in muragat(home, "stats").out
