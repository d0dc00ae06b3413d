"""verify finds whatever is wrong and says where; repair mends the index and nothing else."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.model import Capture, Kind, Problem, Truncation
from archive.warc import digest_of, encode
from archive.warc.exchanges import Exchanges, Gap, salvage
from archive.warc.members import HEADER, crc32, stored
from archive.warc.records import Stored
from tests.exchanges import BEGIN, exchange, numbered, warc_files

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20240131


@dataclass(frozen=True)
class Sample:
    home: Path
    captures: tuple[Capture, ...]

    def problems(self) -> list[Problem]:
        with Collection(self.home) as collection:
            return list(collection.verify())

    @property
    def file(self) -> Path:
        return warc_files(self.home)[0]

    def sql(self, statement: str, *values: object) -> None:
        with Collection(self.home, write=True) as collection:
            collection.state.execute(statement, values)

    def repair(self) -> list[Problem]:
        with Collection(self.home, write=True) as collection:
            return list(collection.repair())


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """A collection with every kind of record, among them runs that deflate can write in several ways."""
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        added = [
            collection.add(one)
            for one in [
                numbered(1, 400),
                exchange(body=b"ab" * 900),
                exchange("http://example.com/b", b"ab" * 900),
                exchange(head=b"", body=b"HTTP/0.9"),
                exchange(body=b"cut", truncated=Truncation.LENGTH),
                exchange(head=b"HTTP/1.1 200 OK\nX: lf\n\n", body=b""),
                exchange(request=b"PURGE / HTTP/1.1\r\n\r\n", body=b"\0" * 3000),
                exchange(request=b"", body=b"imported"),
            ]
        ]
        collection.sync()
        collection.publish()
    return Sample(home, tuple(added))


def test_sound_collection_has_no_problems(sample: Sample) -> None:
    assert sample.problems() == []


def flip(data: bytes, place: int, mask: int) -> bytes:
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def holder(captures: tuple[Capture, ...], place: int) -> str:
    """Return the address of the capture in whose records a byte lies, "" for the file's first record."""
    return next((c.url for c in reversed(captures) if c.offset <= place), "")


def assert_found(sample: Sample, data: bytes, place: int, mask: int) -> None:
    sample.file.write_bytes(flip(data, place, mask))
    problems = sample.problems()
    assert problems, f"byte {place} ^ {mask:#x} was not found"
    assert problems[0].place == f"warc/{sample.file.name}"
    assert problems[0].offset <= place
    assert problems[0].repair
    assert holder(sample.captures, place) in problems[0].message


def test_a_flipped_byte_is_found_in_200_random_places(sample: Sample) -> None:
    data, draw = sample.file.read_bytes(), random.Random(SEED)
    for _ in range(200):
        assert_found(sample, data, draw.randrange(len(data)), draw.randrange(1, 256))


@pytest.mark.faults
def test_every_flipped_bit_is_found(sample: Sample) -> None:
    data = sample.file.read_bytes()
    for place in range(len(data)):
        for bit in range(8):
            assert_found(sample, data, place, 1 << bit)


def test_every_flipped_byte_of_one_exchange_is_found(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        capture = collection.add(exchange(body=b"abc" * 50))
    sample = Sample(home, (capture,))
    data = sample.file.read_bytes()
    copy = tmp_path / "copy"
    for place in range(len(data)):
        mask = 0xFF if place % 2 else 1 << place % 8
        copy.write_bytes(flip(data, place, mask))
        assert gaps(copy), f"byte {place} ^ {mask:#x} was not found"


def test_a_flipped_byte_of_the_index_is_found(sample: Sample) -> None:
    path, draw = sample.home / "index.cdxj", random.Random(SEED)
    data = path.read_bytes()
    for place in [0, len(data) - 1, *(draw.randrange(len(data)) for _ in range(30))]:
        path.write_bytes(flip(data, place, draw.randrange(1, 256)))
        (problem,) = sample.problems()
        assert problem.place == "index.cdxj"
        assert 0 <= problem.offset <= place


def test_two_damaged_exchanges_are_two_problems(sample: Sample) -> None:
    data = sample.file.read_bytes()
    one, two = sample.captures[1], sample.captures[5]
    sample.file.write_bytes(flip(flip(data, one.offset + 40, 1), two.offset + 40, 1))
    assert [problem.offset for problem in sample.problems()] == [one.offset, two.offset]


def test_file_cut_short_is_found(sample: Sample) -> None:
    data = sample.file.read_bytes()
    sample.file.write_bytes(data[: sample.captures[-1].offset + 10])
    (cut, damaged) = sample.problems()
    assert "bytes before what was acknowledged" in cut.message
    assert damaged.offset == sample.captures[-1].offset


def test_file_cut_between_exchanges_is_found(sample: Sample) -> None:
    data = sample.file.read_bytes()
    sample.file.write_bytes(data[: sample.captures[-1].offset])
    (problem,) = sample.problems()
    assert "bytes before what was acknowledged" in problem.message


def test_missing_file_is_found(sample: Sample) -> None:
    name = sample.file.name
    sample.file.unlink()
    (problem,) = sample.problems()
    assert (problem.place, problem.message) == (f"warc/{name}", "the file is gone")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("notes.txt", "not a file of this collection"),
        ("x-00009-20240131235959.warc.gz", "does not know this file"),
        ("x-00009-20240131235959.warc.gz.open", "left open"),
    ],
)
def test_stray_file_is_found(sample: Sample, name: str, message: str) -> None:
    (sample.home / "warc" / name).write_bytes(b"x")
    (problem,) = sample.problems()
    assert problem.place == f"warc/{name}"
    assert message in problem.message


def test_bytes_behind_the_last_record_are_found(sample: Sample) -> None:
    size = sample.file.stat().st_size
    with sample.file.open("ab") as file:
        file.write(b"more")
    (problem,) = sample.problems()
    assert (problem.offset, problem.message) == (size, "the index does not know the last 4 bytes")


def test_work_of_a_running_writer_is_no_problem(sample: Sample) -> None:
    with Collection(sample.home, write=True) as collection:
        collection.add(numbered(50))
        assert sample.problems() == []
        collection.sync()
        collection.add(numbered(51))
        assert sample.problems() == []


CHANGES = [
    "UPDATE captures SET url = 'http://example.com/x' WHERE sequence = 2",
    "UPDATE captures SET status = 500 WHERE sequence = 2",
    "UPDATE captures SET date = date + 1 WHERE sequence = 2",
    "UPDATE captures SET digest = zeroblob(32) WHERE sequence = 5",
    "UPDATE captures SET offset = offset + 1 WHERE sequence = 2",
    "UPDATE captures SET payload_length = 3 WHERE sequence = 4",
    "UPDATE captures SET is_original = 1 WHERE sequence = 5",
    "DELETE FROM captures WHERE sequence = 6",
]


@pytest.mark.parametrize("change", CHANGES)
def test_row_that_differs_from_its_record_is_found_and_mended(sample: Sample, change: str) -> None:
    sample.sql(change)
    problems = sample.problems()
    assert problems
    assert any("run 'muragat verify --repair'" in problem.repair for problem in problems)
    assert sample.repair()
    assert sample.problems() == []
    with Collection(sample.home) as collection:
        urls = sorted(capture.url for capture in collection.captures())
    assert urls == sorted(capture.url for capture in sample.captures)


def test_mended_row_gets_a_new_sequence_so_that_it_is_analysed_again(sample: Sample) -> None:
    sample.sql(CHANGES[1])
    sample.repair()
    with Collection(sample.home) as collection:
        (mended,) = collection.captures(after=len(sample.captures))
        assert replace(mended, sequence=2) == sample.captures[1]


def test_captures_after_mending_get_new_sequences(sample: Sample) -> None:
    sample.sql("DELETE FROM captures WHERE sequence = 8")
    with Collection(sample.home, write=True) as collection:
        collection.repair()
        assert collection.add(numbered(60)).sequence == 9
    assert sample.problems() == []


def test_sound_collection_needs_no_repair(sample: Sample) -> None:
    assert sample.repair() == []


def test_repair_does_not_touch_damaged_records_and_verify_goes_on_naming_them(
    sample: Sample,
) -> None:
    data = flip(sample.file.read_bytes(), sample.captures[2].offset + 40, 1)
    sample.file.write_bytes(data)
    assert sample.repair() == []
    assert sample.file.read_bytes() == data
    assert [problem.offset for problem in sample.problems()] == [sample.captures[2].offset]


def test_repair_forgets_what_a_file_lost_at_its_end_until_it_is_put_back(sample: Sample) -> None:
    data = sample.file.read_bytes()
    sample.file.write_bytes(data[: sample.captures[-1].offset + 10])
    assert "lost its end" in sample.repair()[0].message
    assert sample.problems() == []
    sample.file.write_bytes(data)
    with Collection(sample.home, write=True) as collection:
        assert [capture.url for capture in collection.recovered] == [sample.captures[-1].url]
    assert sample.problems() == []


def test_revisit_without_its_original_is_found(sample: Sample) -> None:
    sample.sql("UPDATE captures SET is_original = 0 WHERE sequence = 2")
    assert any("not in this collection" in problem.message for problem in sample.problems())


def test_revisit_that_names_a_wrong_address_is_found(sample: Sample) -> None:
    sample.sql("UPDATE captures SET url = 'http://example.com/x' WHERE sequence = 2")
    assert any("wrong address or date" in problem.message for problem in sample.problems())


def test_missing_index_is_found_once_it_was_published(sample: Sample) -> None:
    (sample.home / "index.cdxj").unlink()
    (problem,) = sample.problems()
    assert (problem.place, problem.message) == ("index.cdxj", "the file is gone")


def test_index_with_more_lines_is_found(sample: Sample) -> None:
    with (sample.home / "index.cdxj").open("ab") as file:
        file.write(b"zz)/ 20240101000000 {}\n")
    (problem,) = sample.problems()
    assert problem.message == "more lines than captures"


def test_collection_that_never_published_needs_no_index(tmp_path: Path) -> None:
    with Collection(tmp_path / "c", write=True) as collection:
        collection.add(exchange())
        collection.sync()
        (tmp_path / "c" / "index.cdxj").unlink(missing_ok=True)
        collection.state.execute("DELETE FROM notes")
        assert list(collection.verify()) == []


def test_damaged_database_is_found(sample: Sample) -> None:
    sample.sql("CREATE TABLE t (x)")
    sample.sql("PRAGMA writable_schema = ON")
    with Collection(sample.home, write=True) as collection:
        collection.state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = sample.home / "state.sqlite"
    data = bytearray(path.read_bytes())
    page = data.find(b"com,example)/1")
    data[page - 60 : page + 8] = b"\xff" * 68
    path.write_bytes(data)
    assert any(problem.place == "state.sqlite" for problem in sample.problems())


# the reader of exchanges


def record(kind: str, block: bytes, *, compress: bool = False, **fields: str) -> bytes:
    values = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:7>",
        "WARC-Date": "2024-01-31T23:59:58.000000Z",
        "WARC-Block-Digest": digest_of(block),
        "Content-Length": str(len(block)),
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return encode(list(values.items()), block, compress=compress)


def gaps(path: Path) -> list[str]:
    return [piece.damage.reason for piece in salvage(path, "f") if isinstance(piece, Gap)]


def answer(**fields: str) -> bytes:
    block = b"HTTP/1.1 200 OK\r\n\r\nx"
    return record("response", block, compress=True, WARC_Target_URI="http://a/", **fields)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (answer(), "has no metadata record after it"),
        (answer() + answer(), "has no metadata record after it"),
        (answer() + record("warcinfo", b""), "has no metadata record after it"),
        (record("request", b"GET"), "does not belong where it stands"),
        (record("conversion", b"x"), "does not belong where it stands"),
        (record("metadata", b"x", WARC_Concurrent_To="<urn:uuid:7>"), "exchange that is not there"),
        (record("metadata", b"x", compress=True), "is not stored as muragat stores it"),
        (
            answer() + record("request", b"GET", WARC_Concurrent_To="<urn:uuid:7>"),
            "is neither request nor metadata",
        ),
        (
            answer()
            + record(
                "metadata",
                b"method: GET\r\n",
                WARC_Concurrent_To="<urn:uuid:7>",
                Content_Type="application/warc-fields",
            ),
            "does not match the checksum in its metadata record",
        ),
        (
            record("metadata", b"x").replace(digest_of(b"x").encode(), digest_of(b"y").encode()),
            "gzip checksum",
        ),
    ],
)
def test_records_out_of_place_are_damage(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    assert reason in gaps(path)[0]


def exchange_of(*members: bytes) -> bytes:
    """Return members and the metadata record that closes them."""
    note = b"method: GET\r\nmemberCrc32: " + b" ".join(b"%08x" % crc32(one) for one in members)
    closing = record(
        "metadata", note + b"\r\n", WARC_Concurrent_To=TIE, Content_Type="application/warc-fields"
    )
    return b"".join(members) + closing


TIE = "<urn:uuid:7>"
BLOCK = b"HTTP/1.1 200 OK\r\n\r\nx"
URL = "http://a/"
ZERO = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            exchange_of(answer(WARC_Payload_Digest=ZERO)),
            "does not match its WARC-Payload-Digest",
        ),
        (
            exchange_of(record("response", b"no head", compress=True, WARC_Target_URI=URL)),
            "has no HTTP head",
        ),
        (
            exchange_of(record("revisit", BLOCK, compress=True, WARC_Target_URI=URL)),
            "is no revisit as muragat writes it",
        ),
        (
            exchange_of(record("revisit", BLOCK[:-1], compress=True, WARC_Target_URI=URL)),
            "is no revisit as muragat writes it",
        ),
        (
            answer()
            + record(
                "request",
                b"GET",
                WARC_Concurrent_To=TIE,
                Content_Type="application/http; msgtype=request",
                WARC_Block_Digest=ZERO,
            ),
            "does not match its WARC-Block-Digest",
        ),
        (answer(WARC_Block_Digest=ZERO), "does not match its WARC-Block-Digest"),
        (record("metadata", b"x", WARC_Block_Digest=ZERO), "does not match its WARC-Block-Digest"),
        (
            answer()
            + record(
                "metadata",
                b"memberCrc32: %08x\r\n" % crc32(answer()),
                WARC_Concurrent_To=TIE,
                Content_Type="application/warc-fields",
            ),
            "names no method",
        ),
    ],
)
def test_records_that_contradict_themselves_are_damage(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """A writer with a fault, or one who forges: gzip is right, and every digest is computed again."""
    path = tmp_path / "f"
    path.write_bytes(content)
    assert reason in gaps(path)[0]


def test_exchange_made_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(exchange_of(answer()))
    (found,) = Exchanges(path, "f")
    assert isinstance(found, Stored)
    assert (found.capture.status, found.payload_length, found.is_original) == (200, 1, False)


def test_notes_without_an_exchange_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(record("metadata", b"a note"))
    reader = Exchanges(path, "f")
    assert list(reader) == []
    assert reader.end == path.stat().st_size


def test_header_bytes_inside_rubbish_do_not_stop_the_search(sample: Sample) -> None:
    data = sample.file.read_bytes()
    start = sample.captures[3].offset
    rubbish = (HEADER + b"x" * 5) * 50 + stored(b"not WARC") + b"y" * (1 << 20) + HEADER[:9]
    sample.file.write_bytes(data[:start] + rubbish + data[start:])
    pieces = list(salvage(sample.file, "f"))
    (gap,) = [piece for piece in pieces if isinstance(piece, Gap)]
    assert (gap.start, gap.end) == (start, start + len(rubbish))
    assert len(pieces) == len(sample.captures) + 1


def test_rows_made_from_records_are_the_rows_that_were_made_on_adding(sample: Sample) -> None:
    shutil.copytree(sample.home, sample.home.parent / "again")
    again = sample.home.parent / "again"
    (again / "state.sqlite").unlink()
    (again / "index.cdxj").unlink()
    with Collection(again, write=True) as collection:
        assert list(collection.captures(after=0)) == list(sample.captures)
        assert collection.recovered == sample.captures
    assert (again / "index.cdxj").read_bytes() == (sample.home / "index.cdxj").read_bytes()
    assert sample.captures[2].kind is Kind.REVISIT
    assert sample.captures[0].date > BEGIN
