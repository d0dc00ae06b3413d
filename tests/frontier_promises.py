"""What every frontier must do about leases, rounds, dates, lists and plans; the rest is in `frontier_contract`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from archive.model import Announcer, Outcome, Via
from crawler.frontier import LEASE_S, Announcement, Frontier, Visit
from tests.frontier_contract import SITE, needed, told

if TYPE_CHECKING:
    from collections.abc import Callable

MAP = "http://example.test/map.xml"
DAY = 86_400.0


def listed(
    path: str, *, by: str = MAP, channel: Announcer = Announcer.SITEMAP, **dates: Any
) -> Announcement:
    """Return the announcement of an address that stands on a list."""
    via = Via(announcer=channel, referrer=by, hop=1)
    return replace(told(path), via=via, **dates)


class Promises:
    frontier: Frontier
    commit: Callable[[], None]
    restart: Callable[[], None]
    clock: list[float]

    def tell(self, *announcements: Announcement) -> int:
        due = self.frontier.announce(SITE, announcements)
        self.commit()
        return len(due)

    def take(self, limit: int = 100, **words: Any) -> list[str]:
        return [claim.key for claim in self.frontier.claim(SITE, limit, **words)]

    def visit(self, outcome: Outcome = Outcome.STORED, status: int = 200, **said: Any) -> int:
        """Fetch all that is due; return how many that was."""
        keys = self.take(1_000)
        for key in keys:
            self.frontier.done(Visit(key, outcome, "sha256:x", status=status, **said))
        self.commit()
        return len(keys)

    def known_and_visited(self, *announcements: Announcement) -> None:
        self.frontier.begin(SITE, "1")
        self.tell(*announcements)
        self.visit()
        self.clock[0] += DAY

    def another_round(self, *, full: bool) -> bool:
        self.frontier.end(SITE)
        self.clock[0] += 1
        return self.frontier.begin(SITE, "next", full=full)

    # Leases

    def test_a_lease_that_ends_gives_the_address_to_the_next(self):
        self.tell(told("/a"))
        assert self.take(lease_s=30) == [*self.take(lease_s=30), "http://example.test/a"]
        assert self.frontier.due(SITE) == self.clock[0] + 30
        self.clock[0] += 31
        assert self.take() == ["http://example.test/a"]

    def test_a_renewed_lease_holds_on(self):
        self.tell(told("/a"))
        keys = self.take(lease_s=30)
        self.clock[0] += 29
        self.frontier.renew(keys, lease_s=30)
        self.clock[0] += 29
        assert self.take() == []

    def test_a_lease_that_has_passed_to_another_claim_is_renewed_by_that_alone(self):
        self.tell(told("/a"))
        self.take(lease_s=30)
        self.restart()
        self.frontier.renew(["http://example.test/a"])
        assert self.take() == ["http://example.test/a"]

    def test_what_is_released_is_due_at_once_and_has_not_failed(self):
        self.tell(told("/a"))
        self.frontier.release(self.take())
        [claim] = self.frontier.claim(SITE, 1)
        assert claim.failures == 0

    def test_what_nobody_holds_is_neither_renewed_nor_released(self):
        self.tell(told("/a"))
        self.visit()
        self.frontier.renew(["http://example.test/a", "http://example.test/unknown"])
        self.frontier.release(["http://example.test/a"])
        assert self.take() == []

    def test_a_visit_counts_though_its_lease_has_ended(self):
        self.tell(told("/a"))
        [key] = self.take()
        self.clock[0] += LEASE_S + 1
        self.frontier.done(Visit(key, Outcome.STORED))
        self.commit()
        assert self.take() == []

    # Rounds that only wait

    def put_off(self, *left: Announcement, tried: bool) -> None:
        """Visit a page, and leave others that could not be had; with `tried` they wait for another try."""
        self.frontier.begin(SITE, "1")
        self.tell(told("/a"), *left)
        for claim in self.frontier.claim(SITE, 10):
            if claim.key.endswith("/a"):
                self.frontier.done(Visit(claim.key, Outcome.STORED, "sha256:x", status=200))
            elif tried:
                late = self.clock[0] + DAY
                self.frontier.done(Visit(claim.key, Outcome.TIMEOUT, retry_at=late))
            else:
                self.frontier.release([claim.key])
        self.commit()
        self.take(without=["dead.test", "example.test"])  # what is to be swept is
        self.clock[0] += 60

    def test_a_round_that_waits_for_other_tries_can_be_ended(self):
        self.put_off(told("/slow"), tried=True)
        assert self.frontier.end_waiting(SITE)
        assert not self.frontier.begin(SITE, "2")
        assert self.visit() == 1
        self.clock[0] += DAY
        assert self.take() == ["http://example.test/slow"]

    def test_a_round_whose_other_tries_have_fallen_due_can_be_ended(self):
        self.put_off(told("/slow"), tried=True)
        self.clock[0] += DAY
        assert self.take() == ["http://example.test/slow"]
        self.frontier.release(["http://example.test/slow"])
        assert self.frontier.end_waiting(SITE)

    def test_a_round_that_waits_for_a_silent_host_can_be_ended(self):
        dead = replace(told("/b"), url="http://dead.test/b", key="http://dead.test/b")
        self.put_off(dead, tried=False)
        assert self.frontier.end_waiting(SITE)
        assert not self.frontier.begin(SITE, "2")
        assert sorted(self.take()) == ["http://dead.test/b", "http://example.test/a"]

    def test_a_round_with_pages_left_on_a_host_that_answers_is_not_ended(self):
        self.put_off(told("/b"), tried=False)
        assert not self.frontier.end_waiting(SITE)
        assert self.frontier.begin(SITE, "2")
        assert self.take() == ["http://example.test/b"]

    def test_only_an_open_round_can_be_ended(self):
        assert not self.frontier.end_waiting(SITE)
        self.known_and_visited(told("/a"))
        self.frontier.end(SITE)
        assert not self.frontier.end_waiting(SITE)

    # Claims

    def test_own_hosts_alone_can_be_claimed(self):
        seed = "http://example.test/"
        far = replace(
            needed("/x"),
            url="http://cdn.test/x",
            key="x",
            via=Via(announcer=Announcer.REQUISITE, seed=seed),
        )
        near = replace(needed("/y"), via=Via(announcer=Announcer.REQUISITE, seed=seed))
        self.tell(far, near, told("/z"))
        assert self.take(own_only=True, requisites_only=True) == ["http://example.test/y"]
        assert self.take(own_only=True) == ["http://example.test/z"]
        assert self.take() == ["x"]

    def test_when_to_claim_next_leaves_hosts_out(self):
        self.tell(told("/a"))
        assert self.frontier.due(SITE, without=["example.test"]) is None
        [key] = self.take()
        self.frontier.done(Visit(key, Outcome.TIMEOUT, retry_at=self.clock[0] + 5))
        self.commit()
        assert self.frontier.due(SITE, without=["example.test"]) is None
        assert self.frontier.due(SITE) == self.clock[0] + 5

    def test_dated_pages_come_newest_first_and_before_far_links(self):
        self.tell(told("/far", hop=3), listed("/old", published=DAY), listed("/undated"))
        self.tell(
            listed("/new", published=9 * DAY), told("/near"), listed("/feed", is_channel=True)
        )
        assert [key.removeprefix("http://example.test") for key in self.take()] == [
            "/feed",
            "/near",
            "/new",
            "/old",
            "/undated",
            "/far",
        ]

    def test_a_claim_has_what_the_last_visit_left(self):
        self.known_and_visited(told("/a"))
        self.another_round(full=True)
        self.visit(etag='"x"', last_modified="Sun, 01 Mar 2026 00:00:00 GMT")
        self.another_round(full=True)
        [claim] = self.frontier.claim(SITE, 1)
        assert (claim.etag, claim.last_modified) == ('"x"', "Sun, 01 Mar 2026 00:00:00 GMT")
        assert (claim.status, claim.digest) == (200, "sha256:x")
        assert claim.visited == self.clock[0] - 1

    def test_a_visit_without_an_answer_leaves_the_validators(self):
        self.known_and_visited(told("/a"))
        self.another_round(full=True)
        self.visit(etag='"x"')
        self.another_round(full=True)
        [key] = self.take()
        self.frontier.done(Visit(key, Outcome.TIMEOUT))
        self.commit()
        self.another_round(full=True)
        [claim] = self.frontier.claim(SITE, 1)
        assert (claim.etag, claim.status, claim.digest) == ('"x"', 0, "sha256:x")

    # Rounds

    def test_a_full_round_visits_every_page_once_in_order(self):
        self.known_and_visited(*(told(f"/{number:04}", hop=number % 7) for number in range(1_500)))
        assert self.another_round(full=True) is False
        seen = [claim for _ in range(40) for claim in self.frontier.claim(SITE, 50)]
        assert len({claim.key for claim in seen}) == len(seen) == 1_500
        assert [claim.via.hop > 1 for claim in seen] == sorted(claim.via.hop > 1 for claim in seen)
        assert self.frontier.due(SITE) == self.clock[0] + LEASE_S

    def test_a_scheduled_round_makes_nothing_due(self):
        self.known_and_visited(told("/a"))
        assert self.another_round(full=False) is False
        assert (self.take(), self.frontier.due(SITE)) == ([], None)

    def test_a_full_round_that_never_ended_goes_on_with_a_scheduled_one(self):
        self.known_and_visited(told("/a"), told("/b"))
        self.another_round(full=True)
        self.restart()
        assert self.frontier.begin(SITE, "3", full=False) is True
        assert self.visit() == 2

    def test_a_scheduled_round_that_never_ended_gives_way_to_a_full_one(self):
        self.known_and_visited(told("/a"))
        self.another_round(full=False)
        assert self.frontier.begin(SITE, "3", full=True) is False
        assert self.visit() == 1

    def test_what_is_to_be_tried_later_waits_for_that_in_a_new_round_too(self):
        self.tell(told("/a"))
        [key] = self.take()
        self.frontier.done(Visit(key, Outcome.HTTP_ERROR, status=503, retry_at=self.clock[0] + DAY))
        self.commit()
        self.another_round(full=True)
        assert self.take() == []
        self.clock[0] += DAY
        assert self.take() == [key]

    # What makes known pages due

    def test_what_is_wanted_falls_due_once_a_round(self):
        self.known_and_visited(told("/a"))
        self.another_round(full=False)
        assert self.tell(replace(told("/a"), wanted=True)) == 1
        self.visit()
        assert self.tell(replace(told("/a"), wanted=True)) == 0

    def test_a_date_that_differs_from_the_one_before_makes_a_page_due(self):
        self.known_and_visited(listed("/a", modified=5.0))
        assert self.tell(listed("/a", modified=5.0)) == 0
        assert self.tell(listed("/a", modified=6.0)) == 1
        assert self.visit() == 1
        assert self.tell(listed("/a", modified=6.0)) == 0

    def test_a_first_date_makes_a_page_due_where_it_is_later_than_the_last_visit(self):
        self.known_and_visited(told("/a"), told("/b"))
        assert self.tell(listed("/a", modified=5.0)) == 0
        assert self.tell(listed("/b", modified=self.clock[0] - 1)) == 1

    def test_each_channel_is_held_against_its_own_dates(self):
        self.known_and_visited(listed("/a", modified=5.0))
        assert self.tell(listed("/a", channel=Announcer.FEED, modified=6.0)) == 0

    def test_a_feed_without_dates_of_change_does_not_undo_those_of_another(self):
        self.known_and_visited(listed("/a", modified=5.0))
        assert self.tell(listed("/a", by=f"{MAP}2", published=3.0)) == 0
        assert self.tell(listed("/a", modified=5.0)) == 0
        assert self.tell(listed("/a", by=f"{MAP}2", published=3.0), listed("/a", modified=5.0)) == 0

    def test_a_date_of_publication_alone_makes_nothing_due(self):
        self.known_and_visited(listed("/a", published=5.0))
        assert self.tell(listed("/a", published=6.0)) == 0

    def test_a_page_that_changes_while_it_is_fetched_is_due_again(self):
        self.known_and_visited(listed("/a", modified=5.0))
        self.another_round(full=True)
        [key] = self.take()
        self.tell(listed("/a", modified=6.0))
        self.frontier.done(Visit(key, Outcome.STORED, status=200))
        self.commit()
        assert self.take() == [key]

    def test_lists_whose_dates_never_rest_lead_to_a_page_once_more_in_a_crawl(self):
        self.known_and_visited(listed("/a", modified=5.0))
        self.another_round(full=True)
        assert self.visit() == 1
        assert self.tell(listed("/a", modified=self.clock[0] - 2)) == 1
        assert self.visit() == 1
        assert self.tell(listed("/a", modified=self.clock[0] - 1)) == 0
        self.another_round(full=False)
        assert self.tell(listed("/a", modified=self.clock[0])) == 1

    @pytest.mark.parametrize(("outcome", "causes"), [(Outcome.UNCHANGED, 0), (Outcome.STORED, 1)])
    def test_a_channel_whose_dates_bring_no_news_causes_nothing_any_more(self, outcome, causes):
        paths = [f"/{number}" for number in range(20)]
        self.known_and_visited(*(listed(path, modified=5.0) for path in paths))
        self.tell(*(listed(path, modified=6.0) for path in paths))
        assert self.visit(outcome) == 20
        self.clock[0] += DAY
        assert self.tell(listed("/0", modified=self.clock[0])) == causes
        self.restart()
        assert self.tell(listed("/1", modified=self.clock[0])) == causes

    def test_what_a_channel_made_due_before_it_was_found_out_is_let_be(self):
        paths = [f"/{number}" for number in range(60)]
        self.known_and_visited(*(listed(path, modified=5.0) for path in paths))
        self.another_round(full=False)
        assert self.tell(*(listed(path, modified=6.0) for path in paths)) == 60
        for key in self.take(20):
            self.frontier.done(Visit(key, Outcome.UNCHANGED, status=200))
        self.commit()
        assert (self.take(), self.frontier.due(SITE)) == ([], None)
        assert len(self.frontier.unplanned(SITE, 100)) == 60

    def test_failures_teach_nothing_about_a_channel(self):
        paths = [f"/{number}" for number in range(20)]
        self.known_and_visited(*(listed(path, modified=5.0) for path in paths))
        self.tell(*(listed(path, modified=6.0) for path in paths))
        self.visit(Outcome.HTTP_ERROR, 503)
        self.clock[0] += DAY
        assert self.tell(listed("/0", modified=self.clock[0])) == 1

    def test_lists_that_do_not_agree_on_a_date_lead_to_a_page_once(self):
        self.known_and_visited(listed("/a", modified=5.0))
        self.clock[0] += DAY
        self.visit()
        assert self.tell(listed("/a", modified=self.clock[0])) == 1
        self.visit()
        for _ in range(3):
            self.clock[0] += DAY
            assert self.tell(listed("/a", modified=6.0), listed("/a", modified=DAY)) == 0

    def test_a_date_long_before_the_last_visit_tells_nothing_new(self):
        self.clock[0] += 10 * DAY
        self.known_and_visited(listed("/a", modified=5.0))
        assert self.tell(listed("/a", modified=self.clock[0] - 2 * DAY)) == 0

    # Lists

    def test_what_is_missing_from_a_list_is_due_once(self):
        self.known_and_visited(listed("/a"), listed("/b"))
        since = self.clock[0]
        self.tell(listed("/a"))
        assert self.frontier.listed(SITE, MAP, since) == 1
        assert self.take() == ["http://example.test/b"]
        assert self.frontier.listed(SITE, MAP, since) == 0

    def test_what_is_on_its_list_again_is_due(self):
        self.known_and_visited(listed("/a"), listed("/b"))
        self.tell(listed("/a"))
        self.frontier.listed(SITE, MAP, self.clock[0])
        self.visit(Outcome.HTTP_ERROR, 404)
        self.clock[0] += DAY
        assert self.tell(listed("/b")) == 1

    def test_a_list_that_names_nothing_says_nothing(self):
        self.known_and_visited(listed("/a"))
        assert self.frontier.listed(SITE, MAP, self.clock[0]) == 0

    def test_a_list_says_nothing_of_what_others_announced(self):
        self.known_and_visited(listed("/a"), listed("/b", by=f"{MAP}2"), told("/c"))
        since = self.clock[0]
        self.tell(listed("/a"))
        assert self.frontier.listed(SITE, MAP, since) == 0

    def test_a_list_counts_what_is_not_missing_before_it_is_committed(self):
        self.frontier.announce(SITE, [listed("/a"), listed("/b")])
        assert self.frontier.listing_size(SITE, MAP) == 2
        assert self.frontier.listing_size(SITE, "http://example.test/unknown") == 0

    def test_a_list_has_as_many_as_it_says_until_more_is_told(self):
        self.tell(listed("/a"))
        self.frontier.listed(SITE, MAP, self.clock[0], 5)
        assert self.frontier.listing_size(SITE, MAP) == 5
        self.tell(listed("/b"))
        assert self.frontier.listing_size(SITE, MAP) == 6

    def test_what_a_list_names_is_named_after_its_visit_whenever_that_is_written(self):
        self.known_and_visited(listed("/a"), told("/map.xml"))
        self.another_round(full=True)
        self.take()
        self.frontier.done(Visit(MAP, Outcome.STORED, "sha256:x", status=200))
        self.clock[0] += 1
        self.frontier.announce(SITE, [listed("/a")])
        self.frontier.listing_size(SITE, MAP)
        self.clock[0] += 1
        self.commit()
        [visited] = [page.visited for page in self.frontier.unplanned(SITE, 10) if page.url == MAP]
        assert self.frontier.listed(SITE, MAP, visited) == 0

    # Plans

    def test_visited_pages_are_to_be_planned_once(self):
        self.known_and_visited(
            listed("/a", published=7.0, modified=9.0), told("/b"), needed("/photo")
        )
        self.tell(told("/a"))
        first, second = self.frontier.unplanned(SITE, 10)
        assert (first.url, first.announcer, first.published, first.modified) == (
            "http://example.test/a",
            Announcer.SITEMAP,
            7.0,
            9.0,
        )
        assert set(first.channels) == {Announcer.SITEMAP, Announcer.LINK}
        assert (second.status, second.outcome, second.errors) == (200, Outcome.STORED, 0)
        self.frontier.plan([(first.id, None), (second.id, self.clock[0] + 5)])
        assert self.frontier.unplanned(SITE, 10) == []

    def test_a_planned_page_is_due_then_and_no_part_of_the_round_before(self):
        self.known_and_visited(told("/a"))
        [page] = self.frontier.unplanned(SITE, 10)
        self.frontier.plan([(page.id, self.clock[0] + 100)])
        self.another_round(full=False)
        assert (self.take(), self.frontier.due(SITE)) == ([], None)
        assert self.frontier.next_planned(SITE) == self.clock[0] + 99
        self.clock[0] += 100
        assert self.visit() == 1
        assert len(self.frontier.unplanned(SITE, 10)) == 1

    def test_a_list_that_has_announced_something_is_known_as_such(self):
        self.known_and_visited(told("/map.xml"), listed("/a"))
        sources = {page.url: page.is_source for page in self.frontier.unplanned(SITE, 10)}
        assert sources == {MAP: True, "http://example.test/a": False}

    def test_failed_visits_are_counted_until_one_succeeds(self):
        self.known_and_visited(told("/a"))
        for outcome, errors in [(Outcome.DNS, 1), (Outcome.TIMEOUT, 2), (Outcome.UNCHANGED, 0)]:
            self.another_round(full=True)
            self.visit(outcome, 200 * (outcome is Outcome.UNCHANGED))
            assert self.frontier.unplanned(SITE, 1)[0].errors == errors
