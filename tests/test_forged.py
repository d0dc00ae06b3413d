"""Facts about files made to harm: what an import of them may add, and what it must not change."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from archive import Collection
from archive.model import Announcer, Via
from archive.rebuild import rebuild
from archive.warc import digest_of, encode
from archive.warc.records import FIELDS_TYPE
from archive.warc.warcinfo import Warcinfo
from crawler.crawl_records import REPORT, START, Start, target
from crawler.reconstruct import catch_up, remake
from crawler.sites import Site
from tests.exchanges import BEGIN, exchange
from tests.foreign_records import page, record
from tests.importing import check, saved, take_one
from tests.test_reconstruct import frontier

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
