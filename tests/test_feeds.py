"""crawler.discover.feeds: entries of RSS, RDF, Atom and JSON feeds."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import urls
from archive.model import Announcer
from crawler.discover.feeds import MAX_BYTES, MAX_ENTRIES, MAX_TAGS, read_feed
from crawler.discover.links import Link

QUALITY = Path(
    os.environ.get("MURAGAT_QUALITY", Path(__file__).parents[1] / "../shared/quality")
).resolve()
URL = "https://example.com/feed/"


def rss(*items, head=""):
    body = "".join(f"<item>{item}</item>" for item in items)
    text = f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>T</title>{body}</channel></rss>'
    return text.encode()


def found(body, url=URL):
    return [link.url for link in read_feed(body, url=url, content_type="application/rss+xml").links]


def test_the_vectors_of_feedparser_pass():
    path = QUALITY / "vectors" / "feeds.jsonl"
    if not path.is_file():
        pytest.skip("feeds.jsonl is not there; MURAGAT_QUALITY names the folder of test vectors")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row["file"] for row in rows if value_of(row, path.parent) != expected_of(row)] == []


def value_of(row, folder):
    headers = {name.lower(): value for name, value in (row["headers"] or {}).items()}
    url = headers.get("content-location") or row["url"] or ""
    body = (folder / row["file"]).read_bytes()
    entry = read_feed(body, url=url, content_type=headers.get("content-type", "")).entries[0]
    value = getattr(entry, row["field"])
    if isinstance(row["expect"], list):
        return list(datetime.fromisoformat(value).utctimetuple()) if value else None
    return value


def expected_of(row):
    expected = row["expect"]
    return urls.absolute("", expected) if row["field"] == "url" else expected


def test_an_rss_entry_is_a_link_with_title_and_date():
    item = "<title>Dimash</title><link>/a</link><guid>/a</guid><pubDate>Mon, 06 May 2024 16:45:00 +0500</pubDate>"
    assert read_feed(rss(item), url=URL).links == (
        Link("https://example.com/a", Announcer.FEED, "Dimash", published="2024-05-06T11:45:00Z"),
    )


def test_an_atom_entry_gives_its_updated_date_and_resolves_xml_base():
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.com/x/"><link rel="next" href="?p=2"/>
    <entry><id>urn:1</id><title>A</title><link href="a"/><published>2024-01-01T00:00:00Z</published>
    <updated>2024-02-01T00:00:00+05:00</updated></entry></feed>"""
    feed = read_feed(body, url=URL, content_type="application/atom+xml")
    assert feed.entries[0].url == "https://example.com/x/a"
    assert feed.entries[0].updated == "2024-01-31T19:00:00Z"
    assert feed.older == "https://example.com/x/?p=2"
    assert [link.announcer for link in feed.links] == [Announcer.FEED, Announcer.PAGINATION]


def test_a_json_feed_is_read():
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "next_url": "/feed.json?page=2",
        "items": [
            {"id": 1, "url": "/a", "title": "A", "date_modified": "2024-05-06T16:45:00+05:00"},
            {"id": "2", "external_url": "/b", "date_published": "yesterday"},
            {"id": "3", "date_published": "2024-05-06T16:45:00"},
            "no item",
        ],
    }
    read = read_feed(json.dumps(feed).encode(), url=URL, content_type="application/feed+json")
    assert [(entry.url, entry.id, entry.published) for entry in read.entries] == [
        ("https://example.com/a", "1", ""),
        ("https://example.com/b", "2", ""),
        ("", "3", ""),
    ]
    assert read.links[0].modified == "2024-05-06T11:45:00Z"
    assert read.older == "https://example.com/feed.json?page=2"


@pytest.mark.parametrize(
    "body", [b"{", b"{}", b'{"items": 3}', b"[" * 10, b'{"items":' + b"[" * 200_000]
)
def test_json_that_is_no_feed_gives_a_problem(body):
    feed = read_feed(b"{" + body if body[:1] == b"[" else body, url=URL)
    assert feed.problems == ("feed: not a JSON Feed",)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("<guid>https://example.com/a</guid>", ["https://example.com/a"]),
        ("<guid isPermaLink='false'>https://example.com/a</guid>", []),
        ("<guid>tag:example.com,2024:1</guid>", []),
        ("<guid>12345</guid>", []),
        ("<link>/a</link><guid>https://example.com/b</guid>", ["https://example.com/a"]),
        ("<link>mailto:a@b.c</link>", []),
        ("<title>no link</title>", []),
    ],
)
def test_a_guid_is_an_address_only_when_it_is_one(item, expected):
    assert found(rss(item)) == expected


def test_a_feed_of_comments_is_not_read():
    item = "<link>https://example.com/a/#comment-7</link>"
    feed = read_feed(rss(item, item), url="https://example.com/a/feed/")
    assert (feed.links, feed.problems) == ((), ("feed: comments, not read",))
    assert read_feed(rss("<link>/a</link>"), url="https://example.com/comments/feed/").links == ()


@pytest.mark.parametrize(
    "body",
    [
        b"<rss version='2.0'><channel><item><link>https://example.com/a?x=1&y=2</link></item>",
        b"<rss><channel><item><title>a&nbsp;b & c</title><link>https://example.com/a?x=1&amp;y=2</link></item></channel></rss>",
        b"<?xml version='1.0'?><rss><item><title>\xee\xcf\xd7</title><link>https://example.com/a?x=1&amp;y=2</link></item></rss>",
        b"<rss><channel><item><link>https://example.com/a?x=1&amp;y=2</link><description><![CDATA[ open </item>",
    ],
)
def test_a_broken_feed_gives_what_it_can(body):
    assert found(body)[:1] == ["https://example.com/a?x=1&y=2"]


def test_entities_are_not_expanded():
    head = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {after} "{("&" + before + ";") * 10}">' for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )  # fmt: skip
    body = rss("<title>&i;</title><link>https://example.com/a</link>", head=head + "]>")
    started = time.process_time()
    feed = read_feed(body, url=URL, content_type="application/rss+xml")
    assert time.process_time() - started < 1
    assert "feed: entities within entities, not expanded" in feed.problems
    assert all(len(entry.title) < 100 for entry in feed.entries)


def test_external_entities_are_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    head = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    feed = read_feed(rss("<title>&x;</title><link>/a?&x;</link>", head=head), url=URL)
    assert "s3cret" not in repr(feed)


def test_entries_are_cut_at_a_count():
    feed = read_feed(rss(*(f"<link>/{n}</link>" for n in range(MAX_ENTRIES + 5))), url=URL)
    assert len(feed.entries) == MAX_ENTRIES
    assert f"feed: more than {MAX_ENTRIES} entries, the rest is not read" in feed.problems


def test_items_of_a_json_feed_are_cut_at_a_count():
    body = json.dumps({"items": [{"url": f"/{n}"} for n in range(MAX_ENTRIES + 5)]}).encode()
    assert len(read_feed(body, url=URL).entries) == MAX_ENTRIES


def test_a_huge_feed_is_read_in_part():
    feed = read_feed(rss("<link>/a</link>") + b" " * MAX_BYTES, url=URL)
    assert len(feed.links) == 1
    assert "bytes" in feed.problems[0]


def test_tags_are_cut_at_a_count():
    feed = read_feed(rss("<link>/a</link>") + b"</a>" * MAX_TAGS, url=URL)
    assert len(feed.links) == 1
    assert f"feed: more than {MAX_TAGS} tags, the rest is not read" in feed.problems


def test_thousands_of_attributes_are_refused():
    body = b"<rss " + b" ".join(b'a%d="1"' % number for number in range(20_000)) + b">"
    assert read_feed(body, url=URL).problems == (
        "feed: thousands of attributes in one tag, not read",
    )


@pytest.mark.parametrize(
    "date", ["Mon, 99 Foo 9999 99:99:99 +9999", "0000-00-00T00:00:00Z", "1 " * 50_000]
)
def test_a_date_that_is_none_is_empty(date):
    feed = read_feed(rss(f"<link>/a</link><pubDate>{date}</pubDate>"), url=URL)
    assert [(entry.url, entry.published) for entry in feed.entries] == [
        ("https://example.com/a", "")
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"<rss>" + b"<" * 200_000,
        b"<rss><channel><item><title>" + b"&" * 100_000,
        b"<rss>" + b"<a>" * 20_000,
        b"<rss><channel><item><title>" + b"<![CDATA[" * 20_000,
        b"<rss>" + b"<!--" * 50_000,
        b"<rss>" + b"<!" * 50_000,
        b"<!DOCTYPE " + b"[" * 200_000,
        b"<!DOCTYPE r [" + b'<!ENTITY a "&b;">' * 50_000,
        b"<rss>" + b'<a b="' * 30_000,
        b"<item><pubDate>" + b"1-" * 100_000 + b"</pubDate></item>",
    ],
)
def test_hostile_feeds_end(body):
    started = time.process_time()
    read_feed(body, url=URL)
    assert time.process_time() - started < 4


feed_pieces = st.lists(
    st.sampled_from(
        ["<rss>", "<feed xmlns='http://www.w3.org/2005/Atom'>", "<channel>", "<item>", "<entry>", "<link>", "</link>",
         "<link href='x'/>", "<guid>", "</item>", "<pubDate>", "2024-13-45", "&", "&amp;", "<![CDATA[", "]]>", "\x00", "<!--",
         "http://[", "<!DOCTYPE", "{", '"items":', "é", "<title type='xhtml'>", "<title type='html' mode='base64'>", "</title>"]
    ),
    max_size=12,
).map(lambda parts: "".join(parts).encode())  # fmt: skip


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=120), feed_pieces))
def test_no_bytes_raise(body):
    for link in read_feed(body, url=URL).links:
        assert urls.absolute("", link.url) == link.url
