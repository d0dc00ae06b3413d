"""crawler.discover.links, tags and directives: what a page links to, in linear time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from archive import urls
from archive.directives import directives
from archive.model import Announcer
from crawler.discover.links import (
    MAX_BYTES,
    MAX_LINKS,
    Link,
    is_comment_feed,
    links_of_redirect,
    read_links,
)

URL = "https://example.com/2024/a-post/"

pieces = st.lists(
    st.sampled_from(
        [
            "<a href=/x>", "<a href='/y?a=1&amp;b=2'>", '<A HREF="/z">', "</a>", "<a", " href=/q", ">", "<", "&", '"',
            "'", "=", "/", " ", "<!--", "-->", "<div title=\"<a href='/no'>\">", "<p class=x>", "<script>", "</script>",
            "<area href=w>", "<a title=it's href=/v>", "<a b=1 href>", "text", "<!doctype html>", "<?php", "<a\nhref\n=\n/n>",
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


def read(html, url=URL, **more):
    return read_links(html.encode(), url=url, **more)


def found(html, url=URL):
    return [link.url for link in read(html, url).links]


def test_links_are_absolute_unique_and_in_document_order():
    html = "<a href=/b>B</a><area href='../c'><a href='//d.com/'>D</a><a href=/b#top>again</a>"
    assert found(html) == ["https://example.com/b", "https://example.com/2024/c", "https://d.com/"]


def test_a_link_holds_its_words_without_markup():
    page = read("<a href=/b>\n <b>Dimash</b> in&nbsp;Gen&egrave;ve </A> and more")
    assert page.links == (Link("https://example.com/b", Announcer.LINK, "Dimash in Genève"),)


def test_the_page_itself_is_no_link():
    assert found(f"<a href='#top'>up</a><a href='{URL}'>here</a><a href=''>x</a>") == []


@pytest.mark.parametrize(
    "html",
    [
        "<!-- <a href=/no> --><a href=/b>",
        "<!--><a href=/b>",
        "<script>'<a href=/no>'</script><a href=/b>",
        "<title><a href=/no></title><a href=/b>",
        "<textarea><a href=/no></textarea><a href=/b>",
        "<p title=\"<a href='/no'>\"><a href=/b>",
        "<p title=it's><a href=/b>",
        "</p title='<a href=/no>'><a href=/b>",
        "a < b <a href=/b>",
        "<A\nHREF = '/b'>",
        "<a href=/b href=/no>",
        "<a data-x='1'href=/b>",
        "<noscript><a href=/b></noscript>",
        "<svg><a href=/b></svg>",
        "<a href=/b",
    ],
)
def test_tags_are_read_as_browsers_read_them(html):
    assert found(html) == ["https://example.com/b"]


@pytest.mark.parametrize(
    ("written", "query"),
    [
        ("?a=1&amp;b=2", "?a=1&b=2"),
        ("?a=1&#038;b=2", "?a=1&b=2"),
        ("?a=1&section=2&copy=3", "?a=1&section=2&copy=3"),
        ("?a=1&copy", "?a=1%C2%A9"),
        ("?a=&unknown;", "?a=&unknown;"),
        ("?a&unknown", "?a&unknown"),
        ("?a=&#65;&#x42;", "?a=AB"),
        ("?a=&#99999999;", "?a=%EF%BF%BD"),
    ],
)
def test_character_references_are_resolved_as_in_attributes(written, query):
    assert found(f'<a href="/{written}">') == [f"https://example.com/{query}"]


def test_nothing_is_read_after_plaintext():
    assert found("<a href=/b><plaintext><a href=/no>") == ["https://example.com/b"]


def test_base_href_counts_once_and_for_all_links_after_it():
    html = "<base href='/sub/'><base href='/no/'><a href=b>"
    assert found(html) == ["https://example.com/sub/b"]


@pytest.mark.parametrize(
    "href", ["b", "/b", "?b", "//d.com/b", "https://d.com/b", "\\\\b\\c", "/\\b/c"]
)
def test_an_anchor_leads_from_each_page_where_it_would_if_it_were_alone(href):
    pages = [URL, "https://example.com/", "https://example.org/x/", "http://example.com/x/y"]
    html = f"<a href='{href}'>"
    for url in (*pages, *pages):
        assert found(html, url) == [urls.absolute(url, href)]
        assert found(f"<base href='http://z.net:81/q/'>{html}", url) == [
            urls.absolute("http://z.net:81/q/", href)
        ]


def test_a_base_that_is_no_address_changes_nothing():
    assert found("<base href='javascript:x'><a href=b>") == ["https://example.com/2024/a-post/b"]


def test_each_link_says_who_announced_it():
    html = """<link rel=canonical href=/c><link rel=next href=/n><link rel=prev href=/p>
    <link rel=alternate hreflang=ru href=/ru><link rel=amphtml href=/amp><link rel=shortlink href='/?p=1'>
    <link rel=alternate type='application/rss+xml; charset=utf-8' title=News href=/feed/>
    <link rel=alternate type=application/feed+json href=/feed.json>
    <meta http-equiv=Refresh content="5; URL='/r'"><iframe src=/i></iframe><frame src=/f>
    <a rel=next href=/n2></a><a href='/page/2/'></a><a href='/?paged=3'></a><a hreflang=kk href=/kk></a><a href=/x></a>
    <link rel=stylesheet href=/s.css><link href=/none><link rel=alternate href=/none><iframe></iframe>"""
    assert [
        (link.url.removeprefix("https://example.com"), link.announcer.value, link.rel)
        for link in read(html).links
    ] == [
        ("/c", "canonical", "canonical"),
        ("/n", "pagination", "next"),
        ("/p", "pagination", "prev"),
        ("/ru", "hreflang", "alternate"),
        ("/amp", "link", "amphtml"),
        ("/?p=1", "link", "shortlink"),
        ("/feed/", "feed", "alternate"),
        ("/feed.json", "feed", "alternate"),
        ("/r", "redirect", "refresh"),
        ("/i", "link", "frame"),
        ("/f", "link", "frame"),
        ("/n2", "pagination", "next"),
        ("/page/2/", "pagination", ""),
        ("/?paged=3", "pagination", ""),
        ("/kk", "hreflang", "alternate"),
        ("/x", "link", ""),
    ]


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("https://example.com/comments/feed/", ""),
        ("https://example.com/?feed=comments-rss2", ""),
        ("https://example.com/feeds/12/comments/default", ""),
        ("https://example.com/a/feed/", "Example » A Comments Feed"),
        ("https://example.com/a/feed/", "Flux des commentaires"),
        ("https://example.com/a/feed/", "Лента комментариев"),
        ("https://example.com/a/feed/", "Пікірлер лентасы"),
    ],
)
def test_comment_feeds_are_known_and_not_announced(address, title):
    assert is_comment_feed(address, title)
    html = f"<link rel=alternate type=application/rss+xml title='{title}' href='{address}'>"
    assert found(html) == []


def test_a_page_may_forbid_to_follow_its_links():
    html = "<meta name=ROBOTS content='NoIndex, NOFOLLOW'><a href=/b>"
    page = read(html)
    assert not page.follow
    assert page.robots == ("noindex", "nofollow")
    assert [link.url for link in page.links] == ["https://example.com/b"]


def test_a_field_may_forbid_to_follow_links():
    assert not read("<a href=/b>", robots=["noarchive", "none"]).follow
    assert read("<a href=/b>", robots=["googlebot: nofollow"]).follow


def test_directives_for_other_crawlers_are_theirs():
    assert read("<meta name=googlebot content=nofollow><a href=/b>").follow


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("noindex, NoFollow ,", ("noindex", "nofollow")),
        ("muragat: noarchive", ("noarchive",)),
        ("googlebot: noarchive", ()),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", ("unavailable_after: 25 jun 2030 15:00:00 pst",)),
        ("noindex, max-snippet: 5", ("noindex", "max-snippet: 5")),
        ("", ()),
    ],
)  # fmt: skip
def test_directives_are_those_that_concern_us(value, expected):
    assert directives(value) == expected


def test_links_with_nofollow_are_refused_unless_another_gives_them():
    page = read("<a rel='nofollow ugc' href=/b><a rel=nofollow href=/c><a href=/c><a href=/d>")
    assert [link.url for link in page.refused] == ["https://example.com/b"]
    assert [link.url for link in page.links] == ["https://example.com/c", "https://example.com/d"]


def test_addresses_are_decoded_in_the_charset_of_the_page():
    body = '<a href="/новости?q=мир">'.encode("windows-1251")
    page = read_links(body, url=URL, content_type="text/html; charset=windows-1251")
    path = "%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8"
    assert page.links[0].url == f"https://example.com/{path}?q=%EC%E8%F0"


def test_strange_links_leave_only_http():
    hrefs = ["javascript:void(0)", "mailto:a@b", "tel:+1", "data:text/html,x", "http://[::1", "http://exa mple/", "//", "blob:x", "http://127.0.0.1:99999/", "/" + "a" * 9000, "\\\\d\\e", " /ok\n"]  # fmt: skip
    assert found("".join(f'<a href="{href}">' for href in hrefs)) == [
        "https://d/e",
        "https://example.com/ok",
    ]


def test_links_are_cut_at_a_count_with_a_problem():
    page = read("".join(f"<a href=/{number}>" for number in range(MAX_LINKS + 10)))
    assert len(page.links) == MAX_LINKS
    assert page.problems == (f"links: more than {MAX_LINKS}, the rest is not read",)


def test_a_page_of_too_many_tags_is_read_in_part_with_a_problem(monkeypatch):
    monkeypatch.setattr("crawler.discover.links.MAX_TAGS", 3)
    page = read("<a href=/b><img><img><a href=/c>")
    assert [link.url for link in page.links] == ["https://example.com/b"]
    assert page.problems == ("links: more than 3 tags, the rest is not read",)


def test_a_huge_page_is_read_in_part_with_a_problem():
    page = read("<a href=/b>" + " " * MAX_BYTES)
    assert [link.url for link in page.links] == ["https://example.com/b"]
    assert len(page.problems) == 1


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 60_000,
        "<a " + " ".join(f"a{number}" for number in range(200_000)) + ">",
        "<a title='" + "x" * 8_000_000 + "'>",
        "<b><i><a>" * 50_000,
        '<a "' * 200_000,
        "<a b='" * 200_000,
        "<" * 500_000,
        "<!--" * 200_000,
        "<!-- --!>" * 100_000,
        "<script>" * 100_000,
        "<title>" * 100_000,
        "</" * 300_000,
        "<a href=x" * 100_000,
        "<meta http-equiv=refresh content='" + "0 ;" * 300_000 + "'>",
        "<a href='" + "&#" * 500_000 + "'>",
        "&" * 500_000,
        "<a =" * 200_000,
        "<base href='x'>" * 30_000,
        "<a href=/page/" + "1" * 8000 + ">" * 100,
        "<a rel='" + "x " * 500_000 + "' href=/x>",
    ],
    ids=str,
)
def test_hostile_pages_take_linear_time(html):
    started = time.process_time()
    read(html)
    assert time.process_time() - started < 2


@given(st.binary(max_size=200))
def test_no_bytes_raise(body):
    read_links(body, url=URL, content_type="text/html")


@given(pieces)
def test_no_page_raises_and_each_link_is_sendable(html):
    for link in read(html).links:
        assert urls.absolute("", link.url) == link.url


@given(st.lists(st.sampled_from(["<a href=/x>", "<a href='/y?a=1&amp;b=2' rel=tag>", '<A class="k" HREF="/z">', "</a>", "<p title='>'>", "<a title=it's href=/v>", "<!-- <a href=/c> -->", "<div>", "text &amp; < more", "<br/>", "<a b=1 href=/u c>"]), max_size=10).map("".join))  # fmt: skip
def test_links_are_those_of_a_tree_builder(html):
    nodes = LexborHTMLParser(html.encode()).css("a[href]")
    expected = dict.fromkeys(urls.absolute(URL, node.attributes["href"] or "") for node in nodes)
    assert found(html) == list(expected)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b", ["https://example.com/b"]),
        ("b#part", ["https://example.com/2024/a-post/b"]),
        ("//d.com/x y", ["https://d.com/x%20y"]),
        ("/новость", ["https://example.com/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C"]),
        ("/новость".encode().decode("latin-1"), ["https://example.com/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C"]),
        ("/caf\xe9", ["https://example.com/caf%C3%A9"]),
        ("/a%0d%0aSet-Cookie:x", ["https://example.com/a%0d%0aSet-Cookie:x"]),
        ("", []),
        ("file:///etc/passwd", []),
        ("javascript:alert(1)", []),
        ("/" + "a" * 12_000, []),
    ],
)  # fmt: skip
def test_a_redirect_leads_where_its_location_says(location, expected):
    links = links_of_redirect(location, url=URL)
    assert [link.url for link in links] == expected
    assert all(link.announcer is Announcer.REDIRECT for link in links)


@pytest.mark.parametrize(
    ("refresh", "expected"),
    [
        ("0; url=/b", ["https://example.com/b"]),
        ("3;URL='/b'; more", ["https://example.com/b"]),
        ('1.5, "/b"', ["https://example.com/b"]),
        ("5 /b", ["https://example.com/b"]),
        ("5", []),
        ("url=/b", []),
    ],
)
def test_a_refresh_field_is_a_redirect(refresh, expected):
    assert [link.url for link in links_of_redirect("", url=URL, refresh=refresh)] == expected
