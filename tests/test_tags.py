"""archive.tags: which tags of a page are worth reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archive.tags
from archive.tags import attributes, tags


def names(html):
    return [tag[0] for tag in tags(html)]


def test_tags_that_name_nothing_are_passed_over():
    assert names("<p><div class=x data-id=7 style='color:red'><br/><b title='a.jpg'></b></p>") == []


@pytest.mark.parametrize(
    "attribute",
    [
        "style='x:url(y)'", "STYLE=\"x:url(y)\"", "style=url(y)", "style = 'var(--x)'", "data-x=/a.jpg", "data-x='/a.JPG?b'",
        "DATA-BG = \"x/y.webp\"", "background=x", "class=y data-z='{\"a\":\"b.png\"}'",
    ],
)  # fmt: skip
def test_any_tag_counts_that_may_show_a_file(attribute):
    assert names(f"<i><span {attribute}></span></i>") == ["span"]
    assert names(f"<i><span a=1 b='2' {attribute} c></span></i>") == ["span"]


@pytest.mark.parametrize(
    "attribute", ["data-x=1.5", "data-x='a.jpgs'", "data-x='jpg'", "data-x", "styled='a('", "style", "title='x.jpg'"]
)  # fmt: skip
def test_other_attributes_make_no_difference(attribute):
    assert names(f"<span {attribute}>") == []


def test_end_tags_never_count():
    assert names("</span style='x:url(y)'></a href=x><img src=x>") == ["img"]


def test_the_content_of_styles_and_scripts_is_told():
    html = "<style>a<b</style><script>c</SCRIPT ><script>d"
    assert [(name, html[start:end]) for name, _, start, end in tags(html)] == [
        ("style", "a<b"),
        ("script", "c"),
        ("script", "d"),
    ]


def test_what_stands_in_titles_frames_and_comments_is_text():
    html = "<title><img></title><iframe src=x><img></iframe><textarea><img></textarea><!-- <img> --><xmp><img></xmp>"
    assert names(html) == ["iframe"]


def test_the_last_attribute_comes_first_and_the_first_of_a_name_counts():
    assert list(attributes(" a=1 B='2'>").items()) == [("b", "2"), ("a", "1")]
    assert attributes(" a=1 b=2 A=3>")["a"] == "1"


PIECES = [
    "<", "<!--", "-->", "<a href=x>", '<img src="a.jpg">', '<p data-x="a.png">', "<p data-y='b.c'>", "<p ", " ", "text",
    '"', "'", ">", "=", "/", "<script>", "</script>", "</p>", "<style>", "<!x>", "<br/>", "<title>", "</title>", "<i style=a(b",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(1, 30))
def test_a_page_looked_at_piece_by_piece_has_the_same_tags(html, window):
    whole = list(tags(html))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive.tags, "_WINDOW", window)
        assert list(tags(html)) == whole


def test_behind_an_endless_tag_the_page_goes_on():
    html = "<img src=a>" + "<p " + "data-x " * 400_000 + "><img src=b>"
    assert names(html) == ["img", "img"]


def test_a_long_attribute_is_whole():
    html = f"<p data-x='{'-' * 300_000}' data-y=/a.jpg>{'x' * 200_000}"
    assert [attributes(tag[1])["data-y"] for tag in tags(html)] == ["/a.jpg"]
