"""Facts about the frontier in SQLite; the common ones are in `frontier_contract`."""

from __future__ import annotations

import sqlite3

import pytest

from archive.model import Announcer
from crawler.frontier import SqliteFrontier
from tests.frontier_contract import SITE, FrontierContract, needed, told
from tests.frontier_promises import Promises


class TestSqliteFrontier(FrontierContract, Promises):
    frontier: SqliteFrontier

    @pytest.fixture(autouse=True)
    def _backend(self, tmp_path):
        self.clock = [1_000.0]
        self.connection = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
        self.frontier = SqliteFrontier(self.connection, lambda: self.clock[0])
        yield
        self.connection.close()

    def commit(self):
        self.connection.execute("BEGIN")
        self.frontier.flush(self.connection)
        self.connection.execute("COMMIT")
        self.frontier.flushed()

    def restart(self):
        self.frontier = SqliteFrontier(self.connection, lambda: self.clock[0])

    def test_addresses_that_mean_the_same_are_one(self):
        assert self.announced(told("/a"), told("/a#comments"), told("/x/../a")) == 1

    def test_counts_tell_known_and_due(self):
        self.announced(told("/a"), told("/b"))
        assert self.frontier.counts(SITE) == (2, 2)

    def test_an_unknown_address_has_no_claim(self):
        assert self.frontier.claim_of_url("http://example.test/nowhere") is None


OLD = """
CREATE TABLE frontier (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, url TEXT NOT NULL, site TEXT NOT NULL,
  priority INTEGER NOT NULL, due REAL, claimed INTEGER NOT NULL DEFAULT 0, announcer TEXT NOT NULL,
  referrer TEXT NOT NULL, seed TEXT NOT NULL, hop INTEGER NOT NULL, redirects INTEGER NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0, outcome TEXT, digest TEXT
);
CREATE TABLE rounds (site TEXT PRIMARY KEY, crawl TEXT NOT NULL, started REAL NOT NULL, ended REAL);
INSERT INTO frontier VALUES (1, 'http://a.test/', 'http://a.test/', 'example', 4001, 5.0, 0, 'link', '', '',
  1, 0, 0, NULL, NULL);
INSERT INTO rounds VALUES ('example', '1', 4.0, NULL);
"""


@pytest.fixture
def older():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(OLD)
    yield connection
    connection.close()


def test_the_frontier_of_an_older_muragat_goes_on(older):
    frontier = SqliteFrontier(older, lambda: 10.0)
    assert frontier.begin(SITE, "2") is True
    assert frontier.announce(SITE, [needed("/photo")]) == ["example.test"]
    assert [claim.host for claim in frontier.claim(SITE, 5)] == ["a.test"]


def test_what_an_older_muragat_knew_has_its_announcer_its_place_and_a_plan_to_get(older):
    older.execute("UPDATE frontier SET due = NULL, outcome = 'stored'")
    frontier = SqliteFrontier(older, lambda: 10.0)
    [page] = frontier.unplanned(SITE, 5)
    assert (page.url, page.announcer, page.host) == ("http://a.test/", Announcer.LINK, "a.test")
    row = older.execute("SELECT channel, priority FROM announced JOIN frontier ON id = address")
    assert row.fetchall() == [("link", 5_000_000_001)]


def test_an_older_frontier_is_brought_up_wholly_or_not_at_all(older):
    older.execute("UPDATE frontier SET announcer = 'nobody'")
    with pytest.raises(sqlite3.OperationalError):
        SqliteFrontier(older, lambda: 10.0)
    assert older.execute("SELECT claimed FROM frontier").fetchall() == [(0,)]
