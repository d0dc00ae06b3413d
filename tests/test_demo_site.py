"""The demo site: its truth agrees with what it serves."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

import pytest
from lxml import etree, html

from tests.sites.demo import DemoSite, Truth
from tests.sites.demo.pictures import png
from tests.sites.demo.posts import read_posts

ROOT = Path(__file__).parent.parent
PATHS = [post.path for post in read_posts()]


@pytest.fixture(scope="module")
def site():
    with DemoSite() as running:
        yield running


def ask(site: DemoSite, path: str, *, method: str = "GET", **fields: str):
    """Return status, headers and body of one request on its own connection."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(site.base).port, timeout=10)
    try:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def truth_of(site: DemoSite, path: str) -> Truth:
    return next(truth for truth in site.truth if truth.path == path)


def special(site: DemoSite, channels: set[str]) -> list[Truth]:
    return [truth for truth in site.truth if truth.channels == channels and truth.expected]


def nodes(body: bytes, query: str) -> list[Any]:
    """Return what an XPath finds in an HTML page."""
    found = html.document_fromstring(body).xpath(query)
    assert isinstance(found, list)
    return found


def plain(text: str) -> str:
    return " ".join(unescape(text).split())


def locations(body: bytes, tag: str) -> list[str]:
    found = etree.fromstring(body).iter(f"{{*}}{tag}")
    return [element.text.strip() for element in found if element.text]


def sitemap_addresses(site: DemoSite) -> list[str]:
    first = ask(site, "/post-sitemap1.xml")[2]
    second = gzip.decompress(ask(site, "/post-sitemap2.xml.gz")[2])
    return locations(first, "loc") + locations(second, "loc")


def hrefs(site: DemoSite, path: str) -> set[str]:
    """Return paths of this site that a page links to, without queries."""
    links = nodes(ask(site, path)[2], "//a/@href")
    found = (urlsplit(urldefrag(link).url) for link in links)
    return {part.path for part in found if part.netloc == urlsplit(site.base).netloc}


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


def test_known_tag_answers_304_without_a_body(site):
    path = site.truth[0].path
    tag = ask(site, path)[1]["ETag"]
    status, headers, body = ask(site, path, If_None_Match=tag)
    assert (status, headers["ETag"], body) == (304, tag, b"")


def test_known_date_answers_304_and_an_older_one_200(site):
    path = site.truth[0].path
    last = ask(site, path)[1]["Last-Modified"]
    assert ask(site, path, If_Modified_Since=last)[0] == 304
    assert ask(site, path, If_Modified_Since="Mon, 01 Jan 2024 00:00:00 GMT")[0] == 200
    assert ask(site, path, If_Modified_Since="soon")[0] == 200


def test_other_tag_wins_over_a_known_date(site):
    path = site.truth[0].path
    last = ask(site, path)[1]["Last-Modified"]
    assert ask(site, path, If_None_Match='"other"', If_Modified_Since=last)[0] == 200


def test_gzip_is_sent_when_asked_for_and_only_then(site):
    path = site.truth[0].path
    _, headers, body = ask(site, path, Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == ask(site, path)[2]
    assert "Content-Encoding" not in ask(site, path)[1]


def test_front_page_is_chunked_and_sets_a_cookie(site):
    headers = ask(site, "/")[1]
    assert headers["Transfer-Encoding"] == "chunked"
    assert headers["Set-Cookie"].startswith("kokdala_visit=1;")


def test_connection_is_kept(site):
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(site.base).port, timeout=10)
    statuses = []
    for path in ("/", site.truth[0].path, "/nowhere/", "/robots.txt"):
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if path == "/" else {})
        answer = connection.getresponse()
        statuses.append((answer.status, "Content-Encoding" in answer.headers))
        answer.read()
    connection.close()
    assert statuses == [(200, True), (200, False), (404, False), (200, False)]


def test_nothing_is_taken_in(site):
    assert ask(site, "/wp-comments-post.php", method="POST")[0] == 405


def test_requests_are_remembered(site):
    ask(site, "/robots.txt?mark=1", User_Agent="tester/1")
    seen = site.requests[-1]
    assert (seen.method, seen.target, seen.status) == ("GET", "/robots.txt?mark=1", 200)
    assert ("User-Agent", "tester/1") in seen.fields


def test_two_sites_differ_in_their_address_alone(site):
    with DemoSite() as other:
        one = {
            path: page.body.replace(site.base[:-1].encode(), b"")
            for path, page in site.pages.items()
        }
        two = {
            path: page.body.replace(other.base[:-1].encode(), b"")
            for path, page in other.pages.items()
        }
        packed = "/post-sitemap2.xml.gz"
        assert one.keys() == two.keys()
        assert [path for path in one if one[path] != two[path] and path != packed] == []
        assert ask(site, "/fr/")[1]["Content-Type"] == ask(other, "/fr/")[1]["Content-Type"]
        assert (
            ask(site, site.truth[0].path)[1]["ETag"] == ask(other, other.truth[0].path)[1]["ETag"]
        )


def test_pictures_are_drawn_alike_every_time():
    first = png("geneve-salle")
    png.cache_clear()
    assert png("geneve-salle") == first
    assert first.startswith(b"\x89PNG\r\n")


def test_edit_changes_the_article_and_its_validators():
    with DemoSite() as site:
        path = "/fr/2025/08/trois-semaines-a-la-bergerie/"
        tag = ask(site, path)[1]["ETag"]
        site.edit(path, text="Une autre fin.", modified=datetime(2026, 1, 2, tzinfo=UTC))
        status, headers, body = ask(site, path, If_None_Match=tag)
        assert (status, headers["Last-Modified"]) == (200, "Fri, 02 Jan 2026 00:00:00 GMT")
        assert "Une autre fin." in body.decode()
        assert truth_of(site, path).paragraphs == ("Une autre fin.",)


def test_comment_changes_the_page_and_not_the_article():
    with DemoSite() as site:
        path = site.truth[0].path
        before, words = ask(site, path)[2], site.truth[0].paragraphs
        site.comment(
            path, author="A reader", text="Hear, hear.", date=datetime(2026, 1, 3, tzinfo=UTC)
        )
        assert ask(site, path)[2] != before
        assert truth_of(site, path).paragraphs == words


@pytest.mark.parametrize("status", [410, 404])
def test_removed_article_leaves_the_listings(status):
    with DemoSite() as site:
        path = site.truth[0].path
        site.remove(path, status=status)
        assert ask(site, path)[0] == truth_of(site, path).status == status
        assert path not in hrefs(site, "/")


def test_renamed_article_keeps_its_old_address_as_a_redirect():
    with DemoSite() as site:
        old = site.truth[0].path
        new = site.rename(old, "another-name")
        assert truth_of(site, new).redirects == (old,)
        assert urlsplit(ask(site, old)[1]["Location"]).path == new


def test_restore_undoes_every_edit():
    with DemoSite() as site:
        before = site.truth
        site.remove(before[0].path)
        site.edit(before[1].path, title="Another title")
        site.rename(before[2].path, "another-name")
        site.restore()
        assert site.truth == before


def test_edit_of_no_article_is_refused():
    with DemoSite() as site, pytest.raises(KeyError):
        site.edit("/nowhere/", title="x")


def test_command_serves_and_logs(tmp_path):
    log = tmp_path / "requests.jsonl"
    command = [sys.executable, "-m", "tests.sites.demo", "--port", "0", "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        base = json.loads(running.stdout.readline())["base"]
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=10)
        connection.request("GET", "/robots.txt")
        assert connection.getresponse().read().startswith(b"User-agent: *")
        connection.close()
        running.terminate()
        assert running.wait(10) == 0
    assert json.loads(log.read_text())["target"] == "/robots.txt"
