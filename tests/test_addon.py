"""crawler.addon: one line in ADDONS turns recording on, and whole crawls of Scrapy's run over it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

from archive import Collection
from crawler.addon import MuragatAddon
from crawler.crawl_records import PREFIX, REPORT, START, named_by
from crawler.wire.handler import RecordingDownloadHandler
from tests.wire_client import RECORDER, MemoryRecorder
from tests.wire_server import CLOSE, serving

ASYNCIO = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
OK = b"HTTP/1.1 200 OK\r\n"
PAGE = OK + b"Content-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"


def updated(project: dict[str, Any] | None = None, **others: dict[str, Any]) -> Settings:
    settings = Settings({"MURAGAT_RECORDER": RECORDER} | (project or {}))
    for priority, values in others.items():
        settings.update(values, priority=priority)
    MuragatAddon().update_settings(settings)
    return settings


def test_it_puts_the_handler_under_both_schemes_and_leaves_the_others():
    handlers = updated({"DOWNLOAD_HANDLERS": {"http": "a.B", "gopher": "c.D"}}).getwithbase(
        "DOWNLOAD_HANDLERS"
    )

    assert handlers["http"] is handlers["https"] is RecordingDownloadHandler
    assert handlers["gopher"] == "c.D"
    assert "file" in handlers


def test_the_handler_stands_against_the_command_line():
    settings = updated(cmdline={"DOWNLOAD_HANDLERS": '{"http": "a.B"}', "TWISTED_REACTOR": "x.Y"})

    assert settings.getdict("DOWNLOAD_HANDLERS")["http"] is RecordingDownloadHandler
    assert settings["TWISTED_REACTOR"] == ASYNCIO


@pytest.mark.parametrize("reactor", [None, "twisted.internet.selectreactor.SelectReactor"])
def test_the_reactor_is_asyncios(reactor):
    assert updated({"TWISTED_REACTOR": reactor})["TWISTED_REACTOR"] == ASYNCIO


def test_a_crawl_without_a_reactor_stays_without():
    settings = updated({"TWISTED_REACTOR_ENABLED": False, "TWISTED_REACTOR": None})

    assert settings["TWISTED_REACTOR"] is None


def test_remote_code_is_off_unless_the_project_turns_it_on():
    assert not updated().getbool("REMOTE_CONTROL_ENABLED")
    assert not updated().getbool("TELNETCONSOLE_ENABLED")
    assert updated({"TELNETCONSOLE_ENABLED": True}).getbool("TELNETCONSOLE_ENABLED")


def test_the_recorder_is_an_extension_once_and_where_the_project_wants_it():
    assert updated()["EXTENSIONS"][MemoryRecorder] == 0
    assert dict(updated({"EXTENSIONS": {RECORDER: 300}})["EXTENSIONS"]) == {RECORDER: 300}


def test_it_asks_for_codings_that_every_reader_undoes_unless_the_project_asks_for_others():
    plain = updated({"DEFAULT_REQUEST_HEADERS": {"Accept": "*/*"}})["DEFAULT_REQUEST_HEADERS"]
    other = updated({"DEFAULT_REQUEST_HEADERS": {"accept-encoding": "br"}})[
        "DEFAULT_REQUEST_HEADERS"
    ]

    assert dict(plain) == {"Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
    assert dict(other) == {"accept-encoding": "br"}


SPIDER = """
import json, sys
import scrapy
from scrapy.crawler import {process}

class Spider(scrapy.Spider):
    name = "spider"
    start_urls = [sys.argv[1]]
    handle_httpstatus_list = [404]

    def parse(self, response):
        yield {{"url": response.url, "status": response.status, "text": response.text,
                "cookie": response.request.headers.get("Cookie", b"").decode(),
                "sequence": response.meta["muragat_capture"].sequence}}
        if response.css("a"):
            yield from response.follow_all(css="a")

class Save:
    def process_item(self, item):
        print(json.dumps(item), flush=True)
        return item

settings = {{
    "ADDONS": {{"crawler.addon.MuragatAddon": 0}},
    "MURAGAT_RECORDER": "tests.wire_client.MemoryRecorder",
    "MURAGAT_ALLOW": ["127.0.0.1"],
    "ITEM_PIPELINES": {{Save: 0}},
    "LOG_LEVEL": "INFO",
    "RETRY_TIMES": 2,
    "ROBOTSTXT_OBEY": False,
}} | json.loads(sys.argv[2])
process = {process}(settings)
process.crawl(Spider)
process.start()
"""


def crawl(url: str, *, process: str = "CrawlerProcess", **settings: object):
    """Run a spider in a process of its own; return its items and its log."""
    root = Path(__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", SPIDER.format(process=process), url, json.dumps(settings)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return [json.loads(line) for line in result.stdout.splitlines()], result.stderr


LINKS = b'<html><a href="/2">two</a></html>'
FIRST = (
    OK
    + b"Content-Type: text/html\r\nSet-Cookie: seen=1\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
)


def redirect(path: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: " + path + b"\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("process", "has_reactor"),
    [("CrawlerProcess", True), ("AsyncCrawlerProcess", True), ("AsyncCrawlerProcess", False)],
)
def test_redirects_cookies_compression_and_links_work_in_a_crawl(process, has_reactor):
    coded = gzip.compress(LINKS)
    with serving([redirect(b"/1")], [FIRST % len(coded) + coded], [PAGE]) as server:
        items, log = crawl(server.url(), process=process, TWISTED_REACTOR_ENABLED=has_reactor)

    assert [(item["url"], item["cookie"]) for item in items] == [
        (server.url("/1"), ""),
        (server.url("/2"), "seen=1"),
    ]
    assert [item["sequence"] for item in items] == [2, 3]
    assert "ERROR" not in log
    assert "crawler/wire" not in log  # no traceback of ours


def test_failures_are_retried_and_each_try_is_recorded():
    cut = OK + b"Content-Length: 9\r\n\r\nhello"
    with serving([cut, CLOSE], [b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n"], [PAGE]) as server:
        items, _ = crawl(server.url())

    assert [(item["text"], item["sequence"]) for item in items] == [("hello", 3)]


def test_a_redirect_to_a_forbidden_address_ends_there_without_a_retry():
    with (
        serving([PAGE], host="127.0.0.66") as canary,
        serving([redirect(canary.url().encode())]) as server,
    ):
        items, log = crawl(server.url())

    assert (items, canary.received) == ([], [])
    assert "Retrying" not in log
    assert "Traceback" not in log


def test_a_project_without_sites_is_recorded_with_what_there_is(tmp_path):
    home = tmp_path / "home"
    with serving([PAGE]) as server:
        crawl(
            server.url(),
            MURAGAT_RECORDER="crawler.recorder.Recorder",
            MURAGAT_HOME=str(home),
            MURAGAT_ANALYSE=False,
            DOWNLOAD_DELAY=0.25,
            HTTPPROXY_SECRET="hidden",
        )
    with Collection(home) as collection:
        records = {
            named_by(record.target): collection.read_metadata(record)
            for record in collection.metadata(PREFIX)
        }
        [capture] = collection.captures()
        notes = collection.exchange(capture)[-1].block.decode()
    (crawl_id, _), *_ = records
    told = json.loads(records[crawl_id, START])
    assert (told["sites"], told["spiders"]) == ([], ["spider"])
    assert (told["robots"], told["options"]["delay"]) == ("ignore", 0.25)
    assert b"hidden" not in b"".join(records.values())
    assert f"crawl: {crawl_id}\r\n" in notes
    assert records[crawl_id, REPORT] == (home / "crawls" / f"{crawl_id}.json").read_bytes()
