"""Properties of the frontier in SQLite: whatever happens, no address is lost, none is held twice; no claim scans."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from archive.model import Announcer, Outcome
from crawler.frontier import SqliteFrontier, Visit
from tests.frontier_contract import SITE, needed, told
from tests.frontier_promises import MAP, listed

PATHS = st.sampled_from([f"/{number}" for number in range(12)])
OUTCOMES = st.sampled_from([Outcome.STORED, Outcome.UNCHANGED, Outcome.TIMEOUT])


class Frontiers(RuleBasedStateMachine):
    """A frontier beside what must be true of it: who is known, and who holds what until when."""

    def __init__(self):
        super().__init__()
        self.now = 1_000.0
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.open()
        self.frontier.begin(SITE, "1")
        self.known = set()
        self.held = {}
        self.owed = set()
        """Keys that this round must still fetch."""

    def open(self):
        self.frontier = SqliteFrontier(self.connection, lambda: self.now)

    def teardown(self):
        self.connection.close()

    def commit(self):
        self.connection.execute("BEGIN")
        self.frontier.flush(self.connection)
        self.connection.execute("COMMIT")
        self.frontier.flushed()

    @rule(path=PATHS, hop=st.integers(0, 3))
    def link(self, path, hop):
        self.announce(told(path, hop=hop))

    @rule(path=PATHS, modified=st.sampled_from([None, 5.0, 6.0, 7.0]))
    def list_it(self, path, modified):
        self.announce(listed(path, modified=modified))

    @rule(path=PATHS)
    def show(self, path):
        self.announce(needed(path))

    def announce(self, one):
        if one.key not in self.known:
            self.owed.add(one.key)
        self.known.add(one.key)
        self.frontier.announce(SITE, [one])
        self.commit()

    @rule(limit=st.integers(1, 5), lease_s=st.sampled_from([10.0, 100.0]))
    def claim(self, limit, lease_s):
        for claim in self.frontier.claim(SITE, limit, lease_s=lease_s):
            assert self.held.get(claim.key, 0.0) <= self.now
            self.held[claim.key] = self.now + lease_s

    @rule(outcome=OUTCOMES, retry=st.booleans(), pick=st.integers(0, 11))
    def visit(self, outcome, retry, pick):
        if self.held:
            key = sorted(self.held)[pick % len(self.held)]
            del self.held[key]
            again = self.now + 7 if retry and outcome is Outcome.TIMEOUT else None
            self.frontier.done(Visit(key, outcome, status=200, retry_at=again))
            if again is None:
                self.owed.discard(key)
            self.commit()

    @rule(pick=st.integers(0, 11))
    def release(self, pick):
        if self.held:
            key = sorted(self.held)[pick % len(self.held)]
            if self.held.pop(key) > self.now:
                self.frontier.release([key])

    @rule(pick=st.integers(0, 11))
    def renew(self, pick):
        live = sorted(key for key, end in self.held.items() if end > self.now)
        if live:
            key = live[pick % len(live)]
            self.frontier.renew([key], lease_s=50)
            self.held[key] = self.now + 50

    @rule(seconds=st.sampled_from([1.0, 20.0, 200.0]))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def restart(self):
        self.open()
        self.held.clear()

    @rule(full=st.booleans())
    def another_round(self, full):
        self.frontier.end(SITE)
        self.frontier.begin(SITE, "2", full=full)

    @rule()
    def plan(self):
        pages = self.frontier.unplanned(SITE, 100)
        self.frontier.plan([(page.id, self.now + 50) for page in pages])

    @rule(path=PATHS)
    def end_the_list(self, path):
        since = self.now
        self.announce(listed(path))
        self.frontier.listed(SITE, MAP, since)

    @invariant()
    def no_address_is_lost(self):
        there = {row[0] for row in self.connection.execute("SELECT key FROM frontier")}
        assert there == self.known

    @invariant()
    def every_address_is_in_one_state(self):
        wrong = """SELECT key FROM frontier WHERE (ready = 1 AND (owner > '' OR planned IS NOT NULL))
 OR (owner > '' AND (due IS NULL OR planned IS NOT NULL)) OR ready NOT IN (0, 1)"""
        assert self.connection.execute(wrong).fetchall() == []

    @invariant()
    def what_is_owed_is_wanted_held_or_waits(self):
        rows = self.connection.execute(
            "SELECT key FROM frontier WHERE ready = 1 OR (due IS NOT NULL AND planned IS NULL)"
        )
        assert self.owed <= {row[0] for row in rows}

    @invariant()
    def something_is_to_be_claimed_as_long_as_anything_is_owed(self):
        assert not self.owed or self.frontier.due(SITE) is not None


TestFrontiers = Frontiers.TestCase
TestFrontiers.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


@pytest.fixture
def traced(tmp_path):
    """A frontier of two sites with some of everything, and the statements that are run on it."""
    connection = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
    frontier = SqliteFrontier(connection, lambda: 1_000.0)
    statements: list[str] = []
    frontier.begin(SITE, "1")
    many = [told(f"/{number}") for number in range(50)]
    frontier.announce(SITE, [*many, listed("/x", modified=5.0), needed("/photo")])
    connection.execute("BEGIN")
    frontier.flush(connection)
    connection.execute("COMMIT")
    frontier.flushed()
    connection.set_trace_callback(statements.append)
    yield connection, frontier, statements
    connection.close()


def test_no_statement_of_a_crawl_goes_through_all_rows(traced):
    connection, frontier, statements = traced
    frontier.end(SITE)
    frontier.begin(SITE, "2", full=True)
    claims = frontier.claim(SITE, 5, without=["b.test"])
    frontier.claim(SITE, 5, requisites_only=True, own_only=True)
    frontier.renew([claims[0].key])
    frontier.release([claims[0].key])
    frontier.forgo(SITE, ["image"])
    frontier.due(SITE, without=["example.test"])
    frontier.next_planned(SITE)
    frontier.done(Visit(claims[1].key, Outcome.STORED, status=200))
    frontier.announce(SITE, [told("/1", Announcer.FEED), listed("/x", modified=6.0), told("/new")])
    frontier.flush(connection)
    frontier.flushed()
    frontier.listed(SITE, MAP, 2_000.0, 3)
    frontier.listing_size(SITE, MAP)
    frontier.plan([(page.id, 5.0) for page in frontier.unplanned(SITE, 10)])
    SqliteFrontier(connection, lambda: 1_000.0)
    connection.set_trace_callback(None)
    asked = {
        one for one in statements if one.lstrip().startswith(("SELECT", "UPDATE", "INSERT", "WITH"))
    }
    plans = {
        (row[3], one) for one in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {one}")
    }
    allowed = (
        "SCAN json_each",
        "SCAN hosts",
        "SCAN CONSTANT ROW",
        "SCAN frontier USING INDEX frontier_owned",
    )
    scans = {
        plan for plan in plans if plan[0].startswith("SCAN") and not plan[0].startswith(allowed)
    }
    assert scans == set()
    assert not any("TEMP B-TREE" in plan[0] for plan in plans)
