"""The demo site: its truth agrees with what it serves."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime
from html import unescape
from urllib.parse import urlsplit

import pytest
from lxml import etree

from tests.sites.client import ask, hrefs, nodes, truth_of
from tests.sites.demo import DemoSite, Truth
from tests.sites.demo.posts import read_posts

PATHS = [post.path for post in read_posts()]


@pytest.fixture(scope="module")
def site():
    with DemoSite() as running:
        yield running


def special(site: DemoSite, channels: set[str]) -> list[Truth]:
    return [truth for truth in site.truth if truth.channels == channels and truth.expected]


def plain(text: str) -> str:
    return " ".join(unescape(text).split())


def locations(body: bytes, tag: str) -> list[str]:
    found = etree.fromstring(body).iter(f"{{*}}{tag}")
    return [element.text.strip() for element in found if element.text]


def sitemap_addresses(site: DemoSite) -> list[str]:
    first = ask(site, "/post-sitemap1.xml")[2]
    second = gzip.decompress(ask(site, "/post-sitemap2.xml.gz")[2])
    return locations(first, "loc") + locations(second, "loc")


@pytest.mark.parametrize("path", PATHS)
def test_status_is_that_of_the_truth(site, path):
    assert ask(site, path)[0] == truth_of(site, path).status


def test_every_word_of_the_truth_is_on_the_page(site):
    for truth in site.truth:
        if truth.kind != "article":
            continue
        shown = plain("".join(nodes(ask(site, truth.path)[2], "//text()")))
        wanted = (truth.headline, *truth.paragraphs, *truth.captions, truth.credit, truth.author)
        assert [words for words in wanted if plain(words) not in shown] == []


def test_title_is_repeated_in_breadcrumb_heading_and_every_picture(site):
    truth = next(truth for truth in site.truth if len(truth.images) > 2)
    page = ask(site, truth.path)[2]
    assert nodes(page, "//nav[@class='breadcrumb']/span[@aria-current]/text()") == [truth.headline]
    assert nodes(page, "//h1/text()") == [truth.headline]
    assert set(nodes(page, "//main/article//img/@alt")) == {truth.headline}


def test_password_page_keeps_its_text_to_itself(site):
    truth = next(truth for truth in site.truth if truth.kind == "password")
    assert truth.paragraphs[0] not in ask(site, truth.path)[2].decode()


def test_structured_data_says_what_the_truth_says(site):
    truth = next(truth for truth in site.truth if truth.markup == "news")
    page = ask(site, truth.path)[2]
    data = json.loads(nodes(page, "//script[@type='application/ld+json']/text()")[0])
    assert data["headline"] == truth.headline
    assert datetime.fromisoformat(data["datePublished"]) == truth.published
    assert data["author"][0]["name"] == truth.author
    assert data["keywords"] == list(truth.tags)


def test_one_article_has_no_metadata_at_all(site):
    truth = next(truth for truth in site.truth if truth.markup == "none")
    head = ask(site, truth.path)[2].decode().partition("</head>")[0]
    assert not re.search(r"og:|ld\+json|article:|name=\"(author|description)\"", head)


def test_canonical_is_declared_as_the_truth_has_it(site):
    for truth in site.truth:
        if truth.status == 200:
            page = ask(site, truth.path)[2]
            declared = [urlsplit(url).path for url in nodes(page, "//link[@rel='canonical']/@href")]
            assert declared == ([truth.canonical] if truth.canonical else [])


def test_old_codings_are_said_in_the_markup_alone(site):
    coded = [truth for truth in site.truth if truth.charset != "utf-8"]
    assert {truth.charset for truth in coded} == {"windows-1251", "iso-8859-1"}
    for truth in coded:
        status, headers, body = ask(site, truth.path)
        assert (status, headers["Content-Type"]) == (200, "text/html")
        assert truth.headline in unescape(body.decode(truth.charset))


def test_channels_name_what_the_truth_says(site):
    rss = locations(ask(site, "/feed/")[2], "link")
    sitemap = {urlsplit(url).path for url in sitemap_addresses(site)}
    for truth in site.truth:
        addresses = {truth.path, *truth.redirects}
        assert bool(addresses & {urlsplit(url).path for url in rss}) == ("feed" in truth.channels)
        assert bool(addresses & sitemap) == ("sitemap" in truth.channels)


def test_links_name_what_the_truth_says(site):
    pages = [path for path, page in site.pages.items() if page.kind in {"article", "listing"}]
    linked = {path: hrefs(site, path) for path in pages}
    later = re.compile(r"/page/\d+/$")
    first = set().union(*(found for path, found in linked.items() if not later.search(path)))
    paged = set().union(*(found for path, found in linked.items() if later.search(path)))
    for truth in site.truth:
        assert (truth.path in first) == ("link" in truth.channels)
        assert ("pagination" in truth.channels) <= (truth.path in paged)


@pytest.mark.parametrize("channel", ["feed", "sitemap", "pagination", "hreflang"])
def test_each_channel_alone_knows_an_article(site, channel):
    assert special(site, {channel})


def test_every_announced_address_exists(site):
    addresses = locations(ask(site, "/feed/")[2], "link") + sitemap_addresses(site)
    atom = etree.fromstring(ask(site, "/feed/atom/")[2])
    addresses += [str(link.get("href")) for link in atom.iter("{*}link")]
    answers = {url: ask(site, urlsplit(url).path)[0] for url in addresses}
    gone = [urlsplit(url).path for url, status in answers.items() if status not in {200, 301}]
    assert gone == [truth.path for truth in site.truth if truth.kind == "gone"]


def test_every_link_of_every_page_leads_somewhere_but_one(site):
    pages = [path for path, page in site.pages.items() if page.kind in {"article", "listing"}]
    found = set().union(*(hrefs(site, path) for path in pages))
    broken = [path for path in found if ask(site, path)[0] == 404]
    assert broken == [truth.path for truth in site.truth if truth.kind == "deleted"]


def test_every_picture_exists(site):
    for truth in site.truth:
        if truth.status == 200:
            assert {ask(site, image, method="HEAD")[0] for image in truth.images} == {200}


def test_robots_names_the_sitemap_and_shuts_one_article(site):
    text = ask(site, "/robots.txt")[2].decode()
    assert f"Sitemap: {site.base}sitemap.xml" in text
    shut = [truth.path for truth in site.truth if not truth.allowed]
    assert len(shut) == 1
    assert shut[0].startswith(re.findall(r"Disallow: (/en/.*)", text)[0])


def test_renamed_article_redirects_to_its_new_address(site):
    truth = next(truth for truth in site.truth if truth.redirects)
    status, headers, _ = ask(site, truth.redirects[0])
    assert (status, headers["Location"]) == (301, site.base.rstrip("/") + truth.path)


def test_missing_slash_redirects(site):
    status, headers, _ = ask(site, "/fr/2025/11/le-luthier-du-jura?utm_source=x")
    assert (status, urlsplit(headers["Location"]).path) == (301, "/fr/2025/11/le-luthier-du-jura/")


def test_one_article_has_the_same_bytes_under_two_addresses_and_no_canonical(site):
    truth = next(truth for truth in site.truth if truth.copies and not truth.canonical)
    assert ask(site, truth.path)[2] == ask(site, truth.copies[0])[2]


def test_variants_point_at_their_article(site):
    truth = next(truth for truth in site.truth if truth.variants)
    for path in truth.variants:
        page = ask(site, path)[2]
        declared = nodes(page, "//link[@rel='canonical']/@href")
        assert declared == [site.base.rstrip("/") + truth.path]


def test_tracking_parameters_change_nothing(site):
    path = site.truth[0].path
    assert ask(site, f"{path}?utm_source=related&fbclid=1")[2] == ask(site, path)[2]


def test_search_finds_and_is_no_archive(site):
    body = ask(site, "/?s=dombra")[2].decode()
    assert "Annecy" in body
    assert 'content="noindex' in body


def test_all_channels_together_reach_every_article(site):
    bodies = {path: page.body.decode("latin-1") for path, page in site.pages.items()}
    bodies["/post-sitemap2.xml.gz"] = gzip.decompress(
        site.pages["/post-sitemap2.xml.gz"].body
    ).decode()
    address = re.compile(re.escape(site.base[:-1]) + r"(/[^\s\"'<>?#\\]*)")
    known, left = {"/", "/sitemap.xml"}, ["/", "/sitemap.xml"]
    while left:
        found = set(address.findall(bodies.get(left.pop(), ""))) - known
        known |= found
        left += sorted(found)
    addresses = [{truth.path, *truth.redirects} for truth in site.truth if truth.expected]
    assert [wanted for wanted in addresses if not wanted & known] == []


def test_sitemaps_and_feeds_alone_miss_articles(site):
    expected = [truth for truth in site.truth if truth.expected]
    for channel in ("feed", "sitemap", "link", "pagination"):
        assert len([truth for truth in expected if channel not in truth.channels]) >= 3
