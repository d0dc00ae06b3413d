"""crawler.wire.outgoing: a request as the bytes that go out, and as those that may be kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import FormRequest, Request

from archive.errors import BadAddress
from crawler.wire.outgoing import Outgoing, outgoing, target_of


def written(request: Request, *cookies: str, through_proxy: bool = False) -> Outgoing:
    target = target_of(request.url)
    return outgoing(request, target, through_proxy=through_proxy, withheld_cookies=cookies)


def test_fields_go_out_in_scrapys_order_with_repeated_ones_repeated():
    request = Request(
        "http://a.example/p?q=1#f", headers={"X-B": ["1", "2"], "Accept": "*/*", "X-A": "3"}
    )

    assert written(request).sent == (
        b"GET /p?q=1 HTTP/1.1\r\nHost: a.example\r\nX-B: 1\r\nX-B: 2\r\nAccept: */*\r\nX-A: 3\r\n\r\n"
    )


def test_a_body_goes_out_with_its_length():
    sent = written(FormRequest("http://a.example/", formdata={"a": "1"})).sent

    assert sent.endswith(b"\r\nContent-Length: 3\r\n\r\na=1")


def test_a_host_field_of_the_spider_stays_where_it_is():
    sent = written(Request("http://a.example/", headers={"A": "1", "Host": "b.example"})).sent

    assert sent == b"GET / HTTP/1.1\r\nA: 1\r\nHost: b.example\r\n\r\n"


def test_framing_fields_of_the_spider_do_not_go_out():
    headers = {"Content-Length": "99", "Transfer-Encoding": "chunked"}
    sent = written(Request("http://a.example/", method="POST", headers=headers)).sent

    assert sent == b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://a.example:80/", b"a.example"),
        ("https://a.example:443/", b"a.example"),
        ("http://a.example:443/", b"a.example:443"),
        ("http://user:secret@a.example:81/", b"a.example:81"),
        ("http://[::1]:81/", b"[::1]:81"),
        ("http://127.0.0.1@127.0.0.66/", b"127.0.0.66"),
        ("http://алматы.example/", b"xn--80aa6ae5a6c.example"),
    ],
)
def test_the_host_is_written_without_user_information_and_default_port(url, authority):
    target = target_of(url)

    assert target.authority == authority
    assert "secret" not in target.url


def test_the_kept_url_has_no_user_information_and_no_fragment():
    assert target_of("http://u:p@a.example:81/x?y#z").url == "http://a.example:81/x?y"


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///x",
        "ftp://a/",
        "http://a:99999/",
        "http://[::1",
        "http://a b/",
        "x",
        "http://\udcff/",
    ],
)
def test_what_names_no_server_is_a_bad_address(url):
    with pytest.raises(BadAddress):
        target_of(url)


def test_a_proxy_reads_the_whole_address_and_its_credentials():
    request = Request("http://a.example:81/p", headers={"Proxy-Authorization": "Basic x"})

    assert written(request, through_proxy=True).sent == (
        b"GET http://a.example:81/p HTTP/1.1\r\nHost: a.example:81\r\nProxy-Authorization: Basic x\r\n\r\n"
    )
    assert b"Proxy" not in written(request).sent


def test_credentials_go_out_but_are_not_kept():
    headers = {"Authorization": "Bearer secret", "A": "1", "Proxy-Authorization": "Basic secret"}
    result = written(Request("http://a.example/", headers=headers), through_proxy=True)

    assert result.sent.count(b"secret") == 2
    assert result.kept == b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nA: 1\r\n\r\n"
    assert result.withheld == ("Authorization", "Proxy-Authorization")


def test_login_cookies_go_out_but_are_not_kept():
    request = Request(
        "http://a.example/", headers={"Cookie": "a=1; wp_in_7f=secret; b=2", "X": "1"}
    )
    result = written(request, "session", "wp_in_*")

    assert b"Cookie: a=1; wp_in_7f=secret; b=2\r\n" in result.sent
    assert b"Cookie: a=1; b=2\r\nX: 1\r\n" in result.kept
    assert result.withheld == ("Cookie: wp_in_7f",)


def test_a_cookie_field_of_login_cookies_alone_is_not_kept():
    result = written(Request("http://a.example/", headers={"Cookie": "session=secret"}), "session")

    assert result.kept == b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"


def test_without_credentials_what_is_kept_is_what_went_out():
    result = written(Request("http://a.example/", headers={"Cookie": "a=1"}), "session")

    assert result.kept is result.sent


@given(st.text(max_size=30), st.binary(max_size=30))
def test_no_value_can_begin_a_line_of_its_own(path, value):
    request = Request("http://a.example/", headers={"X": value, "Y": "1"})
    target = target_of("http://a.example/" + path.replace("#", "").replace("?", ""))
    lines = outgoing(request, target).sent.split(b"\n")

    assert len(lines) == 6
    assert all(line.endswith(b"\r") and b"\r" not in line[:-1] for line in lines[:-1])
    assert lines[0].count(b" ") == 2


@pytest.mark.parametrize(
    ("method", "name"), [("GE T", "A"), ("GET\r\nX: 1", "A"), ("GET", "A\r\nB"), ("GET", "A B")]
)
def test_a_method_or_name_that_is_no_token_is_a_value_error(method, name):
    with pytest.raises(ValueError, match=r"HTTP method|header field"):
        written(Request("http://a.example/", method=method, headers={name: "1"}))
