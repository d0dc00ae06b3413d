"""What import takes in and how, what it refuses and why."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from archive import Collection
from archive.errors import OriginalMissing
from archive.importing import Fate
from archive.model import Kind
from tests.foreign_records import (
    DATE,
    HEAD,
    PAGE,
    URL,
    packed,
    page,
    record,
    request,
    sha1,
)
from tests.importing import check, saved, stored_files, take, take_one
from tests.program import muragat

VECTORS = Path(__file__).parents[2] / "shared" / "quality" / "vectors"


def test_a_file_is_kept_byte_for_byte_under_its_hash(tmp_path: Path) -> None:
    data = packed([page(1), page(2), request()])
    path = saved(tmp_path / "my site.warc.gz", data)
    taken = take_one(tmp_path / "home", path)
    name = f"import-{hashlib.sha256(data).hexdigest()[:32]}.warc.gz"
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
        (gzip.compress(b"just text", mtime=0), "no WARC, ARC or WACZ file"),
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
    assert name == f"import-{hashlib.sha256(data).hexdigest()[:32]}.warc.gz"
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
