"""What import takes in, what it refuses and why, and that the order does not matter."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import shutil
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import zstandard
from fastwarc.warc import WarcRecord, WarcRecordType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive import Collection
from archive.backlog import drain
from archive.errors import OriginalMissing
from archive.importing import Fate, Taken, import_files
from archive.model import Kind
from archive.store import rows
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
    request,
    sha1,
)
from tests.program import muragat

VECTORS = Path(__file__).parents[2] / "shared" / "quality" / "vectors"


def take(home: Path, *paths: Path) -> list[Taken]:
    return list(import_files(home, paths))


def take_one(home: Path, path: Path) -> Taken:
    [taken] = take(home, path)
    return taken


def saved(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def stored_files(home: Path) -> list[str]:
    """Names under warc/ of what was imported."""
    return sorted(
        path.name for path in (home / "warc").iterdir() if not path.name.startswith("muragat-")
    )


def check(home: Path) -> int:
    """Verify a collection and read every capture in it; return how many there are."""
    with Collection(home) as collection:
        assert [str(problem) for problem in collection.verify()] == []
        captures = list(collection.captures())
        for capture in captures:
            if not rows.is_unresolved(capture):
                collection.read(capture).decoded()
            assert collection.exchange(capture)
            assert collection.record(capture)
    return len(captures)


def test_a_file_is_kept_byte_for_byte_under_its_hash(tmp_path: Path) -> None:
    data = packed([page(1), page(2), request()])
    path = saved(tmp_path / "my site.warc.gz", data)
    taken = take_one(tmp_path / "home", path)
    name = f"my-site-{hashlib.sha256(data).hexdigest()[:32]}.warc.gz"
    assert (taken.fate, taken.file, taken.new, taken.known) == (Fate.IMPORTED, name, 2, 0)
    assert (tmp_path / "home" / "warc" / name).read_bytes() == data
    assert check(tmp_path / "home") == 2


def test_the_same_file_again_is_known_and_not_copied(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = saved(tmp_path / "a.warc", page(1))
    again = saved(tmp_path / "other name.warc", page(1))
    take(home, first)
    before = stored_files(home)
    assert [taken.fate for taken in take(home, first, again)] == [Fate.KNOWN, Fate.KNOWN]
    assert stored_files(home) == before
    with Collection(home) as collection:
        assert len(list(collection.metadata("urn:muragat:import:"))) == 1


def test_a_capture_in_two_files_is_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    one = saved(tmp_path / "a.warc", page(1))
    both = saved(tmp_path / "b.warc.gz", packed([page(1), page(2)]))
    [first, second] = take(home, one, both)
    assert (first.new, second.new, second.known) == (1, 1, 1)
    assert check(home) == 2


def test_where_a_file_came_from_is_noted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    data = page(1) + b"rubbish\r\n"
    take(home, saved(tmp_path / "a.warc", data))
    with Collection(home) as collection:
        [record_] = collection.metadata("urn:muragat:import:")
        note = json.loads(collection.read_metadata(record_))
    assert note["source"] == "a.warc"
    assert note["sha256"] == hashlib.sha256(data).hexdigest()
    assert note["bytes"] == len(data)
    assert note["records"] == {"response": 1}
    assert note["flaws"][0]["offset"] == len(page(1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>no archive", "no WARC, ARC or WACZ file"),
        (request(), "no capture"),
        (b"WARC/1.0\r\nnothing", "no record"),
        (gzip.compress(b"just text"), "no WARC, ARC or WACZ file"),
        (b"\x1f\x8b\x08rubbish", "no record"),
        (b"PK\x03\x04rubbish", "no zip"),
    ],
)
def test_what_holds_no_capture_is_refused_with_the_reason(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    taken = take_one(tmp_path / "home", saved(tmp_path / "a.warc.gz", data))
    assert taken.fate is Fate.REFUSED
    assert reason in taken.reason
    assert stored_files(tmp_path / "home") == []
    assert check(tmp_path / "home") == 0


def test_one_member_for_all_is_salvaged_without_loss(tmp_path: Path) -> None:
    records = [page(number) for number in range(5)]
    taken = take_one(
        tmp_path / "home", saved(tmp_path / "a.warc.gz", gzip.compress(b"".join(records)))
    )
    assert (taken.fate, taken.new, taken.is_whole) == (Fate.SALVAGED, 5, True)
    [name] = stored_files(tmp_path / "home")
    data = (tmp_path / "home" / "warc" / name).read_bytes()
    assert gzip.decompress(data) == b"".join(records)
    assert name == f"a-{hashlib.sha256(data).hexdigest()[:32]}.warc.gz"
    assert check(tmp_path / "home") == 5


def test_damage_costs_one_record_and_is_named(tmp_path: Path) -> None:
    members = [packed([page(number)]) for number in range(3)]
    damaged = bytearray(members[1])
    damaged[60:90] = bytes(30)
    path = saved(tmp_path / "a.warc.gz", members[0] + damaged + members[2])
    taken = take_one(tmp_path / "home", path)
    assert (taken.fate, taken.new, taken.is_whole) == (Fate.SALVAGED, 2, False)
    assert taken.faults.told[0].offset == len(members[0])
    assert check(tmp_path / "home") == 2
    assert take_one(tmp_path / "home", path).fate is Fate.KNOWN


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_torn_tail_is_kept_as_far_as_it_goes(tmp_path: Path, is_packed: bool) -> None:
    big = record(block=HEAD + bytes(range(256)) * 400)
    data = packed([page(1), big])[:-20] if is_packed else (page(1) + big)[:-2000]
    taken = take_one(tmp_path / "home", saved(tmp_path / "a.warc", data))
    assert (taken.new, taken.is_whole) == (2, not is_packed)
    assert check(tmp_path / "home") == 2


def test_a_zstd_file_is_written_anew(tmp_path: Path) -> None:
    data = b"".join(zstandard.ZstdCompressor().compress(page(number)) for number in range(3))
    taken = take_one(tmp_path / "home", saved(tmp_path / "a.warc.zst", data))
    assert (taken.fate, taken.new, taken.is_whole) == (Fate.SALVAGED, 3, True)
    assert check(tmp_path / "home") == 3


def arc(*blocks: bytes) -> bytes:
    about = b"1 0 org\nURL IP-address Archive-date Content-type Archive-length\n"
    parts = [b"filedesc://a.arc 0.0.0.0 20050101000000 text/plain %d\n%b\n" % (len(about), about)]
    for number, block in enumerate(blocks):
        line = b"http://example.com/%d 192.0.2.1 2005010203040%d text/html %d\n" % (
            number,
            number,
            len(block),
        )
        parts.append(line + block + b"\n")
    return b"".join(parts)


@pytest.mark.parametrize("is_packed", [True, False])
def test_an_arc_becomes_responses_with_its_own_dates(tmp_path: Path, is_packed: bool) -> None:
    home = tmp_path / "home"
    data = arc(HEAD + PAGE, HEAD + b"other")
    data = gzip.compress(data) if is_packed else data
    taken = take_one(home, saved(tmp_path / "a.arc", data))
    assert (taken.fate, taken.new, taken.is_whole) == (Fate.SALVAGED, 2, True)
    with Collection(home) as collection:
        [first, _] = collection.captures("http://example.com/", match="host")
        assert (first.date.isoformat(), first.status) == ("2005-01-02T03:04:00+00:00", 200)
        assert collection.read(first).raw() == PAGE
    assert check(home) == 2
    again = saved(tmp_path / "b.arc", arc(HEAD + PAGE) if is_packed else data + b"\n")
    assert take_one(home, again).new == 0


def wacz(path: Path, files: dict[str, bytes], **changes: Any) -> Path:
    """Write a WACZ as Browsertrix does; `changes` are keys of its list, None leaves the list out."""
    resources = [
        {"name": name.rpartition("/")[2], "path": name, "hash": f"sha256:{hashlib.sha256(data).hexdigest()}", "bytes": len(data)}
        for name, data in files.items()
    ]  # fmt: skip
    listed = {"profile": "data-package", "wacz_version": "1.1.1", "resources": resources} | changes
    with zipfile.ZipFile(path, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
        if listed["resources"] is not None:
            block = json.dumps(listed)
            out.writestr("datapackage.json", block)
            digest = {
                "path": "datapackage.json",
                "hash": f"sha256:{hashlib.sha256(block.encode()).hexdigest()}",
            }
            out.writestr("datapackage-digest.json", json.dumps(digest))
    return path


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


REVISIT = record(
    "revisit",
    HEAD,
    WARC_Target_URI="http://example.com/again",
    WARC_Payload_Digest=sha1(PAGE),
    WARC_Refers_To_Target_URI=URL,
    WARC_Refers_To_Date=DATE,
)


@pytest.mark.parametrize("is_before", [True, False])
def test_a_revisit_finds_its_original_in_another_file(tmp_path: Path, is_before: bool) -> None:
    home = tmp_path / "home"
    files = [saved(tmp_path / "a.warc", record()), saved(tmp_path / "b.warc", REVISIT)]
    for path in files if is_before else reversed(files):
        take(home, path)
    with Collection(home) as collection:
        [revisit] = collection.captures("http://example.com/again")
        assert collection.read(revisit).raw() == PAGE
    assert check(home) == 2


def test_a_revisit_without_original_is_kept_and_said_to_be_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert take_one(home, saved(tmp_path / "b.warc", REVISIT)).unresolved == 1
    with Collection(home) as collection:
        [revisit] = collection.captures()
        with pytest.raises(OriginalMissing):
            collection.read(revisit)


ROWS = (
    [json.loads(line) for line in (VECTORS / "warc.jsonl").read_text().splitlines()]
    if VECTORS.exists()
    else []
)
TELLING = {  # what the report on a sample file must name
    "pywb-example.warc": "passed over",
    "pywb-example-extra.warc": "WARC-Payload-Digest",
    "warcio-example-digest.warc": "can't be understood",
    "warcio-example-bad-non-chunked.warc.gz": "WARC-Block-Digest",
    "warcio-example-trunc.warc": "WARC-Block-Digest",
    "warcio-example-wrong-chunks.warc.gz": "WARC-Block-Digest",
    "warcio-bad.arc": "no ARC record",
}


@pytest.mark.parametrize("row", [pytest.param(row, id=row["file"]) for row in ROWS])
def test_sample_files_are_taken_in_as_expected(tmp_path: Path, row: dict[str, Any]) -> None:
    path = VECTORS / row["file"]
    taken = take_one(tmp_path / "home", path)
    kinds = [*Kind]
    captures = sum(row["records"].get(kind, 0) for kind in kinds)
    if captures:
        assert taken.fate is (
            Fate.SALVAGED if row["state"] == "arc" or "gzip member" in row["how"] else Fate.IMPORTED
        )
        expected = 1 if path.name == "warcio-bad.arc" else captures
        assert taken.new + taken.known == expected
    else:
        assert (taken.fate, "request" in taken.reason) == (Fate.REFUSED, True)
    told = "\n".join(taken.complaints())
    assert TELLING.get(path.name, "") in told
    if row["state"] == "valid":
        assert told == ""
    assert check(tmp_path / "home") == taken.new


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


def published(home: Path) -> tuple[bytes, bytes]:
    return (home / "index.cdxj").read_bytes(), (home / "articles.jsonl").read_bytes()


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


def test_the_command_tells_lines_flaws_and_status(tmp_path: Path) -> None:
    home = tmp_path / "home"
    good = saved(tmp_path / "a.warc", page(1) + b"rubbish")
    bad = saved(tmp_path / "b.warc", b"rubbish")
    done = muragat(home, "import", good)
    assert done.code == 0
    assert "1 captures new, 0 known, 0 requests, 0 revisits without original, 1 flaws" in done.out
    assert f"{good}: byte {len(page(1))}: " in done.err
    assert (home / "articles.jsonl").exists()
    done = muragat(home, "import", "--json", good, bad)
    assert done.code == 1
    assert [line["fate"] for line in done.lines] == ["known", "refused"]
    assert muragat(home, "import", tmp_path / "gone.warc").code == 2
    assert muragat(home, "verify").out == ""
