"""Metadata records of no exchange, and the reports that are made again from them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from archive import Collection
from archive.errors import StorageError
from archive.model import Via
from archive.warc.records import NOTE_MAX
from tests.exchanges import exchange, judge, numbered, warc_files

if TYPE_CHECKING:
    from pathlib import Path

REPORT = "urn:muragat:crawl:20240131:report"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "collection"


def tell(home: Path, *records: tuple[str, bytes]) -> None:
    with Collection(home, write=True) as collection:
        for target, block in records:
            collection.add_metadata(target, block)


def blocks(home: Path, prefix: str = "urn:") -> list[bytes]:
    with Collection(home) as collection:
        return [collection.read_metadata(one) for one in collection.metadata(prefix)]


def problems(home: Path) -> list[str]:
    with Collection(home) as collection:
        return [str(problem) for problem in collection.verify()]


def test_metadata_record_is_read_back(home: Path) -> None:
    tell(home, (REPORT, b'{"a": 1}'), ("urn:muragat:import:00", b"{}"))
    assert blocks(home) == [b'{"a": 1}', b"{}"]
    assert blocks(home, "urn:muragat:import:") == [b"{}"]
    with Collection(home) as collection:
        (found,) = collection.metadata(REPORT)
        assert (found.target, found.file) == (REPORT, warc_files(home)[0].name)


def test_metadata_record_is_seen_once_it_is_durable(home: Path) -> None:
    with Collection(home, write=True) as collection:
        collection.add_metadata(REPORT, b"{}")
        assert list(collection.metadata("urn:")) == []
        collection.sync()
        assert len(list(collection.metadata("urn:"))) == 1


def test_file_of_metadata_records_alone_is_kept_and_right_for_every_reader(home: Path) -> None:
    tell(home, (REPORT, b"{}"))
    (file,) = warc_files(home)
    judge(file)
    assert problems(home) == []


def test_file_of_exchanges_and_metadata_records_is_right_for_every_reader(home: Path) -> None:
    with Collection(home, write=True) as collection:
        collection.add(exchange())
        collection.add_metadata(REPORT, b'{"a": "\xd0\xb0"}' * 1000)
        collection.add(numbered(1))
    judge(warc_files(home)[0])
    assert problems(home) == []


def test_metadata_record_that_was_not_synced_is_found_at_the_next_start(home: Path) -> None:
    collection = Collection(home, write=True)
    collection.add(exchange())
    collection.add_metadata(REPORT, b"{}")
    collection.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    Collection(home, write=True).close()
    assert blocks(home) == [b"{}"]


def test_metadata_records_come_back_without_the_state(home: Path) -> None:
    tell(home, (REPORT, b"{}"), ("urn:x", b"[1]"))
    (home / "state.sqlite").unlink()
    Collection(home, write=True).close()
    assert blocks(home) == [b"{}", b"[1]"]


def test_record_that_could_not_be_read_again_is_not_written(home: Path) -> None:
    with Collection(home, write=True) as collection:
        with pytest.raises(ValueError, match="more than"):
            collection.add_metadata("urn:x", b" " * (NOTE_MAX + 1))
        collection.add(exchange())
    assert problems(home) == []


def test_target_can_not_forge_a_field(home: Path) -> None:
    tell(home, ("urn:x\r\nWARC-Type: response", b"{}"))
    with Collection(home) as collection:
        (found,) = collection.metadata("urn:x")
        assert found.target == "urn:x%0D%0AWARC-Type:%20response"


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM metadata", "UPDATE metadata SET offset = offset + 1"],
)
def test_verify_finds_and_mends_rows_of_metadata_that_are_wrong(home: Path, statement: str) -> None:
    tell(home, ("urn:muragat:import:00", b"{}"))
    with Collection(home, write=True) as collection:
        collection.state.execute(statement)
    assert any("urn:muragat:import:00" in problem for problem in problems(home))
    with Collection(home, write=True) as collection:
        collection.repair()
    assert problems(home) == []
    assert blocks(home) == [b"{}"]


def test_verify_names_a_damaged_metadata_record(home: Path) -> None:
    tell(home, (REPORT, b'{"some": "thing"}'))
    (file,) = warc_files(home)
    file.write_bytes(file.read_bytes().replace(b"thing", b"think"))
    assert len(problems(home)) == 1
    with Collection(home) as collection, pytest.raises(StorageError, match="checksum"):
        collection.read_metadata(next(collection.metadata("urn:")))


def test_site_of_an_exchange_is_in_its_record_and_its_row(home: Path) -> None:
    with Collection(home, write=True) as collection:
        collection.add(exchange(via=Via(site="dimash\r\nnews é")))
    with Collection(home) as collection:
        (capture,) = collection.captures()
        assert b"\r\nsite: dimash%0D%0Anews \xc3\xa9\r\n" in collection.exchange(capture)[2].block
    assert problems(home) == []


# reports


def reports(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((home / "crawls").glob("*"))}


def test_report_without_file_is_written_from_its_record(home: Path) -> None:
    tell(home, (REPORT, b'{"a": 1}\n'))
    Collection(home, write=True).close()
    assert reports(home) == {"20240131.json": b'{"a": 1}\n'}


def test_report_of_an_older_home_gets_a_record(home: Path) -> None:
    Collection(home, write=True).close()
    (home / "crawls").mkdir()
    (home / "crawls" / "20200101.json").write_bytes(b'{"old": true}\n')
    Collection(home, write=True).close()
    (home / "crawls" / "20200101.json").unlink()
    Collection(home, write=True).close()
    assert reports(home) == {"20200101.json": b'{"old": true}\n'}
    assert blocks(home) == [b'{"old": true}\n']
    assert problems(home) == []


@pytest.mark.parametrize("block", [b"[]", b"no json", b"[" * 100_000, b"\xff"])
def test_what_is_no_report_is_no_file_and_gets_no_record(home: Path, block: bytes) -> None:
    tell(home, (REPORT, block))
    (home / "crawls").mkdir()
    (home / "crawls" / "20200101.json").write_bytes(block)
    Collection(home, write=True).close()
    assert reports(home) == {"20200101.json": block}
    assert blocks(home) == [block]


@pytest.mark.parametrize("crawl", ["../x", "a/b", ".hidden", "", "a" * 65, "é"])
def test_report_can_not_be_written_outside_its_folder(home: Path, crawl: str) -> None:
    tell(home, (f"urn:muragat:crawl:{crawl}:report", b"{}"))
    Collection(home, write=True).close()
    assert list(home.rglob("*.json")) == []


def test_two_crawls_of_one_id_have_a_file_each(home: Path) -> None:
    tell(home, (REPORT, b'{"a": 1}'), (REPORT, b'{"a": 2}'), (REPORT, b'{"a": 1}'))
    Collection(home, write=True).close()
    found = reports(home)
    assert [json.loads(block)["a"] for block in found.values()] == [2, 1]
    assert found["20240131.json"] == b'{"a": 1}'
