"""The demo site's server: validators, codings, kept connections, and edits while it runs."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.sites.client import ask, hrefs, truth_of
from tests.sites.demo import DemoSite
from tests.sites.demo.pictures import png

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site():
    with DemoSite() as running:
        yield running


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


def test_client_that_resets_its_connection_troubles_nobody(capsys):
    with DemoSite() as site:
        client = socket.create_connection(("127.0.0.1", int(urlsplit(site.base).port or 0)))
        client.sendall(b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n")
        client.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert ask(site, "/robots.txt")[0] == 200
    assert capsys.readouterr().err == ""


def test_nothing_is_taken_in(site):
    assert ask(site, "/wp-comments-post.php", method="POST")[0] == 405


def test_requests_are_remembered(site):
    ask(site, "/robots.txt?mark=1", User_Agent="tester/1")
    seen = site.requests[-1]
    assert (seen.method, seen.target, seen.status) == ("GET", "/robots.txt?mark=1", 200)
    assert ("User-Agent", "tester/1") in seen.fields


def port_of(site: DemoSite) -> bytes:
    return f":{urlsplit(site.base).port}/".encode()


def test_two_sites_differ_in_their_address_alone(site):
    with DemoSite() as other:
        one = {path: page.body.replace(port_of(site), b"") for path, page in site.pages.items()}
        two = {path: page.body.replace(port_of(other), b"") for path, page in other.pages.items()}
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
