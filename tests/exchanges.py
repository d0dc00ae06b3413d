"""Exchanges for the tests of the store, strategies that make any of them, and the judges of its files."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from archive.model import Announcer, Exchange, Truncation, Via

BEGIN = datetime(2024, 1, 31, 23, 59, 58, 123456, tzinfo=UTC)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
REQUEST = b"GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n"
BIN = Path(sys.executable).parent

# warcio's own command, without the brotli package: with it warcio 1.8.1 raises AttributeError on every record with
# `Content-Encoding: br`, because it sets an attribute that brotli's type has not.
_WARCIO = "import sys; sys.modules['brotli'] = None; from warcio.cli import main; main()"


def exchange(
    url: str = "http://example.com/a", body: bytes = b"<html>a</html>", **changes: Any
) -> Exchange:
    """Return an exchange like many others, with `changes`."""
    values: dict[str, Any] = {
        "url": url,
        "method": "GET",
        "started": BEGIN,
        "elapsed_s": 0.25,
        "peer": "192.0.2.7",
        "request": REQUEST,
        "head": HEAD,
        "body": body,
    }
    return Exchange(**(values | changes))


def numbered(number: int, size: int = 2000) -> Exchange:
    """Return an exchange with an address, a date and a payload of its own; a function of `number`."""
    body = (b"<p>%d</p>" % number) * (size // 8)
    url = f"http://example.com/{number}"
    return exchange(url, body, started=BEGIN + timedelta(seconds=number))


def judge(file: Path) -> None:
    """Fail unless warcio and FastWARC find the file right."""
    warcio = [sys.executable, "-c", _WARCIO, "check", str(file)]
    fastwarc = [str(BIN / "fastwarc"), "check", "--quiet", str(file)]
    for command in (warcio, fastwarc):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def judge_payloads(file: Path) -> None:
    """Fail unless FastWARC finds the payload digests right; it can't read revisits and LF-only heads."""
    command = [str(BIN / "fastwarc"), "check", "--quiet", "--verify-payloads", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def warc_files(home: Path) -> list[Path]:
    return sorted((home / "warc").iterdir())


_nasty = st.sampled_from(
    [b"WARC/1.1\r\n", b"\r\n\r\n", b"\n\n", b"\r", b"\0", b"HTTP/1.1 200 OK\r\n", b"\xa0\r\n", b" \r\n", b":", b"\x1f\x8b\x08\0\0\0\0\0\0\xff"]
)  # fmt: skip
any_bytes = st.one_of(
    st.binary(max_size=200), st.lists(_nasty | st.binary(max_size=9)).map(b"".join)
)
_lines = st.one_of(
    st.sampled_from([b"Content-Type: text/html", b"ETag: W/\"1\"", b"Set-Cookie: a=b", b"no colon here", b"X : y", b" folded", b"\xa0", b"Content-Length: -5", b"Content-Encoding: br", b"Transfer-Encoding: chunked", b"Content-Type: \xe9/\xff"]),
    st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")),
)  # fmt: skip


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Draw heads as servers send them, and what no server should."""
    if draw(st.integers(0, 4)) == 0:
        return draw(any_bytes)
    first = draw(st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.0 404", b"http/1.1 304 x", b"HTTP/2.0 200", b"ICY 200 OK", b"HTTP/1.1 999 \xff"]))  # fmt: skip
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    lines = [first, *draw(st.lists(_lines, max_size=5))]
    return b"".join(line + end for line in lines) + draw(st.sampled_from([end, end, end, b""]))


_bodies = any_bytes | st.binary(min_size=1, max_size=9).map(lambda piece: piece * 9000)
_urls = st.one_of(
    st.sampled_from(["http://example.com/a", "https://example.com/a", "HTTP://EXAMPLE.com/a", "http://a/\r\nWARC-Type: x\r\n\r\n", "ftp://a/", "", "http://пример.рф/а б", "http://a/\ud800", "<http://a/>"]),
    st.text(max_size=40).map("http://example.com/".__add__),
    st.text(max_size=40),
)  # fmt: skip
_dates = st.integers(-(10**15), 10**17).map(lambda n: BEGIN + timedelta(microseconds=n))


_REQUESTS = [
    REQUEST,
    b"PURGE / HTTP/1.1\r\n\r\n",
    b'GET / HTTP/1.1\r\nIf-None-Match: "1"\r\n\r\n',
]


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """Draw any exchange."""
    body: Any = draw(_bodies)
    if draw(st.booleans()):
        body = io.BytesIO(body)
        body.seek(draw(st.integers(0, 5)))
    return Exchange(
        url=draw(_urls),
        method=draw(st.sampled_from(["GET", "HEAD", "POST"]) | st.text(max_size=8)),
        started=draw(_dates),
        elapsed_s=draw(st.floats()),
        peer=draw(
            st.sampled_from(["192.0.2.1", "2001:DB8::1", "[::1]:80", ""]) | st.text(max_size=9)
        ),
        request=draw(st.sampled_from(_REQUESTS) | any_bytes),
        head=draw(heads()),
        body=body,
        interim=draw(any_bytes),
        trailers=draw(any_bytes),
        chunked=draw(st.booleans()),
        truncated=draw(st.none() | st.sampled_from(Truncation)),
        withheld=tuple(draw(st.lists(st.text(max_size=9), max_size=2))),
        problems=tuple(draw(st.lists(st.text(max_size=20), max_size=2))),
        via=Via(
            draw(st.text(max_size=9)),
            Announcer.LINK,
            draw(_urls),
            draw(_urls),
            draw(st.integers(0, 9)),
        ),
    )
