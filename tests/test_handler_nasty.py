"""crawler.wire.handler against the misbehaving server: what is recorded of each transport and coding case.

The server is MURAGAT_LAB/nasty; an instance of its own is started. Skipped where there is none.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.utils.misc import build_from_crawler

from archive import Collection
from archive.http import decode_content, split_head
from archive.model import Truncation
from crawler.wire.handler import RecordingDownloadHandler
from tests.wire_client import MemoryRecorder, crawler_with

LAB = Path(os.environ.get("MURAGAT_LAB", Path(__file__).parents[2] / "shared" / "lab")) / "nasty"
pytestmark = pytest.mark.skipif(
    not (LAB / "up").exists(),
    reason="no misbehaving server; set MURAGAT_LAB to the folder that holds nasty/up",
)

BROTLI = re.compile(rb"Content-Encoding:.*br")
WARCIO = Path(sys.executable).with_name("warcio")
TIMEOUT_S = 20.0
ENDLESS_S = 2.0
ENDLESS = ("t-slow-headers", "t-slow-body", "t-hang")
WIRE = ("transport", "coding")
GROUPS = (*WIRE, "status", "redirect")
TRUNCATED = {
    "t-slow-headers": Truncation.TIME,
    "t-slow-body": Truncation.TIME,
    "t-reset": Truncation.DISCONNECT,
    "t-short-body": Truncation.DISCONNECT,
    "t-two-lengths-differ": Truncation.UNSPECIFIED,
    "t-bad-length": Truncation.UNSPECIFIED,
    "t-chunk-truncated": Truncation.DISCONNECT,
    "t-chunk-bad": Truncation.UNSPECIFIED,
    "t-header-huge": Truncation.LENGTH,
    "t-206-unasked": Truncation.UNSPECIFIED,
}
ERRORS = {
    "t-slow-headers": "DownloadTimeoutError",
    "t-slow-body": "DownloadTimeoutError",
    "t-hang": "DownloadTimeoutError",
    "t-close": "DownloadFailedError",
    "t-reset": "ResponseDataLossError",
    "t-short-body": "ResponseDataLossError",
    "t-two-lengths-differ": "ResponseDataLossError",
    "t-bad-length": "ResponseDataLossError",
    "t-chunk-truncated": "ResponseDataLossError",
    "t-chunk-bad": "ResponseDataLossError",
    "t-http09": "DownloadFailedError",
    "t-header-huge": "DownloadFailedError",
}
NOTHING_RECORDED = {"t-hang", "t-close"}
DECODED_MAX = 1 << 20


def free_port() -> int:
    """Return a port that is free on the addresses that the server wants."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.66", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    port = str(free_port())
    environment = os.environ | {
        "LAB_STATE": str(tmp_path_factory.mktemp("nasty")),
        "LAB_PYTHON": sys.executable,
    }
    subprocess.run([LAB / "up", port], env=environment, check=True, stdout=subprocess.DEVNULL)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/__manifest") as answer:
            manifest = json.load(answer)
        yield {each["id"]: each for each in manifest if each["group"] in GROUPS}
    finally:
        subprocess.run([LAB / "down", port], env=environment, check=True)


@pytest.fixture(scope="module")
def outcomes(cases):
    """Fetch all cases at once; return what Scrapy saw and what was recorded, by case."""
    return asyncio.run(fetch_all(cases))


async def fetch_all(cases):
    crawler = crawler_with()
    handler = build_from_crawler(RecordingDownloadHandler, crawler)

    async def fetch(case: str) -> object:
        limit = ENDLESS_S if case in ENDLESS else TIMEOUT_S
        request = Request(cases[case]["url"], meta={"download_timeout": limit})
        try:
            return await handler.download_request(request)
        except Exception as error:  # noqa: BLE001 - the error is what the test looks at
            return error

    seen = await asyncio.gather(*map(fetch, cases))
    await handler.close()
    recorder = crawler.get_extension(MemoryRecorder)
    assert recorder is not None
    recorded = {each.url: each for each in recorder.exchanges}
    return {
        case: (each, recorded.get(cases[case]["url"]))
        for case, each in zip(cases, seen, strict=True)
    }


def test_each_case_ends_as_it_should(outcomes):
    errors = {
        case: type(seen).__name__
        for case, (seen, _) in outcomes.items()
        if isinstance(seen, Exception)
    }

    assert errors == ERRORS


def test_all_that_came_is_recorded_with_its_truncation(outcomes):
    truncated = {
        case: each.truncated for case, (_, each) in outcomes.items() if each and each.truncated
    }
    missing = {case for case, (_, each) in outcomes.items() if each is None}

    assert truncated == TRUNCATED
    assert missing == NOTHING_RECORDED


def test_what_should_be_stored_is_stored_whole_with_its_text(outcomes, cases):
    lost = []
    for case, told in cases.items():
        _, exchange = outcomes[case]
        if told["archive"] == "store" and told["marker"] and told["group"] in WIRE:
            codings = split_head(exchange.head).get_all(b"content-encoding")
            names = b",".join(codings).decode().split(",")
            decoded = decode_content([exchange.body], names, max_bytes=DECODED_MAX)
            if told["marker"].encode() not in decoded.body:
                lost.append(case)

    assert lost == []


def test_bombs_stop_at_the_decoded_limit(outcomes):
    _, exchange = outcomes["e-bomb"]
    head = split_head(exchange.head)

    decoded = decode_content([exchange.body], ["gzip"], max_bytes=DECODED_MAX)

    assert head.status == 200
    assert (len(decoded.body), decoded.truncated) == (DECODED_MAX, True)


def test_a_second_answer_is_in_no_record(outcomes):
    assert all(b"SMUGGLED" not in each.head + each.body for _, each in outcomes.values() if each)


def test_interim_answers_are_kept_apart(outcomes):
    _, exchange = outcomes["t-early-hints"]

    assert exchange.interim.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 ")
    assert exchange.head.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_collection_takes_all_of_it_and_validators_agree(outcomes, tmp_path):
    with Collection(tmp_path / "home", write=True) as collection:
        for _, exchange in outcomes.values():
            if exchange is not None and not BROTLI.search(exchange.head):
                collection.add(exchange)  # warcio 1.8.1 can't read br with brotli 1.2
        collection.sync()
        problems = list(collection.verify())

    assert problems == []
    for path in (tmp_path / "home" / "warc").glob("*"):
        subprocess.run([WARCIO, "check", path], check=True)
