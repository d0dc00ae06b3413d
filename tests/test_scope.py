"""crawler.scope and crawler.scope.traps: what belongs to a crawl, and why the rest does not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import urls
from crawler.report.reasons import REASONS
from crawler.scope import Scope, traps
from crawler.scope.marks import Marks
from crawler.scope.traps import BUDGETS, Kind, patterns_of
from crawler.sites.site import Site

SEED = "https://www.example.com/"


def scope(**more):
    return Scope.from_site(Site(name="example", seeds=(SEED,), **more))


def reason(url, **more):
    return scope(**more).decide(url).reason


@pytest.mark.parametrize(
    "url",
    [
        SEED,
        "http://example.com/2024/01/a-post/",
        "https://EXAMPLE.com:443/a",
        "https://example.com/новости/димаш",
        "https://example.com/a.pdf",
        "https://example.com/wp-content/uploads/2024/report.pdf",
        "https://example.com/a.html?utm_source=x",
        "https://example.com/feed/",
        "https://example.com/category/news/feed/",
        "https://example.com/sitemap.xml.gz",
        "https://example.com/sitemap-index.xml?page=2",
        "https://example.com/?p=123",
        "https://example.com/page/2/",
        "https://example.com/research/",
        "https://example.com/2024/print-media/",
        "https://example.com/print-is-dead",
        "https://example.com/1/1/1/1",
        "https://example.com/?q=x",
        "https://example.com/a-woman-to-login-for",
        "https://example.com/dr.who",
        "https://example.com/sport/map",
    ],
)
def test_pages_of_the_site_are_in(url):
    assert scope().decide(url).in_scope


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://other.com/", "other_host"),
        ("https://sub.example.com/", "other_host"),
        ("https://example.com.evil.com/", "other_host"),
        ("https://example.com:8443/", "other_host"),
        ("https://example.com@evil.com/", "other_host"),
        ("mailto:a@example.com", "no_address"),
        ("ftp://example.com/", "no_address"),
        ("", "no_address"),
        ("https://example.com/wp-admin/post.php", "system_page"),
        ("https://example.com/wp-login.php?redirect_to=x", "system_page"),
        ("https://example.com/xmlrpc.php?rsd", "system_page"),
        ("https://example.com/wp-json/oembed/1.0/embed?url=x", "system_page"),
        ("https://example.com/?rest_route=/wp/v2/posts", "system_page"),
        ("https://example.com/a/trackback/", "system_page"),
        ("https://example.com/login", "system_page"),
        ("https://example.com/?s=dimash", "search"),
        ("https://example.com/search/dimash/", "search"),
        ("https://example.com/site-search?q=dimash", "search"),
        ("https://example.com/comments/feed/", "comment_feed"),
        ("https://example.com/?feed=comments-rss2", "comment_feed"),
        ("https://example.com/2024/01/a-post/feed/", "comment_feed"),
        ("https://example.com/2024/01/02/a-post/feed/atom/", "comment_feed"),
        ("https://example.com/a-post/?replytocom=12", "reply_link"),
        ("https://example.com/a-post/?share=facebook&nb=1", "share_link"),
        ("https://example.com/a-post/print/", "print_view"),
        ("https://example.com/a-post/?print=1", "print_view"),
        ("https://example.com/a-post?layout=print", "print_view"),
        ("https://example.com/events/?ical=1", "calendar_file"),
        ("https://example.com/events/a.ics", "file_type"),
        ("https://example.com/a?PHPSESSID=1", "session_id"),
        ("https://example.com/a;jsessionid=1F", "session_id"),
        ("https://example.com/a?sid=0123456789abcdef0123456789abcdef", "session_id"),
        ("https://example.com/photo.JPG", "file_type"),
        ("https://example.com/style.css?ver=1", "file_type"),
        ("https://example.com/" + "a/b/" * 2 + "c/d/e/f/g/h/i/j/k/l/m/n/o/p", "too_deep"),
        ("https://example.com/a/b/a/b/a/b", "repeated_path"),
        ("https://example.com/news/news/news/", "repeated_path"),
    ],
)
def test_what_is_out_has_a_named_reason(url, expected):
    assert reason(url) == expected
    assert expected in REASONS


def test_a_port_that_a_seed_names_is_the_only_one():
    local = Scope(["http://127.0.0.1:8101/"])
    assert local.decide("http://127.0.0.1:8101/a").in_scope
    assert local.decide("http://127.0.0.1:8200/a").reason == "other_host"
    assert local.decide("http://127.0.0.1/a").reason == "other_host"
    assert local.decide("http://127.0.0.66:8101/a").reason == "other_host"
    assert local.decide("http://2130706433:8101/a").in_scope


def test_other_hosts_are_in_when_the_table_allows_them():
    allowed = scope(allow=("cdn.example.com", "other.org:8080", "[::1]:81"))
    assert allowed.decide("https://cdn.example.com/a").in_scope
    assert allowed.decide("http://cdn.example.com/a").in_scope
    assert allowed.decide("http://other.org:8080/a").in_scope
    assert allowed.decide("http://[::1]:81/a").in_scope
    assert allowed.decide("http://other.org/a").reason == "other_host"


def test_prefixes_hold_for_all_but_seeds_sitemaps_and_robots():
    part = scope(scope=("https://example.com/news/",))
    assert part.decide("http://www.example.com/news/a").in_scope
    assert part.decide("https://example.com/newsletter").reason == "outside_prefix"
    assert part.decide(SEED).in_scope
    assert part.decide("https://example.com/wp-sitemap.xml").in_scope
    assert part.decide("https://example.com/robots.txt").in_scope


def test_a_seed_is_in_whatever_it_looks_like():
    assert (
        Scope(["https://example.com/search/?s=x"])
        .decide("https://example.com/search/?s=x")
        .in_scope
    )


def test_a_seed_that_is_no_address_opens_nothing():
    assert Scope(["nonsense"]).decide("mailto:a@b").reason == "no_address"


def admitted(addresses):
    bounds = scope()
    return sum(bounds.decide(address).in_scope for address in addresses)


def test_a_calendar_ends():
    days = (
        f"https://example.com/cal/{year}/{month}"
        for year in range(1900, 2100)
        for month in range(12)
    )
    assert admitted(days) == BUDGETS[Kind.DATE].named


def test_filters_in_every_combination_end():
    combinations = (f"https://example.com/shop?a={a}&b={b}&c={c}" for a in range(9) for b in range(9) for c in range(9))  # fmt: skip
    assert admitted(combinations) == BUDGETS[Kind.QUERY].named


def test_an_endless_listing_ends():
    assert (
        admitted(f"https://example.com/page/{n}/" for n in range(3000)) == BUDGETS[Kind.PAGE].named
    )
    assert (
        admitted(f"https://example.com/list?page={n}" for n in range(3000))
        == BUDGETS[Kind.PAGE].named
    )


def test_numbered_addresses_end():
    count = admitted(
        f"https://example.com/soft/s{n}" for n in range(BUDGETS[Kind.NUMBER].named + 15_000)
    )
    assert BUDGETS[Kind.NUMBER].named <= count < BUDGETS[Kind.NUMBER].named + 5


def test_numbered_queries_are_not_taken_for_filters():
    assert admitted(f"https://example.com/?p={n}" for n in range(5000)) == 5000
    assert admitted(f"https://example.com/i.php?view=article&id={n}" for n in range(5000)) == 5000


def test_a_trap_takes_nothing_from_articles():
    bounds = scope()
    for number in range(1000):
        bounds.decide(f"https://example.com/cal/{2000 + number}/1")
    articles = [
        f"https://example.com/2024/01/{chr(97 + n % 26) * (n // 26 + 1)}/" for n in range(500)
    ]
    assert all(bounds.decide(article).in_scope for article in articles)


def test_what_was_admitted_stays_admitted():
    bounds = scope()
    first = "https://example.com/shop?a=first"
    assert bounds.decide(first).in_scope
    for number in range(1000):
        bounds.decide(f"https://example.com/shop?a={number}")
    assert bounds.decide(first).in_scope
    assert bounds.decide("https://example.com/shop?a=last").reason == "query_variants"


def test_budgets_are_kept_for_a_bounded_number_of_patterns():
    budgets = traps.Budgets()
    for number in range(traps._MAX_PATTERNS + 100):
        path = f"/{'x' * (number % 7)}{chr(0x4E00 + number)}1"
        budgets.refusal(patterns_of("https://example.com/", path, ""))
    assert len(budgets._counts) <= traps._MAX_PATTERNS


def test_marks_of_many_addresses_are_known_again_in_bounded_memory():
    marks = Marks()
    for number in range(20_000):
        marks.add(str(number))
    assert marks.size == 4 * 65_536
    assert all(str(number) in marks for number in range(20_000))
    assert sum(str(number) in marks for number in range(20_000, 40_000)) < 5


def test_marks_are_few_until_there_are_many():
    marks = Marks()
    marks.add("a")
    assert ("a" in marks, "b" in marks, len(marks), marks.size) == (True, False, 1, 0)


@given(
    st.lists(st.from_regex(r"https://example\.com/[a-c0-9/?=&]{0,12}", fullmatch=True), max_size=30)
)
def test_decisions_are_deterministic_and_repeatable(addresses):
    first, second = scope(), scope()
    verdicts = [first.decide(address) for address in addresses]
    assert [second.decide(address) for address in addresses] == verdicts
    assert [first.decide(address) for address in addresses] == verdicts


@given(st.one_of(st.text(max_size=60), st.text(max_size=40).map("https://example.com/".__add__)))
def test_no_text_raises(url):
    verdict = scope().decide(url)
    assert verdict.in_scope == (verdict.reason == "")


@given(st.from_regex(r"https://(www\.)?example\.com/[a-zA-Z%0-9/.?=&;-]{0,20}", fullmatch=True))
def test_the_decision_depends_on_the_canonical_form(url):
    assert scope().decide(url) == scope().decide(urls.fetch_key(url))


@pytest.mark.parametrize(
    "path",
    ["sitemap" * 1000 + "/x", "/" * 8000, "1/" * 4000, "wp-" * 2000, "a" * 8000, "2024/1/" * 1000],
)
def test_long_addresses_take_linear_time(path):
    bounds = scope()
    started = time.process_time()
    for _ in range(20):
        bounds.decide(f"https://example.com/{path}")
    assert time.process_time() - started < 1


def test_a_host_is_the_sites_own_on_whatever_port():
    scope = Scope(["https://www.a.test/"], allow=["cdn.a.test:8000"])
    assert [scope.has_host(host) for host in ("a.test", "www.a.test", "cdn.a.test", "b.test")] == [
        True,
        True,
        True,
        False,
    ]
