"""crawler.discover.announced: what an answer leads to, and what it shows."""

import pytest
from scrapy.http import Response

from archive.model import Announcer
from archive.requisites import RequisiteKind
from crawler.discover.announced import announced_in, is_slow_to_read, needed_in

URL = "https://example.com/2024/a-post/"
PAGE = """<meta name=robots content=ROBOTS><link rel=stylesheet href=/s.css><a href=/next/>on</a>
<a href=/full.jpg><img src=/small.jpg></a>"""


def answer(body, content_type="text/html", *, status=200, url=URL, **fields):
    headers = {"Content-Type": content_type} | fields
    return Response(url, status=status, headers=headers, body=body.encode())


def told(links):
    return [
        (link.url.removeprefix("https://example.com"), link.announcer, link.rel) for link in links
    ]


SHOWN = [
    ("/s.css", Announcer.REQUISITE, "stylesheet"),
    ("/small.jpg", Announcer.REQUISITE, "image"),
    ("/full.jpg", Announcer.REQUISITE, "image"),
]
FAVICON = ("/favicon.ico", Announcer.REQUISITE, "favicon")


def test_requisites_come_after_links_and_are_no_links_besides():
    links = announced_in(answer(PAGE), requisites=True)
    assert told(links) == [("/next/", Announcer.LINK, ""), *SHOWN, FAVICON]


def test_without_requisites_a_linked_photo_is_a_link():
    assert told(announced_in(answer(PAGE))) == [
        ("/next/", Announcer.LINK, ""),
        ("/full.jpg", Announcer.LINK, ""),
    ]


def test_what_browsers_ask_for_beside_a_page_that_names_no_icon_is_asked_for():
    named = answer("<link rel=icon href=/i.png>")
    assert told(announced_in(answer("<p>text"), requisites=True)) == [FAVICON]
    assert told(announced_in(answer("<p>text"))) == []
    assert told(announced_in(named, requisites=True)) == [("/i.png", Announcer.REQUISITE, "icon")]


def test_link_fields_name_requisites():
    page = answer(
        "<link rel=icon href=/i.png>", Link='</s.css>; rel="preload"; as=style, </>; rel=x'
    )
    found = told(announced_in(page, requisites=True))
    assert found[1:] == [("/s.css", Announcer.REQUISITE, "stylesheet")]


def test_a_page_that_forbids_to_follow_is_shown_whole_all_the_same():
    page = answer(PAGE.replace("ROBOTS", "nofollow"))
    assert told(announced_in(page, requisites=True)) == [*SHOWN, FAVICON]


@pytest.mark.parametrize("status", [404, 500])
def test_error_pages_announce_nothing(status):
    assert told(announced_in(answer(PAGE, status=status), requisites=True)) == []


def test_stylesheets_manifests_and_pictures_announce_what_they_need():
    sheet = answer("@font-face{src:url(/f.woff2)}", "text/css")
    manifest = answer('{"icons":[{"src":"/i.png"}]}', "application/manifest+json")
    picture = answer("<svg><image href=/p.png></svg>", "image/svg+xml")
    needed = [needed_in(sheet), needed_in(manifest), needed_in(picture)]
    assert [told(links)[0][::2] for links in needed] == [
        ("/f.woff2", "font"),
        ("/i.png", "icon"),
        ("/p.png", "image"),
    ]
    assert announced_in(sheet, requisites=True) == needed_in(sheet)
    assert announced_in(sheet) == ()


def test_what_was_asked_for_counts_where_the_server_does_not_say():
    sheet = answer("a{b:url(/x.png)}", "application/octet-stream")
    assert told(needed_in(sheet, RequisiteKind.STYLESHEET))[0][0] == "/x.png"
    assert needed_in(sheet) == ()


@pytest.mark.parametrize("status", [200, 404])
def test_a_page_sent_for_a_requisite_needs_nothing(status):
    page = answer("<!doctype html><img src=/a.png>", status=status)
    assert needed_in(page, RequisiteKind.STYLESHEET) == ()
    assert needed_in(page) == ()


def test_a_page_that_could_hold_the_event_loop_up_is_read_beside_it():
    assert not is_slow_to_read(answer("<img src=1>" * 500))
    assert is_slow_to_read(answer("<img src=1>" * 1_500))
    assert is_slow_to_read(answer("w" * 50_000))
