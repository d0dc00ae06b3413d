"""Facts about what pages ask of crawlers: not to keep, not to index, not to follow, not to mine; and who decides."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from archive import Collection
from archive.analyse import analyse
from archive.backlog import drain, rebuild_articles
from archive.directives import directives, directives_of
from archive.model import Hints, Outcome, Via
from crawler.crawl_records import START, Start, target
from crawler.sites import Site as Table
from tests.observing import START as BEGIN
from tests.observing import answer, page
from tests.program import articles, muragat
from tests.recrawl_site import FEED, STORY, Site, serving

if TYPE_CHECKING:
    from pathlib import Path


def test_of_thousands_of_fields_the_first_count():
    fields = [(b"X-Robots-Tag", b"a," * 1_000)] * 3_000
    assert directives_of([(b"X-Robots-Tag", b"noarchive"), *fields]) == {"noarchive", "a"}
    assert directives_of([*fields, (b"X-Robots-Tag", b"noarchive")]) == {"a"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("noindex, NoFollow ,", ("noindex", "nofollow")),
        ("muragat: noarchive", ("noarchive",)),
        ("*: noarchive", ("noarchive",)),
        ("googlebot: noarchive", ()),
        ("otherbot: noindex, nofollow", ()),
        ("otherbot: noindex, muragat: noarchive, nofollow", ("noarchive", "nofollow")),
        ("noindex, otherbot: noarchive", ("noindex",)),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", ("unavailable_after: 25 jun 2030 15:00:00 pst",)),
        ("unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noindex",
         ("unavailable_after: fri, 25 jun 2010 15:00:00 gmt", "noindex")),
        ("max-snippet:5, none", ("max-snippet:5", "none")),
        ("", ()),
    ],
)  # fmt: skip
def test_directives_are_those_that_concern_us(value, expected):
    assert directives(value) == expected


def test_directives_of_several_fields_add_up():
    fields = [(b"X-Robots-Tag", b"noindex"), (b"x-robots-tag", b"muragat: noarchive")]
    assert directives_of([*fields, (b"Robots", b"nofollow")]) == {"noindex", "noarchive"}


class Crawled(NamedTuple):
    site: Site
    home: Path
    report: dict[str, Any]

    def stored(self) -> set[str]:
        with Collection(self.home) as collection:
            return {"/" + one.url.removeprefix(self.site.base) for one in collection.captures()}

    def asked(self) -> set[str]:
        return {path for path, _ in self.site.asked}

    def outcomes(self) -> dict[str, str]:
        with sqlite3.connect(self.home / "state.sqlite") as connection:
            rows = connection.execute("SELECT url, outcome FROM frontier WHERE outcome IS NOT NULL")
            return {"/" + url.removeprefix(self.site.base): outcome for url, outcome in rows}


WITHHELD = {"/kept-out", "/two-fields", "/ours", "/moved", "/feed", "/picture.png"}
"""What says noarchive in a field."""

META = "<meta name=robots content=noindex>"


def furnish(site: Site) -> None:
    paths = ("kept-out", "two-fields", "ours", "theirs", "moved", "feed", "shows", "leads-nowhere")
    hidden = ("meta-noarchive", "meta-noindex", "broken")
    site.serves("/", "", *[f"/{path}" for path in (*paths, *hidden)])
    site.serves("/kept-out", STORY, "/behind", X_Robots_Tag="noarchive")
    site.serves("/two-fields", STORY, X_Robots_Tag="noindex\nNOARCHIVE, nosnippet")
    site.serves("/ours", STORY, X_Robots_Tag="otherbot: noindex, muragat: noarchive")
    site.serves("/theirs", STORY, X_Robots_Tag="otherbot: noarchive, nofollow")
    site.serves("/moved", "", Status="301", Location="/landing", X_Robots_Tag="noarchive")
    site.serves("/landing", STORY)
    rss = {"Content_Type": "application/rss+xml", "X_Robots_Tag": "noarchive"}
    site.serves("/feed", FEED.format(base=site.base), **rss)
    site.serves("/told-by-feed")
    site.serves("/shows", '<img src="/picture.png">' + STORY)
    site.serves("/picture.png", "x", Content_Type="image/png", X_Robots_Tag="noarchive")
    site.serves("/leads-nowhere", STORY, "/forbidden", X_Robots_Tag="nofollow")
    site.serves("/meta-noarchive", "<meta name=robots content=noarchive>" + STORY)
    site.serves("/meta-noindex", META + STORY)
    site.serves("/broken", "later", Status="404", X_Robots_Tag="noarchive")
    for path in ("/behind", "/forbidden"):
        site.serves(path)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    home = tmp_path_factory.mktemp("directives") / "home"
    with serving() as site:
        furnish(site)
        run = muragat(home, "crawl", site.base, "--delay", 0, "--json")
        assert run.code == 0, run.err
        yield Crawled(site, home, run.lines[0])


def test_an_answer_whose_field_says_noarchive_is_not_stored(crawled):
    assert crawled.stored().isdisjoint(WITHHELD | {"/broken"})
    assert crawled.asked() >= WITHHELD


def test_what_is_not_stored_is_an_outcome(crawled):
    outcomes = crawled.outcomes()
    assert {path for path, outcome in outcomes.items() if outcome == "withheld"} == WITHHELD
    assert outcomes["/broken"] == "http_error"
    assert crawled.report["outcomes"]["withheld"] == len(WITHHELD)


def test_what_is_not_stored_is_followed_all_the_same(crawled):
    assert {"/behind", "/landing", "/told-by-feed"} <= crawled.stored()


def test_what_concerns_other_crawlers_is_theirs(crawled):
    assert "/theirs" in crawled.stored()


def test_links_of_a_page_that_says_nofollow_are_not_followed(crawled):
    assert "/leads-nowhere" in crawled.stored()
    assert "/forbidden" not in crawled.asked()


def test_pages_that_say_so_in_their_markup_are_stored_and_are_no_articles(crawled):
    known = {entry["url"].removeprefix(crawled.site.base) for entry in articles(crawled.home)}
    assert {"/meta-noarchive", "/meta-noindex"} <= crawled.stored()
    assert known == {"landing", "told-by-feed", "shows", "leads-nowhere", "theirs", "behind"}


def test_a_rebuild_knows_what_was_not_stored(crawled):
    before = crawled.outcomes()
    assert muragat(crawled.home, "rebuild").code == 0
    assert crawled.outcomes() == before


def test_a_site_may_ignore_what_pages_ask_for(tmp_path):
    with serving() as site:
        furnish(site)
        table = {
            "name": "ours",
            "seeds": [site.base],
            "ignore": ["noarchive", "noindex", "nofollow"],
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        sites = tmp_path / "sites.toml"
        sites.write_text("[[site]]\n" + "\n".join(lines) + "\ndelay = 0\n", "utf-8")
        run = muragat(tmp_path / "home", "--sites", sites, "crawl", "ours", "--json")
        assert run.code == 0, run.err
        done = Crawled(site, tmp_path / "home", run.lines[0])
    assert WITHHELD | {"/forbidden"} <= done.stored()
    known = {entry["url"].removeprefix(site.base) for entry in articles(done.home)}
    assert {"kept-out", "two-fields", "ours", "meta-noarchive", "meta-noindex"} <= known


# What a crawl's start record says reaches the articles

SITE = "https://news.example.com"


def told(crawl: str, **wishes: Any) -> tuple[str, bytes]:
    table = Table("news", (f"{SITE}/",), **wishes)
    return target(crawl, START), Start(sites=(table,)).block(crawl, BEGIN)


def crawl_of(home: Path, crawl: str, at: int, head: str = META, *, fields: str = "", **wishes: Any):
    """Store one page as a crawl does whose site has these `wishes`."""
    made = answer(
        "/a", at, page("A story", head=head), fields=f"Content-Type: text/html\r\n{fields}"
    )
    made = type(made)(**{**_as_dict(made), "via": Via(crawl=crawl, site="news")})
    with Collection(home, write=True) as collection:
        collection.add_metadata(*told(crawl, **wishes))
        collection.add(made)


def _as_dict(made) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


def analysed(home: Path) -> list[dict[str, Any]]:
    drain(home, workers=1)
    return articles(home)


@pytest.mark.parametrize(
    ("wish", "wishes", "count"),
    [
        ("<meta name=robots content=noindex>", {}, 0),
        ("<meta name=robots content=noindex>", {"ignore": ("noindex",)}, 1),
        ("<meta name=robots content=none>", {"ignore": ("noindex",)}, 1),
        ("<meta name=robots content=noarchive>", {"ignore": ("noindex",)}, 0),
        ("<meta name=robots content=noarchive>", {"ignore": ("noarchive",)}, 1),
        ("<meta name=tdm-reservation content=1>", {}, 1),
        ("<meta name=tdm-reservation content=1>", {"tdm": "withhold"}, 0),
        ("<meta name=tdm-reservation content=0>", {"tdm": "withhold"}, 1),
    ],
)
def test_the_sites_table_decides_what_is_withheld(wish, wishes, count):
    article = analyse(
        page("A story", head=wish), url=f"{SITE}/a", captured=BEGIN, hints=Hints(**wishes)
    )
    assert (article.outcome is not Outcome.WITHHELD) == bool(count)
    assert bool(article.text) == bool(count)


def test_a_reservation_is_noted():
    headers = [("TDM-Reservation", "1")]
    article = analyse(page("A story"), url=f"{SITE}/a", captured=BEGIN, headers=headers)
    assert (article.rights.tdm_reservation, article.outcome) == (True, None)


def test_a_table_that_is_changed_holds_for_what_is_captured_from_then_on(tmp_path):
    home = tmp_path / "home"
    crawl_of(home, "20260101000000", 1)
    assert analysed(home) == []
    crawl_of(home, "20260102000000", 86_400, ignore=("noindex",))
    [entry] = analysed(home)
    assert entry["versions"][0]["firstSeen"].startswith("20260102")
    before = (home / "articles.jsonl").read_bytes()
    rebuild_articles(home, analyse=True, workers=1)
    assert (home / "articles.jsonl").read_bytes() == before


def test_a_304_is_read_with_the_table_that_holds_now(tmp_path):
    home = tmp_path / "home"
    crawl_of(home, "20260101000000", 1, fields='ETag: "1"\r\n')
    assert analysed(home) == []
    made = answer("/a", 86_400, status="304 Not Modified", fields='ETag: "1"\r\n')
    sent = b'GET /a HTTP/1.1\r\nHost: news.example.com\r\nIf-None-Match: "1"\r\n\r\n'
    crawl = "20260102000000"
    parts = {**_as_dict(made), "request": sent, "via": Via(crawl=crawl, site="news")}
    with Collection(home, write=True) as collection:
        collection.add_metadata(*told(crawl, ignore=("noindex",)))
        assert collection.add(type(made)(**parts)).original
    [entry] = analysed(home)
    before = (home / "articles.jsonl").read_bytes()
    rebuild_articles(home, analyse=True, workers=1)
    assert (home / "articles.jsonl").read_bytes() == before
    assert entry["headline"] == "A story"


def test_an_imported_collection_reads_the_same(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    crawl_of(first, "20260101000000", 1, ignore=("noindex",))
    [entry] = analysed(first)
    [path] = (first / "warc").iterdir()
    assert muragat(second, "import", path).code == 0
    [imported] = articles(second)
    assert (imported["id"], imported["articleBody"]) == (entry["id"], entry["articleBody"])


def test_what_a_foreign_file_says_of_our_crawls_counts_for_nothing(tmp_path):
    home, foreign = tmp_path / "home", tmp_path / "foreign"
    crawl_of(home, "20260101000000", 1)
    with Collection(foreign, write=True) as collection:
        collection.add_metadata(*told("20260101000000", ignore=("noindex",)))
        collection.add(answer("/b", 2, page("Another story")))
    [path] = (foreign / "warc").iterdir()
    assert muragat(home, "import", path).code == 0
    rebuild_articles(home, analyse=True, workers=1)
    assert [entry["headline"] for entry in articles(home)] == ["Another story"]
