"""Facts about a real WordPress, where one is running: MURAGAT_WORDPRESS names the folder with its truth.json.

The site is only read. Its truth.json has `base` and, for each of `posts`, address, title, dates, author, language,
status and whether a password protects it.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urljoin

import pytest

from archive import Collection
from tests.program import Run, articles, muragat
from tests.sites.client import nodes

STATE = os.environ.get("MURAGAT_WORDPRESS", "")

pytestmark = pytest.mark.skipif(not STATE, reason="MURAGAT_WORDPRESS names no running WordPress")


class Crawled(NamedTuple):
    base: str
    posts: list[dict[str, Any]]
    home: Path
    first: Run
    before: list[dict[str, Any]]
    second: Run

    def pairs(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each post that is an article, with its entry."""
        found = defaultdict(list)
        for entry in articles(self.home):
            found[unquote(entry["canonicalUrl"])].append(entry)
        return [(post, entry) for post in self.expected for entry in found[unquote(post["url"])]]

    @property
    def expected(self) -> list[dict[str, Any]]:
        return [post for post in self.posts if post["status"] == 200 and not post["password"]]

    def captures(self, url: str) -> list[int]:
        return [line["status"] for line in muragat(self.home, "list", url, "--json").lines]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    truth = json.loads((Path(STATE) / "truth.json").read_text("utf-8"))
    home = tmp_path_factory.mktemp("wordpress") / "home"
    missing = [post.get("old_url") or post["url"] for post in truth["posts"] if needs_seed(post)]
    words = ("crawl", truth["base"], *[urljoin(truth["base"], url) for url in missing])
    words += ("--allow", truth["base"].split("/")[2].replace("127.0.0.1", "127.0.0.2"))
    first = muragat(home, *words, "--delay", 0, "--json")
    before = articles(home)
    second = muragat(home, *words, "--delay", 0, "--json")
    return Crawled(truth["base"], truth["posts"], home, first, before, second)


def needs_seed(post: dict[str, Any]) -> bool:
    """Nothing links the old address of a renamed post, nor a deleted one."""
    return bool(post.get("old_url")) or post["status"] == 404


def test_every_published_post_is_an_article_exactly_once(crawled):
    assert len(crawled.pairs()) == len(crawled.expected) > 100
    assert len({entry["id"] for _, entry in crawled.pairs()}) == len(crawled.expected)


def test_nothing_else_is_an_article(crawled):
    known = {entry["id"] for _, entry in crawled.pairs()}
    assert [entry["url"] for entry in articles(crawled.home) if entry["id"] not in known] == []


@pytest.mark.parametrize(
    ("field", "of_post", "of_entry"),
    [
        ("headline", lambda post: post["title"], lambda entry: entry["headline"]),
        (
            "date",
            lambda post: datetime.fromisoformat(post["published"]),
            lambda entry: datetime.fromisoformat(entry["datePublished"]),
        ),
        (
            "author",
            lambda post: [post["author"]],
            lambda entry: [author["name"] for author in entry["authors"]],
        ),
        ("language", lambda post: post["lang"], lambda entry: entry["inLanguage"]),
        (
            "sections",
            lambda post: sorted(post["categories"]),
            lambda e: sorted(e["articleSection"]),
        ),
    ],
)
def test_metadata_is_right(crawled, field, of_post, of_entry):
    wrong = [
        (post["id"], of_post(post), of_entry(entry))
        for post, entry in crawled.pairs()
        if of_post(post) != of_entry(entry)
    ]
    assert wrong == []


def test_renamed_gone_and_deleted_posts_show_their_captures(crawled):
    statuses = {
        post["id"]: set(crawled.captures(post.get("old_url") or post["url"]))
        for post in crawled.posts
        if post.get("old_url") or post["status"] != 200
    }
    expected = {
        post["id"]: {301 if post.get("old_url") else post["status"]}
        for post in crawled.posts
        if post.get("old_url") or post["status"] != 200
    }
    assert statuses == expected


def test_a_second_crawl_changes_no_article(crawled):
    [report] = crawled.second.lines
    counts = report["articles"]
    assert (counts["new"], counts["changed"], counts["gone"]) == (0, 0, 0)
    kept = ("id", "articleBody", "headline", "canonicalUrl")
    assert [[entry[key] for key in kept] for entry in crawled.before] == [
        [entry[key] for key in kept] for entry in articles(crawled.home)
    ]


def test_no_payload_is_stored_twice(crawled):
    digests = defaultdict(list)
    for line in (crawled.home / "index.cdxj").read_text("utf-8").splitlines():
        fields = json.loads(line.split(" ", 2)[2])
        if fields["mime"] != "warc/revisit":
            digests[fields["digest"]].append(fields)
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [urls for digest, urls in digests.items() if len(urls) > 1 and digest != empty] == []


SHOWN = (
    "//img/@src | //script/@src | //link[@rel='stylesheet' or @rel='icon' or @rel='apple-touch-icon']/@href"
    " | //video/@src | //video/@poster | //audio/@src | //source/@src | //meta[@property='og:image']/@content"
)
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)")


def shown_by(url: str, mime: str, body: bytes) -> set[str]:
    """What a page or a stylesheet shows, by lxml and a regular expression."""
    if mime == "text/css":
        found = IN_STYLES.findall(body.decode())
    else:
        sizes = [one for srcset in nodes(body, "//@srcset") for one in srcset.split(",")]
        styles = " ".join(nodes(body, "//style/text() | //@style"))
        found = [
            *nodes(body, SHOWN),
            *(one.split()[0] for one in sizes),
            *IN_STYLES.findall(styles),
        ]
    addresses = [urljoin(url, one).partition("#")[0] for one in found if one[:1] != "#"]
    return {quote(one, safe="/:?&=%;,+@~") for one in addresses if one.startswith("http")}


def test_all_that_posts_show_is_captured_and_exactly_once(crawled):
    statuses, shown = defaultdict(list), set()
    with Collection(crawled.home) as collection:
        for capture in collection.captures():
            statuses[capture.url].append((capture.status, capture.kind))
            mime = capture.mime.partition(";")[0]
            if capture.status == 200 and mime in {"text/html", "text/css"}:
                body = collection.read(capture).decoded().body
                shown |= shown_by(capture.url, mime, body)
    assert len(shown) > 150
    assert {url: statuses[url] for url in shown if statuses[url] != [(200, "response")]} == {}


def test_a_second_crawl_asks_for_no_requisite_again(crawled):
    [first], [second] = crawled.first.lines, crawled.second.lines
    assert first["requisites"]["captured"] > 150
    assert first["missing"] == []
    assert second["requisites"] == {"captured": 0, "missing": 0}


def test_verify_is_silent(crawled):
    run = muragat(crawled.home, "verify")
    assert (run.code, run.out) == (0, "")
