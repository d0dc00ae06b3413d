"""Planning after a crawl: what is learned from the index and the frontier, and when pages are due again."""

import json
import sqlite3
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from archive.index import Index
from archive.index.histories import UNKNOWN, Histories
from archive.model import Announcer, Outcome, Via
from archive.store import state
from crawler.frontier import SqliteFrontier, Visit, announcement
from crawler.frontier.tables import forget
from crawler.schedule import planning
from crawler.schedule.planning import DAILY_BUDGET, learn_and_plan
from crawler.schedule.policy import DAY_S, FIRST_PRICE_S, HOUR_S
from crawler.schedule.rates import Rates
from crawler.sites.site import LEARNED, Site
from tests.observing import SITE, START, listing, seen, story

AUTO = Site("news", (f"{SITE}/",), every_s=LEARNED)
NOW = START.timestamp()


@dataclass
class Crawl:
    """A collection whose crawls are made by hand; `at` is seconds after the first of 2026."""

    home: Path
    connection: sqlite3.Connection
    clock: list[float] = field(default_factory=lambda: [NOW])

    def __post_init__(self):
        self.frontier = SqliteFrontier(self.connection, lambda: self.clock[0])
        self.frontier.begin("news", "1")

    def announce(self, path, announcer=Announcer.LINK, *, referrer="/", at=0.0):
        self.clock[0] = NOW + at
        via = Via(announcer=announcer, referrer=SITE + referrer, site="news")
        self.frontier.announce("news", [announcement(SITE + path, via)])
        self.commit()

    def visit(self, path, at, article=None, **named):
        """Fetch a page; what it shows goes into the index."""
        self.clock[0] = NOW + at
        status = named.pop("status", 200)
        outcome = named.pop("outcome", Outcome.STORED)
        key = announcement(SITE + path, Via()).key
        with state.transaction(self.connection):
            self.connection.execute("UPDATE frontier SET ready = 1 WHERE key = ?", (key,))
        self.frontier.claim("news", 100)
        self.frontier.done(Visit(key, outcome, "sha256:x", status=status, **named))
        self.commit()
        with Index(self.home, write=True) as index:
            if article is not None or status != 200:
                index.add(seen(path, at - 1, article, status=status))
                index.commit()

    def commit(self):
        with state.transaction(self.connection):
            self.frontier.flush(self.connection)
        self.frontier.flushed()

    def plan(self, at, site=AUTO):
        self.clock[0] = NOW + at
        return learn_and_plan(self.home, self.frontier, self.connection, [site], now=NOW + at)

    def wait(self, path):
        """Seconds after the first of 2026 at which a page is due."""
        (due,) = self.connection.execute(
            "SELECT due FROM frontier WHERE key = ?", (announcement(SITE + path, Via()).key,)
        ).fetchone()
        return due - NOW

    def rates(self):
        return Rates(self.connection)


@pytest.fixture
def crawl(tmp_path):
    connection = state.connect(tmp_path / "state.sqlite")
    yield Crawl(tmp_path, connection)
    connection.close()


def test_what_was_visited_is_planned_once(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    assert crawl.plan(20) == 1
    assert crawl.plan(30) == 0


def test_who_wants_an_end_waits_for_one_batch_and_the_rest_is_planned_next_time(crawl, monkeypatch):
    monkeypatch.setattr(planning, "_BATCH", 2)
    for number in range(5):
        crawl.announce(f"/{number}")
        crawl.visit(f"/{number}", 10, story(str(number)))
    frontier, asked = crawl.frontier, []

    def is_stopping():
        asked.append(len(frontier.unplanned("news", 10)))
        return asked[-1] < 5

    found = learn_and_plan(
        crawl.home, frontier, crawl.connection, [AUTO], now=NOW + 20, is_stopping=is_stopping
    )
    assert found == 2
    assert crawl.rates().cursor() == 0
    assert crawl.plan(30) == 3


def test_what_was_not_visited_is_not_planned(crawl):
    crawl.announce("/a")
    assert crawl.plan(20) == 0


def test_a_new_article_is_due_at_the_first_floor_or_before(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    crawl.plan(20)
    assert 300 <= crawl.wait("/a") - 10 <= HOUR_S


def test_an_old_article_is_due_in_days(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story(published="2020-01-01T00:00:00+00:00"))
    crawl.plan(20)
    assert crawl.wait("/a") > DAY_S


def test_old_articles_that_came_together_are_not_due_together(crawl):
    for number in range(20):
        crawl.announce(f"/{number}")
        crawl.visit(f"/{number}", 10, story(str(number), published="2020-01-01T00:00:00+00:00"))
    crawl.plan(20)
    waits = [crawl.wait(f"/{number}") for number in range(20)]
    assert max(waits) - min(waits) > min(waits) / 10


def test_a_date_in_the_future_makes_no_article_wait(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story(published="2090-01-01T00:00:00+00:00"))
    crawl.plan(20)
    assert crawl.wait("/a") <= 10 + HOUR_S


def test_a_new_version_teaches_that_the_article_changes(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story(text="One."))
    crawl.plan(20)
    crawl.visit("/a", 3000, story(text="Two."))
    crawl.plan(3010)
    assert crawl.rates().pages([1])[1].own.changes >= 1
    assert sum(crawl.rates().site("news").ages.changes) >= 1


def test_the_same_text_in_other_markup_is_no_change(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    crawl.plan(20)
    crawl.visit("/a", 3000, story())
    crawl.plan(3010)
    page = crawl.rates().pages([1])[1]
    assert page.own.changes == 0
    assert page.own.expected > 0


def test_not_modified_counts_as_unchanged(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    crawl.plan(20)
    crawl.visit("/a", 3000, outcome=Outcome.NOT_MODIFIED)
    crawl.plan(3010)
    assert sum(crawl.rates().site("news").ages.seconds) == pytest.approx(2990)


def test_an_error_never_counts_as_unchanged(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    crawl.plan(20)
    crawl.visit("/a", 3000, outcome=Outcome.TIMEOUT, status=0)
    crawl.plan(3010)
    assert sum(crawl.rates().site("news").ages.seconds) == 0
    assert crawl.wait("/a") >= 3000 + 600


def test_the_time_of_an_error_counts_with_the_next_visit(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    crawl.plan(20)
    crawl.visit("/a", 3000, outcome=Outcome.TIMEOUT, status=0)
    crawl.plan(3010)
    crawl.visit("/a", 4000, outcome=Outcome.NOT_MODIFIED)
    crawl.plan(4010)
    assert sum(crawl.rates().site("news").ages.seconds) == pytest.approx(3990)


def test_what_is_planned_twice_is_learned_once(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story(text="One."))
    crawl.plan(20)
    crawl.visit("/a", 3000, story(text="Two."))
    crawl.plan(3010)
    before = crawl.rates().site("news").ages
    crawl.connection.execute("UPDATE frontier SET planned = 0")
    crawl.plan(3010)
    assert crawl.rates().site("news").ages == before


def test_after_a_loss_the_history_of_captures_is_learned_again(crawl):
    crawl.announce("/a")
    for number in range(4):
        crawl.visit("/a", 10 + number * 1000, story(text=f"Version {number}."))
    crawl.plan(4000)
    assert crawl.rates().pages([1])[1].own.changes >= 3


def test_a_page_that_is_gone_is_tried_less_and_less(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    crawl.plan(20)
    crawl.visit("/a", DAY_S, status=404, outcome=Outcome.HTTP_ERROR)
    crawl.plan(DAY_S + 1)
    assert crawl.wait("/a") == pytest.approx(2 * DAY_S)
    crawl.visit("/a", 5 * DAY_S, status=404, outcome=Outcome.HTTP_ERROR)
    crawl.plan(5 * DAY_S)
    assert crawl.wait("/a") == pytest.approx(9 * DAY_S)
    crawl.visit("/a", 100 * DAY_S, status=404, outcome=Outcome.HTTP_ERROR)
    crawl.plan(100 * DAY_S)
    assert crawl.wait("/a") == pytest.approx(130 * DAY_S)


def test_a_page_that_robots_forbid_is_not_asked_for_every_few_minutes(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, status=0, outcome=Outcome.ROBOTS)
    crawl.plan(20)
    assert crawl.wait("/a") >= DAY_S


def test_a_channel_is_due_within_a_day(crawl):
    crawl.announce("/", Announcer.SEED)
    crawl.visit("/", 10, listing())
    crawl.plan(20)
    assert 300 <= crawl.wait("/") - 10 <= DAY_S


def test_a_channel_that_brings_something_is_visited_sooner_than_one_that_does_not(crawl):
    crawl.announce("/", Announcer.SEED)
    crawl.announce("/other", Announcer.SEED)
    for number in range(1, 8):
        crawl.announce(f"/new-{number}", referrer="/", at=number * HOUR_S)
        crawl.visit("/", number * HOUR_S, listing())
        crawl.visit("/other", number * HOUR_S, listing())
        crawl.plan(number * HOUR_S + 1)
    assert crawl.wait("/") < crawl.wait("/other")


def test_what_the_first_visit_of_a_channel_brings_is_no_news(crawl):
    crawl.announce("/", Announcer.SEED)
    for number in range(50):
        crawl.announce(f"/old-{number}", referrer="/")
    crawl.visit("/", 10, listing())
    crawl.plan(20)
    assert crawl.rates().pages([1])[1].channel.brought == 0


def test_a_page_that_is_no_article_is_due_in_days(crawl):
    crawl.announce("/about")
    crawl.visit("/about", 10, listing())
    crawl.plan(20)
    assert crawl.wait("/about") > 2 * DAY_S


def test_a_listing_that_told_of_something_new_becomes_a_channel(crawl):
    crawl.announce("/tag")
    crawl.visit("/tag", 10, listing())
    crawl.plan(20)
    crawl.announce("/new", referrer="/tag", at=3 * DAY_S)
    crawl.visit("/tag", 3 * DAY_S, listing())
    crawl.plan(3 * DAY_S + 1)
    assert crawl.wait("/tag") - 3 * DAY_S <= DAY_S


def test_with_a_schedule_channels_are_due_in_every_round(crawl):
    crawl.announce("/", Announcer.SEED)
    crawl.visit("/", 10, listing())
    crawl.plan(20, Site("news", (f"{SITE}/",), every_s=6 * HOUR_S))
    assert crawl.wait("/") < 6 * HOUR_S


def test_a_listing_that_a_seed_names_is_due_in_every_round(crawl):
    site = Site("news", (f"{SITE}/",), every_s=6 * HOUR_S)
    crawl.announce("/category/news/")
    for visit in range(8):
        crawl.visit("/category/news/", visit * 6 * HOUR_S, listing())
        crawl.plan(visit * 6 * HOUR_S + 1, site)
        assert crawl.wait("/category/news/") < (visit + 1) * 6 * HOUR_S


def test_the_further_pages_of_a_listing_are_not_due_in_every_round(crawl):
    crawl.announce("/category/news/page/2/", Announcer.PAGINATION)
    crawl.visit("/category/news/page/2/", 10, listing())
    crawl.plan(20, Site("news", (f"{SITE}/",), every_s=6 * HOUR_S))
    assert crawl.wait("/category/news/page/2/") > DAY_S


def test_a_page_that_names_a_feed_is_no_list(crawl):
    via = Via(announcer=Announcer.FEED, referrer=SITE + "/a", site="news")
    crawl.announce("/a")
    feed = replace(announcement(SITE + "/feed", via), is_channel=True)
    crawl.frontier.announce("news", [feed])
    crawl.commit()
    crawl.visit("/a", 10, story(published="2020-01-01T00:00:00+00:00"))
    crawl.plan(20, Site("news", (f"{SITE}/",), every_s=6 * HOUR_S))
    assert crawl.wait("/a") > DAY_S


def test_a_clock_that_goes_back_makes_nothing_due_years_ahead(crawl):
    years = 10 * 365 * DAY_S
    crawl.announce("/a")
    crawl.visit("/a", years, story())
    crawl.plan(years)
    assert crawl.wait("/a") > years
    crawl.plan(100)
    assert crawl.wait("/a") <= 100 + 30 * DAY_S


def test_a_visit_in_the_future_is_planned_from_now(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10 * 365 * DAY_S, story())
    crawl.plan(100)
    assert crawl.wait("/a") <= 100 + 30 * DAY_S


def test_more_visits_than_the_budget_make_the_price_rise(crawl):
    site = Site("news", (f"{SITE}/",), every_s=LEARNED, daily_budget=1)
    crawl.announce("/a")
    for day in range(1, 4):
        for number in range(4):
            crawl.visit("/a", day * DAY_S + number * HOUR_S, story())
            crawl.plan(day * DAY_S + number * HOUR_S, site)
    assert crawl.rates().price("news").price > FIRST_PRICE_S
    assert crawl.rates().price("").price == FIRST_PRICE_S


def test_sites_without_a_budget_share_one_price(crawl):
    crawl.announce("/a")
    for day in range(1, 4):
        crawl.visit("/a", day * DAY_S, story())
        crawl.plan(day * DAY_S)
    assert DAILY_BUDGET > 1
    assert crawl.rates().price("").price < FIRST_PRICE_S


def test_a_forgotten_frontier_forgets_what_was_learned_of_its_rows(crawl):
    crawl.announce("/a")
    crawl.visit("/a", 10, story())
    crawl.plan(20)
    forget(crawl.connection)
    assert crawl.rates().pages([1]) == {}
    assert crawl.rates().cursor() == 0


@pytest.mark.parametrize(
    "body",
    ["", "[]", '{"hours": [1e999]}', json.dumps({"changes": [-1e300] * 9, "hours": "x" * 24})],
)
def test_rates_that_cannot_be_read_are_those_of_a_new_site(crawl, body):
    rates = crawl.rates()
    crawl.connection.execute("INSERT INTO site_rates VALUES ('news', 'x', '', ?)", (body,))
    assert sum(rates.site("news").ages.changes) == 0
    assert len(rates.site("news").rhythm.hours) == 24


def test_a_price_that_is_none_is_the_first_price(crawl):
    rates = crawl.rates()
    crawl.connection.execute("INSERT INTO prices VALUES ('', 9e999, 0, 0)")
    assert rates.price("").price == FIRST_PRICE_S


def test_without_an_index_nothing_is_known(tmp_path):
    histories = Histories(tmp_path)
    assert histories.of(f"{SITE}/a") == UNKNOWN
    histories.close()


def test_the_index_tells_which_captures_changed_an_article(tmp_path):
    with Index(tmp_path, write=True) as index:
        index.add(seen("/a", 1, story(text="One.", published="2025-12-31T00:00:00+00:00")))
        index.add(seen("/a", 5, story(text="Two.", published="2025-12-31T00:00:00+00:00")))
        index.add(seen("/a", 9, status=404))
        index.commit()
    histories = Histories(tmp_path)
    told = histories.of(f"{SITE}/a")
    histories.close()
    assert told.is_article
    assert told.is_gone
    assert told.published == NOW - DAY_S
    assert told.captures == ((NOW + 1, False), (NOW + 5, True), (NOW + 9, True))
