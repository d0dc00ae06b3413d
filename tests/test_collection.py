"""The door: what goes in comes out, what is stored already is not stored again, and who may come in."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import archive
from archive import Collection, Warcinfo
from archive.errors import (
    CollectionLocked,
    NotACollection,
    RecordDamaged,
    SchemaUnknown,
    StorageError,
)
from archive.http import stored_head
from archive.model import Announcer, Capture, Exchange, Kind, Truncation, Via
from archive.store.state import mark_read
from archive.warc.records import NOT_MODIFIED
from tests.exchanges import (
    BEGIN,
    HEAD,
    REQUEST,
    exchange,
    exchanges,
    judge,
    judge_payloads,
    numbered,
    warc_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "collection"


def stored(home: Path, *given_: Exchange) -> list[Capture]:
    """Store exchanges in a new collection and return their captures."""
    with Collection(home, write=True) as collection:
        return [collection.add(one) for one in given_]


def block_of(given_: Exchange) -> bytes:
    body = given_.body
    if not isinstance(body, bytes):
        body.seek(0)
        body = body.read()
    return stored_head(given_.head, chunked=given_.chunked, trailers=given_.trailers) + body


# what is read back


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(exchanges(), min_size=1, max_size=6))
def test_any_exchange_is_read_back_byte_for_byte(given_: list[Exchange]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "c"
        with Collection(home, write=True) as collection:
            added = [collection.add(one) for one in given_]
            assert collection.sync() == len(given_)
            for one, capture in zip(given_, added, strict=True):
                records = collection.exchange(capture)
                message = collection.read(capture)
                if records[0].get("WARC-Profile") == NOT_MODIFIED:
                    assert records[0].block == block_of(one)
                elif capture.kind is Kind.REVISIT:
                    assert records[0].block + message.raw() == block_of(one)
                else:
                    assert records[0].block == block_of(one)
                    assert block_of(one).endswith(message.raw())
                requests = [r.block for r in records if "msgtype=request" in r.get("Content-Type")]
                assert requests == ([one.request] if one.request else [])
                assert message.truncated is one.truncated
            assert list(collection.captures(after=0)) == added
        with Collection(home) as collection:
            assert list(collection.verify()) == []


@settings(
    max_examples=4,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(st.lists(exchanges(), min_size=15, max_size=30))
def test_other_tools_find_no_fault_with_any_exchange(given_: list[Exchange]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "c"
        stored(home, *given_)
        for file in warc_files(home):
            judge(file)


def test_other_tools_find_the_payloads_of_plain_answers(home: Path) -> None:
    coded = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX: \xe9\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n"
    stored(
        home,
        exchange(),
        exchange(body=b""),
        exchange(head=coded, body=gzip.compress(b"<html>")),
        exchange(head=coded, body=b"not gzip"),
        exchange(head=chunked, body=b"chunks", chunked=True, trailers=b"A: b\r\n"),
        exchange(head=b"HTTP/1.0 404 \r\n\r\n", body=b"gone"),
        exchange(body=b"cut", truncated=Truncation.TIME),
    )
    for file in warc_files(home):
        judge(file)
        judge_payloads(file)


@pytest.mark.parametrize(
    ("head", "body", "kind", "status"),
    [
        (HEAD, b"WARC/1.1\r\nWARC-Type: response\r\n\r\n", Kind.RESPONSE, 200),
        (b"HTTP/1.1 200 OK\nServer: lf only\n\n", b"\r\n\r\n", Kind.RESPONSE, 200),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\xe9: \xff\r\n\r\n", b"x", Kind.RESPONSE, 200),
        (b"HTTP/1.1 200 OK\r\n \xa0\r\nA: b\r\n\r\n", b"x", Kind.RESPONSE, 200),
        (b"HTTP/1.1 204\r\n\r\n", b"", Kind.RESPONSE, 204),
        (b"HTTP/1.1 200 OK\r\nCut: of", b"", Kind.RESPONSE, 200),
        (b"", b"<html>HTTP/0.9", Kind.RESOURCE, 0),
        (b"ICY 200 OK\r\n\r\n", b"radio", Kind.RESOURCE, 0),
        (b"HTTP/1.1 OK\r\n\r\n", b"no number", Kind.RESOURCE, 0),
        (b"HTTP/2.0 200\r\n\r\n", b"x", Kind.RESOURCE, 0),
        (b"HTTP/1.1 200 OK\r\nno end: x", b"body", Kind.RESOURCE, 0),
        (b"HTTP/1.1 200 OK\r\n\r\nA: b\r\n\r\n", b"two ends", Kind.RESOURCE, 0),
        (b"", b"", Kind.RESOURCE, 0),
    ],
)
def test_odd_answers_keep_every_byte(
    home: Path, head: bytes, body: bytes, kind: Kind, status: int
) -> None:
    (capture,) = stored(home, exchange(head=head, body=body))
    assert (capture.kind, capture.status) == (kind, status)
    with Collection(home) as collection:
        assert collection.exchange(capture)[0].block == head + body
        raw = collection.read(capture).raw()
        assert raw == (body if kind is Kind.RESPONSE else head + body)
        assert list(collection.verify()) == []
    for file in warc_files(home):
        judge(file)


def test_what_other_readers_would_split_elsewhere_has_no_payload_digest_and_says_so(
    home: Path,
) -> None:
    (capture,) = stored(home, exchange(head=b"HTTP/1.1 200 OK\r\n\xa0\r\n\r\n"))
    with Collection(home) as collection:
        first, _, last = collection.exchange(capture)
    assert first.get("WARC-Payload-Digest") == ""
    assert b"problem: no payload digest" in last.block
    assert capture.digest == "sha256:" + hashlib.sha256(b"<html>a</html>").hexdigest()


def test_fields_of_the_records(home: Path) -> None:
    via = Via("crawl-1", Announcer.FEED, "http://example.com/feed", "http://example.com/", 2)
    (capture,) = stored(
        home,
        exchange(
            peer="2001:db8::1",
            via=via,
            interim=b"HTTP/1.1 103 Early\r\n\r\n",
            withheld=("Authorization",),
            problems=("line\r\nfeed",),
        ),
    )
    with Collection(home) as collection:
        answer, request, metadata = collection.exchange(capture)
    tie = f"<{capture.record_id}>"
    assert answer.get("WARC-Date") == "2024-01-31T23:59:58.123456Z"
    assert answer.get("WARC-IP-Address") == "2001:db8::1"
    assert answer.get("WARC-Identified-Payload-Type") == "text/html"
    assert answer.get("WARC-Block-Digest") == "sha256:" + hashlib.sha256(answer.block).hexdigest()
    assert answer.get("WARC-Payload-Digest") == capture.digest
    assert answer.get("Content-Type") == "application/http; msgtype=response"
    assert request.get("WARC-Concurrent-To") == metadata.get("WARC-Concurrent-To") == tie
    assert (request.get("WARC-Type"), request.block) == ("request", REQUEST)
    lines = metadata.block.decode().split("\r\n")
    assert lines[:7] == [
        "method: GET",
        "via: http://example.com/feed",
        "hopsFromSeed: 2",
        "announcedBy: feed",
        "seed: http://example.com/",
        "crawl: crawl-1",
        "fetchTimeMs: 250",
    ]
    assert lines[7] == "interim: " + json.dumps("HTTP/1.1 103 Early\r\n\r\n")
    assert lines[8:10] == ["withheld: Authorization", "problem: line%0D%0Afeed"]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.7:443", "192.0.2.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("proxy.example", ""),
        ("", ""),
    ],
)
def test_address_is_written_as_rfc_5952_says(home: Path, peer: str, address: str) -> None:
    (capture,) = stored(home, exchange(peer=peer))
    with Collection(home) as collection:
        answer, _, metadata = collection.exchange(capture)
    assert answer.get("WARC-IP-Address") == address
    assert (b"peer: " in metadata.block) is (peer != address)


def test_file_begins_with_who_made_it(home: Path) -> None:
    about = Warcinfo(
        user_agent="agent\r\nx", is_part_of="news", operator="Me", contact="me@example.com"
    )
    with Collection(home, write=True, about=about) as collection:
        capture = collection.add(exchange())
        record_id = collection.exchange(capture)[0].get("WARC-Warcinfo-ID")
    text = gzip.decompress(warc_files(home)[0].read_bytes()).decode()
    assert text.startswith(f"WARC/1.1\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: {record_id}\r\n")
    assert f"WARC-Filename: {capture.file}\r\n" in text
    assert f"software: muragat/{archive.__version__}\r\nformat: WARC File Format 1.1\r\n" in text
    assert "http-header-user-agent: agent  x\r\nisPartOf: news\r\nhostname: " in text
    assert "operator: Me <me@example.com>\r\n" in text


def test_request_with_an_unheard_of_verb_is_kept_where_no_reader_parses_it(home: Path) -> None:
    request = b"PURGE / HTTP/1.1\r\n\r\n"
    (capture,) = stored(home, exchange(method="PURGE", request=request))
    with Collection(home) as collection:
        assert collection.exchange(capture)[1].get("WARC-Type") == "metadata"
        assert collection.exchange(capture)[1].block == request
    assert capture.method == "PURGE"
    judge(warc_files(home)[0])


def test_record_is_the_bytes_of_the_answer(home: Path) -> None:
    (capture,) = stored(home, exchange())
    with Collection(home) as collection:
        raw = collection.record(capture)
    member = warc_files(home)[0].read_bytes()[capture.offset : capture.offset + capture.length]
    assert gzip.decompress(member) == raw


def test_body_of_a_file_is_stored_from_its_beginning(home: Path) -> None:
    body = io.BytesIO(b"0123456789")
    body.seek(7)
    (capture,) = stored(home, exchange(body=body))  # type: ignore[arg-type]
    with Collection(home) as collection:
        assert collection.read(capture).raw() == b"0123456789"


def test_large_body_is_written_and_read_in_bounded_memory(home: Path, tmp_path: Path) -> None:
    piece = os.urandom(1 << 20)
    with (tmp_path / "body").open("w+b") as body:
        for _ in range(40):
            body.write(piece)
        tracemalloc.start()
        (capture,) = stored(home, exchange(body=body))  # type: ignore[arg-type]
        with Collection(home) as collection:
            message = collection.read(capture)
            digest = hashlib.sha256()
            while read := message.body.read(1 << 16):
                digest.update(read)
            message.body.seek(-4, os.SEEK_END)
            assert message.body.read() == piece[-4:]
            message.body.seek(1)
            assert message.body.tell() == 1
            assert message.body.read(3) == piece[1:4]
            assert list(collection.verify()) == []
            message.body.close()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert f"sha256:{digest.hexdigest()}" == capture.digest
    assert peak < 12 << 20


def test_damage_in_a_large_payload_is_told_at_the_latest_at_its_end(
    home: Path, tmp_path: Path
) -> None:
    with (tmp_path / "body").open("w+b") as body:
        body.write(os.urandom(6 << 20))
        (capture,) = stored(home, exchange(body=body))  # type: ignore[arg-type]
    file = warc_files(home)[0]
    data = bytearray(file.read_bytes())
    data[capture.offset + capture.length - 5000] ^= 1
    file.write_bytes(data)
    with Collection(home) as collection:
        message = collection.read(capture)
        with pytest.raises(RecordDamaged):
            message.raw()
        message.body.close()


def test_damage_in_a_small_payload_is_told_at_once(home: Path) -> None:
    (capture,) = stored(home, exchange())
    file = warc_files(home)[0]
    data = bytearray(file.read_bytes())
    data[capture.offset + 200] ^= 1
    file.write_bytes(data)
    with Collection(home) as collection, pytest.raises(RecordDamaged, match=capture.file):
        collection.read(capture)


def test_another_record_in_the_place_of_the_capture_is_told(home: Path) -> None:
    one, two = stored(home, numbered(1), numbered(2))
    with Collection(home) as collection, pytest.raises(RecordDamaged, match="not the one"):
        collection.read(replace(one, offset=two.offset))
    with Collection(home) as collection, pytest.raises(RecordDamaged, match="not the one"):
        collection.record(replace(one, offset=two.offset))


def test_missing_file_is_named(home: Path) -> None:
    (capture,) = stored(home, exchange())
    warc_files(home)[0].unlink()
    with Collection(home) as collection, pytest.raises(StorageError, match=capture.file):
        collection.read(capture)


# what is stored already


def test_same_payload_becomes_a_revisit_with_its_own_head(home: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nDate: now\r\n\r\n"
    one, two = stored(
        home, exchange(), exchange("http://example.com/b", head=head, started=BEGIN + timedelta(1))
    )
    assert (two.kind, two.original, two.digest) == (Kind.REVISIT, one.record_id, one.digest)
    with Collection(home) as collection:
        message = collection.read(two)
        assert (message.get("Date"), message.raw()) == ("now", b"<html>a</html>")
        record = collection.exchange(two)[0]
    assert record.block == head
    assert record.get("WARC-Profile").endswith("/revisit/identical-payload-digest")
    assert record.get("WARC-Refers-To") == f"<{one.record_id}>"
    assert record.get("WARC-Refers-To-Target-URI") == one.url
    assert record.get("WARC-Refers-To-Date") == "2024-01-31T23:59:58.123456Z"
    judge(warc_files(home)[0])


def test_third_capture_points_to_the_first_not_to_the_revisit(home: Path) -> None:
    one, two, three = stored(home, exchange(), exchange(), exchange())
    assert two.original == three.original == one.record_id


def test_payload_of_an_earlier_run_is_found(home: Path) -> None:
    (one,) = stored(home, exchange())
    (two,) = stored(home, exchange())
    assert two.original == one.record_id
    assert two.file != one.file


@pytest.mark.parametrize(
    "first",
    [
        exchange(truncated=Truncation.LENGTH),
        exchange(head=b""),
        exchange(head=b"HTTP/1.1 200 OK\r\n\xa0\r\n\r\n"),
    ],
)
def test_what_is_not_whole_or_not_plain_is_no_original(home: Path, first: Exchange) -> None:
    assert [c.kind for c in stored(home, first, exchange())][1] is Kind.RESPONSE


def test_truncated_answer_is_no_revisit(home: Path) -> None:
    _, two = stored(home, exchange(), exchange(truncated=Truncation.DISCONNECT))
    assert (two.kind, two.truncated) == (Kind.RESPONSE, Truncation.DISCONNECT)


def test_empty_payloads_are_stored_each(home: Path) -> None:
    assert [c.kind for c in stored(home, exchange(body=b""), exchange(body=b""))] == [
        Kind.RESPONSE,
        Kind.RESPONSE,
    ]


def conditional(fields: bytes, url: str = "http://example.com/a") -> Exchange:
    return exchange(
        url,
        b"",
        head=b"HTTP/1.1 304 Not Modified\r\nDate: now\r\n\r\n",
        request=b"GET /a HTTP/1.1\r\nHost: example.com\r\n" + fields + b"\r\n\r\n",
        started=BEGIN + timedelta(2),
    )


TAGGED = exchange(
    head=b'HTTP/1.1 200 OK\r\nETag: W/"1"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n'
)
NEWER = exchange(
    head=b'HTTP/1.1 200 OK\r\nETag: "2"\r\n\r\n', body=b"new", started=BEGIN + timedelta(1)
)
VALIDATORS = [b'If-None-Match: "0", "1"', b"If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT"]


@pytest.mark.parametrize("fields", VALIDATORS)
@pytest.mark.parametrize("is_committed", [True, False])
def test_not_modified_points_to_the_response_whose_validators_were_sent(
    home: Path, fields: bytes, is_committed: bool
) -> None:
    with Collection(home, write=True) as collection:
        one = collection.add(TAGGED)
        if is_committed:
            collection.sync()
            collection.add(NEWER)
            collection.sync()
        capture = collection.add(conditional(fields))
        assert (capture.kind, capture.original, capture.status) == (
            Kind.REVISIT,
            one.record_id,
            304,
        )
        assert capture.digest == one.digest
        assert collection.read(capture).raw() == b"<html>a</html>"
        profile = collection.exchange(capture)[0].get("WARC-Profile")
    assert profile.endswith("/revisit/server-not-modified")
    judge(warc_files(home)[0])


def test_not_modified_after_a_revisit_points_to_the_original(home: Path) -> None:
    again = replace(TAGGED, head=b'HTTP/1.1 200 OK\r\nETag: "9"\r\n\r\n')
    with Collection(home, write=True) as collection:
        one, two = collection.add(TAGGED), collection.add(again)
        assert two.kind is Kind.REVISIT
        assert collection.add(conditional(b'If-None-Match: "9"')).original == one.record_id
        collection.sync()
        assert collection.add(conditional(b'If-None-Match: "9"')).original == one.record_id


@pytest.mark.parametrize(
    "given_",
    [
        conditional(b"X: y"),
        conditional(b'If-None-Match: "other"'),
        conditional(b"If-Modified-Since: Tue, 02 Jan 2024 00:00:00 GMT"),
        conditional(VALIDATORS[0], "http://example.com/other"),
        replace(conditional(VALIDATORS[0]), truncated=Truncation.TIME),
        replace(conditional(VALIDATORS[0]), body=b"a body"),
    ],
)
def test_not_modified_that_speaks_of_nothing_we_hold_is_stored_as_it_is(
    home: Path, given_: Exchange
) -> None:
    _, capture = stored(home, TAGGED, given_)
    assert (capture.kind, capture.status) == (Kind.RESPONSE, 304)


def test_revisit_whose_original_is_gone_is_told(home: Path) -> None:
    one, two = stored(home, exchange(), exchange())
    with Collection(home, write=True) as collection:
        collection.state.execute("DELETE FROM captures WHERE sequence = ?", (one.sequence,))
        with pytest.raises(RecordDamaged, match="not in this collection"):
            collection.read(two)


# sync and acknowledge


def statement(sql: str) -> Callable[[sqlite3.Connection], None]:
    def execute(connection: sqlite3.Connection) -> None:
        connection.execute(sql)

    return execute


def test_rows_and_acknowledgement_are_one_transaction(home: Path) -> None:
    with Collection(home, write=True) as collection:
        collection.state.execute("CREATE TABLE done (url TEXT)")
        collection.add(exchange())

        def fail(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO done VALUES ('x')")
            raise KeyError("frontier")

        with pytest.raises(KeyError):
            collection.sync(fail)
        assert list(collection.captures()) == []
        assert collection.state.execute("SELECT * FROM done").fetchall() == []
        assert collection.sync(statement("INSERT INTO done VALUES ('y')")) == 1
        assert len(list(collection.captures())) == 1
        assert collection.state.execute("SELECT * FROM done").fetchall() == [("y",)]


def test_errors_of_the_callers_own_statements_come_through(home: Path) -> None:
    with Collection(home, write=True) as collection, pytest.raises(sqlite3.OperationalError):
        collection.sync(statement("SELECT * FROM nothing"))


def test_captures_are_seen_when_they_are_committed(home: Path) -> None:
    with Collection(home, write=True) as writer:
        writer.add(exchange())
        with Collection(home) as reader:
            assert list(reader.captures()) == []
            assert writer.sync() == 1
            (capture,) = reader.captures()
            assert reader.read(capture).raw() == b"<html>a</html>"
            assert list(reader.verify()) == []


def test_sync_of_nothing_returns_the_highest_sequence(home: Path) -> None:
    with Collection(home, write=True) as collection:
        assert collection.sync() == 0
        collection.add(exchange())
        assert [collection.sync(), collection.sync()] == [1, 1]


def test_closing_commits_and_gives_the_file_its_name(home: Path) -> None:
    collection = Collection(home, write=True)
    capture = collection.add(exchange())
    assert warc_files(home)[0].name == capture.file + ".open"
    collection.close()
    assert warc_files(home)[0].name == capture.file
    with Collection(home) as reader:
        assert list(reader.captures()) == [capture]


def test_naive_date_stores_nothing(home: Path) -> None:
    with Collection(home, write=True) as collection:
        with pytest.raises(ValueError, match="time zone"):
            collection.add(exchange(started=BEGIN.replace(tzinfo=None)))
        assert collection.add(exchange()).sequence == 1


def test_links_are_unread_until_they_are_marked(home: Path) -> None:
    with Collection(home, write=True) as collection:
        one, two = collection.add(numbered(1)), collection.add(numbered(2))
        collection.sync()
        assert list(collection.unread()) == [one, two]
        mark_read(collection.state, [one.sequence])
        assert list(collection.unread()) == [two]


def test_reading_collection_refuses_to_write(home: Path) -> None:
    stored(home, exchange())
    with Collection(home) as collection, pytest.raises(StorageError, match="write=True"):
        collection.add(exchange())


# look-ups


def placed(home: Path, *urls: str) -> list[Capture]:
    return stored(
        home,
        *(exchange(url, b"%d" % n, started=BEGIN + timedelta(n)) for n, url in enumerate(urls)),
    )


PLACES = [
    "http://example.com/",
    "http://example.com/a",
    "https://www.example.com/a",
    "http://example.com/a/b",
    "http://example.com/ab",
    "http://example.com:8080/a",
    "http://sub.example.com/a",
    "http://example.community/a",
    "http://example.com/a?x=1",
]


@pytest.mark.parametrize(
    ("url", "match", "found"),
    [
        ("http://example.com/a", "exact", [1]),
        ("https://www.example.com/a", "exact", [2]),
        ("http://www.example.com/a", "exact", [1, 2]),
        ("http://example.com/a", "prefix", [1, 2, 3, 8, 4]),
        ("http://example.com/a/", "prefix", [1, 2, 3, 8]),
        ("http://example.com/", "prefix", [0, 1, 2, 3, 8, 4]),
        ("http://example.com/", "host", [0, 1, 2, 3, 8, 4]),
        ("http://example.com:8080/", "host", [5]),
        ("http://example.com/", "domain", [0, 1, 2, 3, 8, 4, 6, 5]),
        ("http://nothing.example/", "domain", []),
        ("", "exact", [0, 1, 2, 3, 8, 4, 6, 5, 7]),
    ],
)
def test_captures_by_address(home: Path, url: str, match: str, found: list[int]) -> None:
    added = placed(home, *PLACES)
    with Collection(home) as collection:
        assert [added.index(c) for c in collection.captures(url, match=match)] == found
        by_sequence = collection.captures(url, match=match, after=0)
        assert {added.index(c) for c in by_sequence} >= set(found)


def test_unknown_match_is_refused(home: Path) -> None:
    placed(home, "http://example.com/")
    with Collection(home) as collection, pytest.raises(ValueError, match="'prefix'"):
        list(collection.captures("http://example.com/", match="glob"))


def test_captures_by_date_both_ends_included(home: Path) -> None:
    added = placed(home, *["http://example.com/a"] * 5)
    with Collection(home) as collection:
        found = collection.captures(since=added[1].date, until=added[3].date)
        assert list(found) == added[1:4]
        assert list(collection.captures(since=added[1].date, after=2)) == added[2:]


def test_many_captures_are_read_page_by_page(home: Path) -> None:
    with Collection(home, write=True) as collection:
        for n in range(1201):
            collection.add(exchange("http://example.com/same", b"", started=BEGIN + timedelta(n)))
        collection.sync()
        dates = [c.date for c in collection.captures("http://example.com/same")]
        assert dates == sorted(dates)
        assert len(dates) == 1201
        assert [c.sequence for c in collection.captures(after=600)] == list(range(601, 1202))


@pytest.mark.parametrize(
    ("days", "found"), [(-9, 0), (0.4, 0), (0.5, 0), (0.6, 1), (2, 2), (99, 3)]
)
def test_closest_prefers_the_earlier_of_two_equally_near(
    home: Path, days: float, found: int
) -> None:
    added = placed(home, *["http://example.com/a"] * 4)
    with Collection(home) as collection:
        nearest = collection.closest("http://example.com/a", BEGIN + timedelta(days))
        assert nearest == added[found]


def test_closest_falls_back_on_the_urlkey(home: Path) -> None:
    (one,) = placed(home, "http://example.com/a")
    with Collection(home) as collection:
        assert collection.closest("https://www.example.com/A", BEGIN) == one
        assert collection.closest("http://example.com/b", BEGIN) is None


def test_stats_count_what_is_committed(home: Path) -> None:
    stored(home, exchange(body=b"x" * 1000), exchange(body=b"x" * 1000), exchange(head=b""))
    with Collection(home) as collection:
        stats = collection.stats()
    assert (stats.captures, stats.files, stats.saved_bytes) == (3, 1, 1000)
    assert stats.by_kind == {"response": 1, "revisit": 1, "resource": 1}
    assert stats.warc_bytes == warc_files(home)[0].stat().st_size
    assert stats.first == stats.last == BEGIN


def test_stats_of_an_empty_collection(home: Path) -> None:
    stored(home)
    with Collection(home) as collection:
        assert (collection.stats().captures, collection.stats().first) == (0, None)


# who may come in


def test_second_writer_is_told_who_writes(home: Path) -> None:
    with (
        Collection(home, write=True),
        pytest.raises(CollectionLocked, match=f"process {os.getpid()}"),
    ):
        Collection(home, write=True)


def test_lock_ends_with_the_process(home: Path) -> None:
    code = "import sys, os; from pathlib import Path; from archive import Collection; c = Collection(Path(sys.argv[1]), write=True); os._exit(9)"
    done = subprocess.run([sys.executable, "-c", code, str(home)], check=False, timeout=60)
    assert done.returncode == 9
    stored(home, exchange())


def test_collection_is_private(home: Path) -> None:
    stored(home, exchange())
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in home.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize("write", [True, False])
def test_a_file_is_no_collection(home: Path, write: bool) -> None:
    home.write_text("x")
    with pytest.raises(NotACollection, match=str(home)):
        Collection(home, write=write)


def test_a_folder_with_other_files_is_left_alone(home: Path) -> None:
    home.mkdir()
    (home / "thesis.odt").write_text("x")
    with pytest.raises(NotACollection, match=r"thesis\.odt"):
        Collection(home, write=True)
    assert [path.name for path in home.iterdir()] == ["thesis.odt"]


def test_a_folder_with_a_sites_file_may_become_one(home: Path) -> None:
    home.mkdir()
    (home / "sites.toml").write_text("")
    stored(home, exchange())


def test_reading_where_nothing_is_says_what_to_do(home: Path) -> None:
    with pytest.raises(NotACollection, match="no collection here"):
        Collection(home)


def test_reading_without_index_says_how_to_make_it(home: Path) -> None:
    stored(home, exchange())
    (home / "state.sqlite").unlink()
    with pytest.raises(StorageError, match="muragat rebuild"):
        Collection(home)


@pytest.mark.parametrize("write", [True, False])
def test_index_that_is_no_database_says_how_to_make_it(home: Path, write: bool) -> None:
    stored(home, exchange())
    (home / "state.sqlite").write_bytes(b"no database, but long enough to be one" * 100)
    with pytest.raises(StorageError, match=r"state\.sqlite.*muragat rebuild"):
        Collection(home, write=write)
    (home / "state.sqlite").unlink()
    with Collection(home, write=True) as collection:
        assert len(list(collection.captures())) == 1


@pytest.mark.parametrize("write", [True, False])
def test_index_of_a_newer_version_is_refused(home: Path, write: bool) -> None:
    stored(home, exchange())
    connection = sqlite3.connect(home / "state.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SchemaUnknown, match="99"):
        Collection(home, write=write)


def test_foreign_database_is_refused(home: Path) -> None:
    (home / "warc").mkdir(parents=True)
    connection = sqlite3.connect(home / "state.sqlite")
    connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(SchemaUnknown):
        Collection(home, write=True)


def test_collection_is_read_from_a_medium_that_can_not_be_written() -> None:
    code = (
        "import os, sys; from pathlib import Path; from archive import Collection;"
        "os.getuid() or os.setuid(65534); c = Collection(Path(sys.argv[1])); print(len(list(c.captures())))"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "c"
        stored(home, exchange())
        for path in [home, *home.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        done = subprocess.run(
            [sys.executable, "-c", code, str(home)], capture_output=True, timeout=60, check=False
        )
        for path in [home, home / "warc"]:
            path.chmod(0o700)
    assert (done.stdout, done.stderr) == (b"1\n", b"")


def test_import_loads_neither_scrapy_nor_trafilatura() -> None:
    code = "import sys; from archive import Collection; print({'scrapy', 'twisted', 'trafilatura'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stdout == b"set()\n"


def test_package_offers_what_it_names() -> None:
    assert all(getattr(archive, name) for name in archive.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        archive.nothing  # noqa: B018 - looking is the test


def test_address_too_long_for_any_reader_is_refused_and_nothing_is_stored(home: Path) -> None:
    with Collection(home, write=True) as collection:
        with pytest.raises(ValueError, match="more than 262144"):
            collection.add(exchange("http://example.com/" + "x" * 300_000))
        collection.add(exchange())
    with Collection(home) as collection:
        assert list(collection.verify()) == []


def test_flood_of_interim_answers_is_kept_up_to_a_limit(home: Path) -> None:
    flood = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100_000
    (capture,) = stored(home, exchange(interim=flood))
    with Collection(home) as collection:
        lines = collection.exchange(capture)[2].block.decode().split("\r\n")
        kept = next(line for line in lines if line.startswith("interim: "))
        assert json.loads(kept.removeprefix("interim: ")).encode("latin-1") == flood[: 1 << 20]
        assert list(collection.verify()) == []


@pytest.mark.parametrize("call", ["read", "exchange"])
def test_unreadable_file_is_an_error_of_storage(home: Path, call: str) -> None:
    (capture,) = stored(home, exchange())
    (file,) = warc_files(home)
    file.unlink()
    file.mkdir()
    with Collection(home) as collection, pytest.raises(StorageError, match=capture.file):
        getattr(collection, call)(capture)
    with Collection(home) as collection:
        assert any("can't be read" in problem.message for problem in collection.verify())


def test_home_that_can_not_be_made_is_an_error_of_storage(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(StorageError, match="below"):
        Collection(home / "below", write=True)


def test_lock_that_can_not_be_opened_is_an_error_of_storage(home: Path) -> None:
    (home / "lock").mkdir(parents=True)
    with pytest.raises(StorageError, match="lock"):
        Collection(home, write=True)


def test_odd_head_that_comes_in_many_pieces_is_split_where_it_ends(home: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(30_000)) + b"\r\n"
    long, cut = stored(home, exchange(head=head), exchange(head=head[:-2], body=b""))
    with Collection(home) as collection:
        assert collection.read(long).raw() == b"<html>a</html>"
        assert len(collection.read(cut).fields) == 30_000
        assert list(collection.verify()) == []


def test_large_resource_is_read_as_a_stream(home: Path, tmp_path: Path) -> None:
    with (tmp_path / "body").open("w+b") as body:
        body.write(b"0123456789" * 500_000)
        (capture,) = stored(home, exchange(head=b"", body=body))  # type: ignore[arg-type]
    with Collection(home) as collection:
        message = collection.read(capture)
        message.body.seek(4_999_998)
        assert message.body.read() == b"89"
        message.body.seek(-10, os.SEEK_CUR)
        assert message.body.read(1) == b"0"
        message.body.close()


def test_body_that_changes_while_it_is_stored_is_not_stored(home: Path) -> None:
    class Growing(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            super().seek(0, os.SEEK_END)
            super().write(b"more")
            return super().seek(offset, whence)

    with Collection(home, write=True) as collection:
        with pytest.raises(ValueError, match="changed while it was stored"):
            collection.add(exchange(body=Growing()))  # type: ignore[arg-type]
        collection.add(exchange())
    with Collection(home) as collection:
        assert list(collection.verify()) == []


def test_example_in_the_docs_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(tmp_path / "collection", exchange())
    text = (Path(__file__).parents[1] / "docs" / "collection.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/collection.md", "exec"), {})
    assert capsys.readouterr().out == (
        "2024-01-31 23:59:58.123456+00:00 200 http://example.com/a 14\n"
    )
