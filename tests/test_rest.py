"""crawler.discover.wordpress and .rest: addresses of the REST interface, and what its answers list."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.model import Announcer
from crawler.discover.links import Link
from crawler.discover.rest import MAX_BYTES, count_in, read_entries
from crawler.discover.sniff import Reader, reader_for
from crawler.discover.wordpress import Place, entrances, page_of, place_of
from crawler.scope import Scope

ASKED = "per_page=100&orderby=modified&order=desc&_fields=id,link,date_gmt,modified_gmt"
POSTS = f"https://example.com/wp-json/wp/v2/posts?{ASKED}"
PLAIN = f"https://example.com/?rest_route=/wp/v2/posts&{ASKED}"


def test_the_lists_of_an_interface_are_its_posts_and_pages():
    assert entrances("https://example.com/wp-json/") == (POSTS, POSTS.replace("posts", "pages"))


@pytest.mark.parametrize(
    ("root", "start"),
    [
        ("https://example.com/wp-json", "https://example.com/wp-json/wp/v2/posts?per_page"),
        ("https://example.com/blog/wp-json/", "https://example.com/blog/wp-json/wp/v2/posts?per"),
        ("https://example.com/api/", "https://example.com/api/wp/v2/posts?per_page"),
        ("https://example.com/?rest_route=/", "https://example.com/?rest_route=/wp/v2/posts&per"),
        (
            "https://example.com/ru/index.php?rest_route=/",
            "https://example.com/ru/index.php?rest_route=/wp/v2/posts&per",
        ),
    ],
)
def test_both_forms_are_known_in_any_folder(root, start):
    posts, pages = entrances(root)
    assert posts.startswith(start)
    assert place_of(posts) == Place(posts, is_pass=False, page=1)
    assert place_of(pages) == Place(pages, is_pass=False, page=1)


def test_what_is_no_root_of_an_interface_has_no_lists():
    assert entrances("https://example.com/?rest_route=/wp/v2/users") == ()
    assert entrances("https://example.com/?p=1") == ()


@pytest.mark.parametrize("entrance", [POSTS, PLAIN])
@pytest.mark.parametrize(("page", "is_pass"), [(1, True), (7, True), (2, False)])
def test_an_answer_is_known_by_its_address(entrance, page, is_pass):
    address = page_of(entrance, page, is_pass=is_pass)
    assert place_of(address) == Place(entrance, is_pass, page)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/wp-json/wp/v2/users?per_page=100",
        "https://example.com/wp-json/wp/v2/posts",
        f"https://example.com/wp-json/wp/v2/posts/12?{ASKED}",
        f"https://example.com/wp-json/wp/v2/posts?{ASKED}&page=-1",
        f"https://example.com/wp-json/wp/v2/posts?{ASKED}&page=99999999",
        f"https://example.com/a?rest_route=/wp/v2/users&{ASKED}",
        "https://example.com/?id&" + "a=1&" * 50,
    ],
)
def test_other_addresses_are_none_of_ours(url):
    assert place_of(url) is None


def test_a_list_is_read_by_its_address_alone_when_json_comes():
    assert reader_for(b"[]", url=POSTS, content_type="application/json") is Reader.REST
    assert reader_for(b"[]", url="https://example.com/", content_type="") is Reader.NONE
    assert reader_for(b"<!DOCTYPE html>", url=POSTS, content_type="text/html") is Reader.HTML


def test_an_entry_has_an_address_and_two_dates_in_utc():
    entry = {
        "id": 1,
        "link": "https://example.com/a/",
        "date_gmt": "2024-05-06T11:45:00",
        "modified_gmt": "2024-05-07T00:00:00",
    }
    assert read_entries(json.dumps([entry, entry]).encode(), url=POSTS).links == (
        Link(
            "https://example.com/a/",
            Announcer.REST,
            modified="2024-05-07T00:00:00Z",
            published="2024-05-06T11:45:00Z",
        ),
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"code":"rest_forbidden"}', b"[", b"[" * 100_000, b"[1,null,[],{}]", b'[{"link":3}]',
     b'[{"link":"javascript:x"}]', b'[{"link":"http://[::1"}]', b" " * (MAX_BYTES + 1)],
)  # fmt: skip
def test_what_is_no_list_names_nothing(body):
    assert read_entries(body, url=POSTS).links == ()


def test_dates_that_are_none_are_left_out():
    entry = {"link": "/a", "date_gmt": "0000-00-00 00:00:00", "modified_gmt": 5}
    (link,) = read_entries(json.dumps([entry]).encode(), url=POSTS).links
    assert (link.url, link.published, link.modified) == ("https://example.com/a", "", "")


def test_no_more_entries_are_read_than_were_asked_for():
    body = json.dumps([{"link": f"/{number}"} for number in range(5_000)]).encode()
    read = read_entries(body, url=POSTS)
    assert (len(read.links), read.problems) == (100, ("rest: more than 100 entries",))


@given(st.recursive(st.none() | st.text() | st.integers(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))  # fmt: skip
def test_no_json_raises(value):
    read_entries(json.dumps(value).encode(), url=POSTS)


@given(st.binary())
def test_no_bytes_raise(body):
    read_entries(b"[" + body, url=POSTS)


@given(st.text().map("https://example.com/?_fields=id,".__add__))
def test_no_address_raises(url):
    place_of(url)
    entrances(url)


@pytest.mark.parametrize(("value", "count"), [("150", 150), (" 0 ", 0), ("", -1), ("-1", -1), ("१", -1), ("9" * 20, -1)])  # fmt: skip
def test_counts_in_fields(value, count):
    assert count_in(value) == count


def test_lists_are_in_scope_only_for_who_was_told_of_them_as_such():
    scope = Scope(["https://example.com/"])
    assert scope.decide(POSTS, is_listed=True).in_scope
    assert scope.decide(PLAIN, is_listed=True).in_scope
    assert scope.decide(POSTS).reason == "system_page"
    assert scope.decide("https://example.com/wp-json/wp/v2/users", is_listed=True).reason == "system_page"  # fmt: skip
    assert scope.decide(POSTS.replace("example", "other"), is_listed=True).reason == "other_host"
