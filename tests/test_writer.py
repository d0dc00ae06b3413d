"""Facts about the thread that writes the collection and the frontier."""

from __future__ import annotations

import pytest

from archive import Collection, Warcinfo
from archive.errors import CollectionLocked, StorageError, StorageFull
from archive.model import Announcer, Outcome, Via
from crawler.frontier import Visit, announcement
from crawler.writer import CollectionWriter
from tests.exchanges import exchange

URL = "http://example.test/a"


@pytest.fixture
def failures():
    return []


@pytest.fixture
def writer(tmp_path, failures):
    writer = CollectionWriter(tmp_path / "home", Warcinfo(), failures.append)
    writer.start()
    yield writer
    if not failures:
        writer.stop()


def record(url, **changes):
    def job(store):
        store.is_dirty = True
        return store.collection.add(exchange(url, **changes))

    return job


def announce(*urls):
    def job(store):
        told = [announcement(url, Via(announcer=Announcer.LINK)) for url in urls]
        return store.frontier.announce("example", told)

    return job


def test_a_job_returns_its_result(writer):
    assert writer.submit(lambda store: store.frontier.counts("example")).result() == (0, 0)


def test_a_job_that_raises_fails_alone(writer):
    def wrong(store):
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        writer.submit(wrong).result()
    assert writer.submit(announce(URL)).result() == 1


def test_changes_are_committed_without_being_asked(writer, tmp_path):
    writer.submit(record(URL)).result()
    with Collection(tmp_path / "home") as reader:
        while not list(reader.captures(URL)):
            writer.submit(lambda store: None).result()


def test_stopping_commits_what_is_left(tmp_path):
    writer = CollectionWriter(tmp_path / "home", Warcinfo(), lambda failure: None)
    writer.start()
    writer.submit(record(URL))
    writer.submit(announce(URL))
    writer.stop()
    with Collection(tmp_path / "home") as reader:
        assert [capture.url for capture in reader.captures()] == [URL]


def test_a_second_writer_is_told_who_holds_the_collection(writer, tmp_path):
    second = CollectionWriter(tmp_path / "home", Warcinfo(), lambda failure: None)
    with pytest.raises(CollectionLocked):
        second.start()


def test_a_failure_of_the_storage_reaches_every_later_job(writer, failures):
    def full(store):
        raise StorageFull("no room")

    with pytest.raises(StorageFull):
        writer.submit(full).result()
    with pytest.raises(StorageError):
        writer.submit(announce(URL)).result()
    assert isinstance(failures[0], StorageFull)
    with pytest.raises(StorageFull):
        writer.stop()


def test_what_was_stored_before_a_kill_but_not_acknowledged_is_done_at_the_next_start(tmp_path):
    home = tmp_path / "home"
    first = CollectionWriter(home, Warcinfo(), lambda failure: None)
    first.start()
    first.submit(announce(URL)).result()
    first.submit(lambda store: store.commit()).result()
    first.submit(lambda store: store.frontier.claim("example", 1)).result()
    first.submit(record(URL)).result()

    def killed(store):
        def not_committed(connection):
            raise StorageError("stands for a kill between the sync and the commit")

        store.collection.sync(not_committed)

    with pytest.raises(StorageError):
        first.submit(killed).result()
    with pytest.raises(StorageError):
        first.stop()

    second = CollectionWriter(home, Warcinfo(), lambda failure: None)
    second.start()
    claims = second.submit(lambda store: store.frontier.claim("example", 1)).result()
    second.stop()
    assert claims == []


def test_a_done_address_and_its_capture_are_committed_together(writer, tmp_path):
    writer.submit(announce(URL)).result()
    writer.submit(lambda store: store.commit()).result()
    [claim] = writer.submit(lambda store: store.frontier.claim("example", 1)).result()

    def job(store):
        record(URL)(store)
        store.frontier.done(Visit(claim.key, Outcome.STORED))
        store.commit()
        return store.frontier.counts("example")

    assert writer.submit(job).result() == (1, 0)
    with Collection(tmp_path / "home") as reader:
        assert len(list(reader.captures(URL))) == 1
