"""What one article's captures tell: changes, versions, events, its id and its addresses."""

import re

import pytest

from archive.index.fold import entry_id, fold
from archive.index.history import Landing
from archive.index.observation import text_digest, word_count
from archive.model import Article, Author, Image, Outcome, PageType, Truncation
from tests.observing import SITE, listing, record_id, seen, story


def folded(*observations, landings=None):
    return fold(observations, landings or {})


def changes(entry):
    return [item.change for item in entry.appearances]


def events(entry):
    return [(event.timestamp[-2:], event.change) for event in entry.events]


def test_the_first_capture_is_new_and_makes_the_first_version():
    entry = folded(seen("/a", 1, story()))
    assert (changes(entry), len(entry.versions), entry.events) == (["new"], 1, ())


def test_the_id_is_made_of_the_identity_of_the_first_capture():
    entry = folded(seen("/a?utm_source=x", 1, story()), seen("/a", 2, story()))

    assert entry.id == entry_id(f"{SITE}/a")
    assert re.fullmatch("art:[a-z2-7]{26}", entry.id)


def test_same_bytes_are_no_change():
    entry = folded(seen("/a", 1, story(), payload="p"), seen("/a", 2, payload="p"))
    assert (changes(entry), len(entry.versions)) == (["new", "same"], 1)


def test_an_unchanged_capture_moves_the_last_sight_of_its_version():
    entry = folded(seen("/a", 1, story(), payload="p"), seen("/a", 7, payload="p"))
    assert entry.versions[0].last_seen == "20260101000007"


def test_a_304_says_that_the_article_is_the_same():
    first = seen("/a", 1, story())
    entry = folded(first, seen("/a", 2, status=304, original=first.capture.record_id))
    assert changes(entry) == ["new", "same"]


def test_other_bytes_with_the_same_text_are_markup():
    entry = folded(
        seen("/a", 1, story()), seen("/a", 2, story(text="Once  upon a\ntime there was a STORY."))
    )
    assert (changes(entry), len(entry.versions)) == (["new", "markup"], 1)


def test_other_pictures_and_tags_are_metadata_and_no_version():
    other = story(
        images=(Image(f"{SITE}/1.jpg"),), keywords=("x",), modified="2026-01-02T00:00:00+00:00"
    )
    entry = folded(seen("/a", 1, story()), seen("/a", 2, other))
    assert (changes(entry), len(entry.versions), entry.events) == (["new", "metadata"], 1, ())


def test_the_entry_shows_the_latest_metadata():
    entry = folded(seen("/a", 1, story()), seen("/a", 2, story(keywords=("x",))))
    assert entry.article.keywords == ("x",)


@pytest.mark.parametrize(
    ("other", "event", "change"),
    [
        (story(text="Another one."), "text", "text"),
        (story("Another headline"), "headline", "metadata"),
        (
            story(authors=(Author("Bob"),), published="2026-01-01T10:00:00+00:00"),
            "byline",
            "metadata",
        ),
        (
            story(authors=(Author("Ann"),), published="2026-02-01T10:00:00+00:00"),
            "published",
            "metadata",
        ),
    ],
)
def test_another_text_headline_byline_or_date_makes_a_version(other, event, change):
    before = story(authors=(Author("Ann"),), published="2026-01-01T10:00:00+00:00")
    entry = folded(seen("/a", 1, before), seen("/a", 2, other))
    assert (changes(entry)[1], events(entry), len(entry.versions)) == (change, [("02", event)], 2)


def test_a_field_that_a_new_theme_leaves_out_is_no_change():
    before = story(authors=(Author("Ann"),), published="2026-01-01T10:00:00+00:00")
    entry = folded(seen("/a", 1, before), seen("/a", 2, story()), seen("/a", 3, before))
    assert (len(entry.versions), entry.events) == (1, ())


def test_a_field_left_out_for_a_while_is_compared_with_what_it_was():
    ann, bob = story(authors=(Author("Ann"),)), story(authors=(Author("Bob"),))
    entry = folded(seen("/a", 1, ann), seen("/a", 2, story()), seen("/a", 3, bob))
    assert events(entry) == [("03", "byline")]


def test_a_day_and_an_instant_on_it_are_one_date():
    day, instant = (
        story(published=f"2026-01-02T{time}") for time in ("00:00:00+00:00", "09:30:00+05:00")
    )
    assert len(folded(seen("/a", 1, day), seen("/a", 2, instant)).versions) == 1


def test_one_instant_in_two_zones_is_one_date():
    one, two = (
        story(published=f"2026-01-02T{time}") for time in ("05:30:00+00:00", "09:30:00+04:00")
    )
    assert len(folded(seen("/a", 1, one), seen("/a", 2, two)).versions) == 1


def test_versions_may_alternate():
    entry = folded(*(seen("/a", at, story(text=f"Text {at % 2}.")) for at in range(1, 5)))
    assert [version.first_seen[-1] for version in entry.versions] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("status", [404, 410])
def test_an_article_that_is_not_found_is_gone(status):
    entry = folded(
        seen("/a", 1, story()), seen("/a", 2, status=status), seen("/a", 3, status=status)
    )
    assert (changes(entry), events(entry)) == (["new", "gone", "same"], [("02", "gone")])
    assert entry.is_gone


@pytest.mark.parametrize(
    "page", [listing(), Article(PageType.OTHER), story(outcome=Outcome.WITHHELD)]
)
def test_a_page_that_is_no_article_any_more_is_gone(page):
    assert events(folded(seen("/a", 1, story()), seen("/a", 2, page))) == [("02", "gone")]


@pytest.mark.parametrize("status", [500, 503, 429, 403, 401, 0])
def test_errors_never_mean_gone(status):
    entry = folded(seen("/a", 1, story()), seen("/a", 2, status=status))
    assert (changes(entry), entry.events) == (["new"], ())


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED, Outcome.EMPTY_SHELL])
def test_challenges_and_shells_never_mean_gone(outcome):
    entry = folded(seen("/a", 1, story()), seen("/a", 2, Article(PageType.OTHER, outcome=outcome)))
    assert (changes(entry), entry.events) == (["new"], ())


def test_a_capture_whose_analysis_failed_tells_nothing():
    assert changes(folded(seen("/a", 1, story()), seen("/a", 2, problem="crashed"))) == ["new"]


def test_an_article_that_returns_is_back():
    entry = folded(seen("/a", 1, story()), seen("/a", 2, status=404), seen("/a", 3, story()))
    assert (changes(entry), events(entry)) == (
        ["new", "gone", "back"],
        [("02", "gone"), ("03", "back")],
    )
    assert not entry.is_gone


def test_an_article_that_returns_changed_is_a_version_too():
    entry = folded(
        seen("/a", 1, story()), seen("/a", 2, status=410), seen("/a", 3, story(text="New."))
    )
    assert events(entry) == [("02", "gone"), ("03", "back"), ("03", "text")]


def test_a_404_before_the_article_was_there_is_not_told():
    assert changes(folded(seen("/a", 1, status=404), seen("/a", 2, story()))) == ["new"]


def test_a_renamed_article_has_moved_and_keeps_its_id():
    entry = folded(
        seen("/old", 1, story()),
        seen("/old", 2, status=301, target="/new"),
        seen("/new", 3, story()),
        landings={f"{SITE}/new": Landing.HERE},
    )
    assert (entry.id, entry.url) == (entry_id(f"{SITE}/old"), f"{SITE}/new")
    assert events(entry) == [("02", "moved")]
    assert entry.same_as == (entry_id(f"{SITE}/new"),)


def test_an_article_edited_while_it_was_renamed_has_two_versions():
    entry = folded(
        seen("/old", 1, story()),
        seen("/old", 2, status=301, target="/new"),
        seen("/new", 3, story(text="Edited.")),
        landings={f"{SITE}/new": Landing.HERE},
    )
    assert events(entry) == [("02", "moved"), ("03", "text")]


def test_a_renamed_article_is_gone_with_its_new_address():
    entry = folded(
        seen("/old", 1, story()),
        seen("/old", 2, status=301, target="/new"),
        seen("/new", 3, story()),
        seen("/new", 4, status=404),
        seen("/old", 5, status=404),
        landings={f"{SITE}/new": Landing.HERE},
    )
    assert events(entry) == [("02", "moved"), ("04", "gone")]


def test_a_redirect_to_another_page_is_gone():
    entry = folded(
        seen("/a", 1, story()),
        seen("/a", 2, status=302, target="/"),
        landings={f"{SITE}/": Landing.ELSEWHERE},
    )
    assert (changes(entry), events(entry)) == (["new", "gone"], [("02", "gone")])


def test_a_permanent_redirect_to_where_nobody_looked_is_moved():
    entry = folded(seen("/a", 1, story()), seen("/a", 2, status=301, target="/b"))
    assert (changes(entry), events(entry)) == (["new", ""], [("02", "moved")])


def test_a_temporary_redirect_to_where_nobody_looked_is_no_event():
    assert folded(seen("/a", 1, story()), seen("/a", 2, status=302, target="/login")).events == ()


def test_a_redirect_to_the_same_address_is_no_event():
    http = SITE.replace("https", "http") + "/a"
    entry = folded(seen("/a", 1, story()), seen(http, 2, status=301, target="/a"))
    assert (changes(entry), entry.events) == (["new", ""], ())
    assert [(item.url, item.role) for item in entry.addresses] == [
        (http, "redirect"),
        (f"{SITE}/a", "canonical"),
    ]


def test_other_forms_make_no_versions_and_have_roles():
    named = {"amp": f"{SITE}/a/amp", "print_url": f"{SITE}/a?print=1", "shortlink": f"{SITE}/?p=1"}
    entry = folded(
        seen("/a", 1, story(**named)),
        seen("/a/amp", 2, story(text="Once upon a time. Read more.", canonical=f"{SITE}/a")),
        seen("/a?print=1", 3, story(text="Printed from news. Once upon a time.")),
        seen("/?p=1", 4, status=301, target="/a"),
        landings={f"{SITE}/a": Landing.HERE},
    )
    assert (len(entry.versions), entry.events) == (1, ())
    assert {item.url.removeprefix(SITE): item.role for item in entry.addresses} == {
        "/a": "canonical",
        "/a/amp": "amp",
        "/a?print=1": "print",
        "/?p=1": "short",
    }


def test_a_form_that_is_not_found_does_not_make_the_article_gone():
    entry = folded(
        seen("/a", 1, story(amp=f"{SITE}/a/amp")),
        seen("/a/amp", 2, story()),
        seen("/a/amp", 3, status=404),
    )
    assert (changes(entry)[2], entry.events) == ("gone", ())


def test_an_article_is_gone_when_its_last_own_address_is():
    same = {"payload": "p"}
    shown = [seen("/a", 1, story(), **same), seen("/b", 2, story(), **same)]
    assert folded(*shown, seen("/a", 3, status=404)).events == ()
    assert events(folded(*shown, seen("/a", 3, status=404), seen("/b", 4, status=404))) == [
        ("04", "gone")
    ]


def test_a_twin_that_lags_behind_makes_no_versions():
    old, new = story(text="Old."), story(text="New.")
    entry = folded(
        seen("/a", 1, old),
        seen("/b", 2, old),
        seen("/a", 3, new),
        seen("/b", 4, old),
        seen("/a", 5, new),
        seen("/b", 6, new),
    )
    assert [version.first_seen[-1] for version in entry.versions] == ["1", "3"]
    assert entry.article.text == "New."


def test_pages_that_all_name_another_as_canonical_keep_the_first():
    entry = folded(
        seen("/a", 1, story(canonical=f"{SITE}/b")), seen("/b", 2, story(canonical=f"{SITE}/a"))
    )
    assert len(entry.versions) == 1


def test_a_page_cut_short_makes_no_version():
    entry = folded(
        seen("/a", 1, story()), seen("/a", 2, story(text="Once upon"), truncated=Truncation.LENGTH)
    )
    assert (changes(entry), len(entry.versions)) == (["new", ""], 1)


def test_a_page_cut_short_is_better_than_none_and_is_marked():
    entry = folded(seen("/a", 1, story(text="Once upon"), truncated=Truncation.DISCONNECT))
    assert entry.problems == ("page is cut short: disconnect",)


def test_a_canonical_address_never_seen_is_kept_as_said():
    entry = folded(seen("/a?page=x", 1, story(canonical=f"{SITE}/a")))
    assert (entry.url, entry.canonical_url) == (f"{SITE}/a?page=x", f"{SITE}/a")
    assert [item.role for item in entry.addresses] == ["seen"]


def test_a_canonical_address_that_is_another_page_is_not_believed():
    entry = folded(
        seen("/a", 1, story(canonical=f"{SITE}/")), landings={f"{SITE}/": Landing.ELSEWHERE}
    )
    assert entry.canonical_url == f"{SITE}/a"


def test_alternates_are_translations():
    alternates = (
        ("fr", f"{SITE}/fr/a"),
        ("en", f"{SITE}/a"),
        ("x-default", f"{SITE}/"),
        ("!", f"{SITE}/b"),
    )
    assert folded(seen("/a", 1, story(alternates=alternates))).translations == (
        ("fr", f"{SITE}/fr/a"),
    )


def test_the_earliest_reading_of_the_same_bytes_counts():
    first = story(published="2026-01-01T00:00:00+00:00")
    later = story(published="2026-01-05T00:00:00+00:00")
    entry = folded(seen("/a", 1, first, payload="p"), seen("/a", 2, later, payload="p"))
    assert (entry.article.published, changes(entry)) == (first.published, ["new", "same"])


def test_records_are_named_for_what_they_repeat():
    first = seen("/a", 1, story(), payload="p")
    entry = folded(first, seen("/a", 2, payload="p", original=record_id("/a", 1)))
    assert entry.appearances[1].original == first.capture.record_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("L’été", "l'ÉTÉ"),
        ("a\u00a0b\n\nc", "A B  C "),
        ("ﬁn", "fin"),
        ("caf\u0065\u0301", "café"),
        ("Straße", "STRASSE"),
    ],
)
def test_writing_makes_no_other_text(one, other):
    assert text_digest(one) == text_digest(other)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Don’t stop: it's well-known.", 4),
        ("Құдайберген Димаш", 2),
        ("迪玛希来了", 5),
        ("迪玛希 sings 3 songs", 6),
    ],
)
def test_words_are_counted_in_every_script(text, count):
    assert word_count(text) == count
