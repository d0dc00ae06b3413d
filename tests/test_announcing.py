"""crawler.announcing, .sieve, .lists and .discover.channels: from links to what the frontier is told."""

from collections import Counter
from itertools import pairwise

import pytest
from scrapy.http import HtmlResponse

from archive.model import Announcer, Via
from crawler.announcing import announcements
from crawler.announcing.lists import ListRead, list_read, shallow
from crawler.announcing.sieve import Sieve
from crawler.discover.announced import announced_in
from crawler.discover.channels import Role, is_list, is_listed, role_of
from crawler.discover.links import WHOLE, Link, links_in_fields
from crawler.discover.wordpress import entrances, page_of
from crawler.frontier import Claim
from crawler.scope import Scope

NOW = 1_714_996_800.0  # 2024-05-06 12:00 UTC
BASE = "https://example.com/"
ENTRANCE = entrances(f"{BASE}wp-json/")[0]


def told(link):
    return next(iter(announcements([link], BASE, None, now=NOW)))


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("2024-05-06T12:00:00Z", NOW),
        ("2024-05-06T17:00:00+05:00", NOW),
        ("2024-05-06T12:00:00", NOW),
        ("2024-05-06", NOW - 12 * 3600),
        ("2024-05-07T11:00:00Z", NOW + 23 * 3600),
        ("2024-05-08", None),
        ("2099-13-45", None),
        ("1899-01-01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_told_unless_they_are_none_or_yet_to_come(date, seconds):
    both = told(Link(BASE + "a", Announcer.FEED, modified=date, published=date))
    assert (both.published, both.modified) == (seconds, seconds)


@pytest.mark.parametrize(
    ("link", "leads_to_a_list", "stands_on_a_list"),
    [
        (Link(BASE, Announcer.ROBOTS), True, True),
        (Link(BASE, Announcer.FEED, rel="alternate"), True, False),
        (Link(BASE, Announcer.FEED, rel="usual"), True, True),
        (Link(BASE, Announcer.FEED), False, True),
        (Link(BASE, Announcer.SITEMAP, rel="child"), True, True),
        (Link(BASE, Announcer.SITEMAP), False, True),
        (Link(BASE, Announcer.REST, rel="collection"), True, True),
        (Link(BASE, Announcer.REST), False, True),
        (Link(BASE, Announcer.LINK), False, False),
        (Link(BASE, Announcer.HREFLANG, rel="alternate"), False, False),
    ],
)
def test_lists_and_what_stands_on_them_are_told_apart(link, leads_to_a_list, stands_on_a_list):
    assert (is_list(link), is_listed(link)) == (leads_to_a_list, stands_on_a_list)
    assert told(link).is_channel == leads_to_a_list


@pytest.mark.parametrize(
    ("url", "announcer", "is_source", "role"),
    [
        (BASE, Announcer.LINK, False, Role.SEED),
        (BASE + "start", Announcer.SEED, False, Role.SEED),
        (BASE + "maps.xml", Announcer.ROBOTS, False, Role.SITEMAP),
        (BASE + "maps-2.xml", Announcer.SITEMAP, True, Role.SITEMAP),
        (BASE + "an-article", Announcer.SITEMAP, False, Role.PAGE),
        (BASE + "rss", Announcer.FEED, True, Role.FEED),
        (BASE + "rss", Announcer.LINK, True, Role.FEED),
        (ENTRANCE, Announcer.REST, True, Role.REST),
        (page_of(ENTRANCE, 2, is_pass=False), Announcer.REST, True, Role.FURTHER),
        (page_of(ENTRANCE, 1, is_pass=True), Announcer.REST, True, Role.FURTHER),
        (BASE + "news?page=2", Announcer.PAGINATION, False, Role.LISTING),
        (BASE + "category/news/", Announcer.LINK, False, Role.LISTING),
        (BASE + "ru/tag/dimash", Announcer.LINK, False, Role.LISTING),
        (BASE + "2024/05/", Announcer.LINK, False, Role.LISTING),
        (BASE + "2024/05/a-concert/", Announcer.LINK, False, Role.PAGE),
    ],
)
def test_roles_of_addresses(url, announcer, is_source, role):
    assert role_of(url, {announcer}, is_source=is_source) is role


def test_link_fields_say_what_link_elements_would():
    fields = [
        '</ru/a>; rel=alternate; hreflang=ru, </feed>; rel="alternate"; type="application/rss+xml"',
        f'<{BASE}wp-json/>; rel="https://api.w.org/", </b>; rel=canonical, </?p=1>; rel=shortlink',
        '</comments/feed/>; rel=alternate; type="application/rss+xml"; title="x", <>; rel=next, </z>',
    ]
    found = [(link.url, link.announcer, link.rel) for link in links_in_fields(fields, url=BASE)]
    assert found == [
        (BASE + "ru/a", Announcer.HREFLANG, "alternate"),
        (BASE + "feed", Announcer.FEED, "alternate"),
        (ENTRANCE, Announcer.REST, "collection"),
        (ENTRANCE.replace("posts", "pages"), Announcer.REST, "collection"),
        (BASE + "b", Announcer.CANONICAL, "canonical"),
        (BASE + "?p=1", Announcer.LINK, "shortlink"),
    ]


def test_a_page_names_its_twins_and_its_interface_by_elements_and_fields():
    head = (
        '<link rel="https://api.w.org/" href="/wp-json/"><link rel=alternate hreflang=ru href=/ru/>'
    )
    page = HtmlResponse(
        BASE + "a", body=head.encode(), headers={"Content-Type": "text/html", "Link": "</kk/>; rel=alternate; hreflang=kk"}
    )  # fmt: skip
    found = {(link.url, link.announcer) for link in announced_in(page)}
    assert {(BASE + "ru/", Announcer.HREFLANG), (BASE + "kk/", Announcer.HREFLANG)} <= found
    assert (ENTRANCE, Announcer.REST) in found


def test_every_channel_tells_of_an_address_once():
    sieve = Sieve(Scope([BASE]))
    links = [Link(BASE + "a", announcer) for announcer in (Announcer.LINK, Announcer.HREFLANG)]
    assert sieve.news(links, referrer=BASE) == links
    assert sieve.news(links, referrer=BASE + "b") == []


def test_what_stands_on_a_list_is_told_each_time():
    sieve = Sieve(Scope([BASE]))
    links = [Link(BASE + "a", Announcer.SITEMAP)]
    assert sieve.news(links, referrer=BASE) == sieve.news(links, referrer=BASE) == links


def test_a_refused_address_counts_once():
    reasons: Counter[str] = Counter()
    sieve = Sieve(Scope([BASE]), reasons)
    for announcer in (Announcer.LINK, Announcer.CANONICAL, Announcer.LINK):
        sieve.news([Link("https://other.test/", announcer)], referrer=BASE)
    assert reasons == {"other_host": 1}


class Known:
    """A frontier that knows who named whom."""

    def __init__(self, chain):
        self._claims = {}
        for referrer, url in pairwise(chain):
            is_root = referrer.endswith("robots.txt")
            announcer = Announcer.ROBOTS if is_root else Announcer.SITEMAP
            via = Via(announcer=announcer, referrer=referrer)
            self._claims[url] = Claim(url, url, via, redirects=0, failures=0, digest="")

    def claim_of_url(self, url):
        return ("example", self._claims[url]) if url in self._claims else None


def test_indexes_of_sitemaps_are_read_three_deep():
    chain = [BASE + name for name in ("robots.txt", "1.xml", "2.xml", "3.xml", "4.xml")]
    known = Known(chain)
    child = Link(BASE + "next.xml", Announcer.SITEMAP, rel="child")
    page = Link(BASE + "a", Announcer.SITEMAP)
    kept = [len(shallow(known, [child, page], known.claim_of_url(url)[1])) for url in chain[1:]]
    assert kept == [2, 2, 2, 1]


def test_a_list_is_known_as_read_by_its_end_or_its_counts():
    page = HtmlResponse(ENTRANCE, body=b"[]", headers={"X-WP-Total": "150", "X-WP-TotalPages": "2"})
    read = list_read(ENTRANCE, [], page)
    assert read is not None
    assert (read.source, read.total, read.pages, read.size) == (ENTRANCE, 150, 2, 0)
    assert list_read(BASE, [Link(BASE, Announcer.SITEMAP, rel=WHOLE)], None) == ListRead(BASE)
    assert list_read(BASE, [Link(BASE + "a", Announcer.LINK)], page) is None
    assert list_read(ENTRANCE, [], HtmlResponse(ENTRANCE, 403, body=b"[]")) is None
