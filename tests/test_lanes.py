"""Facts about lanes: which claimed address goes next."""

from __future__ import annotations

from archive.model import Announcer, Via
from crawler.frontier.claims import Claim
from crawler.site_crawl.lanes import MOST_READY, OTHERS_MAX, Lanes

OWN = "site.test"
NEVER = float("inf")


class Rooms:
    """What a pace says of hosts: how many at once, and in how many seconds."""

    def __init__(self, most: int, **seconds: float) -> None:
        self.most = most
        self.seconds = {f"{name}.test": wait for name, wait in seconds.items()}

    def room(self, host: str) -> tuple[int, float]:
        return self.most, self.seconds.get(host, 0.0)


def claim(name: str, host: str = OWN, *, requisite: bool = False) -> Claim:
    announcer = Announcer.REQUISITE if requisite else Announcer.LINK
    url = f"http://{host}/{name}"
    return Claim(url, url, Via(announcer=announcer), redirects=0, failures=0, digest="", host=host)


def lanes_with(*claims: Claim, at_once: int = 1, rooms: Rooms | None = None) -> Lanes:
    lanes = Lanes(at_once, lambda host: host == OWN, rooms or Rooms(2 * at_once))
    for one in claims:
        lanes.put(one)
    return lanes


def taken(lanes: Lanes, *, pages: bool = True) -> str | None:
    found = lanes.take(pages=pages)
    return None if found is None else found.url.rpartition("/")[2]


def test_requisites_go_before_pages():
    lanes = lanes_with(claim("page"), claim("photo", requisite=True))
    assert [taken(lanes), taken(lanes)] == ["photo", "page"]


def test_a_host_gets_no_more_than_it_has_room_for():
    lanes = lanes_with(*[claim(str(n)) for n in range(9)], at_once=2)
    assert [taken(lanes) for _ in range(5)] == ["0", "1", "2", "3", None]
    lanes.finished(claim("0"))
    assert taken(lanes) == "4"


def test_a_host_that_is_to_be_waited_for_is_passed_over():
    rooms = Rooms(1, slow=3.0)
    lanes = lanes_with(claim("a", "slow.test"), claim("b"), rooms=rooms)
    assert (taken(lanes), taken(lanes), lanes.wait_s()) == ("b", None, 3.0)
    rooms.seconds.clear()
    assert taken(lanes) == "a"


def test_nothing_is_waited_for_where_no_time_brings_it():
    lanes = lanes_with(claim("page"), rooms=Rooms(0))
    assert (lanes.wait_s(), lanes_with().wait_s(), lanes_with(claim("page")).wait_s()) == (
        NEVER,
        NEVER,
        NEVER,
    )


def test_hosts_take_turns():
    other = [claim(f"b{n}", "b.test", requisite=True) for n in range(2)]
    lanes = lanes_with(*other, claim("a0"), claim("a1"))
    assert [taken(lanes) for _ in range(4)] == ["b0", "a0", "b1", "a1"]


def test_no_page_goes_where_none_may():
    lanes = lanes_with(claim("page"), claim("photo", requisite=True))
    assert [taken(lanes, pages=False), taken(lanes, pages=False)] == ["photo", None]
    assert (lanes.under_way, lanes.pages_under_way) == (1, 0)


def test_hosts_of_requisites_leave_room_for_the_sites_own():
    others = [claim("x", f"{n}.test", requisite=True) for n in range(OTHERS_MAX + 4)]
    lanes = lanes_with(*others, claim("page"))
    found = [taken(lanes) for _ in range(OTHERS_MAX + 2)]
    assert found.count("x") == OTHERS_MAX
    assert "page" in found


def test_a_thousand_dead_hosts_do_not_keep_the_sites_own_from_having_more():
    others = [claim("x", f"{n}.test", requisite=True) for n in range(MOST_READY)]
    lanes = lanes_with(*others)
    lanes.looked([], others, is_all=False)
    lanes.looked([], [], is_all=True, own_only=True)
    wanted = [lanes.is_crowded, lanes.wants_more]
    lanes.stock([OWN])
    wanted.append(lanes.wants_more)
    lanes.put(claim("page"))
    found = [taken(lanes) for _ in range(OTHERS_MAX + 1)]
    assert wanted == [True, False, True]
    assert "page" in found


def test_other_hosts_are_looked_at_again_once_there_is_room():
    others = [claim("x", f"{n}.test", requisite=True) for n in range(MOST_READY)]
    lanes = lanes_with(*others)
    lanes.looked([], [], is_all=True, own_only=True)
    before = lanes.wants_more
    lanes.drop("0.test")
    assert (before, lanes.wants_more) == (False, True)


def test_pages_that_are_dropped_leave_nothing_to_wait_for():
    page = claim("page")
    lanes = lanes_with(page)
    before = lanes.is_idle
    dropped = lanes.drop_pages()
    assert (before, lanes.is_idle, dropped, list(lanes.held)) == (False, True, [page], [])


def test_what_is_ready_for_a_silent_host_is_given_back():
    photo = claim("photo", "b.test", requisite=True)
    lanes = lanes_with(photo, claim("page"))
    assert lanes.drop("b.test") == [photo]
    assert lanes.drop("nowhere.test") == []
    assert taken(lanes) == "page"


def test_all_that_is_ready_can_be_given_back_and_what_is_under_way_stays():
    lanes = lanes_with(claim("a"), claim("b"), claim("photo", "b.test", requisite=True))
    lanes.take()
    assert sorted(one.url[-5:] for one in lanes.drop_all()) == ["est/b", "photo"]
    assert list(lanes.held) == [claim("a").key]


def test_a_claim_that_is_held_is_not_held_twice():
    lanes = lanes_with(claim("a"), claim("a"))
    assert [taken(lanes), taken(lanes)] == ["a", None]
    lanes.put(claim("a"))
    assert lanes.is_idle is False
    lanes.finished(claim("a"))
    assert lanes.is_idle


def test_a_host_with_much_ready_is_full():
    lanes = lanes_with(*[claim(str(n)) for n in range(5)], claim("x", "b.test"))
    assert lanes.full == [OWN]


def test_more_is_wanted_until_the_frontier_has_nothing_and_again_when_something_is_announced():
    lanes = lanes_with()
    wanted = [lanes.wants_more]
    lanes.looked([], [], is_all=True)
    wanted.append(lanes.wants_more)
    lanes.stock([OWN])
    wanted.append(lanes.wants_more)
    lanes.looked([], [claim("a")], is_all=True)
    wanted.append(lanes.wants_more)
    lanes.doubt()
    assert [*wanted, lanes.wants_more] == [True, False, True, False, True]


def test_a_full_host_wants_more_once_it_has_little_left():
    lanes = lanes_with(*[claim(str(n)) for n in range(5)])
    lanes.stock([OWN])
    lanes.looked(lanes.full, [], is_all=True)
    before = lanes.wants_more
    lanes.take()
    assert (before, lanes.wants_more) == (False, True)
