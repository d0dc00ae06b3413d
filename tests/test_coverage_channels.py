"""Facts about `coverage` of a site in which every channel is incomplete: who knew what, alone, and who missed it."""

from __future__ import annotations

import pytest

from tests.program import fetch, muragat
from tests.sites.channels import ChannelSite

LISTS = {
    "feed": {"feed", "older-feed", "atom", "json-feed"},
    "sitemap": {"sitemap", "news-sitemap"},
    "rest": {"rest", "rest-page"},
}
"""Channel -> the lists of the site that it reads."""


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    """A home after a crawl, and which lists name each article, by address."""
    home = tmp_path_factory.mktemp("channels") / "home"
    with ChannelSite() as site:
        fetch(home, site.base, site.second, "--delay", 0)
        return home, {site.url(path): lists for path, lists in site.known.items()}


def listed(home, *words):
    return {line["url"] for line in muragat(home, "coverage", *words, "--json").lines}


@pytest.mark.parametrize("channel", LISTS)
def test_the_articles_that_a_channel_missed_are_named(crawled, channel):
    home, articles = crawled
    missed = {url for url, lists in articles.items() if not lists & LISTS[channel]}
    assert listed(home, "--unknown-to", channel) & articles.keys() == missed


@pytest.mark.parametrize("channel", LISTS)
def test_the_articles_that_a_channel_alone_knew_are_named(crawled, channel):
    home, articles = crawled
    alone = {url for url, lists in articles.items() if lists <= LISTS[channel]}
    assert listed(home, "--only", channel) & articles.keys() == alone


def test_every_article_is_captured_whoever_named_it(crawled):
    home, articles = crawled
    assert listed(home, "--missing") & articles.keys() == set()
    [site] = muragat(home, "coverage", "--json").lines
    assert site["addresses"]["missing"] == 0
    assert site["channels"]["rest"]["newest"].startswith("2024-05-0")


def test_the_table_fits_a_terminal(crawled):
    home, _ = crawled
    lines = muragat(home, "coverage").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "known" in lines[1]
