"""crawler.announcing.lists: what is read after a list, and what is no longer on it; with a real frontier."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest

from archive.model import Announcer, Outcome, Via
from crawler.announcing import announcements
from crawler.announcing.lists import ListRead, follow_up
from crawler.discover.links import Link
from crawler.discover.wordpress import entrances, page_of, place_of
from crawler.frontier import SqliteFrontier, Visit, announcement

SITE, BASE = "example", "https://example.com/"
ENTRANCE = entrances(f"{BASE}wp-json/")[0]
PASS = page_of(ENTRANCE, 1, is_pass=True)
SECOND = page_of(ENTRANCE, 2, is_pass=True)
SITEMAP = f"{BASE}sitemap.xml"


@dataclass
class Store:
    """A writer's store, and a clock that goes on with each answer."""

    state: sqlite3.Connection
    now: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.frontier = SqliteFrontier(self.state, lambda: self.now)
        self.frontier.begin(SITE, "1")
        self.frontier.announce(SITE, [announcement(BASE, Via(seed=BASE))])

    def commit(self) -> None:
        self.frontier.flush(self.state)
        self.frontier.flushed()
        self.state.commit()

    def came(self, url: str, numbers: range, *, total: int = -1, size: int = 100) -> list[str]:
        """Take in an answer that lists these articles; return what is wanted next."""
        self.now += 10
        place = place_of(url)
        self.frontier.done(Visit(announcement(url, Via()).key, Outcome.STORED, status=200))
        kind = Announcer.REST if place else Announcer.SITEMAP
        links = [Link(f"{BASE}{number}/", kind) for number in numbers]
        read = ListRead(url)
        if place:
            read = ListRead(url, place, total, -(-total // size) if total >= 0 else -1, len(links))
        told = announcements(links, url, None, now=self.now, source=read.source)
        due = self.frontier.announce(SITE, told)
        wanted = list(follow_up(self, SITE, read, news=bool(due), now=self.now))
        self.frontier.announce(SITE, wanted)
        self.commit()
        return [each.url for each in wanted]

    def missing(self) -> list[str]:
        query = "SELECT url FROM announced JOIN frontier ON id = address WHERE missing IS NOT NULL"
        return sorted(url.removeprefix(BASE) for (url,) in self.state.execute(query))


@pytest.fixture
def store():
    with closing(sqlite3.connect(":memory:")) as state:
        yield Store(state)


def passed(store, total=150):
    """Read a REST list for the first time, all of it."""
    assert store.came(ENTRANCE, range(50, 150), total=total) == [PASS]
    assert store.came(PASS, range(100), total=total) == [SECOND]
    assert store.came(SECOND, range(100, 150), total=total) == []


def test_a_rest_list_is_read_to_its_end_when_it_is_longer_than_what_is_known(store):
    passed(store)
    assert store.frontier.listing_size(SITE, ENTRANCE) == 150


def test_nothing_more_is_read_while_nothing_has_changed(store):
    passed(store)
    assert store.came(ENTRANCE, range(50, 150), total=150) == []


def test_a_new_post_is_read_from_the_newest_alone(store):
    passed(store)
    assert store.came(ENTRANCE, range(51, 151), total=151) == [page_of(ENTRANCE, 2, is_pass=False)]
    assert store.came(page_of(ENTRANCE, 2, is_pass=False), range(51), total=151) == []


def test_a_post_that_is_gone_is_found_by_another_pass(store):
    passed(store)
    assert store.came(ENTRANCE, range(50, 149), total=149) == [PASS]
    assert store.came(PASS, range(100), total=149) == [SECOND]
    assert store.came(SECOND, range(100, 149), total=149) == []
    assert store.missing() == ["149/"]


def test_a_list_with_posts_out_of_scope_is_not_read_again_for_them(store):
    passed(store, total=160)
    assert store.came(ENTRANCE, range(50, 150), total=160) == []


def test_a_list_of_one_answer_is_whole_with_it(store):
    assert store.came(ENTRANCE, range(5), total=5) == []
    assert store.came(ENTRANCE, range(4), total=4) == []
    assert store.missing() == ["4/"]


def test_without_counts_the_newest_are_read_while_they_are_news(store):
    second = page_of(ENTRANCE, 2, is_pass=False)
    assert store.came(ENTRANCE, range(100)) == [second]
    assert store.came(second, range(100, 200)) == [page_of(ENTRANCE, 3, is_pass=False)]
    assert store.came(page_of(ENTRANCE, 3, is_pass=False), range(200, 230)) == []
    assert store.came(ENTRANCE, range(100)) == []


def test_what_a_whole_sitemap_names_no_more_is_missing(store):
    store.came(SITEMAP, range(3))
    store.came(SITEMAP, range(1, 3))
    assert store.missing() == ["0/"]
