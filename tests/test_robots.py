"""Facts about crawler.robots without a network: what files say, how origins stand, what is kept.

Google's assertions are read from MURAGAT_VECTORS/robots.jsonl, skipped where there are none.
"""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.freshness import DAY_S
from crawler.robots.middleware import origin_of
from crawler.robots.patterns import MAX_WILD
from crawler.robots.rules import MAX_BYTES, Rules
from crawler.robots.spelling import coded, plain_path, plain_rule
from crawler.robots.standing import KEPT_S, Answer, Standing
from crawler.robots.table import make_table, store, stored

VECTORS = (
    Path(
        os.environ.get(
            "MURAGAT_VECTORS", Path(__file__).parents[2] / "shared" / "quality" / "vectors"
        )
    )
    / "robots.jsonl"
)
ORIGIN = "https://example.org"


def allows(body: bytes | str, path: str) -> bool:
    return Rules(body.encode() if isinstance(body, str) else body).allows(ORIGIN + path)


@pytest.mark.skipif(not VECTORS.exists(), reason="no vectors; set MURAGAT_VECTORS to their folder")
def test_all_of_googles_assertions_hold():
    cases = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]
    wrong = [
        case["id"]
        for case in cases
        if Rules(case["robots"].encode(), case["agent"]).allows(case["url"]) != case["allow"]
    ]
    assert (len(cases), wrong) == (142, [])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_three_ways(end):
    body = f"User-agent: *{end}Disallow: /a{end}{end}Allow: /a/b{end}"
    assert [allows(body, path) for path in ("/a", "/a/b", "/c")] == [False, True, True]


def test_a_byte_order_mark_is_passed_over():
    assert not allows(b"\xef\xbb\xbfUser-agent: *\nDisallow: /a", "/a")


def test_utf16_is_unreadable_and_allows_everything():
    assert allows("User-agent: *\nDisallow: /".encode("utf-16"), "/a")


def test_html_names_no_rules():
    assert allows("<!DOCTYPE html>\n<p>Disallow: /</p>\n<pre>\nDisallow: /\n</pre>", "/a")


def test_groups_of_one_agent_are_merged_and_others_left_out():
    body = (
        "User-agent: MuraGat/2.0 (x)\nDisallow: /a\n\nUser-agent: *\nDisallow: /\n"
        "User-agent: x\nUser-agent: muragat # us\nDisallow: /b\n"
    )
    assert [allows(body, path) for path in ("/a", "/b", "/c")] == [False, False, True]


def test_a_longer_name_is_another_crawler():
    assert allows("User-agent: muragat-news\nDisallow: /\n", "/a")


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("/%70rivate", "/private"),
        ("/private", "/%70rivate"),
        ("/ö", "/%c3%b6"),
        ("/%c3%b6", "/%C3%B6"),
        ("/ö", "/ö"),
        ("/?u=http%3A%2F%2Fa", "/?u=http://a"),
        ("/?u=http://a", "/?u=http%3a%2F%2Fa"),
        ("/a%2A", "/a*"),
        ("/a%24$", "/a$"),
        ("/$a", "/%24a"),
        ("/a*/%7Eb$", "/axx/~b"),
    ],
)
def test_a_disallow_covers_every_spelling(rule, path):
    assert not allows(f"User-agent: *\nDisallow: {rule}\n", path)


@pytest.mark.parametrize(
    ("rule", "path"), [("/a%2Fb", "/a/b"), ("/A", "/a"), ("/?a=1%262", "/?a=1&2"), ("/a$", "/a/")]
)
def test_what_means_something_else_is_not_covered(rule, path):
    assert allows(f"User-agent: *\nDisallow: {rule}\n", path)


def test_the_longest_rule_decides_and_allow_wins_a_tie():
    body = "User-agent: *\nDisallow: /a*\nAllow: /a/\nDisallow: /a/*/c$\nAllow: /%61/\n"
    assert [allows(body, path) for path in ("/ab", "/a/b", "/a/b/c", "/a/b/cd")] == [
        False,
        True,
        False,
        True,
    ]


def test_robots_txt_itself_is_always_allowed():
    assert allows("User-agent: *\nDisallow: /\n", "/robots.txt")


def test_the_crawl_delay_is_ours_else_everyones():
    everyone = "User-agent: *\nCrawl-delay: 2.5\n\n"
    ours = "User-agent: muragat\nCrawl-delay: 7\nDisallow:\n\n"
    others = "User-agent: x\nCrawl-delay: 99\nDisallow: /\n\n"
    delays = [
        Rules(body.encode()).crawl_delay_s
        for body in (
            everyone,
            ours + everyone,
            others + everyone,
            others,
            everyone + "Crawl-delay: no",
        )
    ]
    assert delays == [2.5, 7.0, 2.5, 0.0, 2.5]


def test_what_lies_beyond_the_first_500_kib_is_not_read():
    head = b"User-agent: *\nDisallow: /a\n"
    filler = b"# filler line\n" * (MAX_BYTES // 14 + 10)
    body = head + filler + b"Disallow: /b\n"
    assert [allows(body, path) for path in ("/a", "/b")] == [False, True]


def test_a_rule_cut_by_the_limit_does_not_count():
    body = b"User-agent: *\n#" + b"x" * (MAX_BYTES - 28) + b"\nDisallow: /private\n"
    assert allows(body, "/a")


def test_beyond_the_limit_of_wildcards_a_disallow_counts_up_to_the_first():
    rules = "".join(f"Disallow: /a{number}*b\n" for number in range(MAX_WILD + 5))
    body = f"User-agent: *\n{rules}"
    assert [allows(body, f"/a{number}c") for number in (3, MAX_WILD + 4)] == [True, False]


@given(st.binary(max_size=400), st.text(max_size=60))
def test_no_bytes_make_it_fail(body, path):
    Rules(b"User-agent: *\n" + body).allows(f"{ORIGIN}/{path}")


TEXTS = st.text("/ab%2A7e*$?:=&\xf6", max_size=30)


@given(TEXTS)
def test_a_spelling_is_its_own_spelling(text):
    rule = plain_rule(coded(text.encode()))
    path = plain_path(coded(text.encode()))
    assert (plain_rule(rule), plain_path(path)) == (rule, path)


@given(TEXTS)
def test_a_path_is_covered_by_itself(text):
    rule = plain_path(coded(f"/{text}".encode()))
    assert not allows(f"User-agent: *\nDisallow: {rule}\n", rule)


@given(st.lists(st.tuples(st.booleans(), TEXTS), max_size=6), TEXTS)
def test_the_order_of_rules_means_nothing(rules, path):
    lines = [f"{'Allow' if allow else 'Disallow'}: /{text}\n" for allow, text in rules]
    said = {allows("User-agent: *\n" + "".join(each), f"/{path}") for each in (lines, lines[::-1])}
    assert len(said) == 1


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("fields", "kept_s"),
    [
        ([], DAY_S),
        ([(b"Cache-Control", b"max-age=60")], 60),
        ([(b"Cache-Control", b"max-age=999999")], DAY_S),
        ([(b"Cache-Control", b"no-store")], 0),
        ([(b"Last-Modified", b"Sat, 01 Jan 2000 00:00:00 GMT")], DAY_S),
    ],
)
def test_an_answer_holds_a_day_at_most(fields, kept_s):
    standing = Standing(ORIGIN).answered(Answer(ORIGIN, b"", fields), NOW)
    assert (standing.until - NOW, standing.is_known(NOW)) == (kept_s, True)


def test_an_unreachable_one_is_asked_again_later_each_time():
    standing, waits = Standing(ORIGIN), []
    for _ in range(10):
        standing = standing.unreachable(NOW)
        waits.append(standing.until - NOW)
    assert waits[:3] == [600, 1200, 2400]
    assert waits[-1] == DAY_S
    assert not standing.is_known(NOW)


def test_retry_after_counts_but_does_not_hurry_a_host_that_goes_on_failing():
    first = Standing(ORIGIN).unreachable(NOW, retry_after_s=30)
    second = first.unreachable(NOW, retry_after_s=30)
    assert (first.until - NOW, second.until - NOW) == (30, 1200)


def test_rules_read_before_hold_for_30_days_while_unreachable():
    read = Standing(ORIGIN).answered(Answer(ORIGIN, b"User-agent: *"), NOW)
    gone = read.unreachable(NOW + DAY_S)
    assert [gone.is_known(NOW + after) for after in (DAY_S, KEPT_S, KEPT_S + 1)] == [
        True,
        True,
        False,
    ]


def test_what_a_clock_that_ran_ahead_has_kept_is_asked_for_again():
    ahead = Standing(ORIGIN).answered(Answer(ORIGIN, b"User-agent: *"), NOW + 400 * DAY_S)
    now = Standing(ORIGIN).answered(Answer(ORIGIN, b"User-agent: *"), NOW)
    assert (ahead.holds(NOW), now.holds(NOW), now.holds(NOW + DAY_S)) == (False, True, False)


def test_what_is_kept_comes_back_and_what_is_forgotten_goes():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    make_table(connection, NOW)
    kept = Standing(ORIGIN).answered(Answer(f"{ORIGIN}/r", b"\xff" * 9), NOW).unreachable(NOW)
    store(connection, kept)
    assert stored(connection, ORIGIN) == kept
    make_table(connection, NOW + KEPT_S + DAY_S)
    assert stored(connection, ORIGIN) == Standing(ORIGIN)


def test_an_origin_has_scheme_host_and_port():
    urls = ["HTTPS://A.org/x", "http://a.org:80/", "http://a.org:443/", "ftp://a.org/", "data:,x"]
    assert [origin_of(url) for url in urls] == [
        "https://a.org",
        "http://a.org",
        "http://a.org:443",
        "",
        "",
    ]
