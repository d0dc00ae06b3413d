"""WARC files made by others: what is read of them, whatever their form, and that no bytes do harm."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import RecordDamaged
from archive.model import Kind, Truncation
from archive.warc.exchanges import Gap
from archive.warc.foreign import (
    Flaw,
    Passed,
    Survey,
    captures_in,
    is_foreign,
    read_foreign_exchange,
    read_foreign_message,
    stated,
)
from archive.warc.foreign.dates import read_date
from archive.warc.records import Metadata, Stored
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

VECTORS = Path(__file__).parents[2] / "shared" / "quality" / "vectors"
NAME = "some-00000000000000000000000000000000.warc.gz"


def survey(tmp_path: Path, data: bytes) -> tuple[Survey, list[Stored], list[Flaw | Passed]]:
    path = tmp_path / NAME
    path.write_bytes(data)
    found = Survey(path, NAME)
    pieces = list(found)
    stored = [piece for piece in pieces if isinstance(piece, Stored)]
    return found, stored, [piece for piece in pieces if isinstance(piece, Flaw | Passed)]


def only(tmp_path: Path, data: bytes) -> Stored:
    _, stored, flaws = survey(tmp_path, data)
    assert flaws == []
    assert len(stored) == 1
    return stored[0]


def body(tmp_path: Path, stored: Stored) -> bytes:
    return read_foreign_message(tmp_path / NAME, stored.capture).raw()


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_name_is_foreign_when_it_ends_with_a_hash() -> None:
    assert is_foreign("a-0123456789abcdef0123456789abcdef.warc")
    assert not is_foreign("muragat-00001-20240131235958.warc.gz")
    assert not is_foreign("a.warc.gz")


@pytest.mark.parametrize("version", ["0.17", "0.18", "1.0", "1.1"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r\r\n"])
@pytest.mark.parametrize("is_packed", [True, False])
def test_versions_line_ends_and_compression_are_read(
    tmp_path: Path, version: str, end: bytes, is_packed: bool
) -> None:
    data = record(version=version, end=end)
    path = tmp_path / NAME
    path.write_bytes(packed([data]) if is_packed else data)
    [stored] = captures_in(path, NAME)
    assert isinstance(stored, Stored)
    assert (stored.capture.url, stored.capture.status, stored.capture.mime) == (
        URL,
        200,
        "text/html",
    )
    assert stored.capture.digest == sha256(PAGE)
    assert body(tmp_path, stored) == PAGE


def test_offsets_and_lengths_are_those_of_the_members(tmp_path: Path) -> None:
    records = [page(number) for number in range(20)]
    data = packed(records)
    found, stored, flaws = survey(tmp_path, data)
    assert flaws == []
    assert found.has_places
    for each, piece in zip(records, stored, strict=True):
        place = piece.capture.offset, piece.capture.offset + piece.capture.length
        assert gzip.decompress(data[slice(*place)]) == each


def test_offsets_of_an_uncompressed_file_are_those_of_the_records(tmp_path: Path) -> None:
    records = [page(number) for number in range(20)]
    _, stored, _ = survey(tmp_path, b"".join(records))
    for each, piece in zip(records, stored, strict=True):
        offset = piece.capture.offset
        assert b"".join(records)[offset : offset + piece.capture.length] == each


def test_folded_fields_and_names_in_any_case_are_read(tmp_path: Path) -> None:
    data = record().replace(
        b"WARC-Target-URI: http://example.com/a", b"warc-TARGET-uri :\r\n  http://example.com/a"
    )
    assert only(tmp_path, data).capture.url == URL


def test_a_line_that_is_no_field_is_a_flaw_of_the_record(tmp_path: Path) -> None:
    data = record().replace(b"WARC-Date", b"nonsense\r\nWARC-Date")
    _, [stored], [flaw] = survey(tmp_path, page(1)[:0] + data)
    assert isinstance(flaw, Flaw)
    assert (flaw.offset, stored.capture.url) == (0, URL)
    assert "no field" in flaw.message


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("<http://example.com/a>", URL),
        ("http://example.com/a b", "http://example.com/a%20b"),
        ("http://example.com/é", "http://example.com/%C3%A9"),
    ],
)
def test_addresses_are_made_fit_for_the_index(tmp_path: Path, given_url: str, url: str) -> None:
    assert only(tmp_path, record(WARC_Target_URI=given_url)).capture.url == url


@pytest.mark.parametrize(
    ("text", "date"),
    [
        (DATE, datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2020-02-03T04:05:06.123456789Z", datetime(2020, 2, 3, 4, 5, 6, 123456, tzinfo=UTC)),
        ("2020-02-03T06:05:06+02:00", datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2020-02-03 04:05:06", datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("20200203040506", datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2020-02", datetime(2020, 2, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates_in_all_forms_are_read(text: str, date: datetime) -> None:
    assert read_date(text) == date


@given(st.text() | st.from_regex(r"[0-9T:.+Z-]{4,40}"))
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    found = read_date(text)
    assert found is None or found.tzinfo is UTC


def test_a_record_without_a_date_is_no_capture_and_told(tmp_path: Path) -> None:
    _, stored, flaws = survey(tmp_path, record(WARC_Date="yesterday"))
    assert stored == []
    assert "date" in str(flaws)


def test_a_record_without_an_id_gets_the_same_one_wherever_it_lies(tmp_path: Path) -> None:
    nameless = record(WARC_Record_ID=None)
    _, [alone], flaws = survey(tmp_path, nameless)
    assert "WARC-Record-ID" in str(flaws)
    _, [_, behind], _ = survey(tmp_path, packed([page(1), nameless]))
    assert alone.capture.record_id == behind.capture.record_id
    assert body(tmp_path, behind) == PAGE


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_chunks_stay_in_the_block_and_are_no_part_of_the_entity(tmp_path: Path) -> None:
    framed = b"6\r\n<html>\r\n3;x=y\r\nabc\r\n0\r\n\r\n"
    for stated_of in (framed, b"<html>abc"):
        data = record(block=CHUNKED + framed, WARC_Payload_Digest=sha1(stated_of))
        stored = only(tmp_path, data)
        assert (stored.capture.digest, stored.payload_length) == (sha256(b"<html>abc"), 9)
        assert body(tmp_path, stored) == b"<html>abc"
        assert read_foreign_exchange(tmp_path / NAME, stored.capture)[0].block == CHUNKED + framed


@pytest.mark.parametrize("plain", [b"<html>abc", b"", b"5", b"123\nabc", b"3\r\nabcdef\r\n"])
def test_a_body_that_only_says_it_is_chunked_is_taken_as_it_is(
    tmp_path: Path, plain: bytes
) -> None:
    _, [stored], _ = survey(tmp_path, record(block=CHUNKED + plain))
    if plain != b"123\nabc":
        assert body(tmp_path, stored) == plain


def test_a_large_chunked_body_is_read_as_a_file(tmp_path: Path) -> None:
    entity = bytes(range(256)) * 32 * 1024
    framed = b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece)
        for piece in (entity[i : i + 70_000] for i in range(0, len(entity), 70_000))
    )
    stored = only(tmp_path, packed([record(block=CHUNKED + framed + b"0\r\n\r\n")]))
    message = read_foreign_message(tmp_path / NAME, stored.capture)
    assert message.raw() == entity
    assert message.body.seek(0, io.SEEK_END) == len(entity)
    message.body.seek(1000)
    assert message.body.read(10) == entity[1000:1010]
    message.body.close()


@pytest.mark.parametrize("head", [b"HTTP/1.0 200\nContent-Type: text/html\n\n", b"HTTP/1.1 200 \r\r\nContent-Type: text/html\r\r\n\r\r\n"])  # fmt: skip
def test_http_heads_are_read_leniently(tmp_path: Path, head: bytes) -> None:
    stored = only(tmp_path, record(block=head + PAGE))
    assert (stored.capture.status, stored.capture.mime) == (200, "text/html")
    assert body(tmp_path, stored) == PAGE


def test_a_resource_is_a_capture_and_a_conversion_is_none(tmp_path: Path) -> None:
    data = packed([record("resource", b"text"), record("conversion", b"other")])
    found, [stored], flaws = survey(tmp_path, data)
    assert flaws == []
    assert found.records == {"resource": 1, "conversion": 1}
    assert (stored.capture.kind, stored.capture.mime) == (Kind.RESOURCE, "text/plain")
    message = read_foreign_message(tmp_path / NAME, stored.capture)
    assert (message.status, message.media_type, message.raw()) == (0, "text/plain", b"text")


@pytest.mark.parametrize("profile", ["http://netpreserve.org/warc/1.0/revisit/identical-payload-digest", "http://netpreserve.org/warc/1.1/revisit/server-not-modified"])  # fmt: skip
def test_revisits_say_what_they_refer_to(tmp_path: Path, profile: str) -> None:
    data = record(
        "revisit",
        HEAD,
        WARC_Profile=profile,
        WARC_Truncated="length",
        WARC_Payload_Digest=sha1(PAGE),
        WARC_Refers_To=identifier(1),
        WARC_Refers_To_Target_URI=URL,
        WARC_Refers_To_Date=DATE,
    )
    stored = only(tmp_path, data)
    assert stored.capture.kind is Kind.REVISIT
    assert stored.capture.truncated is None
    assert stored.refers_to == f"{URL} 2020-02-03T04:05:06.000000Z"
    assert stored.stated == sha1(PAGE)


def test_a_revisit_without_a_block_and_without_refers_to_is_read(tmp_path: Path) -> None:
    stored = only(tmp_path, record("revisit", b"", WARC_Payload_Digest=sha1(PAGE)))
    assert (stored.capture.status, stored.refers_to) == (0, "")


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha256"])
def test_digests_are_checked_in_every_coding(tmp_path: Path, algorithm: str) -> None:
    digest = hashlib.new(algorithm, PAGE).digest()
    codings = [
        digest.hex(),
        digest.hex().upper(),
        base64.b32encode(digest).decode(),
        base64.b32encode(digest).decode().rstrip("=").lower(),
        base64.b64encode(digest).decode(),
        base64.urlsafe_b64encode(digest).decode(),
    ]
    for text in codings:
        assert only(tmp_path, record(WARC_Payload_Digest=f"{algorithm}:{text}")).stated
    wrong = hashlib.new(algorithm, b"other").hexdigest()
    _, [stored], [flaw] = survey(tmp_path, record(WARC_Payload_Digest=f"{algorithm}:{wrong}"))
    assert "WARC-Payload-Digest" in str(flaw)
    assert stored.stated == ""


def test_a_digest_that_nobody_understands_is_told(tmp_path: Path) -> None:
    _, [_], [flaw] = survey(tmp_path, record(WARC_Block_Digest="crc32:12345678"))
    assert "understood" in str(flaw)


@given(st.text())
def test_no_text_breaks_the_reading_of_digests(text: str) -> None:
    for name in ("", "sha1:", "md5:", "sha256:"):
        stated.parse(name + text)


def test_stray_bytes_between_records_are_passed_over(tmp_path: Path) -> None:
    data = page(1) + b"rubbish\r\nmore WARC/1.0 rubbish\r\n" + page(2)
    found, stored, [passed] = survey(tmp_path, data)
    assert isinstance(passed, Passed)
    assert found.has_places
    assert data[passed.start : passed.end].startswith(b"rubbish")
    assert [body(tmp_path, each)[:6] for each in stored] == [b"<html>"] * 2


def test_a_truncated_file_keeps_its_last_record_as_far_as_it_goes(tmp_path: Path) -> None:
    data = page(1) + page(2)[:-60]
    found, [_, last], [flaw] = survey(tmp_path, data)
    assert last.capture.truncated is Truncation.UNSPECIFIED
    assert not last.is_original
    assert "less than its Content-Length" in str(flaw)
    assert body(tmp_path, last).startswith(b"<html>")
    assert found.cut == 1


def test_a_truncated_member_can_be_salvaged_but_has_no_place(tmp_path: Path) -> None:
    big = record(block=HEAD + bytes(range(256)) * 400)
    found, stored, _ = survey(tmp_path, packed([page(1), big])[:-20])
    assert len(stored) == 2
    assert not found.has_places


def test_a_damaged_member_costs_its_own_record_alone(tmp_path: Path) -> None:
    members = [packed([page(number)]) for number in range(3)]
    damaged = bytearray(members[1])
    damaged[60:90] = bytes(30)
    path = tmp_path / NAME
    path.write_bytes(members[0] + damaged + members[2])
    pieces = list(captures_in(path, NAME))
    [gap] = [piece for piece in pieces if isinstance(piece, Gap)]
    urls = [piece.capture.url for piece in pieces if isinstance(piece, Stored)]
    assert urls == ["http://example.com/0", "http://example.com/2"]
    assert (gap.start, gap.end) == (len(members[0]), len(members[0]) + len(damaged))


@pytest.mark.parametrize("size", [50, 100, 1000])
def test_members_cut_anywhere_are_read_on_but_have_no_place(tmp_path: Path, size: int) -> None:
    whole = b"".join(page(number) for number in range(5))
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    found, stored, _ = survey(tmp_path, packed(pieces))
    assert len(stored) == 5
    assert not found.has_places


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(lambda a, r: [a, r], id="after"),
        pytest.param(lambda a, r: [r, a], id="before"),
        pytest.param(lambda a, r: [r, *map(page, range(9)), a], id="far before"),
        pytest.param(lambda a, r: [a, *map(page, range(9)), r], id="far behind"),
    ],
)
@pytest.mark.parametrize("direction", ["request names answer", "answer names request"])
def test_a_request_gives_its_answer_the_method(tmp_path: Path, order, direction: str) -> None:
    one, other = identifier("answer"), identifier("request")
    if direction == "request names answer":
        answer = record(WARC_Record_ID=one)
        asked = request("POST", WARC_Record_ID=other, WARC_Concurrent_To=one)
    else:
        answer = record(WARC_Record_ID=one, WARC_Concurrent_To=other)
        asked = request("POST", WARC_Record_ID=other)
    _, stored, _ = survey(tmp_path, packed(order(answer, asked)))
    methods = {each.capture.url: each.capture.method for each in stored}
    assert methods.pop(URL) == "POST"
    assert set(methods.values()) <= {"GET"}


@pytest.mark.parametrize("is_before", [True, False])
def test_a_request_beside_its_answer_needs_no_tie(tmp_path: Path, is_before: bool) -> None:
    pair = [request("PUT"), record()] if is_before else [record(), request("PUT")]
    _, [stored], _ = survey(tmp_path, packed(pair))
    assert stored.capture.method == "PUT"
    _, [stored], _ = survey(
        tmp_path, packed([record(), request("PUT", WARC_Target_URI="http://b/")])
    )
    assert stored.capture.method == "GET"


def test_an_exchange_is_the_answer_and_what_is_tied_behind_it(tmp_path: Path) -> None:
    one = identifier("answer")
    records = [record(WARC_Record_ID=one), request(WARC_Concurrent_To=one), page(1)]
    _, [stored, _], _ = survey(tmp_path, packed(records))
    found = read_foreign_exchange(tmp_path / NAME, stored.capture)
    assert [each.get("WARC-Type") for each in found] == ["response", "request"]
    assert found[0].raw() == records[0]
    assert stored.end == len(packed(records[:2]))


def test_a_flipped_byte_of_the_entity_is_found_when_it_is_read(tmp_path: Path) -> None:
    [stored] = survey(tmp_path, record())[1]
    data = bytearray((tmp_path / NAME).read_bytes())
    data[-10] ^= 1
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(RecordDamaged, match="digest"):
        read_foreign_message(tmp_path / NAME, stored.capture)


@pytest.mark.parametrize("with_dictionary", [True, False])
def test_zstd_is_read_with_its_dictionary(tmp_path: Path, with_dictionary: bool) -> None:
    records = [page(number) for number in range(200)]
    prefix, dictionary = b"", None
    if with_dictionary:
        dictionary = zstandard.train_dictionary(4096, list[Any](records))
        block = zstandard.ZstdCompressor().compress(dictionary.as_bytes())
        prefix = b"\x5d\x2a\x4d\x18" + len(block).to_bytes(4, "little") + block
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    found, stored, flaws = survey(tmp_path, prefix + b"".join(map(compressor.compress, records)))
    assert flaws == []
    assert len(stored) == 200
    assert not found.has_places


def test_notes_of_another_collection_are_read(tmp_path: Path) -> None:
    note = record(
        "metadata",
        b"{}",
        WARC_Target_URI="urn:muragat:crawl:1:start",
        Content_Type="application/json",
    )
    path = tmp_path / NAME
    path.write_bytes(packed([note, page(1)]))
    first, _ = captures_in(path, NAME)
    assert isinstance(first, Metadata)
    assert (first.target, first.offset) == ("urn:muragat:crawl:1:start", 0)


def test_a_bomb_is_read_in_bounded_memory(tmp_path: Path) -> None:
    zeros = bytes(100 * 1024 * 1024)
    head = record(block=b"", Content_Length=str(len(HEAD) + len(zeros)))[:-4]
    data = gzip.compress(head + HEAD + zeros + b"\r\n\r\n", 6)
    del zeros
    (tmp_path / NAME).write_bytes(data)
    tracemalloc.start()
    [stored] = captures_in(tmp_path / NAME, NAME)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(stored, Stored)
    assert stored.payload_length == 100 * 1024 * 1024
    assert peak < 8 * 1024 * 1024


def _read_everything(path: Path) -> None:
    """Read a file as import and verify do; only what is promised may be raised."""
    found = Survey(path, NAME)
    stored = [piece for piece in found if isinstance(piece, Stored)]
    if found.has_places:
        for each in stored:
            read_foreign_message(path, each.capture).raw()
            read_foreign_exchange(path, each.capture)
    size = path.stat().st_size
    assert all(0 <= each.capture.offset < each.end <= size for each in stored)


_fragments = st.sampled_from(
    [
        b"WARC/1.0\r\n", b"\r\nWARC/1.1\n", b"WARC/", b"WARC-Type: response\r\n", b"Content-Length: 10\r\n",
        b"Content-Length: 99999999999\r\n", b"WARC-Date: 2020-01-01T00:00:00Z\r\n", b"\r\n\r\n", b"\n\n", b"\r", b"HTTP/1.1 200 OK\r\n",
        b"WARC-Target-URI: http://a/\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\x1f\x8b\x08\x1c", b"\0", b"\x28\xb5\x2f\xfd",
        b"\x5d\x2a\x4d\x18\x04\0\0\0abcd", b"5\r\nabcde\r\n", b"filedesc://a 1.1.1.1 20200101000000 text/plain 5\nabcde",
    ]
)  # fmt: skip


@settings(max_examples=300)
@given(data=st.lists(_fragments | st.binary(max_size=20), max_size=30).map(b"".join), is_packed=st.booleans())  # fmt: skip
def test_any_bytes_end_without_harm(tmp_path_factory, data: bytes, is_packed: bool) -> None:
    path = tmp_path_factory.mktemp("any") / NAME
    path.write_bytes(gzip.compress(data, 1) if is_packed else data)
    _read_everything(path)


_VALID = [record(), request("POST"), page(1), record(block=CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"), record("revisit", HEAD)]  # fmt: skip


@settings(max_examples=300)
@given(
    is_packed=st.booleans(),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=4), st.integers(0, 9)), max_size=6),
)  # fmt: skip
def test_mutations_of_valid_files_end_without_harm(
    tmp_path_factory, is_packed: bool, changes: list[tuple[int, bytes, int]]
) -> None:
    data = packed(_VALID) if is_packed else b"".join(_VALID)
    for number, fresh, dropped in changes:
        place = number % (len(data) or 1)
        data = data[:place] + fresh + data[place + dropped :]
    path = tmp_path_factory.mktemp("mutated") / NAME
    path.write_bytes(data)
    _read_everything(path)


@pytest.mark.parametrize(
    "unit",
    [b"WARC/1.0\r\n", b"\nWARC/1.0\r\nContent-Length: 5\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\r\n", b"x"],
)  # fmt: skip
@pytest.mark.parametrize("is_packed", [True, False])
def test_repetitions_are_read_in_linear_time(tmp_path: Path, unit: bytes, is_packed: bool) -> None:
    data = unit * (2_000_000 // len(unit))
    (tmp_path / NAME).write_bytes(gzip.compress(data, 1) if is_packed else data)
    _read_everything(tmp_path / NAME)


ROWS = (
    [json.loads(line) for line in (VECTORS / "warc.jsonl").read_text().splitlines()]
    if VECTORS.exists()
    else []
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["file"]) for row in ROWS if row["state"] != "arc"])  # fmt: skip
def test_sample_files_give_the_records_they_hold(row) -> None:
    found = Survey(VECTORS / row["file"], NAME)
    flaws = [piece for piece in found if isinstance(piece, Flaw | Passed)]
    assert all(found.records[kind] >= count for kind, count in row["records"].items())
    assert found.has_places is ("gzip member" not in row["how"])
    if row["state"] == "valid":
        assert flaws == []
