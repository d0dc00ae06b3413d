"""crawler.discover.sitemaps and sniff: what sitemaps list, and which reader an answer needs."""

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import urls
from archive.model import Announcer
from crawler.discover.links import Link
from crawler.discover.sitemaps import (
    MAX_BYTES,
    MAX_LINKS,
    read_sitemap,
    sitemaps_in_robots,
    usual_places,
)
from crawler.discover.sniff import Reader, reader_for

URL = "https://example.com/sitemap.xml"
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*items):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACE}>{"".join(items)}</urlset>'.encode()
    )


def found(body):
    return [link.url for link in read_sitemap(body, url=URL).links]


def test_a_page_is_a_link_with_its_lastmod():
    body = urlset("<url><loc>\n  https://example.com/a?x=1&amp;y=2\n</loc><lastmod>2024-05-06T16:45:00+05:00</lastmod></url>")  # fmt: skip
    assert read_sitemap(body, url=URL).links == (
        Link(
            "https://example.com/a?x=1&y=2", Announcer.SITEMAP, modified="2024-05-06T16:45:00+05:00"
        ),
    )


@pytest.mark.parametrize("date", ["yesterday", "2024-13-45", "", "9" * 100])
def test_a_lastmod_that_is_no_date_is_empty(date):
    link = read_sitemap(
        urlset(f"<url><loc>/a</loc><lastmod>{date}</lastmod></url>"), url=URL
    ).links[0]
    assert link.modified == ""


def test_an_index_lists_children_itself_included():
    body = f"""<sitemapindex {SPACE}><sitemap><loc>{URL}</loc></sitemap>
    <sitemap><loc>/posts.xml</loc><lastmod>2024-01-01</lastmod></sitemap></sitemapindex>""".encode()
    sitemap = read_sitemap(body, url=URL)
    assert [(child.url, child.modified) for child in sitemap.children] == [
        (URL, ""),
        ("https://example.com/posts.xml", "2024-01-01"),
    ]
    assert sitemap.links == ()


def test_the_extensions_give_news_dates_titles_and_language_twins_but_no_images():
    body = f"""<urlset {SPACE} xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
    xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" xmlns:xhtml="http://www.w3.org/1999/xhtml">
    <url><image:image><image:loc>https://example.com/i.jpg</image:loc></image:image><loc>/a</loc>
    <news:news><news:publication_date>2024-05-06</news:publication_date><news:title>Dimash</news:title></news:news>
    <xhtml:link rel="alternate" hreflang="ru" href="/ru/a"/><xhtml:link rel="alternate" hreflang="kk"/></url></urlset>"""
    assert read_sitemap(body.encode(), url=URL).links == (
        Link("https://example.com/a", Announcer.SITEMAP, "Dimash", published="2024-05-06"),
        Link("https://example.com/ru/a", Announcer.HREFLANG),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<urlset><url><loc>https://example.com/a?x=1&y=2</loc></url><url><loc>https://example.com/b",
        b"<urlset><url><loc>https://example.com/a?x=1&amp;y=2</loc></url><url><lo",
        b"<urlset><url><loc>https://example.com/a?x=1&y=2</loc></urlset>",
        b"\xef\xbb\xbf  <urlset><url><loc>https://example.com/a?x=1&amp;y=2</loc></url></urlset>",
        b"<urlset><url><loc><![CDATA[https://example.com/a?x=1&y=2]]></loc></url></urlset>",
    ],
)
def test_a_broken_sitemap_gives_what_it_can(body):
    assert found(body)[:1] == ["https://example.com/a?x=1&y=2"]


def test_entries_without_an_address_lose_nothing_else():
    body = urlset("<url><loc>mailto:a@b</loc></url><url/><sitemap/>", "<url><loc>/a</loc></url>")
    assert found(body) == ["https://example.com/a"]
    assert read_sitemap(body, url=URL).children == ()
    index = b"<sitemapindex><sitemap><loc>data:x</loc></sitemap><sitemap><loc>/b.xml</loc></sitemap></sitemapindex>"
    assert [child.url for child in read_sitemap(index, url=URL).children] == [
        "https://example.com/b.xml"
    ]


def test_plain_text_has_one_address_a_line():
    body = "\ufeffhttps://example.com/a\r\n# no\n  https://example.com/новость \njavascript:x\n".encode()
    assert found(body) == [
        "https://example.com/a",
        "https://example.com/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C",
    ]


def test_feeds_serve_as_sitemaps():
    body = b"<rss version='2.0'><channel><item><link>/a</link></item></channel></rss>"
    assert read_sitemap(body, url=URL).links == (Link("https://example.com/a", Announcer.SITEMAP),)
    assert found(b'{"version": "https://jsonfeed.org/version/1", "items": [{"url": "/a"}]}') == ["https://example.com/a"]  # fmt: skip


def test_gzip_is_decoded():
    assert found(gzip.compress(urlset("<url><loc>/a</loc></url>"))) == ["https://example.com/a"]


def test_gzip_that_ends_early_gives_what_it_can():
    body = gzip.compress(urlset(*(f"<url><loc>/{n * n}</loc></url>" for n in range(5000))))
    sitemap = read_sitemap(body[: len(body) // 2], url=URL)
    assert len(sitemap.links) > 1000
    assert sitemap.problems[0] == "sitemap: gzip ends early"


def test_damaged_gzip_gives_what_comes_before_the_damage():
    body = gzip.compress(urlset(*(f"<url><loc>/{n * n}</loc></url>" for n in range(20_000))))
    middle = len(body) // 2
    sitemap = read_sitemap(body[:middle] + b"\xff" * 5000 + body[middle:], url=URL)
    assert len(sitemap.links) > 1000
    assert "damaged gzip" in sitemap.problems[0]


def test_what_only_begins_like_gzip_gives_a_problem():
    assert "damaged gzip" in read_sitemap(b"\x1f\x8bnot", url=URL).problems[0]


def test_a_gzip_bomb_stops_at_the_limit():
    started = time.process_time()
    sitemap = read_sitemap(gzip.compress(b"<urlset>" + b" " * (MAX_BYTES + 1000)), url=URL)
    assert f"sitemap: read from its first {MAX_BYTES} bytes" in sitemap.problems
    assert time.process_time() - started < 5


@pytest.mark.parametrize("item", ["<url><loc>/{}</loc></url>", "<sitemap><loc>/{}</loc></sitemap>"])
def test_addresses_are_cut_at_a_count(item):
    sitemap = read_sitemap(urlset(*(item.format(n) for n in range(MAX_LINKS + 5))), url=URL)
    assert len(sitemap.links) + len(sitemap.children) == MAX_LINKS
    assert sitemap.problems == (f"sitemap: {MAX_LINKS} addresses read, the rest is not",)


def test_entities_are_neither_expanded_nor_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    body = f"""<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y "why">]>
    <urlset><url><loc>/a?&x;</loc></url><url><loc>/b?&y;</loc></url><url><loc>/c</loc></url></urlset>"""
    assert found(body.encode()) == ["https://example.com/c"]


def test_billion_laughs_end_at_once():
    head = "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {after} '{('&' + before + ';') * 10}'>" for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )  # fmt: skip
    started = time.process_time()
    assert found(f"{head}]><urlset><url><loc>&i;</loc></url></urlset>".encode()) == []
    assert time.process_time() - started < 1


def test_a_web_page_is_no_sitemap():
    sitemap = read_sitemap(b"<!doctype html><html><a href=/a></html>", url=URL)
    assert sitemap.links == ()
    assert "sitemap: names no address" in sitemap.problems


@pytest.mark.parametrize(
    "body",
    [
        b"<urlset>" + b"<url>" * 200_000,
        b"<urlset " + b" ".join(b'a%d="1"' % number for number in range(100_000)) + b"/>",
        b"<" * 300_000,
        b"<u>" + b"&" * 300_000,
        b"<u>" + b"<!-- -->" * 100_000,
        b"<!DOCTYPE r [" + b'<!ENTITY a "b">' * 100_000 + b"]><r/>",
        b"<urlset>" + b"<url><loc>http://a.b/</loc></url>" * 60_000,
        b"<urlset><url><loc>" + b"a" * 11_000_000,
        b"http://a.b/\n" * 200_000,
    ],
    ids=range(9),
)
def test_hostile_sitemaps_end(body):
    started = time.process_time()
    read_sitemap(body, url=URL)
    assert time.process_time() - started < 4


@given(
    st.one_of(
        st.binary(max_size=100),
        st.lists(st.sampled_from(["<urlset>", "<url>", "<loc>", "http://a.b/", "</loc>", "</url>", "&", "<!--", "\x00", "<sitemapindex>", "<sitemap>", "<?xml?>", "<rss>", "\x1f\x8b", "]]>", "<lastmod>", "é", "<a:url>", "{"]), max_size=12).map(lambda parts: "".join(parts).encode("latin-1")),
    )
)  # fmt: skip
def test_no_bytes_raise(body):
    sitemap = read_sitemap(body, url=URL)
    for link in (*sitemap.links, *sitemap.children):
        assert urls.absolute("", link.url) == link.url
    sitemaps_in_robots(body, url="https://example.com/robots.txt")
    reader_for(body, url=URL)


def test_robots_txt_names_sitemaps():
    body = b"\xef\xbb\xbfSitemap: https://example.com/a.xml # news\r\nUser-agent: *\nDisallow: /\nsitemap : /b.xml\nSitemap:\nSITEMAP:/b.xml\n"  # fmt: skip
    assert sitemaps_in_robots(body, url="https://example.com/robots.txt") == (
        Link("https://example.com/a.xml", Announcer.ROBOTS),
        Link("https://example.com/b.xml", Announcer.ROBOTS),
    )


def test_usual_places_are_on_the_same_host_and_port():
    places = usual_places("http://127.0.0.1:8101/deep/page?x=1")
    assert Link("http://127.0.0.1:8101/wp-sitemap.xml", Announcer.SITEMAP, rel="usual") in places
    assert Link("http://127.0.0.1:8101/feed/", Announcer.FEED, rel="usual") in places
    assert usual_places("mailto:a@b") == ()


@pytest.mark.parametrize(
    ("body", "url", "content_type", "expected"),
    [
        (b"<!DOCTYPE html><html>", "https://a.b/", "text/html", Reader.HTML),
        (b"<div>no root</div>", "https://a.b/", "text/html; charset=utf-8", Reader.HTML),
        (b"just text", "https://a.b/", "text/html", Reader.HTML),
        (b"<p>no type", "https://a.b/", "", Reader.HTML),
        (b"<p>text", "https://a.b/", "text/plain", Reader.HTML),
        (b"\n<!-- a --><?xml version='1.0'?><!DOCTYPE rss [<!ENTITY a 'b'>]><rss>", "https://a.b/", "text/html", Reader.FEED),
        (b"\xef\xbb\xbf<feed xmlns=''>", "https://a.b/", "text/xml", Reader.FEED),
        (b"<rdf:RDF>", "https://a.b/", "application/xml", Reader.FEED),
        (b"<unknown>", "https://a.b/", "application/rss+xml", Reader.FEED),
        (b"<urlset>", "https://a.b/", "text/html", Reader.SITEMAP),
        (b"<sitemapindex>", "https://a.b/", "", Reader.SITEMAP),
        (b"<svg>", "https://a.b/", "image/svg+xml", Reader.NONE),
        (b"http://a.b/x\n", "https://a.b/sitemap.txt", "text/plain", Reader.SITEMAP),
        (b"http://a.b/x\nhttp://a.b/y z", "https://a.b/list.txt", "text/plain", Reader.SITEMAP),
        (b"http://a.b/x is my page", "https://a.b/other.txt", "text/plain", Reader.NONE),
        (b"\x1f\x8b\x08", "https://a.b/sitemap-1.xml.gz?x", "application/gzip", Reader.SITEMAP),
        (b"\x1f\x8b\x08", "https://a.b/other.gz", "text/html", Reader.NONE),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "https://a.b/", "application/json", Reader.JSON_FEED),
        (b"{}", "https://a.b/", "application/feed+json", Reader.JSON_FEED),
        (b"{}", "https://a.b/", "application/json", Reader.NONE),
        (b"User-agent: *", "https://a.b/robots.txt", "text/plain", Reader.ROBOTS),
        (b"", "https://a.b/robots.txt", "", Reader.ROBOTS),
        (b"<html>not found", "https://a.b/robots.txt", "text/html", Reader.HTML),
        (b"%PDF-1.7", "https://a.b/", "text/html", Reader.NONE),
        (b"\x89PNG\r\n", "https://a.b/", "", Reader.NONE),
        (b"", "https://a.b/", "", Reader.NONE),
    ],
)  # fmt: skip
def test_the_reader_is_chosen_by_bytes_then_type_then_address(body, url, content_type, expected):
    assert reader_for(body, url=url, content_type=content_type) is expected


@pytest.mark.parametrize(
    "body", [b"<!-- -" * 1000, b"<!" * 2000, b"<?" * 2000, b" " * 5000, b"<!DOCTYPE [" * 400]
)
def test_choosing_takes_linear_time(body):
    started = time.process_time()
    reader_for(body, url=URL)
    assert time.process_time() - started < 0.2
