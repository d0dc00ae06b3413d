"""Facts about the thread that writes the collection and the frontier."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from archive import Collection, Warcinfo
from archive.errors import CollectionLocked, StorageError, StorageFull
from archive.model import Announcer, Outcome, Via
from crawler.crawl_records import Attempt, attempts_in, target
from crawler.frontier import Visit, announcement
from crawler.reconstruct import FrontierInStep
from crawler.session.writer import CollectionWriter
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
        return len(store.frontier.announce("example", told))

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


def claims_of(home):
    """What a new process finds due at its start."""
    second = CollectionWriter(home, Warcinfo(), lambda failure: None)
    second.start()
    claims = second.submit(lambda store: store.frontier.claim("example", 9)).result()
    second.stop()
    return claims


def killed_after_storing(home, **changes):
    """Store an address that was claimed; the process ends before that is acknowledged."""
    first = CollectionWriter(home, Warcinfo(), lambda failure: None)
    first.start()
    first.submit(announce(URL)).result()
    first.submit(lambda store: store.commit()).result()
    first.submit(lambda store: store.frontier.claim("example", 1)).result()
    first.submit(record(URL, **changes)).result()

    def killed(store):
        def not_committed(connection):
            raise StorageError("stands for a kill between the sync and the commit")

        store.collection.sync(not_committed)

    with pytest.raises(StorageError):
        first.submit(killed).result()
    with pytest.raises(StorageError):
        first.stop()


def test_what_was_stored_before_a_kill_but_not_acknowledged_is_done_at_the_next_start(tmp_path):
    killed_after_storing(tmp_path / "home")
    assert claims_of(tmp_path / "home") == []


def test_a_kill_between_recovery_and_acknowledgement_fetches_nothing_again(tmp_path):
    killed_after_storing(tmp_path / "home")
    with Collection(tmp_path / "home", write=True) as collection:
        assert [capture.url for capture in collection.recovered] == [URL]
    assert claims_of(tmp_path / "home") == []


def test_an_answer_that_is_to_be_tried_again_is_due_after_a_kill(tmp_path):
    killed_after_storing(
        tmp_path / "home",
        head=b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n",
        body=b"no",
    )
    assert [claim.url for claim in claims_of(tmp_path / "home")] == [URL]


def test_what_an_earlier_round_left_unread_is_due_in_this_one(tmp_path):
    killed_after_storing(tmp_path / "home")
    third = CollectionWriter(tmp_path / "home", Warcinfo(), lambda failure: None)
    third.start()
    third.submit(lambda store: store.frontier.begin("example", "2")).result()
    third.stop()
    assert [claim.url for claim in claims_of(tmp_path / "home")] == [URL]


def test_a_job_that_nobody_waits_for_any_more_leaves_the_writer_at_work(writer):
    begun, go_on = threading.Event(), threading.Event()

    def busy(store):
        begun.set()
        go_on.wait(10)

    writer.submit(busy)
    begun.wait(10)
    given_up = writer.submit(announce(URL))
    assert given_up.cancel()
    go_on.set()
    assert writer.submit(announce(URL)).result(10) == 1


def test_a_failure_reaches_those_who_wait_past_one_that_gave_up(writer, failures):
    begun, go_on = threading.Event(), threading.Event()

    def full(store):
        begun.set()
        go_on.wait(10)
        raise StorageFull("no room")

    writer.submit(full)
    begun.wait(10)
    given_up, later = writer.submit(announce(URL)), writer.submit(announce(URL))
    assert given_up.cancel()
    go_on.set()
    with pytest.raises(StorageFull):
        later.result(10)


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


CRAWL = "20260301000000"


def fail(url):
    """Give an address back that brought no answer."""

    def job(store):
        via = Via(CRAWL, Announcer.LINK, seed=URL, site="example")
        attempt = Attempt(url, Outcome.TLS, datetime(2026, 3, 1, tzinfo=UTC), via)
        store.failed(attempt, Visit(announcement(url, via).key, Outcome.TLS))

    return job


def attempts(home):
    with Collection(home) as reader:
        return [
            attempt.url
            for record in reader.metadata(target(CRAWL, "attempts"))
            for attempt in attempts_in(reader.read_metadata(record), CRAWL)
        ]


def test_an_address_without_an_answer_is_done_with_the_record_of_it(writer, tmp_path):
    writer.submit(announce(URL)).result()
    writer.submit(lambda store: store.commit()).result()
    writer.submit(fail(URL)).result()
    counts = writer.submit(
        lambda store: (store.commit(), store.frontier.counts("example"))
    ).result()
    assert counts[1] == (1, 0)
    assert attempts(tmp_path / "home") == [URL]


def test_attempts_of_one_commit_are_one_record(writer, tmp_path):
    def many(store):
        for number in range(50):
            fail(f"{URL}{number}")(store)
        store.commit()

    writer.submit(many).result()
    assert len(attempts(tmp_path / "home")) == 50
    with Collection(tmp_path / "home") as reader:
        assert len(list(reader.metadata(target(CRAWL, "attempts")))) == 1


def test_an_attempt_that_a_kill_took_with_it_is_due_again(tmp_path):
    home = tmp_path / "home"
    first = CollectionWriter(home, Warcinfo(), lambda failure: None)
    first.start()
    first.submit(announce(URL)).result()
    first.submit(lambda store: store.commit()).result()
    first.submit(lambda store: store.frontier.claim("example", 1)).result()

    def killed(store):
        fail(URL)(store)
        raise StorageError("stands for a kill before the commit")

    with pytest.raises(StorageError):
        first.submit(killed).result()
    with pytest.raises(StorageError):
        first.stop()
    assert [claim.url for claim in claims_of(home)] == [URL]
    assert attempts(home) == []


def test_a_frontier_that_was_lost_is_made_again_at_the_start(tmp_path):
    home = tmp_path / "home"
    via = Via(CRAWL, Announcer.SITEMAP, seed="http://example.test/", hop=2, site="example")
    first = CollectionWriter(home, Warcinfo(), lambda failure: None)
    first.start()
    first.submit(record(URL, via=via)).result()
    first.stop()
    for path in home.glob("state.sqlite*"):
        path.unlink()
    keeper = FrontierInStep({})
    second = CollectionWriter(home, Warcinfo(), lambda failure: None, keeper=keeper)
    second.start()
    found = second.submit(lambda store: store.frontier.claim_of_url(URL)).result()
    second.stop()
    assert found is not None
    site, claim = found
    assert (site, claim.via.announcer, claim.via.hop) == ("example", Announcer.SITEMAP, 2)
