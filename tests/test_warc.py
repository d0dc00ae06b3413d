"""Records as bytes: what is written, what is read again, and what is refused."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import warc
from archive.errors import RecordDamaged
from archive.warc import members
from archive.warc.sniff import sniff

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = [
    ("WARC-Type", "metadata"),
    ("WARC-Record-ID", "<urn:uuid:1>"),
    ("WARC-Date", "2024-01-31T23:59:58.123456Z"),
]


def record(block: bytes, **changes: str) -> bytes:
    fields = dict(FIELDS) | {"Content-Length": str(len(block))} | changes
    return warc.encode(list(fields.items()), block)


def opened(content: bytes) -> BinaryIO:
    return io.BytesIO(content)


def read_all(data: bytes, offset: int = 0) -> tuple[warc.Record, bytes]:
    found = warc.Record(opened(data), "f", offset)
    block = b"".join(iter(found.read, b""))
    found.finish()
    return found, block


def test_a_record_is_one_member_of_version_fields_block_and_two_line_ends() -> None:
    expected = (
        b"WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <urn:uuid:1>\r\n"
        b"WARC-Date: 2024-01-31T23:59:58.123456Z\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n"
    )
    assert gzip.decompress(record(b"abc")) == expected


@given(st.binary(max_size=300) | st.binary(min_size=1, max_size=20).map(lambda b: b * 20000))
def test_block_is_read_back_as_it_was_written(block: bytes) -> None:
    found, read = read_all(b"before" + record(block) + b"after", 6)
    assert read == block
    assert found.fields == (*FIELDS, ("Content-Length", str(len(block))))


@given(st.lists(st.binary(max_size=2000), max_size=9), st.integers(1, 4000))
def test_block_given_in_pieces_is_read_in_any_pieces(pieces: list[bytes], size: int) -> None:
    block = b"".join(pieces)
    fields = [*FIELDS, ("Content-Length", str(len(block)))]
    found = warc.Record(opened(b"".join(warc.encode_pieces(fields, pieces))), "f", 0)
    assert b"".join(iter(lambda: found.read(size), b"")) == block
    found.finish()


@given(st.binary(max_size=100) | st.binary(min_size=1, max_size=9).map(lambda b: b * 30000))
def test_stored_member_is_gzip_and_a_function_of_its_content(content: bytes) -> None:
    member = members.stored(content)
    assert gzip.decompress(member) == content
    assert member == members.stored(content)


@pytest.mark.parametrize(
    "bad",
    [
        ("A", "b\r\nWARC-Type: x"),
        ("A", "b\r\n"),
        ("A", "b\n"),
        ("A", "b\r"),
        ("A", "b\0"),
        ("A", "é"),
        ("A\r\nB", "c"),
        ("A:B", "c"),
        ("A B", "c"),
        ("", "c"),
    ],
)
def test_a_value_can_not_forge_a_field(bad: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="not WARC fields"):
        warc.encode([*FIELDS, bad], b"")


def test_span_tells_the_bytes_of_the_member() -> None:
    data = record(b"x" * 100_000)
    span = warc.Record(opened(b"12" + data + b"34"), "f", 2).finish()
    assert (span.offset, span.length, span.end) == (2, len(data), 2 + len(data))
    assert span.crc == members.crc32(data)


def test_finish_can_be_called_again() -> None:
    found = warc.Record(opened(record(b"abc")), "f", 0)
    assert found.finish() == found.finish()
    assert found.read() == b""


def test_read_ends_with_the_block() -> None:
    found = warc.Record(opened(record(b"abc")), "f", 0)
    assert [found.read(2), found.read(2), found.read(2)] == [b"ab", b"c", b""]


def test_properties_are_the_fields() -> None:
    found = warc.Record(opened(record(b"")), "f", 0)
    assert (found.type, found.record_id, found.get("WARC-Nothing")) == (
        "metadata",
        "urn:uuid:1",
        "",
    )
    assert found.date == datetime(2024, 1, 31, 23, 59, 58, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"WARC/1.0\r\nA: b\r\n\r\n\r\n\r\n", "does not begin with WARC/1.1"),
        (b"WARC/1.1\r\nA: b\r\n", "has no end of fields"),
        (b"WARC/1.1\r\n" + b"A: b\r\n" * 100_000, "has no end of fields"),
        (b"WARC/1.1\r\nA: b\r\n\r\n\r\n\r\n", "wrong, missing or doubled"),
    ],
)
def test_what_is_no_record_is_damaged(content: bytes, reason: str) -> None:
    with pytest.raises(RecordDamaged, match=reason):
        warc.Record(opened(members.stored(content)), "f", 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"Content-Length": "-1"},
        {"Content-Length": "03"},
        {"Content-Length": "3x"},
        {"WARC-Date": "2024-01-31T23:59:58Z"},
        {"WARC-Date": "2024-13-31T23:59:58.000000Z"},
    ],
)
def test_wrong_length_or_date_is_damage(changes: dict[str, str]) -> None:
    with pytest.raises(RecordDamaged, match="wrong length or date"):
        warc.Record(opened(record(b"abc", **changes)), "f", 0)


def test_doubled_mandatory_field_is_damage() -> None:
    fields = [*FIELDS, ("Content-Length", "0"), ("Content-Length", "0")]
    with pytest.raises(RecordDamaged, match="doubled"):
        warc.Record(opened(warc.encode(fields, b"")), "f", 0)


def test_block_shorter_than_its_length_is_damage() -> None:
    found = warc.Record(opened(record(b"abc", **{"Content-Length": "30"})), "f", 0)
    with pytest.raises(RecordDamaged, match="ends before its Content-Length"):
        found.finish()


@pytest.mark.parametrize("length", ["2", "0"])
def test_block_longer_than_its_length_is_damage(length: str) -> None:
    found = warc.Record(opened(record(b"abc" * 50_000, **{"Content-Length": length})), "f", 0)
    with pytest.raises(RecordDamaged, match="does not end where"):
        found.finish()


@pytest.mark.parametrize("size", [0, 5, 9, 10, 11, 50, -9, -8, -1])
def test_file_that_ends_early_is_damage(size: int) -> None:
    with pytest.raises(RecordDamaged, match=r"ends early|no gzip header"):
        read_all(record(b"abc")[:size])


def test_foreign_gzip_header_is_damage() -> None:
    with pytest.raises(RecordDamaged, match="no gzip header as muragat writes it"):
        read_all(gzip.compress(b"WARC/1.1"))


def test_deflate_errors_are_damage() -> None:
    data = bytearray(record(b"abc"))
    data[10] = 0xFF
    with pytest.raises(RecordDamaged, match="can't be inflated"):
        read_all(bytes(data))


def test_wrong_checksum_is_damage() -> None:
    data = bytearray(record(b"abc"))
    data[-6] ^= 1
    with pytest.raises(RecordDamaged, match="gzip checksum"):
        read_all(bytes(data))


def test_span_of_a_file_that_was_cut_meanwhile_covers_what_is_left() -> None:
    data = record(b"abc")
    file = opened(data)
    member = members.Member(file, "f", 0)
    while member.read(100):
        pass
    file.truncate(10)
    assert member.span().crc == members.crc32(data[:10])


def test_damage_names_file_and_byte() -> None:
    with pytest.raises(RecordDamaged) as caught:
        read_all(b"xx", 0)
    assert (caught.value.file, caught.value.offset) == ("f", 0)
    assert str(caught.value).startswith("warc/f: record at byte 0 has no gzip header")


def test_iterate_yields_the_records_between_two_offsets(tmp_path: Path) -> None:
    one, two, three = record(b"1"), record(b"2"), record(b"3")
    path = tmp_path / "f"
    path.write_bytes(one + two + three)
    places = [found.offset for found in warc.iterate(path, "f")]
    assert places == [0, len(one), len(one) + len(two)]
    limited = warc.iterate(path, "f", len(one), len(one) + len(two))
    assert [found.offset for found in limited] == [len(one)]


@given(st.integers(-(10**16), 10**17))
def test_dates_are_utc_with_microseconds_and_come_back(microseconds: int) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    local = datetime(2024, 1, 1, tzinfo=east) + timedelta(microseconds=microseconds)
    text = warc.warc_date(local)
    assert len(text) == 27
    assert warc.parse_date(text) == local


def test_naive_date_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        warc.warc_date(datetime(2024, 1, 1))  # noqa: DTZ001 - a naive one is meant


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE HTML>", "text/html"),
        (b"<!-- a -- b --><html lang=fr>", "text/html"),
        (b'<?xml version="1.0"?><!DOCTYPE html><html>', "text/html"),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<rss version="2.0">', "application/rss+xml"),
        (b"<feed xmlns='x'>", "application/atom+xml"),
        (b"<svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><urlset>", "text/xml"),
        (b'{"a": 1}', "application/json"),
        (b"[]", "application/json"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVE", ""),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x1cftypzzzz", ""),
        (b"%PDF-1.7", "application/pdf"),
        (b"\x1f\x8b\x08\0", "application/gzip"),
        (b"", ""),
        (b"plain words", ""),
        (b"<html>\0", ""),
        (b"<!--" * 300, ""),
        (b"<p>", ""),
    ],
)
def test_type_is_said_only_where_the_bytes_prove_it(start: bytes, kind: str) -> None:
    assert sniff(start) == kind


@given(st.binary(max_size=1024))
def test_sniffing_never_fails(start: bytes) -> None:
    assert isinstance(sniff(start), str)
