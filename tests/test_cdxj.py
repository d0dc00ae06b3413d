"""The index for other tools: lines as pywb reads them, the same bytes for the same captures."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import Collection
from archive.errors import StorageFull
from archive.model import Capture, Kind, Truncation
from archive.rebuild import rebuild
from archive.store import cdxj
from tests.exchanges import BEGIN, exchange, numbered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def capture(**changes: object) -> Capture:
    values: dict[str, object] = {
        "sequence": 1,
        "urlkey": "com,example)/a",
        "date": BEGIN,
        "url": "http://example.com/a",
        "method": "GET",
        "status": 200,
        "mime": "text/html",
        "digest": "sha256:00",
        "kind": Kind.RESPONSE,
        "file": "n-00001-20240131235959.warc.gz",
        "offset": 333,
        "length": 4444,
        "record_id": "urn:uuid:1",
    }
    return Capture(**(values | changes))  # type: ignore[arg-type]


def fields(line: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(line.split(b" ", 2)[2])
    return found


def test_line_is_urlkey_timestamp_and_the_fields_that_pywb_reads() -> None:
    assert cdxj.line(capture()) == (
        b'com,example)/a 20240131235958 {"url": "http://example.com/a", "mime": "text/html", '
        b'"status": "200", "digest": "sha256:00", "length": "4444", "offset": "333", '
        b'"filename": "n-00001-20240131235959.warc.gz"}\n'
    )


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"kind": Kind.REVISIT}, "mime", "warc/revisit"),
        ({"mime": ""}, "mime", "unk"),
        ({"status": 0}, "status", None),
        ({"method": "POST"}, "method", "POST"),
        ({"truncated": Truncation.TIME}, "truncated", "time"),
    ],
)
def test_what_is_unlike_a_plain_page_is_said(
    changes: dict[str, object], name: str, value: str | None
) -> None:
    assert fields(cdxj.line(capture(**changes))).get(name) == value


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_any_address_comes_back_from_its_line(url: str) -> None:
    line = cdxj.line(capture(url=f"http://{url}"))
    assert fields(line)["url"] == f"http://{url}"
    assert line.count(b"\n") == 1


def test_publish_replaces_the_file_only_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "index.cdxj"
    one, two = capture(), capture(urlkey="com,example)/b")
    assert cdxj.publish(path, [one])
    before = cdxj.stamp(path)
    assert not cdxj.publish(path, [one])
    assert cdxj.stamp(path) == before
    assert cdxj.publish(path, [one, two])
    assert cdxj.publish(path, [two, one])  # same size, other bytes
    assert path.read_bytes() == cdxj.line(two) + cdxj.line(one)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["index.cdxj"]


def test_stamp_of_no_file(tmp_path: Path) -> None:
    assert cdxj.stamp(tmp_path / "nothing") == "missing"


def test_failed_publication_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.cdxj"
    cdxj.publish(path, [capture()])

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageFull, match=r"index\.cdxj"):
        cdxj.publish(path, [])
    assert path.read_bytes() == cdxj.line(capture())
    assert [found.name for found in tmp_path.iterdir()] == ["index.cdxj"]


def killed_while_publishing(home: Path) -> None:
    """Publish in a process that is killed when all is written and nothing named."""
    code = (
        "import os, pathlib, sys; from archive import Collection;"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), 9);"
        "Collection(pathlib.Path(sys.argv[1]), write=True).publish()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("start", [lambda home: Collection(home, write=True).close(), rebuild])
def test_what_a_kill_left_of_publishing_is_gone_after_the_next_start(
    tmp_path: Path, start: Callable[[Path], object]
) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        collection.add(numbered(1))
    killed_while_publishing(home)
    (home / ".index.cdxj.k3a_9x").write_bytes(b"of an older muragat")
    start(home)
    assert [found.name for found in home.glob(".*")] == []
    with Collection(home) as reading:
        assert list(reading.verify()) == []


def test_published_lines_are_sorted_and_there_is_one_for_each_capture(tmp_path: Path) -> None:
    home = tmp_path / "c"
    numbers = list(range(40))
    random.Random(7).shuffle(numbers)
    with Collection(home, write=True) as collection:
        for number in numbers:
            collection.add(numbered(number % 11))
        collection.add(exchange(started=BEGIN + timedelta(microseconds=2), body=b"2"))
        collection.add(exchange(started=BEGIN + timedelta(microseconds=1), body=b"1"))
        collection.sync()
        collection.publish()
        captures = list(collection.captures())
    lines = (home / "index.cdxj").read_bytes().splitlines(keepends=True)
    assert lines == [cdxj.line(one) for one in captures]
    assert [line.split(b" ")[:2] for line in lines] == sorted(
        line.split(b" ")[:2] for line in lines
    )
    order = [(one.urlkey, one.date, one.record_id) for one in captures]
    assert order == sorted(order)
    assert len(lines) == 42


def test_publishing_again_without_news_touches_nothing(tmp_path: Path) -> None:
    with Collection(tmp_path / "c", write=True) as collection:
        collection.add(exchange())
        collection.sync()
        collection.publish()
        (tmp_path / "c" / "index.cdxj").chmod(0o400)
        before = cdxj.stamp(tmp_path / "c" / "index.cdxj")
        collection.publish()
        assert cdxj.stamp(tmp_path / "c" / "index.cdxj") == before


def test_index_that_another_hand_changed_is_made_again_at_the_next_start(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        collection.add(exchange())
        collection.sync()
        collection.publish()
    right = (home / "index.cdxj").read_bytes()
    (home / "index.cdxj").write_bytes(b"x")
    Collection(home, write=True).close()
    assert (home / "index.cdxj").read_bytes() == right
