"""archive.http: heads, chunks, codings and messages as bytes."""

from __future__ import annotations

import doctest
import gzip
import io
import os
import resource
import zlib
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import archive.http
import archive.http.chunks
import archive.http.coding
from archive.http import (
    Dechunker,
    Message,
    decode_content,
    head_end,
    split_head,
    stored_head,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("module", [archive.http, archive.http.chunks, archive.http.coding])
def test_the_examples_are_true(module):
    assert doctest.testmod(module).failed == 0


PAGE = b"<html>" + b"one news page, a little longer than nothing. " * 900 + b"</html>"
MAX = 1 << 22


class TestSplitHead:
    def test_version_status_reason_and_fields_are_read(self):
        head = split_head(b"HTTP/1.1 404 Not Found\r\nServer: a\r\nX: 1\r\n\r\nbody: 1\r\n")

        assert (head.version, head.status, head.reason) == (b"HTTP/1.1", 404, b"Not Found")
        assert head.fields == ((b"Server", b"a"), (b"X", b"1"))

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"HTTP/1.1 200\r\n", b""),
            (b"HTTP/1.1 200 \r\n", b""),
            (b"HTTP/1.0 200 OK\n", b"OK"),
            (b"HTTP/1.1  200  a b\r\n", b"a b"),
            (b"http/1.1 200 \xe9t\xe9\r\n", b"\xe9t\xe9"),
        ],
    )
    def test_odd_status_lines_are_read(self, line, reason):
        head = split_head(line + b"\r\n")

        assert (head.status, head.reason) == (200, reason)

    @pytest.mark.parametrize(
        "line",
        [b"", b"<html>", b"HTTP/1.1 OK", b"HTTP/1.1 20 OK", b"ICY 200 OK", b"\nHTTP/1.1 200"],
    )
    def test_no_status_line_is_a_value_error(self, line):
        with pytest.raises(ValueError, match="no HTTP status line"):
            split_head(line)

    def test_repeated_fields_stay_repeated_in_order_with_their_case(self):
        head = split_head(b"HTTP/1.1 200 OK\r\nset-COOKIE: a\r\nB: 2\r\nSet-Cookie: c\r\n\r\n")

        assert head.fields == ((b"set-COOKIE", b"a"), (b"B", b"2"), (b"Set-Cookie", b"c"))

    def test_lines_without_a_colon_and_names_with_blanks_are_passed_over(self):
        head = split_head(b"HTTP/1.1 200 OK\r\nnonsense\r\na b: 1\r\n: 2\r\nC: 3\r\n\r\n")

        assert head.fields == ((b"C", b"3"),)

    def test_a_blank_before_the_colon_is_dropped(self):
        assert split_head(b"HTTP/1.1 200 OK\r\nX-Space : 1\r\n\r\n").fields == ((b"X-Space", b"1"),)

    def test_folded_lines_become_one_and_follow_a_dropped_line_into_nothing(self):
        head = split_head(
            b"HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\n\t3\r\nbad\r\n more: 1\r\nB:\r\n x\r\n\r\n"
        )

        assert head.fields == ((b"A", b"1 2 3"), (b"B", b"x"))

    def test_bytes_of_other_charsets_are_kept_and_cr_and_nul_become_blanks(self):
        head = split_head(
            "HTTP/1.1 200 OK\r\nX-Город: Алматы\r\n".encode() + b"L: \xe9\0a\rb\r\n\r\n"
        )

        assert head.fields == (("X-Город".encode(), "Алматы".encode()), (b"L", b"\xe9 a b"))

    def test_200000_folded_lines_are_read_in_linear_time(self):
        head = split_head(b"HTTP/1.1 200 OK\nA: 1\n" + b" 2\n" * 200_000 + b"\n")

        assert len(head.fields[0][1]) == 400_001

    @given(st.binary(max_size=300))
    def test_any_bytes_are_a_head_or_a_value_error(self, data):
        fields = split_head(b"HTTP/1.1 200 OK\n" + data).fields

        assert all(b"\r" not in value and b"\0" not in value for _, value in fields)

    @pytest.mark.parametrize(
        ("data", "end"),
        [(b"a\r\n\r\nb", 5), (b"a\n\nb", 3), (b"a\n\r\nb", 4), (b"a\r\n", -1), (b"", -1)],
    )
    def test_the_empty_line_ends_the_head(self, data, end):
        assert head_end(data) == end


class TestStoredHead:
    def test_a_head_without_chunks_is_verbatim(self):
        head = b"HTTP/1.1 200 OK\nnonsense\n Content-Length : 3\n\n"

        assert stored_head(head, chunked=False) == head

    def test_framing_fields_are_renamed_and_the_rest_is_verbatim(self):
        head = b"HTTP/1.1 200 ok \r\nTransfer-Encoding : chunked\r\nnonsense\r\n fold\r\ncontent-length: 3\r\n\r\n"

        assert stored_head(head, chunked=True) == (
            b"HTTP/1.1 200 ok \r\nX-Crawler-Transfer-Encoding : chunked\r\nnonsense\r\n fold\r\n"
            b"X-Crawler-content-length: 3\r\n\r\n"
        )

    def test_trailers_become_fields_of_their_own(self):
        head = stored_head(
            b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n", chunked=True, trailers=b"T: x\r\n y\r\nbad\r\n"
        )

        assert head == (
            b"HTTP/1.1 200 OK\r\nA: 1\r\nX-Crawler-Trailer-T: x\r\n y\r\nX-Crawler-Trailer-bad\r\n\r\n"
        )

    @given(
        st.lists(
            st.sampled_from([b"TE: x", b"Transfer-Encoding: chunked", b"bad", b"Content-Length:1"])
        )
    )
    def test_taking_the_prefix_away_gives_the_received_head_back(self, lines):
        head = b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""])

        assert stored_head(head, chunked=True).replace(b"X-Crawler-", b"") == head


def chunked(pieces: list[bytes], extension: bytes = b"", end: bytes = b"\r\n") -> bytes:
    frames = [b"%x%s%s%s%s" % (len(piece), extension, end, piece, end) for piece in pieces if piece]
    return b"".join(frames) + b"0" + end


class TestDechunker:
    @given(
        pieces=st.lists(st.binary(max_size=50), max_size=6),
        extension=st.sampled_from([b"", b";a=b", b" ; x", b" "]),
        end=st.sampled_from([b"\r\n", b"\n"]),
        step=st.integers(1, 40),
    )
    def test_the_entity_comes_back_however_it_is_cut(self, pieces, extension, end, step):
        coded = chunked(pieces, extension, end) + b"X: 1\r\n" + end + b"rest"
        dechunker = Dechunker()

        entity = b"".join(dechunker.feed(coded[i : i + step]) for i in range(0, len(coded), step))

        assert entity == b"".join(pieces)
        assert (dechunker.finished, dechunker.broken) == (True, False)
        assert dechunker.trailers == b"X: 1\r\n"
        assert b"rest".startswith(dechunker.rest)

    @pytest.mark.parametrize(
        "coded",
        [
            b"zz\r\nabc",
            b"-5\r\n",
            b"\r\n",
            b"0x3\r\nabc",
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"f" * 40 + b"\r\n",
        ],
    )
    def test_broken_framing_ends_the_body_there(self, coded):
        dechunker = Dechunker()

        entity = dechunker.feed(b"2\r\nok\r\n" + coded) + dechunker.feed(b"1\r\nx\r\n")

        assert (entity[:2], dechunker.broken, dechunker.finished) == (b"ok", True, False)
        assert b"x" not in entity

    def test_the_last_chunk_is_known_before_the_end(self):
        dechunker = Dechunker()
        dechunker.feed(b"1\r\na\r\n0\r\n")

        assert (dechunker.last_chunk, dechunker.finished) == (True, False)

    def test_endless_lines_and_trailers_are_bounded(self):
        line, trailers = Dechunker(), Dechunker()

        line.feed(b"1;" + b"x" * 20_000)
        trailers.feed(b"0\r\n" + b"A: b\r\n" * 20_000)

        assert line.broken
        assert trailers.broken

    @given(st.lists(st.binary(max_size=40)))
    def test_any_bytes_are_taken(self, pieces):
        dechunker = Dechunker()

        given_back = sum(len(dechunker.feed(piece)) for piece in pieces)

        assert given_back <= sum(map(len, pieces))


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


class TestDecodeContent:
    @pytest.mark.parametrize(
        ("codings", "encode"),
        [
            (["gzip"], gzip.compress),
            (["x-gzip"], gzip.compress),
            ([" GZip "], gzip.compress),
            (["deflate"], zlib.compress),
            (["deflate"], raw_deflate),
            (["br"], brotli.compress),
            (["zstd"], zstandard.compress),
            (["identity"], bytes),
            ([], bytes),
            (["gzip", "br"], lambda data: brotli.compress(gzip.compress(data))),
            (["gzip"], lambda data: gzip.compress(data[:500]) + gzip.compress(data[500:])),
            (
                ["zstd"],
                lambda data: zstandard.compress(data[:500]) + zstandard.compress(data[500:]),
            ),
            (["gzip"], lambda data: gzip.compress(data) + b"\0" * 20),
        ],
    )
    @pytest.mark.parametrize("step", [1, 1000, 10**9])
    def test_each_coding_is_undone_however_it_is_cut(self, codings, encode, step):
        coded = encode(PAGE)

        decoded = decode_content(
            (coded[i : i + step] for i in range(0, len(coded), step)), codings, max_bytes=MAX
        )

        assert (decoded.body == PAGE, decoded.problems, decoded.truncated) == (True, (), False)

    @pytest.mark.parametrize(
        ("coding", "coded", "problem"),
        [
            ("gzip", PAGE, "not coded so"),
            ("br", PAGE, "not coded so"),
            ("zstd", PAGE, "not coded so"),
            ("deflate", PAGE, "not coded so"),
            ("x-lab", PAGE, "unknown content coding"),
            ("utf-8", PAGE, "unknown content coding"),
            ("gzip", gzip.compress(gzip.compress(PAGE, mtime=0), mtime=0), "coded twice"),
            ("gzip", gzip.compress(PAGE, mtime=0)[:-8] + b"\0" * 8, "incorrect data check"),
            ("gzip", gzip.compress(PAGE, mtime=0) + b"garbage", "after the end"),
            ("deflate", zlib.compress(PAGE) + b"garbage", "after the end"),
            ("br", brotli.compress(PAGE) + b"garbage", "after the end"),
            ("zstd", zstandard.compress(PAGE) + b"garbage", "after the end"),
        ],
    )
    def test_what_is_wrong_is_said_and_the_body_is_had_all_the_same(self, coding, coded, problem):
        decoded = decode_content([coded], [coding], max_bytes=MAX)

        assert decoded.body == PAGE
        assert problem in "; ".join(decoded.problems)
        assert not decoded.truncated

    @pytest.mark.parametrize(
        "coding_and_encode", [("gzip", gzip.compress), ("deflate", zlib.compress)]
    )
    def test_a_cut_body_gives_what_came(self, coding_and_encode):
        noise = os.urandom(100_000)
        coding, encode = coding_and_encode

        decoded = decode_content([encode(noise)[:60_000]], [coding], max_bytes=MAX)

        assert decoded.truncated
        assert noise.startswith(decoded.body)
        assert len(decoded.body) > 50_000
        assert "end early" in decoded.problems[0]

    def test_a_wrong_byte_in_the_middle_gives_what_comes_before(self):
        noise = os.urandom(50_000) + PAGE
        coded = bytearray(gzip.compress(noise))
        coded[50_100:50_110] = b"\xff" * 10

        decoded = decode_content([bytes(coded)], ["gzip"], max_bytes=MAX)

        assert decoded.problems
        assert decoded.body[:49_900] == noise[:49_900]

    @pytest.mark.parametrize(
        ("codings", "encode"),
        [
            (["gzip"], gzip.compress),
            (["zstd"], zstandard.compress),
            (["br"], lambda data: brotli.compress(data, quality=4)),
            (["gzip", "gzip"], lambda data: gzip.compress(gzip.compress(data))),
        ],
    )
    def test_bombs_stop_at_the_limit_and_take_no_memory(
        self, codings, encode: Callable[[bytes], bytes]
    ):
        bomb = encode(bytes(64 << 20))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        decoded = decode_content([bomb], codings, max_bytes=100_000)

        assert (len(decoded.body), decoded.truncated) == (100_000, True)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000

    def test_many_members_and_many_codings_are_bounded(self):
        members = decode_content([gzip.compress(b"") * 50_000], ["gzip"], max_bytes=MAX)
        codings = decode_content([PAGE], ["gzip"] * 500, max_bytes=MAX)

        assert members.problems
        assert (codings.body, len(codings.problems)) == (PAGE, 2)

    @given(
        st.lists(st.binary(max_size=200), max_size=4),
        st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd", "lab", ""]), max_size=6),
        st.integers(0, 300),
    )
    def test_any_bytes_under_any_codings_give_a_body(self, chunks, codings, max_bytes):
        assert len(decode_content(chunks, codings, max_bytes=max_bytes).body) <= max_bytes


class TestMessage:
    FIELDS = (
        (b"Content-Type", b"Text/HTML; charset=\xe9"),
        (b"content-encoding", b"gzip"),
        (b"Content-Type", b"text/plain"),
        (b"X-Crawler-Transfer-Encoding", b"deflate, chunked"),
    )

    def message(self) -> Message:
        body = zlib.compress(gzip.compress(PAGE))
        return Message(200, b"OK", self.FIELDS, io.BytesIO(body))

    def test_fields_are_read_by_name_in_any_case(self):
        message = self.message()

        assert message.get("CONTENT-type") == "Text/HTML; charset=é"
        assert message.get_all("content-Type") == ["Text/HTML; charset=é", "text/plain"]
        assert (message.get("Nothing"), message.get_all("Nothing")) == ("", [])

    def test_the_media_type_is_the_first_in_lower_case(self):
        assert self.message().media_type == "text/html"

    def test_the_body_is_decoded_from_transfer_and_content_codings_again_and_again(self):
        message = self.message()

        assert message.decoded().body == message.decoded().body == PAGE
        assert gzip.decompress(zlib.decompress(message.raw())) == PAGE

    def test_decoding_stops_at_the_limit(self):
        assert self.message().decoded(10).body == PAGE[:10]
