"""archive.requisites.missing, archive.wholeness: what a stored page lacks, over real collections."""

from __future__ import annotations

import gzip
from contextlib import closing
from datetime import timedelta

import pytest

from archive import Collection
from archive.backlog import drain
from archive.model import Kind, Truncation
from archive.requisites import RequisiteKind
from archive.requisites.missing import Missing, missing, requisites_of
from archive.store import state
from archive.store.outcomes import outcome_reader
from tests.exchanges import BEGIN, exchange
from tests.program import ROOT, muragat

PAGE = "http://example.com/post/"
CSS, PNG, SVG = "text/css", "image/png", "image/svg+xml"


def answer(url, body=b"x", *, status=200, mime=PNG, after=1.0, fields="", **changes):
    """Return an exchange `after` seconds after the page's."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {mime}\r\n{fields}\r\n".encode()
    changes = {"started": BEGIN + timedelta(seconds=after), "head": head} | changes
    return exchange(f"http://example.com{url}" if url.startswith("/") else url, body, **changes)


def page(html, url=PAGE, **changes):
    return answer(url, html.encode(), mime="text/html", after=0, **changes)


def redirect(url, target, **changes):
    return answer(url, b"", status=301, fields=f"Location: {target}\r\n", **changes)


@pytest.fixture
def stored(tmp_path):
    """Store exchanges, the page first; return what `requisites_of` says of the page."""

    def store(*exchanges, outcome_of=lambda _: ""):
        with Collection(tmp_path / "home", write=True) as collection:
            captures = [collection.add(one) for one in exchanges]
            collection.sync()
            return requisites_of(collection, captures[0], outcome_of=outcome_of)

    return store


def reasons(standing):
    return {one.url.removeprefix("http://example.com"): one.reason for one in standing.missing}


def kept(standing):
    return [one.url.removeprefix("http://example.com") for one in standing.kept]


def test_a_page_with_all_its_requisites_lacks_none(stored):
    found = stored(
        page("<img src=/a.png><img src=/b.png>"), answer("/a.png"), answer("/b.png", b"y")
    )
    assert kept(found) == ["/a.png", "/b.png"]
    assert found.missing == ()


def test_what_was_answered_otherwise_is_missing_with_its_status(stored):
    found = stored(
        page("<img src=/a.png><img src=/b.png><img src=/c.png>"),
        answer("/a.png", status=404),
        answer("/b.png", status=410),
        answer("/c.png", status=500),
    )
    assert reasons(found) == {"/a.png": "404", "/b.png": "410", "/c.png": "500"}


def test_an_answer_cut_short_is_missing(stored):
    found = stored(page("<img src=/a.png>"), answer("/a.png", truncated=Truncation.LENGTH))
    assert reasons(found) == {"/a.png": "cut short (length)"}


def test_what_was_never_asked_for_is_never_fetched(stored):
    assert reasons(stored(page("<img src=/a.png>"))) == {"/a.png": "never fetched"}


def test_the_crawl_says_why_it_has_no_capture(stored):
    html = "<img src=/a.png><img src=/b.png><img src=/c.png>"
    words = {"http://example.com/a.png": "robots", "http://example.com/b.png": "unchanged"}
    found = stored(page(html), outcome_of=lambda url: words.get(url, ""))
    assert reasons(found) == {
        "/a.png": "robots",
        "/b.png": "never fetched",
        "/c.png": "never fetched",
    }


def test_stylesheets_are_read_and_what_they_import(stored):
    found = stored(
        page("<link rel=stylesheet href=/css/a.css>"),
        answer("/css/a.css", b"@import 'deep/b.css'; i{background:url(../i.png)}", mime=CSS),
        answer("/css/deep/b.css", b"@font-face{src:url(f.woff2)}", mime=CSS),
        answer("/i.png"),
    )
    assert kept(found) == ["/css/a.css", "/css/deep/b.css", "/i.png"]
    assert found.missing == (
        Missing("http://example.com/css/deep/f.woff2", RequisiteKind.FONT, "never fetched"),
    )


def test_stylesheets_that_import_each_other_come_to_an_end(stored):
    found = stored(
        page("<link rel=stylesheet href=/a.css>"),
        answer("/a.css", b"@import 'b.css';", mime=CSS),
        answer("/b.css", b"@import 'a.css';", mime=CSS),
    )
    assert kept(found) == ["/a.css", "/b.css"]


def test_imports_are_followed_to_a_depth_of_five(stored):
    sheets = [
        answer(f"/{n}.css", f"@import '{n + 1}.css';".encode(), mime=CSS) for n in range(1, 9)
    ]
    found = stored(page("<link rel=stylesheet href=/1.css>"), *sheets)
    assert kept(found) == [f"/{n}.css" for n in range(1, 6)]


def test_manifests_and_svg_pictures_are_read(stored):
    found = stored(
        page("<link rel=manifest href=/app/m.json><img src=/p.svg>"),
        answer("/app/m.json", b'{"icons":[{"src":"i.png"}]}', mime="application/json"),
        answer("/p.svg", b"<svg><image href='in.png'/></svg>", mime=SVG),
    )
    assert reasons(found) == {"/app/i.png": "never fetched", "/in.png": "never fetched"}


def test_link_fields_of_a_page_are_read_and_no_others(stored):
    fields = 'Link: </a.css>; rel="preload"; as=style, </next/>; rel=next\r\n'
    found = stored(page("<img src=/a.png>", fields=fields), answer("/a.png", fields=fields))
    assert reasons(found) == {"/a.css": "never fetched"}


def test_a_page_that_names_no_icon_lacks_none(stored):
    assert stored(page("<p>text")).missing == ()


def test_compressed_pages_are_read(stored):
    body = gzip.compress(b"<img src=/a.png>")
    found = stored(
        answer("/post/", body, mime="text/html", fields="Content-Encoding: gzip\r\n", after=0)
    )
    assert list(reasons(found)) == ["/a.png"]


def test_redirects_are_followed(stored):
    found = stored(
        page("<img src=/a.png>"),
        redirect("/a.png", "/b.png"),
        redirect("/b.png", "http://cdn.example.net/c.png"),
        answer("http://cdn.example.net/c.png"),
    )
    assert [one.capture.url for one in found.kept] == ["http://cdn.example.net/c.png"]


def test_stylesheets_behind_a_redirect_name_files_beside_their_own_address(stored):
    found = stored(
        page("<link rel=stylesheet href=/a.css>"),
        redirect("/a.css", "/v2/b.css"),
        answer("/v2/b.css", b"i{background:url(i.png)}", mime=CSS),
    )
    assert list(reasons(found)) == ["/v2/i.png"]


def test_a_redirect_to_nothing_names_its_target(stored):
    found = stored(page("<img src=/a.png>"), redirect("/a.png", "/b.png"))
    assert reasons(found) == {
        "/a.png": "redirects to http://example.com/b.png, which is not archived (never fetched)"
    }


def test_redirects_in_a_circle_end(stored):
    found = stored(
        page("<img src=/a.png>"), redirect("/a.png", "/b.png"), redirect("/b.png", "/a.png")
    )
    assert found.missing[0].reason.startswith("redirects to http://example.com/b.png")


def test_redirects_without_end_end(stored):
    chain = [redirect(f"/{n}.png", f"/{n + 1}.png") for n in range(30)]
    found = stored(page("<img src=/0.png>"), *chain, answer("/30.png"))
    assert len(found.missing) == 1


def test_a_revisit_counts(stored):
    found = stored(
        page("<img src=/a.png><img src=/b.png>"), answer("/a.png"), answer("/b.png", after=2)
    )
    assert [one.capture.kind for one in found.kept] == [Kind.RESPONSE, Kind.REVISIT]


def test_the_capture_nearest_to_the_page_is_taken_earlier_or_later(stored):
    found = stored(
        page("<img src=/a.png>"),
        answer("/a.png", b"old", after=-50),
        answer("/a.png", b"near", after=-2),
        answer("/a.png", b"new", after=3),
        answer("/a.png", b"", status=404, after=1),
    )
    assert [one.capture.date - BEGIN for one in found.kept] == [timedelta(seconds=-2)]


def test_an_address_written_alike_counts_but_not_in_other_case(stored):
    found = stored(
        page("<img src=/%61.png><img src=http://www.example.com/b.png><img src=/C.png>"),
        answer("/a.png"),
        answer("https://example.com/b.png", b"y"),
        answer("/c.png", b"z"),
    )
    assert reasons(found) == {"/C.png": "never fetched"}


def test_head_requests_bring_no_picture(stored):
    found = stored(page("<img src=/a.png>"), answer("/a.png", b"", method="HEAD"))
    assert reasons(found) == {"/a.png": "200"}


def test_a_capture_that_is_no_page_needs_nothing(stored):
    assert stored(answer("/x.png", b"<img src=/a.png>")).missing == ()


def test_a_collection_without_a_frontier_knows_no_outcomes(tmp_path):
    with Collection(tmp_path, write=True) as collection:
        capture = collection.add(page("<img src=/a.png>"))
        collection.sync()
        found = missing(collection, capture, outcome_of=outcome_reader(tmp_path))
    assert [one.reason for one in found] == ["never fetched"]


def test_the_frontier_tells_outcomes(tmp_path):
    with Collection(tmp_path, write=True) as collection:
        capture = collection.add(page("<img src=/a.png>"))
        collection.sync()
    with closing(state.open_for_writing(tmp_path / state.NAME)) as connection:
        connection.execute("CREATE TABLE frontier (key TEXT, outcome TEXT)")
        connection.execute("INSERT INTO frontier VALUES ('http://example.com/a.png', 'timeout')")
    with Collection(tmp_path) as collection:
        found = missing(collection, capture, outcome_of=outcome_reader(tmp_path))
    assert [one.reason for one in found] == ["timeout"]


@pytest.fixture
def home(tmp_path):
    with Collection(tmp_path / "home", write=True) as collection:
        collection.add(page("<img src=/a.png><img src=/b.png>"))
        collection.add(answer("/a.png"))
        collection.sync()
    return tmp_path / "home"


def test_show_tells_of_a_page_that_is_no_article_what_it_lacks(home):
    run = muragat(home, "show", PAGE)
    assert run.code == 0, run.err
    assert "requisites: 1 kept, 1 missing" in run.out
    assert "http://example.com/b.png  (never fetched)" in run.out


def test_show_lists_requisites_as_json(home):
    run = muragat(home, "show", PAGE, "--requisites", "--json")
    date = f"{BEGIN + timedelta(seconds=1):%Y%m%d%H%M%S}"
    a = {"url": "http://example.com/a.png", "kind": "image", "state": "kept", "reason": None}
    b = {"url": "http://example.com/b.png", "kind": "image", "state": "missing"}
    assert run.lines == [
        {**a, "capture": {"ts": date, "url": "http://example.com/a.png"}},
        {**b, "reason": "never fetched", "capture": None},
    ]


def test_show_of_an_unknown_address_fails(home):
    run = muragat(home, "show", "http://example.com/never/")
    assert (run.code, run.out) == (1, "")
    assert "no article http://example.com/never/" in run.err


def test_show_ends_an_article_with_what_its_page_lacks(tmp_path):
    html = (ROOT / "tests" / "pages" / "zh-article" / "page.html").read_text("utf-8")
    picture = "<img src=/gone.png>"
    with Collection(tmp_path, write=True) as collection:
        collection.add(page(html.replace("</body>", f"{picture}</body>")))
        collection.add(answer("/gone.png", status=410))
        collection.sync()
    drain(tmp_path)
    run = muragat(tmp_path, "show", PAGE)
    assert run.code == 0, run.err
    assert "art:" in run.out
    assert "missing  image       http://example.com/gone.png  (410)" in run.out
    assert "url" in muragat(tmp_path, "show", PAGE, "--json").lines[0]
