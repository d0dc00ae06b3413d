"""archive.urls: three keys of a URL, links made absolute, 14-digit dates."""

import base64
import json
import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archive import urls
from archive.urls import hosts

QUALITY = Path(
    os.environ.get("MURAGAT_QUALITY", Path(__file__).parents[1] / "../shared/quality")
).resolve()
BASE = "https://en.dimashnews.com/2024/01/a-post/?page=2"

url_like = st.text(alphabet="htps:/@.%?#&=[]\\ aZ20fFеқ中。ß�\udc80\ud800\t;-_", max_size=40)
tails = st.one_of(st.text(max_size=40), url_like)
web_url = st.builds(
    lambda host, tail: f"http://{host}/{tail}",
    st.from_regex(r"[a-z0-9.\-%\[\]:@]{1,20}", fullmatch=True),
    tails,
)
prefixed = st.builds(
    lambda prefix, tail: prefix + tail,
    st.sampled_from(["http://", "HTTPS:", "urn:", "file:", "//", "x://"]),
    tails,
)
any_url = st.one_of(st.text(max_size=60), url_like, prefixed, web_url)


def vectors(name):
    path = QUALITY / "vectors" / name
    if not path.is_file():
        pytest.skip(f"{name} is not there; MURAGAT_QUALITY names the folder of test vectors")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows
    return rows


def text_of(row, field):
    if field in row:
        return row[field]
    return base64.b64decode(row[f"{field}_base64"]).decode("utf-8", "surrogateescape")


def turned_back(urlkey):
    host, _, path = urlkey.partition(")")
    return "http://" + ".".join(reversed(host.split(","))) + path


def test_fetch_key_is_the_semantic_form_of_urlcanon_without_fragment():
    rows = vectors("urlcanon_semantic.jsonl")
    expected = {text_of(row, "input"): text_of(row, "expect").partition("#")[0] for row in rows}
    assert {url: urls.fetch_key(url) for url in expected} == expected


def test_key_is_the_surt_of_the_surt_package():
    rows = vectors("surt.jsonl")
    found = [(row["input"], urls.key(row["input"] or "")) for row in rows]
    assert found == [(row["input"], row["expect"]) for row in rows]


def test_key_holds_the_ia_form_turned_round():
    rows = vectors("surt_ia_form.jsonl")
    found = [turned_back(urls.key(row["input"])) for row in rows]
    assert found == [row["expect"] for row in rows]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://www.Example.com:80/A?b=2&a=1#top", "http://www.example.com/A?a=1&b=2"),
        ("https://example.com/photo.JPG", "https://example.com/photo.JPG"),
        ("https://example.com/a/", "https://example.com/a/"),
        ("https://example.com/%d0%b4%D0%B8?q=%d0%b4", "https://example.com/%D0%B4%D0%B8?q=%D0%B4"),
        ("https://example.com/димаш", "https://example.com/%D0%B4%D0%B8%D0%BC%D0%B0%D1%88"),
        ("https://example.com/a%2Fb%2fc", "https://example.com/a%2Fb%2Fc"),
        ("https://example.com/?a=b%26c%2Bd+e", "https://example.com/?a=b%26c%2Bd+e"),
        ("https://Новости.РФ/", "https://xn--b1amnebsh.xn--p1ai/"),
        ("http://example.com:0080/", "http://example.com/"),
        ("http://example.com:8101/", "http://example.com:8101/"),
        ("http://127.0.0.1:43210/a", "http://127.0.0.1:43210/a"),
        ("http://example.com:/", "http://example.com/"),
        ("http://example.com:80a/", "http://example.com%3A80a/"),
        ("http://%ff/", "http://%FF/"),
        ("http://％41.com/", "http://%EF%BC%8541.com/"),
        ("http://[::FFFF:127.0.0.1]:80/", "http://[::ffff:7f00:1]/"),
        ("http://[zz]/", "http://%5Bzz%5D/"),
        ("http://[1:2", "http://%5B1:2/"),
        ("http://example.com/\ud800", "http://example.com/%EF%BF%BD"),
        ("", ""),
        (" http://:80/a#b ", "http://:80/a"),
    ],
)
def test_fetch_key_writes_one_resource_one_way(url, expected):
    assert urls.fetch_key(url) == expected


@given(any_url)
@example("http:\t")
@example("http://h/%" + "25" * 9 + "41")
def test_fetch_key_is_idempotent(url):
    once = urls.fetch_key(url)
    assert urls.fetch_key(once) == once


@given(any_url)
@example("http://h/a/;jsessionid=1/b")
@example("http://h/a/..;jsessionid=1/b")
def test_identity_is_idempotent(url):
    once = urls.identity(url)
    assert urls.identity(once) == once


@given(web_url)
def test_key_is_the_same_for_a_url_and_its_fetch_key(url):
    assert urls.key(url) == urls.key(urls.fetch_key(url))


@given(any_url)
def test_key_fits_a_field_of_cdxj(url):
    urlkey = urls.key(url)
    assert urlkey
    assert urlkey.isascii()
    assert not any(character <= " " for character in urlkey)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8101/A/", "1,0,0,127:8101)/a"),
        ("https://www2.example.com/?", "com,example)/"),
        ("https://example.com:443/x", "com,example)/x"),
        ("http://[::1]:81/", "[::1]:81)/"),
        ("http://example.com/a;jsessionid=0123456789ABCDEF", "com,example)/a"),
        ("http://example.com/(S(4hqa0555fwsecu455xqckv45))/m.aspx", "com,example)/m.aspx"),
        ("http://example.com/a(b)", "com,example)/a(b)"),
        ("http://example.com/?CFID=1&CFTOKEN=2&a=1", "com,example)/?a=1"),
        ("urn:muragat:crawl:2024 01", "urn:muragat:crawl:2024%2001"),
        ("file:///etc/passwd", "file:///etc/passwd"),
    ],
)
def test_key_is_a_surt(url, expected):
    assert urls.key(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "http://Example.com:80/a?utm_source=x&b=1&a=2&fbclid=3#c",
            "https://example.com/a?a=2&b=1",
        ),
        ("https://example.com:443/a?", "https://example.com/a"),
        ("http://example.com:443/a", "https://example.com/a"),
        ("https://example.com/a?replytocom=12", "https://example.com/a"),
        ("https://example.com/a?share=facebook&nb=1", "https://example.com/a"),
        ("https://example.com/a?share=1234&nb=1", "https://example.com/a?nb=1&share=1234"),
        ("https://example.com/a;jsessionid=1F?x", "https://example.com/a?x"),
        ("https://example.com/?PHPSESSID=0123456789abcdef0123456789abcdef", "https://example.com/"),
        ("https://example.com/a/amp/?amp=1", "https://example.com/a/amp/?amp=1"),
        ("https://example.com/?ref=home&from=feed", "https://example.com/?from=feed&ref=home"),
        ("https://example.com/a/index.html", "https://example.com/a/index.html"),
        ("mailto:a@b.c", "mailto:a@b.c"),
    ],
)
def test_identity_drops_only_what_tracks(url, expected):
    assert urls.identity(url) == expected


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://example.com/a?b=c", "https://example.com/a?b=c"),
        ("HTTPS://user:pw@Example.COM:443/a#b", "https://example.com/a"),
        ("/b", "https://en.dimashnews.com/b"),
        ("/b?x=1&y=2", "https://en.dimashnews.com/b?x=1&y=2"),
        ("b", "https://en.dimashnews.com/2024/01/a-post/b"),
        ("../b", "https://en.dimashnews.com/2024/01/b"),
        ("/../../b", "https://en.dimashnews.com/b"),
        ("/a/%2E%2e/b/%2e", "https://en.dimashnews.com/b/"),
        ("/100%25", "https://en.dimashnews.com/100%25"),
        ("?page=3", "https://en.dimashnews.com/2024/01/a-post/?page=3"),
        ("", BASE),
        ("#top", BASE),
        ("//cdn.example.com/x", "https://cdn.example.com/x"),
        ("\\\\cdn.example.com\\x", "https://cdn.example.com/x"),
        ("\\x\\y", "https://en.dimashnews.com/x/y"),
        (" \n/a\tb c\r\n ", "https://en.dimashnews.com/ab%20c"),
        ("https:c", "https://en.dimashnews.com/2024/01/a-post/c"),
        ("https:/c", "https://en.dimashnews.com/c"),
        ("http:example.com", "http://example.com/"),
        ("http:/example.com", "http://example.com/"),
        ("https:///example.com", "https://example.com/"),
        ("http://example.com?q", "http://example.com/?q"),
        ("/Димаш Құдайберген", "https://en.dimashnews.com/%D0%94%D0%B8%D0%BC%D0%B0%D1%88%20%D2%9A%D2%B1%D0%B4%D0%B0%D0%B9%D0%B1%D0%B5%D1%80%D0%B3%D0%B5%D0%BD"),
        ("/迪玛希", "https://en.dimashnews.com/%E8%BF%AA%E7%8E%9B%E5%B8%8C"),
        ("/%d0%b4", "https://en.dimashnews.com/%d0%b4"),
        ("/100% \"x\"<y>`{z}", "https://en.dimashnews.com/100%%20%22x%22%3Cy%3E%60%7Bz%7D"),
        ("?q='a b'", "https://en.dimashnews.com/2024/01/a-post/?q=%27a%20b%27"),
        ("http://новости.рф/", "http://xn--b1amnebsh.xn--p1ai/"),
        ("http://2130706498/", "http://127.0.0.66/"),
        ("http://0177.0.0.0x42/", "http://127.0.0.66/"),
        ("http://[::ffff:127.0.0.66]/", "http://[::ffff:7f00:42]/"),
        ("http://127.0.0.1@127.0.0.66/", "http://127.0.0.66/"),
        ("http://example.com.:8080/", "http://example.com:8080/"),
        ("/\ud800", "https://en.dimashnews.com/%EF%BF%BD"),
        ("article.html:2", None),
        ("javascript:alert(1)", None),
        (" java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("mailto:a@b.c", None),
        ("file:///etc/passwd", None),
        ("ftp://example.com/", None),
        ("http://", None),
        ("http:", None),
        ("http://a b/", None),
        ("http://%00/", None),
        ("http://%ff/", None),
        ("http://\ud800/", None),
        ("http://[::1/", None),
        ("http://[::g]/", None),
        ("http://1.2.3.4.5/", None),
        ("http://256.1.1.1/", None),
        ("http://09/", None),
        ("http://example.com:65536/", None),
        ("http://example.com:999999/", None),
        ("http://example.com:x/", None),
        ("http://" + "a" * 254 + "/", None),
        ("/" + "a" * 8192, None),
        ("/" + "a" * 8180, None),
        ("/" + "я" * 4000, None),
    ],
)  # fmt: skip
def test_absolute_is_what_a_browser_requests(href, expected):
    assert urls.absolute(BASE, href) == expected


def test_absolute_writes_queries_in_the_charset_of_the_page():
    link = "/поиск?q=мир中"
    path = "%D0%BF%D0%BE%D0%B8%D1%81%D0%BA"
    assert urls.absolute("http://a.b/", link, charset="windows-1251") == (
        f"http://a.b/{path}?q=%EC%E8%F0&%2320013;"
    )
    assert urls.absolute("http://a.b/", "?q=я", charset="no-such") == "http://a.b/?q=%D1%8F"
    assert urls.absolute("http://a.b/", "?q=я", charset="utf-16") == "http://a.b/?q=%D1%8F"


@pytest.mark.parametrize("href", ["a", "/a", "", "?a"])
@pytest.mark.parametrize("base", ["", "mailto:a@b", "http://", "x"])
def test_absolute_needs_a_web_address_as_base_for_a_relative_link(base, href):
    assert urls.absolute(base, href) in (
        None,
        *([f"http://x/{href}"] if base == "x" else []),
        "http://x/a",
    )


@given(any_url, any_url)
def test_absolute_gives_none_or_a_sendable_address(base, href):
    url = urls.absolute(base, href)
    if url is not None:
        assert url.startswith(("http://", "https://"))
        assert url.isascii()
        assert not any(character <= " " for character in url)
        assert "#" not in url
        assert "/../" not in url.partition("?")[0]
        assert len(url) <= urls.MAX_LENGTH
        assert urls.absolute("", url) == url
        assert urls.host_port(url)[0]


@given(any_url)
def test_a_link_and_what_it_resolves_to_have_one_fetch_key(href):
    url = urls.absolute("", href)
    if url is not None:
        assert urls.fetch_key(url) == urls.fetch_key(href)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://Example.com/a", ("example.com", 80)),
        ("https://example.com", ("example.com", 443)),
        ("http://u:p@127.0.0.1:8101/", ("127.0.0.1", 8101)),
        ("http://[::1]:8/", ("::1", 8)),
        ("example.com", ("", 0)),
        ("http:example.com", ("", 0)),
        ("ftp://example.com", ("", 0)),
        ("http://a b", ("", 0)),
    ],
)
def test_host_port_is_where_a_url_is_fetched_from(url, expected):
    assert urls.host_port(url) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("en.dimashnews.com", "dimashnews.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("WWW.Example.com.", "example.com"),
        ("fan.blogspot.com", "fan.blogspot.com"),
        ("a.fan.github.io", "fan.github.io"),
        ("co.uk", "co.uk"),
        ("a.www.ck", "www.ck"),
        ("a.b.c.ck", "b.c.ck"),
        ("lenta.unknown-suffix", "lenta.unknown-suffix"),
        ("www.новости.рф", "xn--b1amnebsh.xn--p1ai"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("::1", "::1"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_registrable_domain_is_what_one_owner_registered(host, expected):
    assert urls.registrable_domain(host) == expected


@given(st.text(max_size=30))
def test_hosts_never_raise(text):
    hosts.domain(text)
    hosts.registrable_domain(text)


def test_a_very_long_name_is_not_put_in_punycode():
    assert hosts.ascii_name("я" * 300) == "я" * 300


@pytest.mark.parametrize(
    "number", ["4294967296", "1.2.3.256", "1.256.3.4", "0x" + "f" * 20, "1" * 5000]
)
def test_an_impossible_ip_address_is_no_host(number):
    assert hosts.ipv4(number) == ""
    assert hosts.domain(number) == ""


def test_a_timestamp_is_in_utc():
    almaty = timezone(timedelta(hours=5))
    assert urls.timestamp(datetime(2024, 1, 1, 2, 3, 4, 999999, almaty)) == "20231231210304"
    assert urls.timestamp(datetime(7, 1, 1, tzinfo=UTC)) == "00070101000000"


def test_a_naive_date_has_no_timestamp():
    with pytest.raises(ValueError, match="time zone"):
        urls.timestamp(datetime(2024, 1, 1))  # noqa: DTZ001


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_timestamp_reads_back_to_the_second(date):
    assert urls.from_timestamp(urls.timestamp(date)) == date.replace(microsecond=0)


@pytest.mark.parametrize("digits", ["", "2024", "20241301000000", "2024010100000x", "２" * 14])
def test_what_is_not_a_timestamp_is_refused(digits):
    with pytest.raises(ValueError, match=r".+"):
        urls.from_timestamp(digits)


@pytest.mark.parametrize(
    "url",
    [
        "http://h/" + "%25" * 200_000 + "41",
        "http://h/" + "%" + "%32%35" * 100_000,
        "http://h/" + "../" * 300_000,
        "http://" + "a." * 300_000,
        "http://" + "я" * 300_000,
        "http://h/?" + "a&" * 300_000,
        "(" * 300_000,
        "http://h/(" * 100_000,
    ],
)
def test_keys_take_linear_time(url):
    started = time.process_time()
    urls.fetch_key(url)
    urls.key(url)
    urls.identity(url)
    assert time.process_time() - started < 5


def test_tracking_parameters_are_dropped_and_nothing_else():
    assert (
        urls.without_tracking("https://a.test/p?b=2&utm_source=x&a=1") == "https://a.test/p?b=2&a=1"
    )
    assert urls.without_tracking("https://a.test/p?fbclid=x") == "https://a.test/p"


def test_an_address_without_tracking_parameters_is_kept_to_the_letter():
    for url in ("https://a.test/p", "https://a.test/p?", "https://a.test/p?x=&y&&z=%2f"):
        assert urls.without_tracking(url) == url
