"""The index as a whole: which addresses are one article, order, publication, reading, faults of the file."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.errors import CollectionLocked, NotACollection, SchemaUnknown, StorageError
from archive.index import Index, Tally
from archive.index.entry import from_line
from archive.index.fold import entry_id
from archive.model import Truncation
from tests.observing import SITE, entries_of, listing, seen, story

NAME = "articles.jsonl"


@pytest.fixture
def index(tmp_path):
    with Index(tmp_path, write=True) as opened:
        yield opened


def urls_of(entries):
    return sorted(
        sorted({item.url.removeprefix(SITE) for item in entry.appearances}) for entry in entries
    )


# Which addresses are one article


def test_two_articles_are_two_entries(index):
    found = entries_of(
        index, [seen("/a", 1, story("A", "One.")), seen("/b", 2, story("B", "Two."))]
    )
    assert len(found) == 2


def test_pages_that_are_no_articles_have_no_entry(index):
    assert (
        entries_of(index, [seen("/", 1, listing()), seen("/x", 2, status=404), seen("/y", 3)]) == []
    )


def test_a_confirmed_canonical_address_is_the_same_article(index):
    named = story(canonical=f"{SITE}/a")
    assert len(entries_of(index, [seen("/a?ref=1", 1, named), seen("/a", 2, named)])) == 1


def test_a_headline_alone_confirms_a_canonical_address(index):
    found = entries_of(
        index,
        [seen("/a/amp", 1, story(text="Short.", canonical=f"{SITE}/a")), seen("/a", 2, story())],
    )
    assert len(found) == 1


@pytest.mark.parametrize(
    "canonical",
    [
        story("Other headline", "Other text."),
        story("", ""),
        listing(),
    ],
)
def test_a_canonical_address_that_shows_something_else_is_not_believed(index, canonical):
    found = entries_of(
        index, [seen("/a", 1, story(canonical=f"{SITE}/b")), seen("/b", 2, canonical)]
    )
    assert f"{SITE}/a" in {entry.url for entry in found}
    assert all(len(entry.appearances) == 1 for entry in found)


def test_pages_without_text_and_headline_confirm_nothing(index):
    empty = story("", "", canonical=f"{SITE}/b")
    assert len(entries_of(index, [seen("/a", 1, empty), seen("/b", 2, story("", ""))])) == 2


def test_a_canonical_address_on_another_domain_joins_nothing(index):
    other = "https://copy.example.org/a"
    found = entries_of(index, [seen("/a", 1, story(canonical=other)), seen(other, 2, story())])
    assert len(found) == 2


def test_a_canonical_address_on_another_host_of_the_domain_joins(index):
    other = "https://www.example.com/a"
    assert (
        len(entries_of(index, [seen("/a", 1, story(canonical=other)), seen(other, 2, story())]))
        == 1
    )


def test_the_same_bytes_on_one_domain_are_one_article(index):
    found = entries_of(index, [seen(f"/{n}", n, story(), payload="p") for n in range(5)])
    assert urls_of(found) == [["/0", "/1", "/2", "/3", "/4"]]


def test_the_same_bytes_on_two_domains_are_two_articles(index):
    other = "https://copy.example.org/a"
    found = entries_of(
        index, [seen("/a", 1, story(), payload="p"), seen(other, 2, story(), payload="p")]
    )
    assert len(found) == 2


LONG = "One sentence of a story that is told in more than forty words. " * 5


def test_the_same_wording_on_one_domain_is_one_article(index):
    paged = seen("/a/comment-page-2/", 2, story(text=LONG, canonical=SITE + "/a/comment-page-2/"))
    [entry] = entries_of(index, [seen("/a/", 1, story(text=LONG)), paged])
    assert {address.url for address in entry.addresses} == {
        SITE + "/a/",
        SITE + "/a/comment-page-2/",
    }
    assert (entry.url, entry.canonical_url) == (SITE + "/a/", SITE + "/a/")


def test_the_same_wording_under_another_headline_or_date_is_another_article(index):
    found = [
        seen("/a", 1, story(text=LONG, published="2026-01-01T00:00:00+00:00")),
        seen("/b", 2, story("Other", text=LONG, published="2026-01-01T00:00:00+00:00")),
        seen("/c", 3, story(text=LONG, published="2026-02-02T00:00:00+00:00")),
    ]
    assert len(entries_of(index, found)) == 3


def test_a_few_equal_words_make_no_article_one(index):
    assert len(entries_of(index, [seen("/a", 1, story()), seen("/b", 2, story())])) == 2


def test_an_entry_keeps_its_address_whichever_copy_is_read_last(index):
    first = [seen("/a", 1, story(), payload="x"), seen("/b", 2, story(), payload="x")]
    again = [seen("/b", 3, story(), payload="x"), seen("/a", 4, story(), payload="x")]
    [entry] = entries_of(index, [*first, *again, seen("/b", 5, story(), payload="x")])
    assert entry.canonical_url == SITE + "/a"


def test_a_redirect_to_an_article_is_a_role_of_it(index):
    (entry,) = entries_of(index, [seen("/s", 1, status=302, target="/a"), seen("/a", 2, story())])
    assert [(item.url, item.role) for item in entry.addresses] == [
        (f"{SITE}/a", "canonical"),
        (f"{SITE}/s", "redirect"),
    ]


def test_a_chain_of_redirects_leads_to_the_article(index):
    chain = [seen(f"/{n}", n, status=301, target=f"/{n + 1}") for n in range(9)]
    (entry,) = entries_of(index, [*chain, seen("/9", 9, story())])
    assert len(entry.addresses) == 10


def test_redirects_that_go_round_join_nothing(index):
    loop = [seen("/a", 1, status=301, target="/b"), seen("/b", 2, status=301, target="/a")]
    assert len(entries_of(index, [*loop, seen("/c", 3, story())])) == 1


def test_only_the_last_redirect_counts(index):
    found = entries_of(
        index,
        [
            seen("/s", 1, status=302, target="/a"),
            seen("/s", 2, status=302, target="/b"),
            seen("/a", 3, story("A", "One.")),
            seen("/b", 4, story("B", "Two.")),
        ],
    )
    assert urls_of(found) == [["/a"], ["/b", "/s"]]


def test_a_renamed_article_is_one_entry_under_its_old_id(index):
    (before,) = entries_of(index, [seen("/old", 1, story())])
    found = entries_of(
        index, [seen("/old", 2, status=301, target="/new"), seen("/new", 3, story())]
    )
    assert [entry.id for entry in found] == [before.id]


def test_articles_that_redirect_to_the_home_page_are_gone_and_not_one(index):
    shown = [seen(f"/{n}", n, story(f"S{n}", f"Text {n}.")) for n in range(3)]
    home = [seen(f"/{n}", 10 + n, status=301, target="/") for n in range(3)]
    found = entries_of(index, [seen("/", 0, listing()), *shown, *home])
    assert [entry.is_gone for entry in found] == [True] * 3


def test_an_article_that_redirects_to_another_article_is_gone(index):
    found = entries_of(
        index,
        [
            seen("/a", 1, story("A", "One.")),
            seen("/b", 1, story("B", "Two.")),
            seen("/a", 2, status=301, target="/b"),
        ],
    )
    assert {entry.url[-1]: entry.is_gone for entry in found} == {"a": True, "b": False}


def test_what_a_target_shows_later_is_told_then(index):
    (before,) = entries_of(index, [seen("/a", 1, story()), seen("/a", 2, status=301, target="/x")])
    (after,) = entries_of(index, [seen("/x", 3, listing())])
    assert (before.is_gone, after.is_gone) == (False, True)


def test_translations_are_linked_and_never_one_entry(index):
    french = story("Une histoire", "Il était une fois.", alternates=(("en", f"{SITE}/a"),))
    english = story(alternates=(("fr", f"{SITE}/fr/a"),))
    found = entries_of(index, [seen("/a", 1, english), seen("/fr/a", 2, french)])
    assert sorted(entry.translations for entry in found) == [
        (("en", f"{SITE}/a"),),
        (("fr", f"{SITE}/fr/a"),),
    ]


# The set of captures decides

PATHS = ["/a", "/b", "/c", "/"]
STORIES = [
    story("A", "One."),
    story("B", "Two.", amp=f"{SITE}/c"),
    story("A", "Edited.", canonical=f"{SITE}/a"),
    story("A", LONG),
    listing(),
]
LOOKS = st.one_of(
    st.builds(
        lambda path, n, which, payload: seen(
            path, n, STORIES[which], payload=f"{path} {which}" if payload == "own" else payload
        ),
        st.sampled_from(PATHS),
        st.integers(0, 9),
        st.integers(0, len(STORIES) - 1),
        st.sampled_from([None, "own", "own", "shared"]),
    ),
    st.builds(
        lambda path, n, target, status: seen(path, n, status=status, target=target),
        st.sampled_from(PATHS),
        st.integers(0, 9),
        st.sampled_from([*PATHS, "/never"]),
        st.sampled_from([301, 302]),
    ),
    st.builds(
        lambda path, n, status: seen(path, n, status=status),
        st.sampled_from(PATHS),
        st.integers(0, 9),
        st.sampled_from([404, 410, 304]),
    ),
    st.builds(
        lambda path, n: seen(path, n, STORIES[0], truncated=Truncation.LENGTH),
        st.sampled_from(PATHS),
        st.integers(0, 9),
    ),
)


def same_payload_same_article(observations):
    """Of one payload at one URL only one article can be read; keep the first that was drawn."""
    articles: dict[tuple[str, str], object] = {}
    found, records = [], set()
    for item in observations:
        key = item.capture.url, item.capture.digest
        shown = articles.setdefault(key, item.reading and item.reading.article)
        if item.capture.record_id not in records and shown == (
            item.reading and item.reading.article
        ):
            records.add(item.capture.record_id)
            found.append(item)
    return found


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(LOOKS, max_size=12).map(same_payload_same_article), st.data())
def test_order_and_batches_of_arrival_do_not_matter(tmp_path_factory, observations, data):
    shuffled = data.draw(st.permutations(observations))
    cuts = data.draw(st.sets(st.integers(0, 12), min_size=1))
    once = tmp_path_factory.mktemp("once")
    with Index(once, write=True) as index:
        entries_of(index, sorted(observations, key=lambda item: item.order))
        index.publish()
    often = tmp_path_factory.mktemp("often")
    with Index(often, write=True) as index:
        for number, observation in enumerate(shuffled):
            index.add(observation)
            if number in cuts:
                index.commit()
                index.publish()
        index.commit()
        index.publish()
    assert (often / NAME).read_bytes() == (once / NAME).read_bytes()


def test_an_address_that_redirects_elsewhere_now_is_let_go(index):
    shown = [seen("/a", 1, story("A", "One.")), seen("/b", 1, story("B", "Two."))]
    entries_of(index, [*shown, seen("/s", 2, status=302, target="/a")])
    found = entries_of(index, [seen("/s", 3, status=302, target="/b")])
    assert urls_of(found) == [["/a"], ["/b", "/s"]]


def test_an_article_whose_redirect_turns_elsewhere_is_two_again(index):
    entries_of(
        index,
        [seen("/a", 1, story()), seen("/b", 1, story()), seen("/a", 2, status=301, target="/b")],
    )
    found = entries_of(index, [seen("/a", 3, status=301, target="/never")])
    assert urls_of(found) == [["/a"], ["/b"]]


@pytest.mark.parametrize("order", [1, -1])
def test_of_the_same_bytes_the_earliest_reading_counts_whenever_it_comes(index, order):
    other = story("Other", "Other text.", canonical=f"{SITE}/b")
    first, later = seen("/a", 1, story(), payload="p"), seen("/a", 2, other, payload="p")
    for observation in [first, later][::order]:
        entries_of(index, [observation])
    found = entries_of(index, [seen("/b", 3, other)])
    assert sorted(entry.article.headline for entry in found) == ["A story", "Other"]


def test_a_capture_seen_twice_counts_once(index):
    found = entries_of(index, [seen("/a", 1, story()), seen("/a", 1, story())])
    assert len(found[0].appearances) == 1


# What a run did


def test_a_run_counts_its_articles(tmp_path):
    with Index(tmp_path, write=True) as index:
        entries_of(index, [seen(f"/{n}", n, story(f"S{n}", f"Text {n}.")) for n in range(4)])
        assert index.tally == Tally(new=4)
    with Index(tmp_path, write=True) as index:
        entries_of(index, [seen("/0", 10, story("S0", "Text 0."))])
        entries_of(
            index, [seen("/1", 10, story("S1", "Edited.")), seen("/1", 11, story("S1", "Edited."))]
        )
        entries_of(index, [seen("/2", 10, status=404), seen("/4", 10, story("S4", "Text 4."))])
        assert index.tally == Tally(new=1, changed=1, unchanged=1, gone=1)


def test_an_article_new_in_this_run_stays_new_when_captured_again(index):
    entries_of(index, [seen("/a", 1, story())])
    entries_of(index, [seen("/a", 2, story(text="Edited."))])
    assert index.tally == Tally(new=1)


def test_an_article_gone_and_back_within_a_run_has_changed(tmp_path):
    with Index(tmp_path, write=True) as index:
        entries_of(index, [seen("/a", 1, story())])
    with Index(tmp_path, write=True) as index:
        entries_of(index, [seen("/a", 2, status=404)])
        entries_of(index, [seen("/a", 3, story())])
        assert index.tally == Tally(changed=1)


def test_two_entries_that_prove_to_be_one_are_one_change(tmp_path):
    with Index(tmp_path, write=True) as index:
        entries_of(index, [seen("/a", 1, story()), seen("/b", 2, story())])
    with Index(tmp_path, write=True) as index:
        entries_of(index, [seen("/b", 3, status=301, target="/a")])
        assert index.tally == Tally(changed=1)


# Publication


def test_lines_are_sorted_by_id_and_canonical(index, tmp_path):
    entries_of(index, [seen(f"/{n}", n, story(f"Н{n}", f"Text {n}.")) for n in range(20)])
    index.publish()
    lines = (tmp_path / NAME).read_text().splitlines()
    found = [json.loads(line) for line in lines]
    assert [item["id"] for item in found] == sorted(item["id"] for item in found)
    assert lines == [
        json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        for item in found
    ]


def test_an_unchanged_file_is_not_written_again(index, tmp_path):
    entries_of(index, [seen("/a", 1, story())])
    assert index.publish()
    before = (tmp_path / NAME).stat()
    assert not index.publish()
    assert (tmp_path / NAME).stat().st_ino == before.st_ino


def test_a_published_file_is_merged_with_what_changed(index, tmp_path):
    whole = [seen(f"/{n}", n, story(f"S{n}", f"Text {n}.")) for n in range(30)]
    for start in range(0, 30, 10):
        entries_of(index, whole[start : start + 10])
        index.publish()
    entries_of(
        index, [seen("/7", 50, status=301, target="/8"), seen("/8", 51, story("S7", "Text 7."))]
    )
    index.publish()
    lines = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).unlink()
    index.publish()
    assert lines == (tmp_path / NAME).read_bytes()
    assert lines.count(b"\n") == 29


@pytest.mark.parametrize("rubbish", [b"", b"not ours\n"])
def test_a_published_file_that_was_tampered_with_is_made_again(index, tmp_path, rubbish):
    entries_of(index, [seen("/a", 1, story())])
    index.publish()
    lines = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(rubbish)
    index.publish()
    assert (tmp_path / NAME).read_bytes() == lines


def test_a_line_of_the_same_size_that_is_not_ours_is_made_again(index, tmp_path):
    entries_of(index, [seen("/a", 1, story())])
    index.publish()
    size = (tmp_path / NAME).stat().st_size
    (tmp_path / NAME).write_bytes(b"x" * size)
    entries_of(index, [seen("/b", 1, story("B", "Two."))])
    index.publish()
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 2


def test_a_line_changed_by_another_hand_is_made_again_though_the_size_is_the_same(index, tmp_path):
    entries_of(index, [seen("/a", 1, story())])
    index.publish()
    lines = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(lines.replace(b"Once upon", b"Never was"))
    assert index.publish()
    assert (tmp_path / NAME).read_bytes() == lines


def test_text_that_looks_like_an_id_confuses_nothing(index, tmp_path):
    trap = ',"id":"art:aaaaaaaaaaaaaaaaaaaaaaaaaa"\\,"id":"art:'
    entries_of(index, [seen("/a", 1, story(trap, trap))])
    index.publish()
    entries_of(index, [seen("/b", 1, story("B", "Two."))])
    index.publish()
    assert {json.loads(line)["id"] for line in (tmp_path / NAME).read_text().splitlines()} == {
        entry_id(f"{SITE}/a"),
        entry_id(f"{SITE}/b"),
    }


def test_a_reader_never_sees_half_a_file(index, tmp_path):
    entries_of(index, [seen("/a", 1, story())])
    index.publish()
    with (tmp_path / NAME).open() as reader:
        entries_of(index, [seen("/b", 1, story("B", "Two."))])
        index.publish()
        assert reader.read().count("\n") == 1
    assert not list(tmp_path.glob("*.tmp"))


def test_a_full_disk_leaves_the_old_file(index, tmp_path):
    entries_of(index, [seen("/a", 1, story())])
    index.publish()
    lines = (tmp_path / NAME).read_bytes()
    entries_of(index, [seen("/b", 1, story("B", "Two."))])
    (tmp_path / f"{NAME}.tmp").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left"):
        index.publish()
    assert (tmp_path / NAME).read_bytes() == lines
    assert index.publish()


# Reading


def test_a_line_read_back_is_the_same_line(index):
    for entry in entries_of(
        index, [seen("/a", 1, story(keywords=("x",))), seen("/a", 2, status=404)]
    ):
        assert from_line(entry.to_json()) == entry


def test_an_entry_is_found_by_its_id_and_by_a_former_one(index):
    entries_of(index, [seen("/new", 5, story())])
    former = entry_id(f"{SITE}/new")
    entries_of(index, [seen("/old", 1, story()), seen("/old", 6, status=301, target="/new")])
    assert index.entry(former) == index.entry(entry_id(f"{SITE}/old"))
    assert index.entry(former).same_as == (former,)


def test_an_unknown_id_has_no_entry(index):
    assert index.entry("art:aaaaaaaaaaaaaaaaaaaaaaaaaa") is None


@pytest.mark.parametrize("url", ["/a", "/a?utm_source=x", "/s", "/a/amp"])
def test_an_entry_is_found_by_any_of_its_addresses(index, url):
    entries_of(
        index, [seen("/s", 1, status=302, target="/a"), seen("/a", 2, story(amp=f"{SITE}/a/amp"))]
    )
    assert [entry.url for entry in index.find(SITE + url)] == [f"{SITE}/a"]


def test_entries_are_listed_and_counted_by_site(index):
    other = "https://www.example.org:8443/a"
    entries_of(
        index, [seen("/a", 1, story()), seen("/b", 2, story("B", "Two.")), seen(other, 3, story())]
    )
    assert dict(index.counts()) == {"example.org:8443": 1, "news.example.com": 2}
    assert len(list(index.entries(site="news.example.com", limit=1))) == 1
    assert [entry.url for entry in index.entries(site="example.org:8443")] == [other]


def test_readers_see_what_was_committed_while_a_writer_is_open(index, tmp_path):
    entries_of(index, [seen("/a", 1, story())])
    index.add(seen("/b", 2, story("B", "Two.")))
    with Index(tmp_path) as reader:
        assert len(list(reader.entries())) == 1


def test_a_collection_without_articles_reads_as_empty(tmp_path):
    with Index(tmp_path) as index:
        assert (list(index.entries()), dict(index.counts()), index.find(SITE)) == ([], {}, [])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_no_collection(tmp_path):
    with pytest.raises(NotACollection):
        Index(tmp_path / "absent")


# Bad state


def test_two_writers_are_one_too_many(index, tmp_path):
    with pytest.raises(CollectionLocked, match=str(os.getpid())):
        Index(tmp_path, write=True)


def test_the_lock_is_free_when_its_process_was_killed(tmp_path):
    code = "import os, pathlib, sys; from archive.index import Index; Index(pathlib.Path(sys.argv[1]), write=True); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    Index(tmp_path, write=True).close()


def test_a_newer_format_is_refused(tmp_path):
    with Index(tmp_path, write=True):
        pass
    connection = sqlite3.connect(tmp_path / "articles.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for write in (False, True):
        with pytest.raises(SchemaUnknown, match="format 99"):
            Index(tmp_path, write=write)


@pytest.mark.parametrize("write", [False, True])
def test_a_damaged_state_says_what_to_do(tmp_path, write):
    (tmp_path / "articles.sqlite").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StorageError, match="delete it"):
        Index(tmp_path, write=write)
    (tmp_path / "articles.sqlite").unlink()
    Index(tmp_path, write=True).close()


def test_what_was_not_committed_is_forgotten(tmp_path):
    with Index(tmp_path, write=True) as index:
        index.add(seen("/a", 1, story()))
    with Index(tmp_path, write=True) as index:
        assert entries_of(index, []) == []


def test_the_cursor_is_kept_with_the_observations(tmp_path):
    with Index(tmp_path, write=True) as index:
        assert index.cursor == (0, "")
        index.add(seen("/a", 1, story()))
        index.commit((7, "urn:uuid:7"))
        index.add(seen("/b", 1, story()))
    with Index(tmp_path, write=True) as index:
        assert index.cursor == (7, "urn:uuid:7")


def test_where_a_record_lies_is_followed(index):
    observation = seen("/a", 1, story())
    entries_of(index, [observation])
    assert index.knows(
        replace(observation.capture, file="news-00002-20260101000000.warc.gz", offset=7)
    )
    index.commit()
    (entry,) = index.entries()
    assert (entry.appearances[0].file, entry.appearances[0].offset) == (
        "news-00002-20260101000000.warc.gz",
        7,
    )


def test_the_same_bytes_on_two_ports_of_one_address_are_two_articles(index):
    ports = [f"http://127.0.0.1:{port}/a" for port in (8101, 8102)]
    assert len(entries_of(index, [seen(url, 1, story(), payload="p") for url in ports])) == 2


def test_no_statement_of_a_commit_goes_over_a_whole_table(index):
    statements: set[str] = set()
    connection = index._connection
    connection.set_trace_callback(statements.add)
    named = story(canonical=f"{SITE}/a")
    entries_of(index, [seen("/a", 1, named), seen("/b", 2, story("B", "Two.", canonical=SITE))])
    entries_of(index, [seen("/old", 3, status=301, target=f"{SITE}/a"), seen("/a", 4, named)])
    connection.set_trace_callback(None)
    plans = {
        statement: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        for statement in statements
        if " FROM " in statement and "ORDER BY id" not in statement  # those are of reading
    }
    assert len(plans) > 20
    assert {s: plan for s, plan in plans.items() if any("SCAN" in step for step in plan)} == {}
