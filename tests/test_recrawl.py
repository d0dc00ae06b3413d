"""Facts about crawling again what has not changed: conditions, 304, and what they must not break."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from warcio.archiveiterator import ArchiveIterator

from archive import Collection
from archive.model import Kind
from archive.warc.records import NOT_MODIFIED
from crawler.visits.rereading import is_confirmation, response_again
from tests.exchanges import judge
from tests.observing import answer
from tests.program import articles, muragat
from tests.recrawl_site import DATED, FEED, HTML, Site, serving

if TYPE_CHECKING:
    from pathlib import Path

    from archive.model import Capture, Exchange

CRAWLS = 2


class Crawled(NamedTuple):
    site: Site
    home: Path
    reports: list[dict[str, Any]]
    sizes: list[int]
    entries: list[list[dict[str, Any]]]

    def conditions(self, path: str) -> list[tuple[str, str]]:
        """Which conditions each request for `path` had."""
        return [
            (fields.get("if-none-match", ""), fields.get("if-modified-since", ""))
            for fields in self.site.requests(path)
        ]

    def captures(self, path: str) -> list[Capture]:
        with Collection(self.home) as collection:
            found = collection.captures(self.site.base.rstrip("/") + path)
            return sorted(found, key=lambda capture: capture.sequence)


def furnish(site: Site) -> None:
    paths = ("tag", "weak", "dated", "future", "stray", "plain", "shows", "feed", "comma")
    site.serves("/", "", *[f"/{path}" for path in paths], ETag='"home"')
    site.serves("/tag", ETag='"v1"', Last_Modified=DATED)
    site.serves("/weak", ETag='W/"v1"')
    site.serves("/comma", ETag='"a,b"')
    site.serves("/dated", Last_Modified=DATED)
    site.serves("/future", Last_Modified="Thu, 01 Jan 2099 00:00:00 GMT")
    site.serves("/stray", "", Status="304")
    site.serves("/plain")
    site.serves("/shows", '<img src="/photo.png">', ETag='"shows"', Cache_Control="max-age=0")
    site.serves(
        "/photo.png", "no picture", Content_Type="image/png", ETag='"p"', Cache_Control="no-cache"
    )
    site.serves(
        "/feed", FEED.format(base=site.base), Content_Type="application/rss+xml", ETag='"f"'
    )
    site.serves("/told-by-feed", ETag='"told"')


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    home = tmp_path_factory.mktemp("recrawl") / "home"
    reports, sizes, entries = [], [], []
    with serving() as site:
        furnish(site)
        for _ in range(CRAWLS):
            run = muragat(home, "crawl", site.base, "--delay", 0, "--json")
            assert run.code == 0, run.err
            reports += run.lines
            sizes.append(sum(path.stat().st_size for path in (home / "warc").iterdir()))
            entries.append(articles(home))
        yield Crawled(site, home, reports, sizes, entries)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/", ('"home"', "")),
        ("/tag", ('"v1"', DATED)),
        ("/weak", ('W/"v1"', "")),
        ("/comma", ('"a,b"', "")),
        ("/dated", ("", DATED)),
        ("/future", ("", "")),
        ("/plain", ("", "")),
        ("/feed", ('"f"', "")),
        ("/photo.png", ('"p"', "")),
    ],
)
def test_what_a_server_said_of_its_answer_is_sent_back_word_for_word(crawled, path, sent):
    assert crawled.conditions(path) == [("", ""), *[sent] * (CRAWLS - 1)]


@pytest.mark.parametrize("path", ["/", "/tag", "/weak", "/comma", "/dated", "/feed", "/photo.png"])
def test_a_304_is_a_revisit_of_what_was_stored(crawled, path):
    first, *later = crawled.captures(path)
    assert [(one.status, one.kind, one.original, one.digest) for one in later] == [
        (304, Kind.REVISIT, first.record_id, first.digest)
    ] * (CRAWLS - 1)


def test_a_304_is_read_back_as_what_it_confirms(crawled):
    with Collection(crawled.home) as collection:
        bodies = {collection.read(one).raw() for one in crawled.captures("/tag")}
        [_, record, *_] = crawled.captures("/tag")
        told = collection.exchange(record)[0]
    assert len(bodies) == 1
    assert (told.get("WARC-Profile"), told.get("WARC-Refers-To-Target-URI")) == (
        NOT_MODIFIED,
        crawled.site.base + "tag",
    )


def test_a_304_that_nobody_asked_for_is_never_taken_for_a_page(crawled):
    assert crawled.conditions("/stray") == [("", "")] * CRAWLS
    assert {(one.status, one.kind) for one in crawled.captures("/stray")} == {(304, Kind.RESPONSE)}
    assert all(report["outcomes"]["http_error"] >= 1 for report in crawled.reports)


def test_the_report_tells_unchanged_pages_from_those_not_sent(crawled):
    outcomes = [report["outcomes"] for report in crawled.reports]
    assert [one.get("not_modified", 0) for one in outcomes] == [0, 9]
    assert [one.get("unchanged", 0) for one in outcomes] == [0, 2]
    assert len({report["pages"] for report in crawled.reports}) == 1


def test_what_a_page_shows_falls_due_again_though_the_page_did_not_come(crawled):
    assert len(crawled.site.requests("/photo.png")) == CRAWLS


def test_no_article_changes_by_a_304(crawled):
    kept = ("id", "articleBody", "headline", "canonicalUrl", "versions", "events")
    first, *later = [[[entry[key] for key in kept[:4]] for entry in one] for one in crawled.entries]
    assert len(first) >= 5
    assert all(one == first for one in later)
    assert [entry["events"] for entry in crawled.entries[-1]] == [[]] * len(first)


def test_every_reader_takes_the_files(crawled):
    for path in sorted((crawled.home / "warc").iterdir()):
        judge(path)
    assert muragat(crawled.home, "verify").out == ""


def test_revisits_name_the_record_and_its_date(crawled):
    seen: dict[str, str] = {}
    for path in sorted((crawled.home / "warc").iterdir()):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                fields = record.rec_headers
                if record.rec_type == "response":
                    seen[fields.get_header("WARC-Record-ID")] = fields.get_header("WARC-Date")
                elif record.rec_type == "revisit":
                    original = fields.get_header("WARC-Refers-To")
                    assert fields.get_header("WARC-Refers-To-Date") == seen[original]


def test_a_rebuild_gives_the_same_articles_and_the_same_validators(crawled, tmp_path):
    before, known = articles(crawled.home), validators(crawled.home)
    assert muragat(crawled.home, "rebuild").code == 0
    assert articles(crawled.home) == before
    assert validators(crawled.home) == known


def validators(home: Path) -> dict[str, tuple[str, str, str]]:
    with sqlite3.connect(home / "state.sqlite") as connection:
        rows = connection.execute("SELECT url, etag, last_modified, outcome FROM frontier")
        return {url: told for url, *told in rows}


# What a 304 is read again as


def tagged(path: str, at: int, body: bytes = b"", fields: str = "", **named: str) -> Exchange:
    made: Exchange = answer(
        path, at, body, fields=f'ETag: "1"\r\nContent-Type: {HTML}\r\n{fields}', **named
    )
    if named.get("status", "").startswith("304"):
        head = f'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n{fields}\r\n'.encode()
        sent = f'GET {path} HTTP/1.1\r\nHost: a\r\nIf-None-Match: "1"\r\n\r\n'.encode()
        made = replace(made, head=head, request=sent, body=b"")
    return made


def test_a_304_left_unread_by_a_kill_is_read_as_the_page_it_confirms(tmp_path):
    page = b'<html><a href="/next">on</a></html>'
    with Collection(tmp_path / "home", write=True) as collection:
        collection.add(tagged("/a", 1, page))
        collection.sync()
        collection.add(
            tagged("/a", 2, status="304 Not Modified", fields="X-Robots-Tag: nofollow\r\n")
        )
        collection.sync()
    with Collection(tmp_path / "home", write=True) as collection:
        *_, capture = collection.unread()
        response = response_again(collection, capture)
    assert is_confirmation(capture)
    assert (response.status, response.body) == (200, page)
    assert response.headers["Content-Type"] == HTML.encode()
    assert response.headers["X-Robots-Tag"] == b"nofollow"


def test_a_304_of_a_page_that_another_address_holds_is_read_with_its_own_fields(tmp_path):
    page = b'<html><a href="/next">on</a></html>'
    with Collection(tmp_path / "home", write=True) as collection:
        collection.add(answer("/first", 1, page, fields=f"Content-Type: {HTML}\r\n"))
        collection.add(tagged("/a", 2, page, "X-Robots-Tag: nofollow\r\n"))
        capture = collection.add(tagged("/a", 3, status="304 Not Modified"))
        response = response_again(collection, capture)
    assert capture.kind is Kind.REVISIT
    assert (response.body, response.headers["X-Robots-Tag"]) == (page, b"nofollow")


@pytest.mark.parametrize("kind", ["application/rss+xml", "text/xml", "application/json"])
def test_a_feed_that_has_not_changed_is_not_read_again(tmp_path, kind):
    body = FEED.format(base="https://news.example.com/").encode()
    if "json" in kind:
        body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": []}).encode()
    first = replace(
        tagged("/feed", 1, body),
        head=f'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Type: {kind}\r\n\r\n'.encode(),
    )
    with Collection(tmp_path / "home", write=True) as collection:
        collection.add(first)
        capture = collection.add(tagged("/feed", 2, status="304 Not Modified"))
        assert response_again(collection, capture).body == b""


def test_of_several_answers_a_304_confirms_the_latest_with_its_payload(tmp_path):
    found = defaultdict(list)
    with Collection(tmp_path / "home", write=True) as collection:
        for at, body in enumerate((b"<p>one", b"<p>two", b"<p>one"), 1):
            made = replace(tagged("/a", at, body), head=b'HTTP/1.1 200 OK\r\nETag: "1"\r\n\r\n')
            found[body].append(collection.add(made))
            collection.sync()
        capture = collection.add(tagged("/a", 9, status="304 Not Modified"))
        assert collection.confirmed(capture).sequence == found[b"<p>one"][-1].sequence
