"""The door of analysis: never raises, stays within its limits, is pure, and believes no clock."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.analyse import analyse
from archive.analyse.guard import MAX_ATTRIBUTES, MAX_TAGS
from archive.model import Article, Hints, Outcome, PageType

CAPTURED = datetime(2025, 12, 20, 12, tzinfo=UTC)
PROSE = "".join(
    f"<p>The choir of the {place} rehearsed for many weeks before anybody came to listen to it.</p>"
    for place in ("harbour", "old mill", "upper village", "railway yard", "salt works", "island")
)


def page(
    body: str = PROSE, head: str = "", url: str = "https://n.example/2025/12/a-choir-at-work/"
) -> Article:
    html = f"<html lang=en><head><title>A choir at work</title>{head}</head><body><article><h1>A choir at work</h1>{body}</article></body></html>"
    return analyse(html.encode(), url=url, captured=CAPTURED)


def with_headers(*headers: tuple[str, str]) -> Article:
    html = f"<html><head><title>A choir</title></head><body><article><h1>A choir</h1>{PROSE}</article></body></html>"
    return analyse(html.encode(), url="https://n.example/a", captured=CAPTURED, headers=headers)


MARKUP = st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<div hidden>",
            "<article>",
            "</article>",
            "<h1>",
            "<table><tr><td>",
            "<!--",
            "-->",
            "<script>",
            "</script>",
            '<script type="application/ld+json">',
            '{"@type":"NewsArticle",',
            '"headline":[{}],',
            "[[",
            "}}",
            '"author":{"@id":"#a"},',
            '"datePublished":"2025-13-45T99:99"',
            "<meta name=date content=",
            "<time datetime='",
            "<a rel='tag author' href='http://[",
            "<img src='//",
            "<base href='ht!tp://",
            "<link rel=canonical href='\\\\",
            "<html lang='",
            "<title>",
            "<frameset>",
            "<svg><title>",
            "<template>",
            "<noscript>",
            "&#0;&#xD800;",
            "\x00",
            "\u200b",
            "word " * 20,
            "Фото: x",
            "<td>",
            "<br><br><br><br>",
            "'",
            '"',
            ">",
            "</",
            "<",
            "\ud7ff",
            "<body class='single '",
        ]
    ),
    max_size=40,
).map("".join)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=2000) | MARKUP.map(str.encode), st.text(max_size=40))
def test_no_bytes_raise(payload: bytes, media_type: str) -> None:
    article = analyse(
        payload,
        url="https://n.example/x",
        captured=CAPTURED,
        headers=[("Content-Type", media_type)],
    )
    assert isinstance(article.page_type, PageType)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(MARKUP)
def test_markup_around_an_article_never_raises(markup: str) -> None:
    payload = f"<html><head>{markup}</head><body><article><h1>A choir</h1>{PROSE}{markup}</article>"
    article = analyse(payload.encode(), url="https://n.example/x", captured=CAPTURED)
    assert not any(letter < " " and letter != "\n" for letter in article.text)


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "@type",
                        "@id",
                        "@graph",
                        "headline",
                        "author",
                        "name",
                        "datePublished",
                        "image",
                        "keywords",
                        "publisher",
                        "url",
                        "articleBody",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_any_json_ld_is_survived(value: object) -> None:
    node = {"@type": "NewsArticle", "x": value} | (value if isinstance(value, dict) else {})
    script = json.dumps(node).replace("</", "<\\/")
    assert page(head=f'<script type="application/ld+json">{script}</script>').text


def test_same_bytes_give_the_same_article() -> None:
    assert page() == page()


def test_date_after_the_capture_is_no_date() -> None:
    head = '<meta property="article:published_time" content="2026-03-01T10:00:00+00:00">'
    assert page(head=head).published == ""


def test_date_in_the_text_after_the_capture_is_no_date() -> None:
    assert (
        page("<p>Published on 2026-03-01</p>" + PROSE, url="https://n.example/choir").published
        == ""
    )


def test_date_written_only_in_the_text_is_found() -> None:
    article = page("<p>Published on 2 October 2025</p>" + PROSE, url="https://n.example/choir")
    assert article.published == "2025-10-02T00:00:00+00:00"
    assert article.provenance["published"].source == "htmldate"


def test_offset_of_the_site_is_preferred_to_the_same_moment_in_utc() -> None:
    head = (
        '<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2025-12-08T20:30:00Z"}</script>'
        '<meta property="article:published_time" content="2025-12-09T01:30:00+05:00">'
    )
    assert page(head=head).published == "2025-12-09T01:30:00+05:00"


def test_candidates_and_agreement_are_kept() -> None:
    head = '<meta property="og:title" content="A choir at work"><meta name="twitter:title" content="See this choir">'
    found = page(head=head).provenance["headline"]
    assert found.agreeing == 3
    assert ("meta twitter:title", "See this choir") in found.candidates


def test_header_noindex_withholds() -> None:
    article = with_headers(("Content-Type", "text/html"), ("X-Robots-Tag", "noindex, nofollow"))
    assert (article.page_type, article.outcome, article.text) == (
        PageType.OTHER,
        Outcome.WITHHELD,
        "",
    )
    assert article.rights.robots == ("noindex", "nofollow")


def test_directive_for_another_robot_does_not_apply() -> None:
    article = with_headers(("X-Robots-Tag", "googlebot: noindex"))
    assert (article.page_type, article.outcome) == (PageType.ARTICLE, None)


def test_directive_for_our_agent_applies() -> None:
    assert with_headers(("X-Robots-Tag", "muragat: noarchive")).outcome is Outcome.WITHHELD


def test_reservation_of_text_mining_is_noted_and_withholds_nothing() -> None:
    article = with_headers(("TDM-Reservation", "1"))
    assert article.rights.tdm_reservation is True
    assert article.page_type is PageType.ARTICLE


def test_picture_type_is_believed() -> None:
    article = with_headers(("Content-Type", "image/jpeg"))
    assert article.provenance["page_type"].source == "media type image/jpeg"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"%PDF-1.7 \x00\x01",
        b'{"a": 1}',
        b"<?xml version='1.0'?><rss><channel/></rss>",
        b"just words",
        b"\xff\xfe",
    ],
)
def test_what_is_no_page_is_other(payload: bytes) -> None:
    assert (
        analyse(payload, url="https://n.example/x", captured=CAPTURED).page_type is PageType.OTHER
    )


def test_hints_name_the_publisher_where_the_page_does_not() -> None:
    html = f"<html><body><article><h1>A choir</h1>{PROSE}</article>"
    article = analyse(
        html.encode(), url="https://n.example/a", captured=CAPTURED, hints=Hints(outlet="Quay News")
    )
    assert article.publisher == "Quay News"


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_too_many_attributes_are_refused_before_parsing(quote: str) -> None:
    tag = "<p " + " ".join(f"a{n}={quote}<{quote}" for n in range(200_000)) + ">"
    started = time.process_time()
    article = page(tag + PROSE)
    assert time.process_time() - started < 2
    assert article.problems == (f"markup: a tag has more than {MAX_ATTRIBUTES} attributes",)


def test_attributes_hidden_behind_a_script_are_counted() -> None:
    tag = "<p " + " ".join(f"a{n}=1" for n in range(5_000)) + ">"
    article = page(f"""<script>document.write("<a href='")</script>{tag}{PROSE}""")
    assert article.provenance["page_type"].source == "guard"


@pytest.mark.parametrize(
    "bait",
    [
        "<div>" * 60_000,
        "<b><i><a>" * 50_000,
        "<a href='/x'>link</a>" * 60_000,
        "<p>" + "x" * 8_000_000,
        "<p title='" + "y" * 8_000_000 + "'>",
        '<a href="' * 50_000,
        "<" * 1_000_000,
        "<a <a " * 100_000,
        " " * 3_000_000 + "<",
        "<p>" + "2025-" * 100_000,
        "<time datetime='" + "1" * 100_000 + "'>",
        "<p>Photo: " + "a " * 500_000,
        "<p>" + "Photo " * 50_000,
        "<title>" + " - " * 100_000 + "</title>",
        '<script type="application/ld+json">' + "[" * 200_000 + "</script>",
    ],
    ids=lambda bait: bait[:12] + str(len(bait)),
)
def test_baits_end_in_time(bait: str) -> None:
    started = time.process_time()
    page(PROSE + bait)
    assert time.process_time() - started < 6


def test_page_with_too_many_tags_is_read_in_part() -> None:
    article = page(PROSE + "<i>x</i>" * MAX_TAGS)
    assert article.page_type is PageType.ARTICLE
    assert article.problems[0] == f"markup: only the first {MAX_TAGS} tags are read"


def test_picture_in_a_data_address_costs_no_text() -> None:
    article = page(f'<img src="data:image/png;base64,{"A" * 5_000_000}">{PROSE}')
    assert "salt works" in article.text


def test_title_that_is_never_closed_leaves_the_text() -> None:
    html = "<title>A choir<body><div><h1>A choir</h1>" + PROSE
    article = analyse(html.encode(), url="https://n.example/x", captured=CAPTURED)
    assert "salt works" in article.text


def test_parts_that_react_streams_late_are_text() -> None:
    article = page(f'<p>First comes a line for everybody.</p><div hidden id="S:1f">{PROSE}</div>')
    assert "salt works" in article.text
