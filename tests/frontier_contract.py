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


def needed(
    path: str, kind: str = "image", depth: int = 1, *, by: str = "/", redirects: int = 0
) -> Announcement:
    """Return the announcement of a requisite."""
    referrer = f"http://example.test{by}"
    via = Via(announcer=Announcer.REQUISITE, referrer=referrer, hop=depth)
    return announcement(
        f"http://example.test{path}", via, kind=kind, depth=depth, redirects=redirects
    )


class FrontierContract:
    frontier: Frontier
    commit: Callable[[], None]
    restart: Callable[[], None]
    clock: list[float]

    def announced(self, *announcements: Announcement) -> int:
        """Announce and commit; return how many fell due by it."""
        due = self.frontier.announce(SITE, announcements)
        self.commit()
        return len(due)

    def visited(self, outcome: Outcome = Outcome.STORED, *, fresh_s: float = 0.0) -> list[str]:
        """Fetch all that is due; what is fetched stays fresh for so long."""
        claims = self.frontier.claim(SITE, 100)
        for claim in claims:
            until = self.clock[0] + fresh_s
            self.frontier.done(Visit(claim.key, outcome, "sha256:x", fresh_until=until))
        self.commit()
        return [claim.url for claim in claims]

    def next_round(self, *, after_s: float = 1.0) -> None:
        self.frontier.end(SITE)
        self.clock[0] += after_s
        self.frontier.begin(SITE, "later")

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

    def test_who_gives_a_page_a_better_place_takes_over_until_it_is_asked_for(self):
        self.announced(told("/a", hop=5), told("/b", hop=5))
        self.announced(told("/a", Announcer.FEED))
        first, second = self.frontier.claim(SITE, 2)
        assert (first.url, first.via.announcer) == ("http://example.test/a", Announcer.FEED)
        self.announced(told("/b", Announcer.FEED))
        self.frontier.release([second.key])
        assert self.frontier.claim(SITE, 1)[0].via.announcer is Announcer.LINK

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

    def test_requisites_come_after_seeds_and_before_further_pages(self):
        self.announced(told("/map", Announcer.ROBOTS), told("/new", Announcer.FEED))
        self.announced(needed("/photo"), told("/", Announcer.SEED))
        paths = [url.removeprefix("http://example.test") for url in self.claimed()]
        assert paths == ["/", "/map", "/photo", "/new"]

    def test_a_claim_tells_kind_depth_and_host_of_a_requisite(self):
        self.announced(needed("/a.woff2", "font", 3))
        [claim] = self.frontier.claim(SITE, 1)
        assert claim.is_requisite
        assert (claim.kind, claim.depth, claim.host) == ("font", 3, "example.test")

    def test_announcing_names_the_host_of_each_address_that_falls_due(self):
        photo = announcement("http://photos.test:81/a", Via(announcer=Announcer.REQUISITE))
        assert self.frontier.announce(SITE, [told("/a"), photo, told("/a")]) == [
            "example.test",
            "photos.test:81",
        ]

    def test_hosts_that_have_enough_are_passed_over(self):
        photo = announcement("http://photos.test/a", Via(announcer=Announcer.REQUISITE))
        self.announced(told("/a"), photo)
        claims = self.frontier.claim(SITE, 9, without=["photos.test"])
        assert [claim.host for claim in claims] == ["example.test"]
        assert [claim.host for claim in self.frontier.claim(SITE, 9)] == ["photos.test"]

    def test_requisites_alone_can_be_claimed(self):
        self.announced(told("/a"))
        assert self.frontier.due(SITE, requisites_only=True) is None
        self.announced(needed("/photo"))
        assert self.frontier.due(SITE, requisites_only=True) == self.clock[0]
        claims = self.frontier.claim(SITE, 9, requisites_only=True)
        assert [claim.url for claim in claims] == ["http://example.test/photo"]

    def test_a_new_round_makes_no_requisite_due(self):
        self.frontier.begin(SITE, "1")
        self.announced(told("/"), needed("/photo"))
        self.visited()
        self.next_round()
        assert self.claimed() == ["http://example.test/"]

    def test_a_requisite_that_was_not_fetched_is_due_in_the_next_round(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/photo"))
        self.next_round()
        assert self.claimed() == ["http://example.test/photo"]

    def test_a_requisite_is_fetched_once_in_a_round(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/photo"))
        self.visited()
        self.clock[0] += 100
        assert self.announced(needed("/photo")) == 0
        assert self.claimed() == []

    def test_a_requisite_is_fetched_once_in_a_round_that_was_broken_off(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/photo"))
        self.visited()
        self.clock[0] += 100
        self.restart()
        self.frontier.begin(SITE, "2")
        assert self.announced(needed("/photo")) == 0

    def test_a_stale_requisite_is_due_once_it_is_announced_again(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/photo"))
        self.visited(fresh_s=10)
        self.next_round(after_s=11)
        assert self.claimed() == []
        assert self.announced(needed("/photo"), needed("/photo")) == 1
        assert self.announced(needed("/photo")) == 0
        assert self.claimed() == ["http://example.test/photo"]

    def test_a_fresh_requisite_is_not_asked_for_again(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/photo"))
        self.visited(fresh_s=10)
        self.next_round(after_s=9)
        assert self.announced(needed("/photo")) == 0

    def test_a_requisite_that_failed_is_tried_once_a_round(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/photo"))
        claim = self.frontier.claim(SITE, 1)[0]
        self.frontier.done(Visit(claim.key, Outcome.DNS))
        self.commit()
        assert self.announced(needed("/photo")) == 0
        self.next_round()
        assert self.announced(needed("/photo")) == 1
        assert self.frontier.claim(SITE, 1)[0].failures == 0

    def test_a_requisite_under_way_is_not_due_again(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/photo"))
        self.claimed()
        assert self.announced(needed("/photo")) == 0

    def test_what_a_fresh_stylesheet_names_is_due_where_it_is_stale(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/a.css", "stylesheet"))
        self.visited(fresh_s=1000)
        self.announced(needed("/b.css", "stylesheet", 2, by="/a.css"))
        self.visited(fresh_s=1000)
        self.announced(needed("/f.woff", "font", 3, by="/b.css"), needed("/i", by="/a.css"))
        self.visited(Outcome.HTTP_ERROR)
        self.next_round(after_s=10)
        assert self.announced(needed("/a.css", "stylesheet")) == 1
        [claim] = self.frontier.claim(SITE, 9)
        assert (claim.url, claim.kind, claim.depth) == ("http://example.test/f.woff", "font", 3)
        assert claim.via.referrer == "http://example.test/b.css"

    def test_where_a_fresh_redirect_leads_is_due_where_it_is_stale(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/old"), needed("/new", by="/old", redirects=1))
        for claim in self.frontier.claim(SITE, 2):
            until = self.clock[0] + (1000 if claim.url.endswith("/old") else 0)
            self.frontier.done(Visit(claim.key, Outcome.STORED, fresh_until=until))
        self.commit()
        self.next_round(after_s=10)
        assert self.announced(needed("/old")) == 1
        assert self.claimed() == ["http://example.test/new"]

    def test_stylesheets_that_name_each_other_come_to_an_end(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/a.css", "stylesheet", 2, by="/b.css"))
        self.announced(needed("/b.css", "stylesheet", 2, by="/a.css"))
        self.visited(fresh_s=1000)
        self.next_round()
        assert self.announced(needed("/a.css", "stylesheet")) == 0

    def test_a_requisite_of_two_sites_is_fetched_by_the_one_that_needs_it(self):
        self.frontier.announce("other", [needed("/photo")])
        self.commit()
        assert self.announced(needed("/photo")) == 1
        assert self.frontier.claim("other", 1) == []
        assert self.visited(fresh_s=100) == ["http://example.test/photo"]
        assert self.frontier.announce("other", [needed("/photo")]) == []

    def test_a_requisite_that_is_announced_as_a_page_becomes_one(self):
        self.frontier.begin(SITE, "1")
        self.announced(needed("/frame", "document"))
        self.visited(fresh_s=1000)
        assert self.announced(told("/frame")) == 1
        [claim] = self.frontier.claim(SITE, 1)
        assert (claim.is_requisite, claim.kind, claim.depth) == (False, "", 0)

    def test_a_requisite_becomes_a_page_while_it_is_announced(self):
        self.announced(needed("/frame"), told("/frame"))
        assert self.frontier.claim(SITE, 1)[0].via.announcer is Announcer.LINK

    def test_a_requisite_becomes_a_page_while_it_is_fetched(self):
        self.announced(needed("/frame"))
        claim = self.frontier.claim(SITE, 1)[0]
        self.announced(told("/frame"))
        assert self.claimed() == []
        self.frontier.done(Visit(claim.key, Outcome.STORED, fresh_until=self.clock[0] + 1000))
        self.commit()
        assert self.frontier.claim(SITE, 1)[0].via.announcer is Announcer.LINK

    def test_a_page_never_becomes_a_requisite(self):
        self.announced(told("/frame"), needed("/frame"))
        assert self.announced(needed("/frame")) == 0
        assert self.frontier.claim(SITE, 1)[0].via.announcer is Announcer.LINK

    def test_kinds_that_are_not_wanted_are_not_due_until_they_are_announced_again(self):
        self.frontier.begin(SITE, "1")
        self.announced(told("/"), needed("/photo"), needed("/a.css", "stylesheet"))
        self.frontier.forgo(SITE, ["image"])
        assert self.claimed() == ["http://example.test/photo", "http://example.test/"]
        assert self.announced(needed("/a.css", "stylesheet")) == 1
