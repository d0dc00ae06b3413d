"""Facts about alarms: when each is raised from the facts of a site, that it is told once, and to whom."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from crawler.alarms import standing
from crawler.alarms.alarm import Alarm, AlarmKind, Judgement
from crawler.alarms.delivery import Limits, deliver, post, run
from crawler.alarms.facts import ClosedHost, FeedFacts, Pages, Sample, SiteFacts
from crawler.alarms.rules import DAY_S, RULES, judge
from crawler.alarms.standing import News
from crawler.sites import Site

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
T = NOW.timestamp()
FEED = "https://n.test/feed/"


def facts(**changes):
    return replace(SiteFacts(site="n", now=T, successes=10), **changes)


def told(kind, **changes):
    """What a rule says: a message, "" for all is well, None where it can't say."""
    return RULES[kind](facts(**changes))


def days_ago(*days):
    return tuple(T - day * DAY_S for day in days)


def test_a_site_that_is_well_raises_nothing_and_all_is_judged():
    well = facts(
        pages=Pages(seen=100, shells=2, walls=1),
        feeds=(FeedFacts(FEED, 10, T - DAY_S),),
        published=days_ago(*range(1, 40)),
        fields_now=Sample(20, dict.fromkeys(("headline", "author", "date", "text"), 20)),
        fields_before=Sample(100, dict.fromkeys(("headline", "author", "date", "text"), 98)),
    )
    judgement = judge([well])
    assert judgement.alarms == ()
    assert {kind for _, kind in judgement.judged} == set(AlarmKind)


def test_of_a_site_that_nothing_is_known_of_nothing_is_said():
    judgement = judge([facts(successes=0)])
    assert judgement.alarms == ()
    assert judgement.judged <= {("n", AlarmKind.ROBOTS), ("n", AlarmKind.FAILING)}


# Pages without a text


def test_a_site_whose_only_page_is_empty_needs_a_browser():
    said = told(AlarmKind.EMPTY_SHELL, pages=Pages(seen=1, shells=1, shell="https://n.test/"))
    assert "1 of 1 pages are empty without a browser, as https://n.test/" in said
    assert "import" in said


@pytest.mark.parametrize(("shells", "is_raised"), [(4, False), (9, False), (10, True), (60, True)])
def test_a_few_empty_pages_among_a_hundred_are_none(shells, is_raised):
    assert bool(told(AlarmKind.EMPTY_SHELL, pages=Pages(seen=100, shells=shells))) is is_raised


def test_challenges_and_refusals_are_one_wall():
    pages = Pages(seen=40, walls=3, refusals={403: 4, 429: 2}, wall="https://n.test/a")
    said = told(AlarmKind.BLOCKED, pages=pages)
    assert "3 show a challenge or a consent page, 4 answered 403, 2 answered 429" in said
    assert "https://n.test/a" in said


def test_without_pages_of_this_crawl_no_wall_is_seen_to_have_gone():
    assert told(AlarmKind.BLOCKED) is None
    assert told(AlarmKind.EMPTY_SHELL) is None


# Feeds


def stale(newest_days, unlisted_days):
    dates = days_ago(*unlisted_days)
    feeds = (FeedFacts(FEED, 10, T - newest_days * DAY_S),)
    return told(AlarmKind.STALE_FEED, feeds=feeds, unlisted=dates, published=dates or (T,))


def test_a_feed_that_stood_still_while_three_articles_appeared_is_stale():
    said = stale(20, (1, 4, 9, 30))
    assert "3 articles of later date are known, the newest of 2026-11-22" in said
    assert "2026-11-03" in said
    assert FEED in said


@pytest.mark.parametrize("unlisted", [(), (1, 4), (19, 19.2, 19.5), (21, 30, 40)])
def test_few_articles_of_the_same_days_or_old_ones_make_no_feed_stale(unlisted):
    assert stale(20, unlisted) == ""


def test_a_site_with_one_fresh_feed_is_fed():
    feeds = (FeedFacts(FEED, 10, T - 90 * DAY_S), FeedFacts(FEED + "en", 10, T - DAY_S))
    dates = days_ago(2, 3, 4, 5)
    assert told(AlarmKind.STALE_FEED, feeds=feeds, unlisted=dates, published=dates) == ""


def test_a_feed_that_lost_its_entries_is_empty():
    feeds = (FeedFacts(FEED, 0, had_entries=True), FeedFacts(FEED + "en", 4, T))
    said = told(AlarmKind.EMPTY_FEED, feeds=feeds)
    assert f"the feed {FEED} has no entries, which had entries before" in said


def test_feeds_that_never_had_entries_matter_where_there_is_no_other():
    empty = FeedFacts(FEED, 0)
    assert "never had any" in told(AlarmKind.EMPTY_FEED, feeds=(empty,), published=days_ago(1))
    assert told(AlarmKind.EMPTY_FEED, feeds=(empty, FeedFacts(FEED + "en", 3))) == ""
    assert told(AlarmKind.EMPTY_FEED) is None


# Fields


def fill(author, of, *, before=(95, 100)):
    whole = dict.fromkeys(("headline", "date", "text"), of)
    past = dict.fromkeys(("headline", "date", "text"), before[1])
    return told(
        AlarmKind.FIELDS,
        fields_now=Sample(of, {**whole, "author": author}),
        fields_before=Sample(before[1], {**past, "author": before[0]}),
    )


def test_a_field_that_most_had_and_few_have_has_collapsed():
    said = fill(1, 12)
    assert "1 of 12 have an author (95% had before)" in said
    assert "headline" not in said
    assert "design" in said


@pytest.mark.parametrize(
    ("has", "of", "before"),
    [
        (3, 5, (95, 100)),
        (7, 12, (95, 100)),
        (0, 12, (30, 100)),
        (2, 5, (16, 20)),
        (12, 12, (0, 90)),
    ],
)
def test_a_field_that_few_had_or_some_still_have_has_not(has, of, before):
    assert fill(has, of, before=before) == ""


@pytest.mark.parametrize(("of", "before"), [(4, (100, 100)), (30, (19, 19))])
def test_of_few_articles_nothing_is_said(of, before):
    assert fill(0, of, before=before) is None


# Rhythm


def silence(pause, gaps, **changes):
    days = [pause]
    for gap in gaps:
        days.append(days[-1] + gap)
    return told(AlarmKind.SILENT, published=days_ago(*days), **changes)


def test_a_site_that_paused_never_for_three_days_is_silent_after_ten():
    said = silence(10, [1, 1, 3] * 6)
    assert "nothing was published since 2026-11-13, 10 days ago" in said
    assert "never paused for more than 3 days" in said
    assert silence(8.9, [1, 1, 3] * 6) == ""


@pytest.mark.parametrize(
    ("pause", "gaps"), [(365, [1] * 9), (365, [0.01] * 50), (365, []), (365, [0] * 60)]
)
def test_a_site_with_too_little_history_is_never_silent(pause, gaps):
    assert silence(pause, gaps) is None


def test_a_site_that_could_not_be_visited_is_not_silent():
    assert silence(60, [1] * 30, successes=0) is None


def test_a_site_that_publishes_by_the_minute_may_rest_for_a_day():
    assert silence(0.9, [0.2] * 100) == ""
    assert silence(1.1, [0.2] * 100)


# Hosts and robots.txt


def test_closed_hosts_are_named_with_reason_and_end():
    said = told(AlarmKind.CLOSED, closed=(ClosedHost("n.test", T + 3600, "answers with 503"),))
    assert "n.test until 2026-11-23 13:00 UTC (answers with 503)" in said


def test_a_robots_txt_that_forbids_all_is_told():
    said = told(AlarmKind.ROBOTS, successes=0, disallowed=12, was_captured=True)
    assert "forbids all 12 addresses" in said
    assert "captured before" in said
    assert told(AlarmKind.ROBOTS, disallowed=12) == ""


def test_a_robots_txt_that_can_not_be_had_is_another_thing():
    said = told(AlarmKind.ROBOTS, successes=0, unreachable=1)
    assert "can't be had" in said


def test_a_site_of_which_every_visit_failed_is_failing():
    assert "all 7 visits failed" in told(AlarmKind.FAILING, successes=0, errors=7)
    assert told(AlarmKind.FAILING, errors=7) == ""


# Told once


@pytest.fixture
def state():
    return sqlite3.connect(":memory:", isolation_level=None)


ALARM = Alarm("n", AlarmKind.SILENT, "nothing was published")
RAISED = Judgement((ALARM,), frozenset({("n", AlarmKind.SILENT)}))
QUIET = Judgement((), frozenset({("n", AlarmKind.SILENT)}))
UNJUDGED = Judgement()


def crawl(state, judgement, day=0, *, is_heard=True):
    news = standing.keep(state, judgement, NOW.replace(day=1 + day))
    if is_heard:
        standing.tell(state, news)
    return [("ended" if one.has_ended else "begun", one.alarm.kind) for one in news]


def test_an_alarm_is_told_when_it_begins_and_when_it_ends(state):
    said = [
        crawl(state, one, day) for day, one in enumerate([RAISED, RAISED, QUIET, QUIET, RAISED])
    ]
    assert said == [[("begun", "silent")], [], [("ended", "silent")], [], [("begun", "silent")]]


def test_an_alarm_that_could_not_be_judged_stands(state):
    crawl(state, RAISED)
    assert crawl(state, UNJUDGED, 1) == []
    [one] = standing.standing(state)
    assert (one.alarm, one.since) == (ALARM, NOW.replace(day=1).timestamp())


def test_what_was_not_heard_is_told_again(state):
    assert crawl(state, RAISED, is_heard=False) == [("begun", "silent")]
    assert crawl(state, UNJUDGED, 1) == [("begun", "silent")]
    assert crawl(state, QUIET, 2, is_heard=False) == [("ended", "silent")]
    assert crawl(state, UNJUDGED, 3) == [("ended", "silent")]
    assert crawl(state, UNJUDGED, 4) == []


def test_what_ended_before_it_was_heard_is_not_told(state):
    crawl(state, RAISED, is_heard=False)
    assert crawl(state, QUIET, 1) == []
    assert standing.standing(state) == ()


def test_what_comes_back_before_its_end_was_heard_goes_on(state):
    crawl(state, RAISED)
    crawl(state, QUIET, 1, is_heard=False)
    assert crawl(state, RAISED, 2) == []
    assert len(standing.standing(state)) == 1


def test_a_state_without_alarms_has_none(state):
    assert standing.standing(state) == ()


def test_kinds_of_a_newer_muragat_are_passed_over(state):
    crawl(state, RAISED)
    state.execute("UPDATE alarms SET kind = 'of_tomorrow'")
    assert standing.standing(state) == ()


# Delivery

NEWS = (News(ALARM, T), News(Alarm("n", AlarmKind.BLOCKED, "a wall"), T - DAY_S, T))


class Listener(ThreadingHTTPServer):
    """A server that keeps what it is sent, and answers as it is told."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), _Taker)
        self.answer = answer
        self.heard = []
        self.ended = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}/hook?key=secret"


class _Taker(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.server.answer(self)

    def log_message(self, *said):
        pass


@contextmanager
def listening(answer):
    server = Listener(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def answers(status, **fields):
    def answer(handler):
        handler.send_response(status)
        for name, value in fields.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


def drips(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.ended.wait(0.05):
        try:
            handler.wfile.write(b"X-More: 1\r\n")
        except OSError:
            return


def site(**changes):
    return {"n": Site("n", ("https://n.test/",), **changes)}


def test_an_address_gets_what_began_and_what_ended_in_one_request():
    with listening(answers(204)) as server:
        delivered = deliver(NEWS, site(alarm=server.address), "20261123120000")
    [(path, kind, said)] = server.heard
    assert (path, kind) == ("/hook?key=secret", "application/json")
    assert (said["site"], said["crawl"]) == ("n", "20261123120000")
    assert said["begun"] == [ALARM.to_json() | {"since": "2026-11-23T12:00:00+00:00"}]
    assert [(one["kind"], one["ended"]) for one in said["ended"]] == [
        ("blocked", "2026-11-23T12:00:00+00:00")
    ]
    assert "no longer: a wall" in said["text"]
    assert (delivered.told, delivered.warnings) == (NEWS, ())


@pytest.mark.parametrize("answer", [answers(500), answers(302, Location="http://127.0.0.1:1/")])
def test_an_address_that_refuses_or_points_elsewhere_is_a_warning(answer):
    with listening(answer) as server:
        delivered = deliver(NEWS, site(alarm=server.address), "1")
    [warning] = delivered.warnings
    assert "n: alarms were not told: http://127.0.0.1:" in warning
    assert "answered" in warning
    assert "secret" not in warning
    assert (delivered.told, len(server.heard)) == ((), 1)


def test_an_address_that_never_ends_its_answer_is_left():
    with listening(drips) as server:
        said = post(server.address, b"{}", 0.3)
    assert "no answer in time" in said


def test_an_address_that_goes_on_and_on_is_let_go_of():
    gone = threading.Event()

    def goes_on(handler):
        with suppress(OSError):
            while not handler.server.ended.is_set():
                handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        gone.set()

    with listening(goes_on) as server:
        said = post(server.address, b"{}", 0.3)
        assert gone.wait(10)
    assert "no answer in time" in said


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://a..b/", "http://[::1]:99999/"])
def test_an_address_that_can_not_be_reached_is_a_warning(address):
    assert post(address, b"{}", 5) != ""


def test_a_program_gets_the_same_on_its_standard_input(tmp_path):
    heard = tmp_path / "heard"
    program = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"
    command = (sys.executable, "-c", program, f"{heard}; echo $HOME")
    delivered = deliver(NEWS, site(alarm_command=command), "1")
    said = json.loads((tmp_path / "heard; echo $HOME").read_text())
    assert [one["kind"] for one in said["begun"]] == ["silent"]
    assert delivered.told == NEWS


def test_a_program_that_fails_or_is_not_there_is_a_warning():
    failing = run((sys.executable, "-c", "import sys; sys.exit('no mail')"), b"{}")
    assert failing.endswith("ended with 1: no mail")
    assert "No such file" in run(("/no/such/program",), b"{}")


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path):
    program = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    limits = Limits(program_s=0.5)
    command = (sys.executable, "-c", program, str(tmp_path / "child"))
    delivered = deliver(NEWS, site(alarm_command=command), "1", limits)
    assert "took longer than 0.5 s and was ended" in delivered.warnings[0]
    for child in (tmp_path / "child").read_text().split():
        wait_until_ended(int(child))


def wait_until_ended(process):
    """Return when a process is gone or waits to be buried; one that lives on makes the test run out of time."""
    stat = Path(f"/proc/{process}/stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        os.sched_yield()


def test_a_site_with_nobody_to_tell_counts_as_told():
    assert deliver(NEWS, site(), "1").told == NEWS


def test_news_of_a_site_that_was_not_crawled_wait():
    assert deliver(NEWS, {}, "1").told == ()
