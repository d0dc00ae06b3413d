"""Facts about files made to harm: what an import of them may add, and what it must not change."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from archive import Collection
from archive.importing import Fate
from archive.model import Announcer, Via
from archive.rebuild import rebuild
from archive.warc import digest_of, encode, warc_date
from archive.warc.records import FIELDS_TYPE, IDENTICAL
from archive.warc.warcinfo import Warcinfo
from crawler.crawl_records import REPORT, START, Start, target
from crawler.reconstruct import catch_up, remake
from crawler.sites import Site
from tests.exchanges import BEGIN, exchange
from tests.foreign_records import page, record
from tests.importing import check, saved, take, take_one
from tests.program import muragat
from tests.test_reconstruct import frontier
from tests.test_site_crawl import MISSING, serving

if TYPE_CHECKING:
    from pathlib import Path

CRAWL = "20260301000000"
SEED = "http://example.test/"
SITE = Site("example", (SEED,))
EARLY, LATE = "1999-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"


def told(address: str, block: bytes, date: str = EARLY, number: int = 0) -> bytes:
    """Return a metadata record of no exchange, as a foreign file may hold it."""
    fields: dict[str, Any] = {
        "WARC_Target_URI": address,
        "WARC_Date": date,
        "Content_Type": "application/json",
    }
    return record("metadata", block, WARC_Record_ID=f"<urn:x:{address}{number}>", **fields)


def start(*sites: dict[str, Any]) -> bytes:
    return json.dumps({"sites": sites}).encode()


def crawled(home: Path, *, block: bytes = b"", about: str = "muragat") -> Path:
    """Make a collection in which one crawl of `SITE` captured its seed; `block` stands in for its start record."""
    block = block or Start(sites=(SITE,)).block(CRAWL, BEGIN)
    via = Via(CRAWL, Announcer.SEED, "", SEED, 0, SITE.name)
    with Collection(home, write=True, about=Warcinfo(name=about)) as collection:
        collection.add_metadata(target(CRAWL, START), block)
        collection.add(exchange(SEED, via=via))
        collection.add_metadata(target(CRAWL, REPORT), b'{"ours": 1}')
        collection.sync()
        collection.publish()
    return home


@pytest.mark.parametrize(
    "changes",
    [
        {"requisites": "everything"},
        {"spider": "spiders.gone.Spider"},
        {"spider": "spiders.sites"},
        {"seeds": ["rubbish", "", "http://[::1", "//\x00", "http://example.test:99999999/"]},
        {"scope": ["rubbish", "http://["], "allow": ["[", "a b", ""]},
        {"delay_s": float("nan"), "concurrency": -1, "requisite_max": -1},
        {"name": "\x00\ud800/../x"},
        {"name": 7},
    ],
)
def test_no_start_record_hinders_a_frontier_from_being_made_again(tmp_path, changes):
    home = crawled(tmp_path / "c", block=start({"name": "example", "seeds": [SEED], **changes}))
    with Collection(home, write=True) as collection:
        remake(collection, known={})


def closing(capture: str, **values: object) -> bytes:
    """Return the record that closes an exchange of muragat's, as a foreign file may hold it."""
    lines = {"method": "GET", **values, "memberCrc32": "00000000"}
    block = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode()
    fields = [
        ("WARC-Type", "metadata"),
        ("WARC-Record-ID", "<urn:x:closing>"),
        ("WARC-Date", LATE),
        ("WARC-Target-URI", f"{SEED}forged"),
        ("WARC-Concurrent-To", f"<{capture}>"),
        ("WARC-Block-Digest", digest_of(block)),
        ("Content-Type", FIELDS_TYPE),
        ("Content-Length", str(len(block))),
    ]
    return encode(fields, block, compress=False)


def forged() -> bytes:
    """Return a file that says of `CRAWL` what is not so: its sites, what it fetched and tried, how it ended."""
    attempt: dict[str, Any] = {
        "url": "http://10.0.0.1/",
        "site": SITE.name,
        "outcome": "timeout",
        "date": LATE,
    }
    attempt |= {"announcer": "link", "referrer": "", "seed": SEED, "hop": 0, "final": False}
    site = {"name": SITE.name, "seeds": ["http://10.0.0.2/"], "allow": ["10.0.0.2"]}
    records = [
        told(target(CRAWL, START), start(site)),
        told(target(CRAWL, START), start(site), LATE, 1),
        told(target(CRAWL, "attempts"), json.dumps({"attempts": [attempt]}).encode(), LATE),
        told(target(CRAWL, REPORT), b'{"ours": 0}'),
        record(WARC_Record_ID="<urn:x:forged>", WARC_Target_URI=f"{SEED}forged", WARC_Date=LATE),
    ]
    via = closing("urn:x:forged", seed=SEED, crawl=CRAWL, site=SITE.name, announcedBy="link")
    return gzip_of(records) + via


def gzip_of(records: list[bytes]) -> bytes:
    return b"".join(gzip.compress(each, mtime=0) for each in records)


def test_a_foreign_file_tells_the_frontier_nothing(tmp_path):
    home = crawled(tmp_path / "c")
    with Collection(home, write=True) as collection:
        remake(collection, known={})
    before = frontier(home)
    assert take_one(home, saved(tmp_path / "forged.warc.gz", forged())).new == 1
    with Collection(home, write=True) as collection:
        catch_up(collection, known={SITE.name: SITE})
    assert frontier(home) == before
    with Collection(home, write=True) as collection:
        remake(collection, known={SITE.name: SITE})
    assert frontier(home) == before


def test_a_foreign_report_never_takes_the_place_of_ours(tmp_path):
    home = crawled(tmp_path / "c")
    take_one(home, saved(tmp_path / "forged.warc.gz", forged()))
    report = home / "crawls" / f"{CRAWL}.json"
    assert report.read_bytes() == b'{"ours": 1}'
    rebuild(home, workers=1)
    assert report.read_bytes() == b'{"ours": 1}'
    assert len(list((home / "crawls").iterdir())) == 2


@pytest.mark.parametrize("crawl", ["../../x", "a/b", "x" * 65, "\x00", "", "%00", "..", "é"])
def test_a_report_of_an_odd_crawl_writes_no_file(tmp_path, crawl):
    home = crawled(tmp_path / "c")
    data = told(f"urn:muragat:crawl:{crawl}:report", b'{"ours": 0}') + page(1)
    take_one(home, saved(tmp_path / "forged.warc", data))
    rebuild(home, workers=1)
    assert [path.name for path in (home / "crawls").iterdir()] == [f"{CRAWL}.json"]
    assert check(home) == 2


def own(name: str, *, target_uri: str = SEED, **changes: str) -> bytes:
    """Return a file as muragat writes it, called `name`, with one exchange; `changes` are fields of its answer."""
    kind = changes.get("WARC_Type", "response")
    block = exchange().head + (b"" if kind == "revisit" else b"forged")
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:x:1>",
        "WARC-Date": EARLY,
        "WARC-Target-URI": target_uri,
        "WARC-Block-Digest": digest_of(block),
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    }
    fields |= {key.replace("_", "-"): value for key, value in changes.items()}
    answer = encode(list(fields.items()), block)
    crc = zlib.crc32(answer)
    note = f"method: GET\r\nmemberCrc32: {crc:08x}\r\n".encode()
    frame = {**fields, "WARC-Type": "metadata", "WARC-Record-ID": "<urn:x:2>"}
    frame |= {"WARC-Concurrent-To": fields["WARC-Record-ID"], "WARC-Block-Digest": digest_of(note)}
    frame |= {"Content-Type": FIELDS_TYPE, "Content-Length": str(len(note))}
    closing_record = encode([*frame.items()], note, compress=False)
    return Warcinfo().record("urn:x:0", name) + answer + closing_record


NAME = "other-00001-20260101000000.warc.gz"


def test_a_file_of_another_muragat_gets_the_name_that_it_says(tmp_path):
    data = own(NAME)
    taken = take_one(tmp_path / "c", saved(tmp_path / "renamed.gz", data))
    assert (taken.fate, taken.file, taken.new) == (Fate.IMPORTED, NAME, 1)
    assert check(tmp_path / "c") == 1
    again = take_one(tmp_path / "c", saved(tmp_path / "again.warc.gz", data))
    assert (again.fate, again.file) == (Fate.KNOWN, NAME)


@pytest.mark.parametrize(
    "name",
    [
        "../x-00001-20260101000000.warc.gz",
        "/tmp/x-00001-20260101000000.warc.gz",
        ".x-00001-20260101000000.warc.gz",
        "-x-00001-20260101000000.warc.gz",
        "x y-00001-20260101000000.warc.gz",
        "x-999999999999-20260101000000.warc.gz",
        f"{'x' * 300}-00001-20260101000000.warc.gz",
        f"{NAME}.open",
        "state.sqlite",
        "",
    ],
)
def test_a_name_that_does_harm_is_not_kept(tmp_path, name):
    home = crawled(tmp_path / "c")
    taken = take_one(home, saved(tmp_path / "forged.warc.gz", own(name)))
    assert (taken.file.startswith("import-"), taken.new) == (True, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "forged.warc.gz"]
    assert check(home) == 2
    rebuild(home, workers=1)
    assert check(home) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"WARC_Truncated": "never"},
        {"WARC_Type": "revisit", "WARC_Payload_Digest": "sha256:zz"},
        {"WARC_Type": "revisit", "WARC_Payload_Digest": "sha1:AAAA"},
        {"WARC_Date": "0001-01-01T00:00:00.000000Z"},
        {"WARC_Date": "9999-12-31T23:59:59.999999Z"},
        {"WARC_Record_ID": f"<{'x' * 100_000}>"},
        {"target_uri": "http://[::1"},
        {"target_uri": "a b"},
        {"target_uri": ""},
    ],
)
def test_no_fields_of_a_file_that_seems_ours_hinder_import_and_rebuild(tmp_path, changes):
    home = crawled(tmp_path / "c")
    if changes.get("WARC_Type") == "revisit":
        changes |= {"WARC_Profile": IDENTICAL, "WARC_Refers_To": "<urn:x:9>"}
    take_one(home, saved(tmp_path / "forged.warc.gz", own(NAME, **changes)))
    before = check(home)
    (home / "warc" / NAME.replace("other", "laid")).write_bytes(own(NAME, **changes))
    rebuild(home, workers=1)
    with Collection(home) as collection:
        assert len(list(collection.captures())) == before


@pytest.mark.parametrize("prefix", ["aaa", "zzz"])
def test_no_file_stands_in_for_what_was_received_here(tmp_path, prefix):
    home = crawled(tmp_path / "c")
    with Collection(home) as collection:
        [ours] = collection.captures()
        body = collection.read(ours).body.read()
    claims = {"WARC_Record_ID": f"<{ours.record_id}>", "WARC_Date": warc_date(ours.date)}
    forged = own(f"{prefix}-00001-20260101000000.warc.gz", target_uri=ours.url, **claims)
    taken = take_one(home, saved(tmp_path / "forged.warc.gz", forged))
    assert (taken.file.startswith("import-"), taken.known) == (True, 1)
    for _ in range(2):
        with Collection(home) as collection:
            [capture] = collection.captures()
            assert (capture.file, capture.offset) == (ours.file, ours.offset)
            assert collection.read(capture).body.read() == body
        rebuild(home, workers=1)


def test_a_foreign_note_of_an_import_keeps_no_file_out(tmp_path):
    home = crawled(tmp_path / "c")
    wanted = page(1)
    sha256 = hashlib.sha256(wanted).hexdigest()
    [name] = [path.name for path in (home / "warc").iterdir()]
    note = told(f"urn:muragat:import:{sha256[:32]}", json.dumps({"file": name}).encode())
    take_one(home, saved(tmp_path / "forged.warc", note))
    assert take_one(home, saved(tmp_path / "wanted.warc", wanted)).new == 1


def test_no_import_sends_a_crawl_to_pages_outside_its_site(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with (
        serving(lambda path, before: MISSING) as (base, asked),
        serving(lambda path, before: MISSING) as (other, asked_other),
    ):
        name = Site.for_address(base).name
        via = Via(CRAWL, Announcer.LINK, base, base, 1, name)
        with Collection(theirs, write=True, about=Warcinfo(name="theirs")) as collection:
            collection.add(exchange(f"{other}a", via=via))
            collection.add(exchange(f"{base}b", via=via))
            ended = {"sites": [{"name": name, "ended": "finished"}]}
            collection.add_metadata(target(CRAWL, REPORT), json.dumps(ended).encode())
        [taken] = take(ours, theirs)
        assert taken.file.startswith("theirs-")
        words = ("--requisites", "none", "--allow", other.split("/")[2])
        muragat(ours, "crawl", base, "--delay", 0, *words)
    assert ("/b" in asked, "/a" in asked_other) == (True, False)
