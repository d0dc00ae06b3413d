"""crawler.scope.traps and crawler.scope.sameness: sites that go on for ever, and big sites that do not."""

import sqlite3
import time
from contextlib import closing

import pytest
from scrapy.http import HtmlResponse, Response

from archive import urls
from crawler.scope import Scope
from crawler.scope.barren import remember, remembered
from crawler.scope.sameness import PROBES, SAME, Answer, Sameness
from crawler.scope.traps import BUDGETS, Kind

BASE = "https://example.com"


def walked(first, links_of, most=3_000):
    """Crawl from `first` as `links_of(path)` says; return the paths that were asked for, in order."""
    scope = Scope([BASE + "/"])
    waiting, known = [first], {urls.fetch_key(BASE + first)}
    asked: list[str] = []
    while waiting and len(asked) < most:
        path = waiting.pop(0)
        asked.append(path)
        links = list(links_of(path))
        scope.read(BASE + path, [BASE + link for link in links])
        for link in links:
            key = urls.fetch_key(BASE + link)
            if key not in known and scope.decide(BASE + link, referrer=BASE + path).in_scope:
                known.add(key)
                waiting.append(link)
    return asked


def month(path, step):
    year, number = map(int, path.strip("/").split("/")[-2:])
    return divmod(year * 12 + number - 1 + step, 12)


def neighbours(path, folder=""):
    for step in (-1, 1):
        year, number = month(path, step)
        yield f"{folder}/{year}/{number + 1}/"


def test_a_calendar_of_next_and_previous_months_ends():
    asked = walked("/cal/2026/1/", lambda path: neighbours(path, "/cal"))
    assert len(asked) == 1 + BUDGETS[Kind.DATE].inbred


def test_a_calendar_with_the_sites_menu_on_each_page_ends():
    menu = ["/", "/about/", "/news/", "/a-post/", "/cal/today/"]
    asked = walked("/cal/2026/1/", lambda path: [*menu, *neighbours(path, "/cal")] if path.count("/") == 4 else [])  # fmt: skip
    assert len(asked) == 1 + len(menu) + BUDGETS[Kind.DATE].inbred


def test_a_calendar_by_its_query_ends():
    def links_of(path):
        number = int(path.partition("-")[2].partition("&")[0])
        return [f"/events?date=2026-{number + 1}", f"/events?date=2026-{number + 1}&view=week"]

    assert len(walked("/events?date=2026-1", links_of)) < 120


def test_archives_of_months_that_are_reached_one_by_one_are_all_read():
    def links_of(path):
        if "post" in path:
            return []
        year, number = month(path, 0)
        articles = [f"/{year}/{number + 1:02}/post-{letter}/" for letter in "abcd"]
        older, _ = neighbours(path)
        return articles + ([older] if (year, number) > (1990, 0) else [])

    asked = walked("/2026/1/", links_of)
    assert sum("post" not in path for path in asked) == 36 * 12 + 1
    assert sum("post" in path for path in asked) == 4 * (36 * 12 + 1)


def test_twenty_years_of_months_on_a_home_page_are_all_read():
    months = [f"/{year}/{number:02}/" for year in range(2004, 2024) for number in range(1, 13)]
    assert len(walked("/", lambda path: months if path == "/" else [])) == 241


def test_a_listing_whose_pages_bring_articles_goes_on():
    def links_of(path):
        number = int(path.strip("/").rpartition("/")[2]) if "page" in path else 1
        return [f"/post-{number}/", f"/news/page/{number + 1}/"] if "news" in path else []

    assert len(walked("/news/", links_of)) == 3_000


def test_a_listing_that_shows_the_same_for_ever_ends():
    def links_of(path):
        number = int(path.partition("=")[2] or 1)
        return [*(f"/post-{each}/" for each in range(20)), f"/list?page={number + 1}"]

    asked = walked("/list", lambda path: links_of(path) if "list" in path else [])
    assert sum("page" in path for path in asked) < 110


def test_filters_in_every_combination_end():
    def links_of(path):
        return [f"{path}&{name}={value}" for name in "abc" for value in range(3)]

    assert len(walked("/shop?x=1", links_of)) <= 65


def test_what_the_sites_own_lists_name_has_no_budget():
    scope = Scope([BASE + "/"])
    paths = [f"/news/{number}" for number in range(60_000)]
    assert all(scope.decide(BASE + path, is_listed=True).in_scope for path in paths)


def test_a_refused_address_is_let_in_when_its_pattern_has_brought_news():
    scope = Scope([BASE + "/"])
    page = f"{BASE}/cal/2026/1/"
    days = [f"{BASE}/cal/{year}/1/" for year in range(2000, 2060)]
    admitted = [day for day in days if scope.decide(day, referrer=page).in_scope]
    refused = days[len(admitted)]
    assert scope.decide(refused, referrer=page).reason == "calendar"
    scope.read(admitted[0], [f"{BASE}/a-menu/"])
    scope.read(admitted[-1], [f"{BASE}/a-menu/", f"{BASE}/a-concert/"])
    assert scope.decide(refused, referrer=page).in_scope


def test_a_trap_of_an_earlier_crawl_has_no_budget_until_it_brings_something():
    first, second = Scope([BASE + "/"]), Scope([BASE + "/"])
    page = f"{BASE}/cal/2026/1/"
    years = [f"{BASE}/cal/{year}/1/" for year in range(2000, 2060)]
    assert sum(first.decide(year, referrer=page).in_scope for year in years) == 40
    second.barren.update(first.barren)
    assert not any(second.decide(year, referrer=page).in_scope for year in years)
    assert second.decide(years[0], referrer=BASE + "/").in_scope
    second.read(page, [f"{BASE}/a-menu/"])
    assert not second.decide(years[1], referrer=page).in_scope
    second.read(page, [f"{BASE}/a-menu/", f"{BASE}/a-concert/"])
    assert all(second.decide(year, referrer=page).in_scope for year in years[:30])


def test_barren_patterns_are_kept_for_each_site():
    with closing(sqlite3.connect(":memory:")) as state:
        remember(state, "a", {"x", "y"})
        remember(state, "b", {"z"})
        remember(state, "a", {"y"})
        assert (remembered(state, "a"), remembered(state, "b")) == (["y"], ["z"])
        assert remembered(state, "c") == []


def html(path, body):
    return HtmlResponse(
        BASE + path, body=body.encode(), encoding="utf-8", headers={"Content-Type": "text/html"}
    )


def test_pages_that_differ_by_their_own_address_and_the_time_are_the_same():
    first = html("/soft/first", "<p>/soft/first is not here</p><i>12:01:59</i>")
    second = html("/soft/other", "<p>/soft/other  is not here</p><i>9:30</i>")
    assert same(first, second)


def test_pages_that_differ_in_numbers_or_pictures_are_not_the_same():
    rates = [html(f"/rates/{day}", f"<td>1 EUR = {480 + day} KZT</td>") for day in (5, 6)]
    photos = [html(f"/photo/{each}", f"Photo<img src='/f/{each}.jpg'>") for each in "ab"]
    assert not same(*rates)
    assert not same(*photos)


def test_redirects_to_one_place_are_the_same_and_errors_say_nothing():
    away = [Response(BASE + path, 302, {"Location": "/consent"}) for path in ("/a", "/b")]
    assert same(*away)
    assert not Answer(Response(BASE + "/a", 404, body=b"<html>no</html>")).is_known
    assert not Answer(Response(BASE + "/a.pdf", body=b"%PDF-1.7")).is_known


def same(*responses):
    first, second = map(Answer, responses)
    return (first.title, first.text()) == (second.title, second.text())


def test_pages_with_the_same_title_and_other_words_are_not_the_same():
    head = "<title>The News</title>"
    assert not same(html("/a", f"{head}one"), html("/b", f"{head}two"))


SOFT = Answer(html("/soft/1", "<title>The News</title><p>not here"))


@pytest.mark.parametrize(
    "markup",
    [
        "<script>",
        "<img ",
        "<",
        "<script ",
        "<img src=",
        "<title",
        "<img a='",
        "0:",
        "<style><script>",
        "<img src=x ",
    ],
)
def test_hostile_pages_take_linear_time(markup):
    started = time.process_time()
    Answer(html("/a/" + "ab/" * 3_000, markup * (64_000 // len(markup)))).text()
    assert time.process_time() - started < 0.2


def test_a_pattern_that_answers_all_the_same_is_only_probed():
    seen = Sameness()
    for _ in range(SAME + 1):
        assert seen.is_worth("/soft/N")
        seen.saw("/soft/N", SOFT)
    assert sum(seen.is_worth("/soft/N") for _ in range(PROBES * 3)) == 3
    assert seen.is_worth("/news/N")


def test_seeds_and_sitemaps_are_asked_for_though_all_else_gives_one_page():
    scope = Scope([BASE + "/"])
    for number in range(SAME + 1):
        away = Response(f"{BASE}/post-{'a' * number}", 302, {"Location": "/consent"})
        scope.read(away.url, [], away)
    assert [scope.is_worth(BASE + path) for path in ("/other", "/", "/sitemap.xml")] == [
        False,
        True,
        True,
    ]


def test_one_page_that_differs_opens_the_pattern_again():
    seen = Sameness()
    for _ in range(SAME + 1):
        seen.saw("/soft/N", SOFT)
    assert not seen.is_worth("/soft/N")
    seen.saw("/soft/N", Answer(html("/soft/2", "<title>The News</title><p>here it is")))
    assert seen.is_worth("/soft/N")
