"""Facts about the whole path: the demo site crawled by the program, as a user would."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

import jsonschema
import pytest
from fastwarc.warc import ArchiveIterator
from warcio.checker import Checker

from tests.program import ROOT, Run, articles, muragat
from tests.sites.demo import DemoSite, Truth

if TYPE_CHECKING:
    from pathlib import Path


class Crawled(NamedTuple):
    site: DemoSite
    home: Path
    first: Run
    between: list[dict[str, Any]]
    second: Run

    def url(self, path: str) -> str:
        return urljoin(self.site.base, path)

    @property
    def expected(self) -> list[Truth]:
        return [truth for truth in self.site.truth if truth.expected]

    def entries_of(self, truth: Truth) -> list[dict[str, Any]]:
        url = self.url(truth.path)
        found = articles(self.home)
        return [entry for entry in found if url in {item["url"] for item in entry["urls"]}]

    def addresses(self, truth: Truth) -> list[str]:
        """What the page declares, else any address that has the same bytes."""
        own = [truth.canonical] if truth.canonical else [truth.path, *truth.copies]
        return [self.url(path) for path in own]

    def captures(self, path: str) -> list[dict[str, Any]]:
        return muragat(self.home, "list", self.url(path), "--json").lines


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    home = tmp_path_factory.mktemp("crawled") / "home"
    with DemoSite() as site:
        words = ("crawl", site.base, "--delay", 0, "--json")
        first = muragat(home, *words)
        between = articles(home)
        second = muragat(home, *words)
        yield Crawled(site, home, first, between, second)


def folded(text: str | None) -> str:
    return " ".join((text or "").split())


def test_both_crawls_end_well(crawled):
    assert (crawled.first.code, crawled.second.code) == (0, 0)
    assert crawled.first.err == ""


def test_every_article_is_in_the_index_exactly_once(crawled):
    found = {truth.path: len(crawled.entries_of(truth)) for truth in crawled.expected}
    assert {path: count for path, count in found.items() if count != 1} == {}


def test_nothing_else_is_there_as_an_article(crawled):
    known = {entry["id"] for truth in crawled.expected for entry in crawled.entries_of(truth)}
    assert [e["url"] for e in articles(crawled.home) if e["id"] not in known] == []


def test_headlines_are_right(crawled):
    wrong = {
        truth.path: entry["headline"]
        for truth in crawled.expected
        for entry in crawled.entries_of(truth)
        if folded(entry["headline"]) != folded(truth.headline)
    }
    assert wrong == {}


def test_dates_are_right_where_the_page_states_them(crawled):
    wrong = {
        truth.path: entry["datePublished"]
        for truth in crawled.expected
        if truth.markup not in WITHOUT_METADATA
        for entry in crawled.entries_of(truth)
        if datetime.fromisoformat(entry["datePublished"]) != truth.published
    }
    assert wrong == {}


WITHOUT_METADATA = frozenset({"none"})


def test_authors_are_right_where_the_page_states_them(crawled):
    wrong = {
        truth.path: entry["authors"]
        for truth in crawled.expected
        if truth.markup not in WITHOUT_METADATA
        for entry in crawled.entries_of(truth)
        if [author["name"] for author in entry["authors"]] != [truth.author]
    }
    assert wrong == {}


def test_languages_are_right(crawled):
    wrong = {
        truth.path: entry["inLanguage"]
        for truth in crawled.expected
        for entry in crawled.entries_of(truth)
        if entry["inLanguage"] != truth.language
    }
    assert wrong == {}


def test_canonical_addresses_are_right(crawled):
    wrong = {
        truth.path: entry["canonicalUrl"]
        for truth in crawled.expected
        for entry in crawled.entries_of(truth)
        if entry["canonicalUrl"] not in crawled.addresses(truth)
    }
    assert wrong == {}


def test_every_paragraph_is_in_the_text(crawled):
    missing = [
        (truth.path, paragraph)
        for truth in crawled.expected
        for entry in crawled.entries_of(truth)
        for paragraph in truth.paragraphs
        if folded(paragraph) not in folded(entry["articleBody"])
    ]
    assert missing == []


def test_every_line_keeps_the_published_contract(crawled):
    schema = json.loads((ROOT / "docs" / "article-1.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for entry in articles(crawled.home):
        validator.validate(entry)


def test_a_renamed_article_shows_the_redirect_of_its_old_address(crawled):
    renamed = next(truth for truth in crawled.expected if truth.redirects)
    [entry] = crawled.entries_of(renamed)
    assert crawled.url(renamed.redirects[0]) in {
        item["url"] for item in entry["urls"] if item["role"] == "redirect"
    }
    assert crawled.captures(renamed.redirects[0])[0]["status"] == 301


@pytest.mark.parametrize(("kind", "status"), [("gone", 410), ("deleted", 404)])
def test_withdrawn_articles_show_their_captures(crawled, kind, status):
    truth = next(truth for truth in crawled.site.truth if truth.kind == kind)
    assert {capture["status"] for capture in crawled.captures(truth.path)} == {status}


def test_what_robots_txt_disallows_is_never_asked_for(crawled):
    disallowed = [truth.path for truth in crawled.site.truth if not truth.allowed]
    asked = [seen.target.partition("?")[0] for seen in crawled.site.requests]
    assert disallowed
    assert not set(disallowed) & set(asked)


def test_each_address_is_asked_for_once_in_a_crawl(crawled):
    counts = Counter(seen.target for seen in crawled.site.requests)
    assert {target: n for target, n in counts.items() if n > 2} == {}


def test_no_payload_is_stored_twice(crawled):
    stored = defaultdict(list)
    for line in (crawled.home / "index.cdxj").read_text("utf-8").splitlines():
        fields = json.loads(line.split(" ", 2)[2])
        if fields["mime"] != "warc/revisit" and fields["digest"] != EMPTY:
            stored[fields["digest"]].append(fields["url"])
    assert {digest: urls for digest, urls in stored.items() if len(urls) > 1} == {}


EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_second_crawl_changes_no_article(crawled):
    [report] = crawled.second.lines
    counts = report["articles"]
    assert (counts["new"], counts["changed"], counts["gone"]) == (0, 0, 0)
    assert [(e["id"], e["articleBody"], len(e["versions"])) for e in crawled.between] == [
        (e["id"], e["articleBody"], len(e["versions"])) for e in articles(crawled.home)
    ]


def test_the_report_is_the_one_in_the_crawls_folder(crawled):
    [report] = crawled.first.lines
    kept = json.loads((crawled.home / "crawls" / f"{report['crawl']}.json").read_text("utf-8"))
    assert kept == report
    assert report["articles"]["new"] == len(crawled.expected)
    assert report["backlog"] == 0


def test_warcio_finds_every_file_sound(crawled):
    names = [str(path) for path in sorted((crawled.home / "warc").iterdir())]

    class Arguments:
        inputs = names
        verbose = False

    checker = Checker(Arguments())
    checker.process_all()
    assert checker.exit_value == 0


def test_fastwarc_verifies_every_digest(crawled):
    records = 0
    for path in sorted((crawled.home / "warc").iterdir()):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, parse_http=False):
                assert record.verify_block_digest()
                records += 1
    assert records


def test_verify_is_silent(crawled):
    run = muragat(crawled.home, "verify")
    assert (run.code, run.out, run.err) == (0, "", "")


def test_show_prints_an_article_with_its_sources(crawled):
    truth = crawled.expected[0]
    run = muragat(crawled.home, "show", crawled.url(truth.path))
    assert run.code == 0
    assert folded(truth.headline) in folded(run.out)
    assert "[" in next(line for line in run.out.splitlines() if "authors:" in line)


def test_show_json_is_the_published_line(crawled):
    entry = articles(crawled.home)[0]
    assert muragat(crawled.home, "show", entry["id"], "--json").lines == [entry]


def test_stats_count_what_is_there(crawled):
    [figures] = muragat(crawled.home, "stats", "--json").lines
    assert sum(figures["articles"].values()) == len(crawled.expected)
    assert figures["kinds"]["revisit"] > len(crawled.expected)
    assert figures["saved"] > 0


def test_sites_knows_the_last_crawl(crawled):
    rows = {row["name"]: row for row in muragat(crawled.home, "sites", "--json").lines}
    port = crawled.site.base.rstrip("/").rpartition(":")[2]
    assert rows[f"127.0.0.1-{port}"]["finished"] is True
    assert rows["dimashnews"]["last_crawl"] is None


def test_try_shows_record_article_and_links_and_keeps_nothing(crawled, tmp_path):
    truth = crawled.expected[0]
    run = muragat(tmp_path / "home", "try", crawled.url(truth.path), "--json", cwd=ROOT)
    [result] = run.lines
    assert result["captures"][0]["status"] == 200
    assert folded(result["article"]["headline"]) == folded(truth.headline)
    assert {link["in_scope"] for link in result["links"]} == {True, False}
    assert not (tmp_path / "home").exists()
