"""The index is a function of the set of captures: whatever the order, the batches and the detours of their arrival.

The reference is always the same: all captures in order of date, in one batch. What is compared are the published
bytes and every derived table.
"""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.index import Index
from archive.index.observation import key_of, read
from archive.model import Author, Kind, Truncation
from tests.observing import SITE, listing, seen, story

NAME = "articles.jsonl"
DERIVED = [
    "SELECT identity, domain, entry, moves_to, moved_at, is_page FROM node",
    "SELECT * FROM shows",
    "SELECT * FROM claim",
    "SELECT * FROM payload",
    "SELECT id, site, history, is_gone FROM entry WHERE line IS NOT NULL",
    "SELECT * FROM address",
    "SELECT * FROM again",
    "SELECT record_id, date, url, kind, digest, original, article, target, problem, file, offset FROM observation",
]
HOSTS = [SITE, "https://www.example.com", "http://news.example.com", "https://copy.example.org"]
LONG = "One sentence of a story that is told in more than forty words. " * 5


class Drawn:
    """A set of captures drawn at random: everything that can tie them to one another, on few addresses."""

    def __init__(self, seed, captures, addresses):
        self._random = random.Random(seed)
        self._paths = [f"/{n}" for n in range(addresses)]
        found = [self._observation() for _ in range(captures)]
        self.world = {key_of(item.capture): item for item in found}

    def _observation(self):
        pick = self._random
        url = self._address()
        drawn = seen(url, pick.randrange(30), **self._content(url))
        capture = replace(
            drawn.capture,
            record_id=f"urn:uuid:{pick.randrange(40)}",
            kind=pick.choice([Kind.RESPONSE, Kind.RESPONSE, Kind.REVISIT]),
            original=f"urn:uuid:{pick.randrange(40)}" if pick.random() < 0.3 else "",
            file=f"news-{pick.randrange(3)}.warc.gz",
            offset=pick.randrange(1000),
        )
        return replace(drawn, capture=capture)

    def _address(self):
        pick = self._random
        host = pick.choice(HOSTS) if pick.random() < 0.2 else SITE
        query = "?utm_source=x" if pick.random() < 0.1 else ""
        return host + pick.choice(self._paths) + query

    def _content(self, url):
        pick = self._random
        sort = pick.random()
        if sort < 0.2:
            target = pick.choice([self._address(), self._address(), url, ""])
            return {"status": pick.choice([301, 302, 308]), "target": target}
        if sort < 0.3:
            return {"status": pick.choice([404, 410, 304, 304])}
        if sort < 0.35:
            return {"problem": "analysis failed", "payload": self._payload(url)}
        cut = Truncation.LENGTH if pick.random() < 0.1 else None
        article = listing() if sort < 0.42 else self._story()
        return {"article": article, "payload": self._payload(url), "truncated": cut}

    def _payload(self, url):
        """The bytes: often those of another capture there, sometimes of another address, whatever was read."""
        pick = self._random
        return pick.choice(
            [None, f"{url} 1", f"{url} 2", f"{url} 2", f"shared {pick.randrange(4)}"]
        )

    def _story(self):
        pick = self._random
        names = ("canonical", "amp", "print_url", "shortlink")
        named = {name: self._address() for name in names if pick.random() < 0.15}
        return story(
            pick.choice(["A", "B", "C", "D", ""]),
            pick.choice(["One.", "Two.", "Three.", "", LONG, LONG + "!"]),
            authors=tuple(Author(name) for name in ("Ann", "Bob") if pick.random() < 0.3),
            published=pick.choice(["", "2026-01-01T00:00:00+00:00", "2026-01-01T09:00:00+05:00"]),
            **named,
        )

    def arrivals(self, seed):
        """The captures in another order, some twice, some first with other bytes or in another place."""
        pick = random.Random(seed)
        found = list(self.world.values())
        pick.shuffle(found)
        for item in pick.sample(found, len(found) // 4):
            found.insert(pick.randrange(len(found)), item)
        for item in pick.sample(found, len(found) // 6):
            found.insert(found.index(item), self._before(item, pick))
        return found

    def _before(self, item, pick):
        """What was known of a capture before its original came, or another file with it."""
        moved = replace(item, capture=replace(item.capture, file="other.warc.gz", offset=7))
        if pick.random() < 0.3:
            return moved
        digest = seen(item.capture.url, 0, payload=self._payload(item.capture.url)).capture.digest
        capture = replace(item.capture, digest=digest, original="urn:uuid:other")
        return replace(item, capture=capture, reading=read(self._story()) if item.reading else None)


def reference(home, world):
    with Index(home, write=True) as index:
        for item in sorted(world.values(), key=lambda item: item.order):
            index.add(item)
        index.commit()
        index.publish()


def arrive(home, world, arrivals, pick, commits=0.1, publications=0.02):
    """Add in order of arrival, committing and publishing in between; then observe again what is to be."""
    with Index(home, write=True) as index:
        for item in arrivals:
            index.add(item)
            if pick.random() < commits:
                index.commit()
            if pick.random() < publications:
                index.commit()
                index.publish()
        while again := index.again():
            for key in again:
                index.add(world[key])
            if pick.random() < 0.5:
                index.commit()
        index.commit()
        index.publish()


def derived(home):
    with closing(sqlite3.connect(home / "articles.sqlite")) as connection:
        return {query: sorted(connection.execute(query), key=repr) for query in DERIVED}


def check(home, other):
    assert derived(other) == derived(home)
    assert (other / NAME).read_bytes() == (home / NAME).read_bytes()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("captures", "addresses"), [(300, 30), (200, 90), (150, 8)])
def test_hundreds_of_captures_in_any_order_give_one_index(tmp_path, seed, captures, addresses):
    drawn = Drawn(seed, captures, addresses)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    reference(one, drawn.world)
    arrive(two, drawn.world, drawn.arrivals(seed + 1000), random.Random(seed))
    check(one, two)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32),
    captures=st.integers(1, 40),
    addresses=st.integers(1, 8),
    commits=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    publications=st.sampled_from([0.0, 0.2]),
)
def test_any_order_batching_and_doubling_gives_one_index(
    tmp_path_factory, seed, captures, addresses, commits, publications
):
    drawn = Drawn(seed, captures, addresses)
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    reference(one, drawn.world)
    arrivals = drawn.arrivals(seed + 1)
    arrive(two, drawn.world, arrivals, random.Random(seed), commits, publications)
    check(one, two)


# Each of these was once told apart by the order of arrival alone


def both_ways(tmp_path, observations, then=()):
    """The published bytes of both orders of arrival."""
    found = []
    for number, order in enumerate([1, -1]):
        home = tmp_path / str(number)
        home.mkdir()
        with Index(home, write=True) as index:
            for item in [*observations[::order], *then]:
                index.add(item)
                index.commit()
            index.publish()
        found.append((home / NAME).read_bytes())
    return found


def of_record(observation, record_id="urn:uuid:1"):
    return replace(observation, capture=replace(observation.capture, record_id=record_id))


def test_of_two_redirects_of_one_moment_and_record_the_address_decides(tmp_path):
    http = SITE.replace("https", "http") + "/s"
    moves = [
        of_record(seen("/s", 1, status=302, target="/a")),
        of_record(seen(http, 1, status=302, target="/b")),
    ]
    shown = [seen("/a", 2, story("A", "One.")), seen("/b", 2, story("B", "Two."))]
    one, two = both_ways(tmp_path, moves, shown)
    assert one == two


def test_of_two_captures_of_one_moment_and_record_the_address_decides(tmp_path):
    http = SITE.replace("https", "http") + "/a"
    shown = [
        of_record(seen("/a", 1, story("A", "One."))),
        of_record(seen(http, 1, story("A", "Two."))),
    ]
    one, two = both_ways(tmp_path, shown)
    assert one == two
    assert one.count(b'"firstSeen"') == 2


def test_records_of_one_name_at_two_dates_are_two_captures(tmp_path):
    shown = [of_record(seen("/a", at, story("A", f"Text {at}."))) for at in (1, 2)]
    one, two = both_ways(tmp_path, shown)
    assert one == two
    assert one.count(b'"offset":') == 2


def test_a_capture_whose_original_came_later_is_told_anew(tmp_path):
    unresolved = seen("/a", 1, story("Wrong", "Wrong."), payload="stated", original="urn:uuid:x")
    resolved = seen("/a", 1, story("Right", "Right."), payload="true", original="urn:uuid:y")
    one, two = both_ways(tmp_path, [unresolved], [resolved])
    assert one == two
    assert b"Right" in one
    assert b"Wrong" not in one


def test_those_that_relied_on_a_capture_that_changed_are_observed_again(tmp_path):
    with Index(tmp_path, write=True) as index:
        first, later = (seen("/a", at, story("A", f"Text {at}."), payload="p") for at in (1, 2))
        index.add(first)
        index.add(later)
        index.commit()
        changed = seen("/a", 1, story("A", "Other."), payload="q")
        index.add(replace(changed, capture=replace(changed.capture, offset=7)))
        index.commit()
        assert index.again() == [key_of(later.capture)]
        assert not index.knows(later.capture)
        index.add(later)
        index.commit()
        assert index.again() == []
        (entry,) = index.entries()
    assert [version.first_seen[-1] for version in entry.versions] == ["1", "2"]


def test_a_capture_that_is_no_more_leaves_nothing(tmp_path):
    shown, other = seen("/a", 1, story("A", "One.")), seen("/b", 2, story("B", "Two."))
    with Index(tmp_path, write=True) as index:
        index.add(shown)
        index.add(other)
        index.commit()
        assert index.keep_only([other.capture]) == 1
        index.commit()
        index.publish()
        assert [entry.url for entry in index.entries()] == [f"{SITE}/b"]
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 1
