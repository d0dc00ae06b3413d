"""The fields one by one: what counts as a credit, a date, a name, a language, a tag, an address."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.analyse import analyse, linked_data
from archive.analyse.choice import Candidate, choose, clean, word_key
from archive.analyse.credits import is_credit, split_credit
from archive.analyse.dates import parse
from archive.analyse.guard import admit
from archive.analyse.headline import without_site
from archive.analyse.language import detect
from archive.analyse.tidy import tidy
from archive.analyse.written import find
from archive.model import Article, PageType

CAPTURED = datetime(2025, 12, 20, 12, tzinfo=UTC)
PROSE = "".join(
    f"<p>The band of the {place} rehearsed for many weeks before anybody came to listen to it.</p>"
    for place in ("harbour", "old mill", "upper village", "railway yard", "salt works", "island")
)


def page(
    body: str = "", head: str = "", *, url: str = "https://n.example/a-band-at-work", top: str = ""
) -> Article:
    html = f"<html><head><title>A band at work</title>{head}</head><body>{top}<article><h1>A band at work</h1>{body}{PROSE}</article></body></html>"
    return analyse(html.encode(), url=url, captured=CAPTURED)


def names(article: Article) -> list[str]:
    return [author.name for author in article.authors]


@pytest.mark.parametrize(
    "line",
    [
        "Source et Crédits photos DimashNews.com",
        "Source et crédits photos : DimashNews.com",
        "cr: steppe_voice",
        "Credit: Lena Brandt / Quay News",
        "Photo credit: Lena Brandt",
        "Photo by Lena Brandt",
        "Photos par Camille Royer",
        "photos : Camille Royer",
        "Foto: dpa",
        "Fotos: Nuria Olmedo / EFE",
        "Фото: пресс-служба",
        "Источник и фото: DimashNews.com",
        "Дереккөз және фото: DimashNews.com",
        "Fuente y fotos: DimashNews.com",
        "来源及图片：河谷新闻",
        "图片来源：北光唱片",
        "Propos recueillis pour Radio Belvédère",
        "© Lena Brandt",
        "Source: https://dimashnews.com/story",
    ],
)
def test_credit_lines_are_known(line: str) -> None:
    assert is_credit(line)


@pytest.mark.parametrize(
    "line",
    [
        "Photography was her first love.",
        "Sources close to the band said that the tour will go on.",
        "Source: the minister told reporters on Monday. He added that the hall would be rebuilt by spring.",
        "Фото на память сделали все участники концерта.",
        "Images of the concert went round the world within hours.",
        "Video killed the radio star, they sang.",
        "La source de ce fleuve est dans les montagnes.",
        "",
    ],
)
def test_sentences_are_no_credits(line: str) -> None:
    assert not is_credit(line)


def test_caption_and_credit_are_parted() -> None:
    assert split_credit("Singers on the quay. Photo: Lena Brandt") == (
        "Singers on the quay.",
        "Photo: Lena Brandt",
    )


@given(st.text(max_size=300))
def test_credit_rules_survive_any_line(line: str) -> None:
    caption, credit = split_credit(line)
    assert isinstance(is_credit(line), bool)
    assert len(caption) + len(credit) <= len(line)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-12-08T10:00:00+06:00", "2025-12-08T10:00:00+06:00"),
        ("2025-12-08T10:00:00.123Z", "2025-12-08T10:00:00+00:00"),
        ("2025-12-08 10:00:00 +0600", "2025-12-08T10:00:00+06:00"),
        ("2025-12-08T10:00+06", "2025-12-08T10:00:00+06:00"),
        ("20251208", "2025-12-08T00:00:00+00:00"),
        ("2025-12-08", "2025-12-08T00:00:00+00:00"),
        ("2025/12/8", "2025-12-08T00:00:00+00:00"),
        ("Mon, 08 Dec 2025 10:00:00 +0600", "2025-12-08T10:00:00+06:00"),
    ],
)
def test_date_spellings(text: str, moment: str) -> None:
    found = parse(text)
    assert found is not None
    assert found.isoformat() == moment


@pytest.mark.parametrize(
    "text", ["", "08/12/2025", "2025-13-01", "2025-02-30", "yesterday", "1733652000", "0000-00-00"]
)
def test_ambiguous_or_impossible_dates_are_none(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=80))
def test_any_text_is_a_date_with_offset_or_none(text: str) -> None:
    found = parse(text)
    assert found is None or found.utcoffset() is not None


def test_day_is_that_of_the_address_where_a_utc_stamp_names_the_next() -> None:
    head = '<meta property="article:published_time" content="2025-11-09T03:15:00Z">'
    article = page(head=head, url="https://n.example/2025/11/08/a-band-at-work/")
    assert article.published == "2025-11-08T23:15:00-04:00"
    assert article.published_raw == "2025-11-09T03:15:00Z"


def test_modified_before_published_is_left_out() -> None:
    head = '<meta property="article:published_time" content="2025-11-09"><meta property="article:modified_time" content="2025-11-01">'
    assert page(head=head).modified == ""


@pytest.mark.parametrize(
    ("byline", "expected"),
    [
        (
            "By Ann-Marie O’Neill and Jürgen van der Berg",
            ["Ann-Marie O’Neill", "Jürgen van der Berg"],
        ),
        ("Автор: Айгерим Оспанова", ["Айгерим Оспанова"]),
        ("BySummer Swann", ["Summer Swann"]),
        ("Dylan Bailey, MS, RD", ["Dylan Bailey"]),
        ("View all posts", []),
        ("ann@n.example", []),
    ],
)
def test_bylines(byline: str, expected: list[str]) -> None:
    assert names(page(f'<p class="byline">{byline}</p>')) == expected


def test_outlet_is_dropped_beside_a_person() -> None:
    head = '<meta property="og:site_name" content="Quay News"><meta name="author" content="Quay News, Lena Brandt">'
    assert names(page(head=head)) == ["Lena Brandt"]


def test_outlet_alone_is_an_organization() -> None:
    head = (
        '<meta property="og:site_name" content="Quay News"><meta name="author" content="Quay News">'
    )
    assert [(a.name, a.kind) for a in page(head=head).authors] == [("Quay News", "organization")]


def test_commenters_are_no_authors() -> None:
    body = '<ol class="commentlist"><li class="comment"><span class="comment-author author"><a rel="author">Passer By</a></span></li></ol>'
    assert names(page(body)) == []


def test_names_keep_their_case() -> None:
    assert names(page(head='<meta name="author" content="danah boyd">')) == ["danah boyd"]


@pytest.mark.parametrize(
    ("text", "declared", "expected"),
    [
        (
            "Бүгін кешке концерт залында жас әншілердің өнері көрсетілді, көрермен қауым қол соқты.",
            "ru",
            "kk",
        ),
        (
            "Сегодня вечером в концертном зале выступили молодые певцы, и публика долго аплодировала.",
            "kk",
            "ru",
        ),
        (
            "Ce soir, de jeunes chanteurs se sont produits devant une salle comble et très émue.",
            "en",
            "fr",
        ),
        (
            "This evening young singers performed before a full house, and the audience would not leave.",
            "fr",
            "en",
        ),
        (
            "Esta noche jóvenes cantantes actuaron ante una sala llena y el público no quería marcharse.",
            "fr",
            "es",
        ),
        ("今晚，年轻的歌手们在音乐厅登台演出，观众久久不愿离开座位。", "en", "zh"),
        ("Kort tekst om en konsert i Oslo i går kveld, der mange unge sangere deltok.", "no", "no"),
    ],
)
def test_text_tells_the_language_and_the_label_only_helps(
    text: str, declared: str, expected: str
) -> None:
    assert detect(text, declared) == expected


def test_language_of_a_few_words_is_the_declared_one() -> None:
    assert detect("Dimash!", "kk") == "kk"
    assert detect("Dimash!") == ""


def test_tag_cloud_of_the_sidebar_is_not_the_articles() -> None:
    body = '<div class="widget"><a rel="tag" href="/t/1">opera</a></div><p class="tags"><a rel="tag" href="/t/2">brass</a></p>'
    assert page(body).keywords == ("brass",)


def test_article_tags_win_over_meta_keywords() -> None:
    head = '<meta name="keywords" content="everything, at, once"><meta property="article:tag" content="brass">'
    assert page(head=head).keywords == ("brass",)


def test_rel_category_gives_sections_not_keywords() -> None:
    article = page('<a rel="category tag" href="/c/">Music</a>')
    assert (article.sections, article.keywords) == (("Music",), ())


def test_addresses_are_absolute_and_web_only() -> None:
    head = (
        '<link rel="canonical" href="/b"><link rel="alternate" hreflang="fr" href="//fr.n.example/b">'
        '<link rel="alternate" hreflang="xx" href="javascript:alert(1)"><link rel="amphtml" href="amp/b">'
        '<meta property="og:image" content="file:///etc/passwd">'
    )
    article = page(head=head)
    assert article.canonical == "https://n.example/b"
    assert article.alternates == (("fr", "https://fr.n.example/b"),)
    assert article.amp == "https://n.example/amp/b"
    assert article.main_image == ""


def test_lazy_picture_and_its_scaled_copy_are_one() -> None:
    head = '<meta property="og:image" content="https://n.example/u/hall.jpg">'
    article = page(
        '<img data-src="/u/hall-1024x683.jpg" src="data:image/gif;base64,AA" alt="The hall" width="1024">',
        head,
    )
    assert [(i.url, i.alt, i.width) for i in article.images] == [
        ("https://n.example/u/hall-1024x683.jpg", "The hall", 1024)
    ]
    assert article.main_image == "https://n.example/u/hall-1024x683.jpg"


def test_heading_wins_over_the_search_wording() -> None:
    article = page(
        head='<meta property="og:title" content="Band, rehearsal, island: all you need to know">'
    )
    assert article.headline == "A band at work"


def test_sites_name_as_first_heading_is_not_the_headline() -> None:
    article = page(top='<h1><a href="/">The Island Messenger</a></h1>')
    assert article.headline == "A band at work"


@pytest.mark.parametrize(
    "title",
    ["A band | Quay News", "Quay News: A band", "A band – Quay News – Music", "A band » Quay News"],
)
def test_site_is_cut_from_a_title(title: str) -> None:
    assert without_site(title, frozenset({"quaynews"})).startswith("A band")


def test_static_page_of_wordpress_is_no_article() -> None:
    html = f'<html><head><title>About</title></head><body class="page page-id-2 wp-embed-responsive"><article><h1>About</h1>{PROSE}</article>'
    article = analyse(html.encode(), url="https://n.example/about/", captured=CAPTURED)
    assert article.page_type is PageType.OTHER


@pytest.mark.parametrize(
    "url",
    [
        "https://n.example/",
        "https://n.example/fr/",
        "https://n.example/2025/12/",
        "https://n.example/?s=x",
    ],
)
def test_addresses_that_hold_no_article(url: str) -> None:
    assert page(url=url).page_type is not PageType.ARTICLE


def test_broken_json_ld_is_mended_or_named() -> None:
    trailing = linked_data.read(['{"@type":"NewsArticle","headline":"A",}'])
    wrapped = linked_data.read(['//<![CDATA[\n{"@type":"NewsArticle","headline":"A"}\n//]]>'])
    assert [node["headline"] for node in (*trailing.main, *wrapped.main)] == ["A", "A"]
    assert linked_data.read(["{nothing"]).problems == ("json-ld: not JSON",)


def test_teasers_in_lists_are_not_the_article() -> None:
    data = linked_data.read(
        ['{"@type":"ItemList","itemListElement":[{"@type":"NewsArticle","headline":"Other"}]}']
    )
    assert data.of_type(linked_data.ARTICLE_TYPES) == ()
    assert len(data.nodes) == 2


@given(st.lists(st.text(max_size=60), max_size=4))
def test_json_ld_reader_survives_any_text(scripts: list[str]) -> None:
    assert isinstance(linked_data.read(scripts).nodes, tuple)


@given(st.text(max_size=400))
def test_guard_returns_small_pages_unchanged(text: str) -> None:
    assert admit(text).text == text


@given(st.text(max_size=200))
def test_cleaning_is_idempotent_and_leaves_no_controls(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert not any(letter < " " or "\u202a" <= letter <= "\u202e" for letter in once)


@given(st.text(max_size=500), st.sets(st.text(min_size=4, max_size=20), max_size=3))
def test_tidy_adds_nothing(raw: str, titles: set[str]) -> None:
    tidied = tidy(raw, frozenset(word_key(title) for title in titles), ())
    assert len(tidied.text) <= 2 * len(raw) + 1
    assert tidied.text == "\n".join(line for line in tidied.text.split("\n") if line.strip())


def test_first_candidate_wins_and_agreement_is_counted() -> None:
    chosen = choose(
        [
            Candidate("a", ""),
            Candidate("b", "One Two"),
            Candidate("c", "one two!"),
            Candidate("d", "x"),
        ]
    )
    assert chosen.value == "One Two"
    assert chosen.provenance is not None
    assert (chosen.provenance.source, chosen.provenance.agreeing) == ("b", 2)


def test_short_article_with_a_walls_title_is_an_article() -> None:
    head = '<title>Just a moment with the band</title><meta property="article:published_time" content="2025-12-01">'
    html = f"<html><head>{head}</head><body><article><h1>Just a moment with the band</h1>{PROSE[:300]}</article>"
    article = analyse(html.encode(), url="https://n.example/moment", captured=CAPTURED)
    assert (article.page_type, article.outcome) == (PageType.ARTICLE, None)


def test_number_that_sharing_adds_is_no_search() -> None:
    assert page(url="https://n.example/a-band-at-work?s=20").page_type is PageType.ARTICLE


def test_lone_surrogates_in_json_ld_go_nowhere() -> None:
    node = r'{"@type":"NewsArticle","headline":"A\ud800 band","keywords":["b\udfff"],"author":{"name":"X\ud800 Y","url":"/\ud800"},"image":"/\udc00.jpg","license":"\ud801","articleBody":"\ud800"}'
    article = page(head=f'<script type="application/ld+json">{node}</script>')
    assert json.dumps(asdict(article), ensure_ascii=False).encode("utf-8")
    assert (article.headline, names(article)) == ("A band", ["X Y"])


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Lucía Arrieta, 12 de noviembre de 2025", "2025-11-12"),
        ("le 1er août 2025", "2025-08-01"),
        ("December 8, 2025", "2025-12-08"),
        ("8 декабря 2025 года", "2025-12-08"),
        ("2025 жылғы 3 наурыз", "2025-03-03"),
        ("2025年12月8日", "2025-12-08"),
        ("3. März 2025", "2025-03-03"),
    ],
)
def test_dates_that_people_write(line: str, day: str) -> None:
    found = find(line)
    assert found is not None
    assert found[0].date().isoformat() == day


@pytest.mark.parametrize("line", ["", "31 février 2025", "12 monkeys 2025", "2025", "on May Day"])
def test_what_is_no_written_date(line: str) -> None:
    assert find(line) is None


def test_name_and_date_in_one_line_are_author_and_day() -> None:
    article = page('<div class="entry-meta">Lucía Arrieta, 12 de noviembre de 2025</div>')
    assert (names(article), article.published) == (["Lucía Arrieta"], "2025-11-12T00:00:00+00:00")
