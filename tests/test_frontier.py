"""Facts about the frontier in SQLite; the common ones are in `frontier_contract`."""

from __future__ import annotations

import sqlite3

import pytest

from crawler.frontier import SqliteFrontier
from tests.frontier_contract import SITE, FrontierContract, told


class TestSqliteFrontier(FrontierContract):
    frontier: SqliteFrontier

    @pytest.fixture(autouse=True)
    def _backend(self, tmp_path):
        self.clock = [1_000.0]
        self.connection = sqlite3.connect(tmp_path / "state.sqlite")
        self.frontier = SqliteFrontier(self.connection, lambda: self.clock[0])
        yield
        self.connection.close()

    def commit(self):
        with self.connection:
            self.frontier.flush(self.connection)
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
