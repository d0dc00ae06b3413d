"""Facts about lanes: which claimed address goes next."""

from __future__ import annotations

from archive.model import Announcer, Via
from crawler.frontier.claims import Claim
from crawler.lanes import OTHERS_MAX, Lanes

OWN = "site.test"


def claim(name: str, host: str = OWN, *, requisite: bool = False) -> Claim:
    announcer = Announcer.REQUISITE if requisite else Announcer.LINK
    url = f"http://{host}/{name}"
    return Claim(url, url, Via(announcer=announcer), redirects=0, failures=0, digest="", host=host)


def lanes_with(*claims: Claim, at_once: int = 1) -> Lanes[str]:
    lanes: Lanes[str] = Lanes(at_once, lambda host: host == OWN)
    for one in claims:
        lanes.put(one, one.url.rpartition("/")[2])
    return lanes


def test_requisites_go_before_pages():
    lanes = lanes_with(claim("page"), claim("photo", requisite=True))
    assert [lanes.take(), lanes.take()] == ["photo", "page"]


def test_a_host_gets_twice_what_goes_out_at_once():
    lanes = lanes_with(*[claim(str(n)) for n in range(9)], at_once=2)
    assert [lanes.take() for _ in range(5)] == ["0", "1", "2", "3", None]
    lanes.finished(claim("0"))
    assert lanes.take() == "4"


def test_hosts_take_turns():
    other = [claim(f"b{n}", "b.test", requisite=True) for n in range(2)]
    lanes = lanes_with(*other, claim("a0"), claim("a1"))
    assert [lanes.take() for _ in range(4)] == ["b0", "a0", "b1", "a1"]


def test_no_page_goes_where_none_may():
    lanes = lanes_with(claim("page"), claim("photo", requisite=True))
    assert [lanes.take(pages=False), lanes.take(pages=False)] == ["photo", None]
    assert (lanes.under_way, lanes.pages_under_way) == (1, 0)


def test_hosts_of_requisites_leave_room_for_the_sites_own():
    others = [claim("x", f"{n}.test", requisite=True) for n in range(OTHERS_MAX + 4)]
    lanes = lanes_with(*others, claim("page"))
    taken = [lanes.take() for _ in range(OTHERS_MAX + 2)]
    assert taken.count("x") == OTHERS_MAX
    assert "page" in taken


def test_pages_that_are_dropped_leave_nothing_to_wait_for():
    lanes = lanes_with(claim("page"))
    before = lanes.is_idle
    lanes.drop_pages()
    assert (before, lanes.is_idle) == (False, True)


def test_what_is_ready_for_a_silent_host_is_given_back():
    photo = claim("photo", "b.test", requisite=True)
    lanes = lanes_with(photo, claim("page"))
    assert lanes.drop("b.test") == [photo]
    assert lanes.drop("nowhere.test") == []
    assert lanes.take() == "page"


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
