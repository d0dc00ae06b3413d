"""Every line of articles.jsonl keeps the published contract, docs/article-1.schema.json."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.analyse import codec
from archive.index.entry import from_line
from archive.index.fold import fold
from archive.model import Article, Author, Image, PageType, Provenance, Rights
from tests.observing import SITE, seen, story
from tests.test_codec import ARTICLES

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "article-1.schema.json").read_text())
CONTRACT = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())

FULL = story(
    alternative_headline="A tale",
    description="About a story.",
    authors=(Author("Ann", f"{SITE}/ann"), Author("The News", kind="organization")),
    publisher="The News",
    credit="cr: Bob",
    published="2026-01-02T03:04:05+05:00",
    published_raw="2 January",
    modified="2026-01-02T03:04:06Z",
    modified_raw="later",
    language="kk-Cyrl",
    sections=("World",),
    keywords=("x", "y"),
    main_image=f"{SITE}/1.jpg",
    images=(Image(f"{SITE}/1.jpg", "alt", "caption", "cr: Bob", 10, 20), Image(f"{SITE}/2.jpg")),
    is_free=True,
    schema_type="NewsArticle",
    canonical=f"{SITE}/a",
    alternates=(("fr", f"{SITE}/fr/a"),),
    amp=f"{SITE}/a/amp",
    print_url=f"{SITE}/a/print",
    shortlink=f"{SITE}/?p=1",
    rights=Rights(("noarchive",), True, "https://creativecommons.org/licenses/by/4.0/"),
    provenance={"headline": Provenance("json-ld", 2, (("og:title", "A story | News"),))},
    problems=("encoding guessed",),
)


def line_of(*observations):
    return fold(observations, {}).to_json()


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_full_line_keeps_the_contract_and_gives_every_property_of_this_version():
    line = json.loads(
        line_of(
            seen("/a", 1, FULL),
            seen("/a", 2, story(text="Edited.")),
            seen("/a", 3, status=404),
            seen("/a", 4, FULL),
            seen("/a", 5, status=301, target="/b"),
        )
    )
    CONTRACT.validate(line)
    assert SCHEMA["properties"].keys() - line.keys() == {"isBasedOn", "quotations", "x"}


def test_a_line_without_anything_keeps_the_contract():
    CONTRACT.validate(json.loads(line_of(seen("/a", 1, Article(PageType.ARTICLE)))))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(ARTICLES, st.text(max_size=30))
def test_whatever_a_page_says_keeps_the_contract(article, path):
    shown = codec.from_json(codec.to_json(article) | {"page_type": "article"} | {"outcome": None})
    line = line_of(seen("/" + path, 1, shown), seen("/a", 2, status=404))
    CONTRACT.validate(json.loads(line))
    assert "\n" not in line


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(ARTICLES)
def test_a_line_comes_back_as_it_was(article):
    shown = codec.from_json(codec.to_json(article) | {"page_type": "article"} | {"outcome": None})
    line = line_of(seen("/a", 1, shown), seen("/a", 2, story()))
    assert from_line(line).to_json() == line


@pytest.mark.parametrize("language", ["EN", "en_US", "english!", "", "x" * 50])
def test_a_language_that_is_no_tag_is_undetermined(language):
    assert json.loads(line_of(seen("/a", 1, story(language=language))))["inLanguage"] == "und"


@pytest.mark.parametrize("date", ["yesterday", "2026-01-01", "2026-01-01T00:00:00"])
def test_a_date_that_is_no_date_time_is_null(date):
    line = json.loads(line_of(seen("/a", 1, story(published=date, published_raw=date))))
    assert (line["datePublished"], line["datePublishedRaw"]) == (None, date)


def test_addresses_are_written_in_ascii():
    line = json.loads(line_of(seen("/новости/а", 1, story(canonical=f"{SITE}/новости/б"))))
    assert line["url"].isascii()
    assert line["canonicalUrl"].isascii()


def test_text_is_written_as_it_is():
    assert "Құдайберген" in line_of(seen("/a", 1, story("Құдайберген")))
