"""WACZ, folders, other collections and the files of other programs taken in; the order does not matter."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import os
import shutil
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from fastwarc.warc import WarcRecord, WarcRecordType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive import Collection
from archive.backlog import drain
from archive.importing import Fate
from archive.model import Kind
from archive.warc.warcinfo import Warcinfo
from tests.exchanges import numbered
from tests.foreign_records import (
    DATE,
    HEAD,
    PAGE,
    URL,
    identifier,
    packed,
    page,
    record,
    sha1,
)
from tests.importing import check, published, saved, stored_files, take, take_one, wacz
from tests.program import muragat

if TYPE_CHECKING:
    from pathlib import Path


def browsertrix() -> dict[str, bytes]:
    original = page(1, WARC_Record_ID=identifier("original"))
    again = record(
        "revisit",
        HEAD,
        WARC_Target_URI="http://example.com/1",
        WARC_Date="2021-01-01T00:00:00.123Z",
        WARC_Profile="http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        WARC_Refers_To_Target_URI="http://example.com/1",
        WARC_Refers_To_Date=DATE,
        version="1.1",
    )
    return {
        "pages/pages.jsonl": b'{"format": "json-pages-1.0", "id": "pages"}\n',
        "archive/rec-1.warc.gz": packed([original]),
        "archive/rec-0.warc.gz": packed([again]),
        "indexes/index.cdx.gz": b"",
    }


def test_a_wacz_gives_its_warc_files(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = wacz(tmp_path / "a.wacz", browsertrix())
    [first, second] = take(home, path)
    assert [taken.source.rpartition(": ")[2] for taken in (first, second)] == ["archive/rec-0.warc.gz", "archive/rec-1.warc.gz"]  # fmt: skip
    assert first.faults.count == second.faults.count == 0
    assert (first.unresolved, second.new) == (1, 1)
    assert check(home) == 2
    with Collection(home) as collection:
        revisit = next(each for each in collection.captures() if each.kind is Kind.REVISIT)
        assert b"text 1" in collection.read(revisit).raw()
    assert {taken.fate for taken in take(home, path)} == {Fate.KNOWN}


def _listed(files: dict[str, bytes], **changes: Any) -> list[dict[str, Any]]:
    return [
        {"path": name, "hash": "sha256:00", "bytes": len(data)} | changes
        for name, data in files.items()
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"resources": _listed(browsertrix())}, "does not match its hash"),
        ({"resources": _listed(browsertrix(), bytes=1)}, "datapackage.json says 1"),
        ({"resources": []}, "is not in datapackage.json"),
        ({"resources": None}, "no datapackage.json"),
        ({"resources": "nonsense"}, "is not in datapackage.json"),
        ({"resources": [*_listed({"archive/gone.warc.gz": b""}), 5]}, "lacks 'archive/gone.warc.gz'"),
    ],
)  # fmt: skip
def test_a_list_that_lies_is_told(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    taken = take(tmp_path / "home", wacz(tmp_path / "a.wacz", browsertrix(), **changes))
    assert fault in str([each.faults.told for each in taken])
    assert check(tmp_path / "home") == 2


@pytest.mark.parametrize(
    ("files", "changes", "reason"),
    [
        ({"../evil.warc.gz": packed([page(1)])}, {}, "leads out"),
        ({"/archive/a.warc.gz": packed([page(1)])}, {}, "leads out"),
        ({"archive/a.wacz": b""}, {}, "other WACZ"),
        ({"archive/a.warc.gz": packed([page(1)])}, {"profile": "multi-wacz-package"}, "other WACZ"),
        ({"pages/pages.jsonl": b""}, {}, "without a WARC"),
    ],
)
def test_a_hostile_or_nested_wacz_is_refused(tmp_path: Path, files, changes, reason: str) -> None:
    taken = take_one(tmp_path / "home", wacz(tmp_path / "a.wacz", files, **changes))
    assert taken.fate is Fate.REFUSED
    assert reason in taken.reason


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_wacz_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.wacz", "w") as out:
        for number in range(2):
            out.writestr("archive/a.warc.gz", packed([page(number)]))
    assert "same name" in take_one(tmp_path / "home", tmp_path / "a.wacz").reason


def test_a_bomb_in_a_wacz_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.wacz", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("archive/a.warc", page(1) + bytes(20_000_000))
    taken = take_one(tmp_path / "home", tmp_path / "a.wacz")
    assert "bomb" in taken.reason
    assert stored_files(tmp_path / "home") == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=3)), min_size=1, max_size=5)
)
def test_no_wacz_breaks_the_import(tmp_path_factory, changes: list[tuple[int, bytes]]) -> None:
    folder = tmp_path_factory.mktemp("wacz")
    data = wacz(folder / "a.wacz", browsertrix()).read_bytes()
    for number, fresh in changes:
        place = number % len(data)
        data = data[:place] + fresh + data[place + len(fresh) :]
    take(folder / "home", saved(folder / "a.wacz", data))
    check(folder / "home")


def test_a_folder_gives_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    saved(folder / "b" / "2.warc", page(2))
    saved(folder / "a.warc.gz", packed([page(1)]))
    saved(folder / "b" / "notes.txt", b"not looked at")
    wacz(folder / "c.wacz", browsertrix())
    taken = take(tmp_path / "home", folder)
    names = [each.source.removeprefix(f"{folder}/") for each in taken]
    assert names == ["a.warc.gz", "b/2.warc", "c.wacz: archive/rec-0.warc.gz", "c.wacz: archive/rec-1.warc.gz"]  # fmt: skip
    assert (
        "no file in it"
        in take_one(tmp_path / "home", saved(tmp_path / "d" / "x", b"").parent).reason
    )


def test_names_that_can_not_be_printed_do_no_harm(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[2J\n.warc")
    saved(tmp_path / "many" / name, page(1))
    wacz(tmp_path / "many" / "a.wacz", {"archive/\x1b[2J.warc": page(2)})
    done = muragat(tmp_path / "home", "import", tmp_path / "many")
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert len(done.out.splitlines()) == 2
    assert check(tmp_path / "home") == 2


def crawled(home: Path, numbers: range) -> Path:
    """Make a collection of muragat's own."""
    with Collection(home, write=True, about=Warcinfo(name=home.name)) as collection:
        for number in numbers:
            collection.add(numbered(number))
        collection.publish()
    return home


def test_another_collection_gives_its_files_under_their_names(tmp_path: Path) -> None:
    other = crawled(tmp_path / "other", range(5))
    take(other, saved(tmp_path / "a.warc", page(1)))
    own = sorted(path.name for path in (other / "warc").iterdir())
    home = tmp_path / "home"
    assert sum(taken.new for taken in take(home, other)) == 6
    assert set(own) <= {path.name for path in (home / "warc").iterdir()}
    assert check(home) == 6
    assert {taken.fate for taken in take(home, other)} == {Fate.KNOWN}
    drain(home)
    drain(other)
    assert published(home) == published(other)


def test_a_name_that_is_taken_does_not_hinder(tmp_path: Path) -> None:
    other = crawled(tmp_path / "other", range(3))
    home = tmp_path / "home"
    [name] = [path.name for path in (other / "warc").iterdir()]
    crawled(tmp_path / "third", range(3, 6))
    [file] = (tmp_path / "third" / "warc").iterdir()
    renamed = file.rename(file.with_name(name))
    [first, second] = take(home, other / "warc" / name, renamed)
    assert first.file == name
    assert (second.fate, second.new) == (Fate.IMPORTED, 3)
    assert check(home) == 6


def test_what_is_whole_of_an_open_file_is_taken(tmp_path: Path) -> None:
    other = crawled(tmp_path / "other", range(3))
    [file] = (other / "warc").iterdir()
    torn = file.read_bytes()[:-10]
    file.unlink()
    saved(file.with_name(f"{file.name}.open"), torn)
    home = tmp_path / "home"
    [taken] = take(home, other)
    assert (taken.fate, taken.new) == (Fate.IMPORTED, 2)
    assert check(home) == 2


def test_a_collection_is_not_imported_into_itself(tmp_path: Path) -> None:
    home = crawled(tmp_path / "home", range(1))
    assert "it is the collection" in take_one(home, home).reason


def written_by_warcio() -> bytes:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    head = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
    response = writer.create_warc_record(
        URL, "response", payload=io.BytesIO(PAGE), http_headers=head
    )
    asked = StatusAndHeaders("POST /a HTTP/1.1", [("Host", "example.com")], is_http_request=True)
    request_ = writer.create_warc_record(URL, "request", http_headers=asked)
    writer.write_request_response_pair(request_, response)
    return out.getvalue()


def written_by_fastwarc() -> bytes:
    out = io.BytesIO()
    made = WarcRecord()
    made.init_headers(record_type=WarcRecordType.response)
    made.headers["WARC-Target-URI"] = URL
    made.set_bytes_content(HEAD + PAGE)
    made.headers["Content-Type"] = "application/http; msgtype=response"
    made.write(out, checksum_data=True)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # warcio's own
@pytest.mark.parametrize("write", [written_by_warcio, written_by_fastwarc])
def test_files_of_other_writers_are_read_without_a_flaw(tmp_path: Path, write) -> None:
    home = tmp_path / "home"
    taken = take_one(home, saved(tmp_path / "a.warc.gz", write()))
    assert list(taken.complaints()) == []
    with Collection(home) as collection:
        [capture] = collection.captures()
        assert collection.read(capture).raw() == PAGE
        assert capture.method == ("POST" if write is written_by_warcio else "GET")
    assert check(home) == 1


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<html><a href='/b'>b</a></html>" if self.path == "/" else PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_a_file_of_wget_is_read_without_a_flaw(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        command = ["wget", "-q", "-r", "-l1", "--warc-file=saved", "-e", "robots=off", address]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
        server.shutdown()
    taken = take_one(tmp_path / "home", tmp_path / "saved.warc.gz")
    assert (taken.fate, list(taken.complaints())) == (Fate.IMPORTED, [])
    with Collection(tmp_path / "home") as collection:
        found = {capture.url: capture for capture in collection.captures(address, match="host")}
        assert {address, f"{address}b"} <= set(found)
        assert collection.read(found[f"{address}b"]).raw() == PAGE
    check(tmp_path / "home")


def article(number: int, version: int) -> bytes:
    text = b"".join(
        b"<p>Paragraph %d of article %d says something of its own, version %d.</p>"
        % (each, number, version)
        for each in range(8)
    )
    body = b"""<html lang=en><head><title>Article %d</title><meta property='og:type' content='article'></head>
<body><article><h1>Article %d</h1>%b</article></body></html>""" % (number, number, text)
    return record(
        "response",
        HEAD + body,
        WARC_Date=f"2020-02-{version + 1:02}T00:00:00Z",
        WARC_Target_URI=f"http://example.com/2020/article-{number}",
        WARC_Payload_Digest=sha1(body),
    )


def sets_of_files(folder: Path) -> list[Path]:
    revisit = record(
        "revisit",
        HEAD,
        WARC_Date="2020-03-01T00:00:00Z",
        WARC_Target_URI="http://example.com/2020/article-1",
        WARC_Refers_To_Target_URI="http://example.com/2020/article-1",
        WARC_Refers_To_Date="2020-02-02T00:00:00Z",
    )
    return [
        saved(folder / "a.warc.gz", packed([article(1, 1), article(2, 1)])),
        saved(folder / "b.warc", article(1, 2) + article(2, 1)),
        saved(folder / "c.warc.gz", gzip.compress(article(3, 1) + article(1, 1))),
        saved(folder / "d.warc", revisit),
        wacz(folder / "e.wacz", {"archive/x.warc.gz": packed([article(2, 2), revisit])}),
    ]


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> tuple[list[Path], tuple[bytes, bytes]]:
    folder = tmp_path_factory.mktemp("sets")
    files = sets_of_files(folder)
    take(folder / "home", *files)
    drain(folder / "home")
    return files, published(folder / "home")


ORDERS = list(itertools.permutations(range(5)))


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(order=st.sampled_from(ORDERS), batch=st.integers(1, 4), is_analysed_between=st.booleans())
def test_order_and_batches_do_not_matter(
    tmp_path_factory, expected, order, batch: int, is_analysed_between: bool
) -> None:
    files, wanted = expected
    home = tmp_path_factory.mktemp("order") / "home"
    ordered = [files[number] for number in order]
    take(home, *ordered[:batch])
    if is_analysed_between:
        drain(home)
    take(home, *ordered[batch:])
    drain(home)
    assert published(home) == wanted
    assert len(wanted[1].splitlines()) == 3
    check(home)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(order=st.sampled_from(ORDERS), batch=st.integers(1, 5))
def test_order_and_batches_do_not_matter_for_the_index(
    tmp_path_factory, expected, order, batch: int
) -> None:
    files, wanted = expected
    home = tmp_path_factory.mktemp("order") / "home"
    for start in range(0, 5, batch):
        take(home, *(files[number] for number in order[start : start + batch]))
    assert (home / "index.cdxj").read_bytes() == wanted[0]


@pytest.mark.parametrize("names", [("a.warc.gz", "b.warc.gz"), ("b.warc.gz", "a.warc.gz")])
def test_the_name_under_which_a_file_came_does_not_matter(tmp_path: Path, names) -> None:
    other = crawled(tmp_path / "other", range(2))
    [own] = (other / "warc").iterdir()
    for data in (own.read_bytes(), packed([page(1)])):
        for name in names:
            take(tmp_path / "home", saved(tmp_path / "files" / name, data))
    expected = [f"import-{hashlib.sha256(packed([page(1)])).hexdigest()[:32]}.warc.gz", own.name]
    assert stored_files(tmp_path / "home") == expected
