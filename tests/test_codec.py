import io
import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.analyse import codec, messages
from archive.model import Article, Author, Image, Outcome, PageType, Provenance, Rights

TEXT = st.text(max_size=20)
SIZE = st.integers(0, 2**31 - 1)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
ARTICLES = st.builds(
    Article,
    page_type=st.sampled_from(PageType),
    authors=st.lists(st.builds(Author, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    images=st.lists(st.builds(Image, TEXT, TEXT, TEXT, TEXT, SIZE, SIZE), max_size=2).map(tuple),
    sections=TEXTS,
    keywords=TEXTS,
    problems=TEXTS,
    alternates=PAIRS,
    rights=st.builds(Rights, TEXTS, st.none() | st.booleans(), TEXT),
    provenance=st.dictionaries(TEXT, st.builds(Provenance, TEXT, SIZE, PAIRS), max_size=2),
    is_free=st.none() | st.booleans(),
    outcome=st.none() | st.sampled_from(Outcome),
    **dict.fromkeys(
        [
            "headline",
            "alternative_headline",
            "description",
            "text",
            "publisher",
            "credit",
            "published",
            "published_raw",
            "modified",
            "modified_raw",
            "language",
            "main_image",
            "schema_type",
            "canonical",
            "amp",
            "print_url",
            "shortlink",
        ],
        TEXT,
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(ARTICLES)
def test_an_article_comes_back_as_it_was(article):
    assert codec.from_json(json.loads(json.dumps(codec.to_json(article)))) == article


def test_every_field_of_an_article_is_written():
    named = {field.name: "x" for field in fields(Article)} | {
        "page_type": PageType.ARTICLE,
        "authors": (Author("x"),),
        "sections": ("x",),
        "keywords": ("x",),
        "images": (Image("x"),),
        "is_free": True,
        "alternates": (("x", "x"),),
        "rights": Rights(license="x"),
        "provenance": {"x": Provenance("x")},
        "outcome": Outcome.BLOCKED,
        "problems": ("x",),
    }
    assert codec.to_json(Article(**named)).keys() == named.keys()  # type: ignore[arg-type]


def test_empty_fields_take_no_room():
    assert codec.to_json(Article(PageType.OTHER)) == {"page_type": "other"}


def test_a_lone_surrogate_becomes_a_character_that_a_file_can_hold():
    article = codec.from_json(codec.to_json(Article(PageType.ARTICLE, headline="a\ud800b")))
    assert article.headline == "a\ufffdb"


def test_a_size_that_no_page_can_mean_is_unknown():
    image = Image("https://example.com/a.jpg", width=-1, height=10**30)
    article = codec.from_json(codec.to_json(Article(PageType.ARTICLE, images=(image,))))
    assert (article.images[0].width, article.images[0].height) == (0, 0)


@given(JSON)
def test_any_json_is_an_article_or_a_value_error(document):
    try:
        codec.from_json(document)
    except ValueError:
        return
    assert isinstance(document, dict)


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Article)]), JSON))
def test_a_field_of_another_shape_is_a_value_error_or_left_out(found):
    try:
        article = codec.from_json({"page_type": "article"} | found)
    except ValueError:
        return
    codec.from_json(codec.to_json(article))


def test_a_message_comes_back_as_it_was():
    sent = {"id": "Мұрағат", "n": [1, None, "\ud800"]}
    assert messages.read_message(io.BytesIO(messages.message(sent))) == sent


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=4),
    st.integers(1, 7),
)
def test_messages_are_split_however_the_pipe_cuts_them(sent, size):
    stream = b"".join(map(messages.message, sent))
    buffer, found = bytearray(), []
    for start in range(0, len(stream), size):
        buffer += stream[start : start + size]
        while (message := messages.split_message(buffer)) is not None:
            found.append(message)
    assert found == sent
    assert not buffer


@given(st.binary(max_size=64))
def test_any_bytes_are_messages_or_a_value_error(data):
    buffer = bytearray(data)
    try:
        while messages.split_message(buffer, max_bytes=1000) is not None:
            pass
    except ValueError:
        return
    assert len(buffer) <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"Traceback (most recent call last):",
        b"\0\0\0\2[]",
        b"\0\0\0\1{",
        (100_000).to_bytes(4, "big") + b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        messages.read_message(io.BytesIO(data))


def test_a_stream_that_ends_within_a_message_has_no_more_messages():
    assert messages.read_message(io.BytesIO(messages.message({"a": "b"})[:-1])) is None
