"""Facts about discovery: a site whose channels are all incomplete, crawled by the program."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.program import Run, fetch
from tests.sites.channels import ChannelSite

if TYPE_CHECKING:
    from pathlib import Path

CHANNEL_OF = {
    "feed": "feed", "older-feed": "feed", "atom": "feed", "json-feed": "feed", "sitemap": "sitemap",
    "news-sitemap": "sitemap", "rest": "rest", "rest-page": "rest", "listing": "link", "older-listing": "link",
    "archive": "link", "link": "link", "deep-link": "link", "hreflang": "hreflang", "hreflang-field": "hreflang",
    "hreflang-sitemap": "hreflang", "canonical": "canonical", "redirect": "redirect", "second-seed": "link",
}  # fmt: skip
"""The announcer that a channel of the site is to the frontier."""


class Crawled(NamedTuple):
    site: ChannelSite
    home: Path
    run: Run


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    home = tmp_path_factory.mktemp("crawled") / "home"
    with ChannelSite() as site:
        run = fetch(home, site.base, site.second, "--delay", 0)
        yield Crawled(site, home, run)


def known_to(home, query):
    with closing(sqlite3.connect(home / "state.sqlite")) as state:
        return state.execute(query).fetchall()


def test_what_any_channel_names_is_archived(crawled):
    assert crawled.run.code == 0, crawled.run.err
    asked = set(crawled.site.asked)
    assert [path for path in crawled.site.known if path not in asked] == []


def test_nothing_is_asked_for_twice(crawled):
    assert [path for path, count in Counter(crawled.site.asked).items() if count > 1] == []


def test_every_channel_that_names_an_article_is_known(crawled):
    query = "SELECT f.url, a.channel FROM announced a JOIN frontier f ON f.id = a.address"
    found = set(known_to(crawled.home, query))
    missing = {
        (path, channel)
        for path, channels in crawled.site.known.items()
        for channel in channels
        if (crawled.site.url(path), CHANNEL_OF[channel]) not in found
    }
    assert missing == set()


def test_a_feed_of_comments_is_not_asked_for(crawled):
    assert "/comments/feed/" not in crawled.site.asked


def test_the_rest_lists_are_read_to_their_end_in_one_pass(crawled):
    asked = [path for path in crawled.site.asked if path.startswith("/wp-json/wp/v2/posts")]
    assert [("orderby=id" in path, "page=2" in path) for path in asked] == [
        (False, False),
        (True, False),
        (True, True),
    ]


def test_dates_of_the_channels_are_known(crawled):
    query = "SELECT published FROM frontier WHERE url LIKE '%/rest-only/'"
    (published,) = known_to(crawled.home, query)[0]
    assert published == 1714572000.0
