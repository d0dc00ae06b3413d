"""Facts about what other readers say of our files."""

from __future__ import annotations

import gzip

import pytest

from archive import Collection
from archive.warc.second_opinion import objections
from tests.exchanges import exchange


@pytest.fixture
def warc(tmp_path):
    with Collection(tmp_path / "home", write=True) as collection:
        collection.add(exchange("http://example.test/a"))
        collection.add(exchange("http://example.test/b"))
    [path] = (tmp_path / "home" / "warc").iterdir()
    return path


def test_warcio_has_nothing_against_our_files(warc):
    assert list(objections(warc, warc.stat().st_size)) == []


def test_warcio_disputes_a_digest_that_is_wrong(warc, tmp_path):
    plain = gzip.decompress(warc.read_bytes())
    other = tmp_path / "wrong.warc"
    other.write_bytes(plain.replace(b"<html>a</html>", b"<html>x</html>", 1))
    reasons = [reason for _, reason in objections(other, other.stat().st_size)]
    assert any("digest" in reason for reason in reasons)


def test_a_file_that_is_no_warc_is_an_objection_not_a_crash(tmp_path):
    path = tmp_path / "rubbish.warc.gz"
    path.write_bytes(b"rubbish\r\n" * 100)
    assert len(list(objections(path, path.stat().st_size))) == 1
