"""What every frontier must do; a backend's test class inherits it and gives `frontier`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.model import Announcer, Outcome, Via
from crawler.frontier import Announcement, Visit, announcement

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.frontier import Frontier

SITE = "example"


def told(path: str, announcer: Announcer = Announcer.LINK, hop: int = 1) -> Announcement:
    return announcement(f"http://example.test{path}", Via(announcer=announcer, hop=hop))


class FrontierContract:
    frontier: Frontier
    commit: Callable[[], None]
    restart: Callable[[], None]
    clock: list[float]

    def announced(self, *announcements: Announcement) -> int:
        unknown = self.frontier.announce(SITE, announcements)
        self.commit()
        return unknown

    def claimed(self, limit: int = 10) -> list[str]:
        return [claim.url for claim in self.frontier.claim(SITE, limit)]

    def test_an_announced_address_is_claimed_once(self):
        self.announced(told("/a"))
        assert self.claimed() == ["http://example.test/a"]
        assert self.claimed() == []

    def test_a_known_address_is_not_announced_again(self):
        assert self.announced(told("/a"), told("/a")) == 1
        assert self.announced(told("/a")) == 0

    def test_the_first_announcer_is_kept(self):
        self.announced(told("/a", Announcer.FEED))
        self.announced(told("/a", Announcer.SITEMAP))
        assert self.frontier.claim(SITE, 1)[0].via.announcer is Announcer.FEED

    def test_seeds_come_before_feeds_before_links_before_sitemaps(self):
        for path, announcer in (
            ("/map", Announcer.SITEMAP),
            ("/link", Announcer.LINK),
            ("/feed", Announcer.FEED),
            ("/", Announcer.SEED),
        ):
            self.announced(told(path, announcer))
        assert [url.removeprefix("http://example.test") for url in self.claimed()] == [
            "/",
            "/feed",
            "/link",
            "/map",
        ]

    def test_nearer_links_come_first(self):
        self.announced(told("/far", hop=5), told("/near", hop=1))
        assert self.claimed(1) == ["http://example.test/near"]

    def test_what_is_done_is_not_due_again(self):
        self.announced(told("/a"))
        claim = self.frontier.claim(SITE, 1)[0]
        self.frontier.done(Visit(claim.key, Outcome.STORED, "sha256:x"))
        self.commit()
        assert self.claimed() == []
        assert self.frontier.due(SITE) is None

    def test_a_visit_to_be_retried_is_due_then_and_counts_its_failures(self):
        self.announced(told("/a"))
        claim = self.frontier.claim(SITE, 1)[0]
        self.frontier.done(Visit(claim.key, Outcome.TIMEOUT, retry_at=self.clock[0] + 30))
        self.commit()
        assert self.claimed() == []
        assert self.frontier.due(SITE) == self.clock[0] + 30
        self.clock[0] += 31
        assert self.frontier.claim(SITE, 1)[0].failures == 1

    def test_a_claim_that_never_came_back_is_due_after_a_restart(self):
        self.announced(told("/a"))
        self.claimed()
        self.restart()
        assert self.claimed() == ["http://example.test/a"]

    def test_what_was_not_committed_is_not_known_after_a_restart(self):
        self.frontier.announce(SITE, [told("/a")])
        self.restart()
        assert self.claimed() == []

    def test_a_new_round_makes_everything_due_again(self):
        self.announced(told("/a"))
        self.frontier.begin(SITE, "1")
        self.frontier.done(Visit(self.frontier.claim(SITE, 1)[0].key, Outcome.STORED))
        self.commit()
        self.frontier.end(SITE)
        assert self.frontier.begin(SITE, "2") is False
        assert self.claimed() == ["http://example.test/a"]

    def test_a_round_that_never_ended_goes_on_with_what_is_left(self):
        self.announced(told("/a"), told("/b"))
        self.frontier.begin(SITE, "1")
        self.frontier.done(Visit(self.frontier.claim(SITE, 1)[0].key, Outcome.STORED))
        self.commit()
        self.restart()
        assert self.frontier.begin(SITE, "2") is True
        assert self.claimed() == ["http://example.test/b"]

    def test_sites_do_not_take_each_others_addresses(self):
        self.frontier.announce("other", [told("/a")])
        self.commit()
        assert self.claimed() == []
        assert len(self.frontier.claim("other", 5)) == 1
