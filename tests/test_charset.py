"""The charset of a page: marks, labels, defaults that lie, and bytes that no label explains."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.charset import codec_of, decode_html

RUSSIAN = "Вечером в зале погас свет, и публика ещё долго не расходилась."
KAZAKH = "Кеш соңында көрермендер әншіні қайта-қайта сахнаға шақырды."
CHINESE = "演出结束以后，听众久久不愿离开，掌声持续了四分钟。"
FRENCH = "L’été dernier, à Genève, la chorale a chanté « Éphémère » devant une salle émue."


def page(text: str, charset: str, head: str = "") -> bytes:
    return f"<html><head>{head}<title>x</title></head><body><p>{text}</p></body></html>".encode(
        charset
    )


@pytest.mark.parametrize("text", [RUSSIAN, KAZAKH, CHINESE, FRENCH])
def test_utf8_needs_no_label(text: str) -> None:
    decoded = decode_html(page(text, "utf-8"))
    assert text in decoded.text
    assert (decoded.charset, decoded.problems) == ("utf-8", ())


def test_byte_order_mark_wins_over_the_header() -> None:
    decoded = decode_html(
        b"\xef\xbb\xbf" + page(KAZAKH, "utf-8"), "text/html; charset=windows-1251"
    )
    assert decoded.charset == "utf-8"
    assert decoded.text.startswith("<html>")


def test_header_wins_over_meta() -> None:
    body = page(RUSSIAN, "cp1251", '<meta charset="koi8-r">')
    assert RUSSIAN in decode_html(body, "text/html; charset=windows-1251").text


def test_utf8_wins_over_a_header_that_says_latin1() -> None:
    assert FRENCH in decode_html(page(FRENCH, "utf-8"), "text/html; charset=iso-8859-1").text


def test_meta_counts_where_the_header_is_silent() -> None:
    body = page(
        RUSSIAN, "koi8-r", '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">'
    )
    assert decode_html(body, "text/html").charset == "koi8-r"


def test_meta_in_a_comment_does_not_count() -> None:
    body = page(RUSSIAN, "cp1251", '<!-- <meta charset="koi8-r"> --><meta charset="windows-1251">')
    assert decode_html(body).charset == "windows-1251"


def test_xml_declaration_counts() -> None:
    body = b'<?xml version="1.0" encoding="windows-1251"?>' + page(RUSSIAN, "cp1251")
    assert decode_html(body, "application/xhtml+xml").charset == "windows-1251"


def test_gb2312_means_gb18030() -> None:
    text = CHINESE + "镕㐂"
    assert text in decode_html(page(text, "gb18030"), "text/html; charset=gb2312").text


def test_latin1_means_windows_1252() -> None:
    text = "L’été et le cœur"
    assert text in decode_html(page(text, "cp1252"), "text/html; charset=iso-8859-1").text


def test_five_bytes_outside_windows_1252_are_kept() -> None:
    body = b"<p>" + "à Genève".encode("cp1252") + b"\x81\x93</p>"
    assert decode_html(body, "text/html; charset=windows-1252").text == "<p>à Genève\x81“</p>"


@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "iso8859-5", "cp866"])
def test_cyrillic_without_label_is_detected(charset: str) -> None:
    assert RUSSIAN in decode_html(page(RUSSIAN, charset)).text


def test_cyrillic_under_a_default_latin1_header_is_detected() -> None:
    body = page(RUSSIAN * 3, "cp1251")
    decoded = decode_html(body, "text/html; charset=ISO-8859-1")
    assert decoded.charset == "windows-1251"
    assert decoded.problems == ("charset: not windows-1252 as declared",)


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (CHINESE, "gb18030"),
        (FRENCH, "cp1252"),
        ("今日はとても良い天気ですね。コンサートが始まりました。" * 4, "cp932"),
        ("今日はとても良い天気ですね。コンサートが始まりました。" * 4, "euc_jp"),
        ("오늘 콘서트가 시작되었습니다. 많은 사람들이 왔습니다. " * 4, "cp949"),
        ("今天的音樂會開始了，很多人都來了。他們都很高興。" * 4, "big5"),
        ("Dziś wieczorem odbył się koncert, na który przyszło wiele osób. " * 4, "cp1250"),
        ("Bugün konser başladı, çok güzeldi. İstanbul’da ışıklar söndü. " * 4, "cp1254"),
        ("Σήμερα ξεκίνησε η συναυλία και ήρθαν πολλοί άνθρωποι. " * 4, "cp1253"),
    ],
)
def test_other_charsets_without_label_are_detected(text: str, charset: str) -> None:
    assert text in decode_html(page(text, charset)).text


@pytest.mark.parametrize(
    ("text", "charset"), [(RUSSIAN, "cp1251"), (CHINESE, "gb18030"), (FRENCH, "cp1252")]
)
def test_false_utf8_header_is_noticed(text: str, charset: str) -> None:
    decoded = decode_html(page(text, charset), "text/html; charset=utf-8")
    assert text in decoded.text
    assert decoded.problems[0] == "charset: not utf-8 as declared"


def test_unknown_label_is_named_and_meta_is_asked() -> None:
    body = page(RUSSIAN, "cp1251", '<meta charset="windows-1251">')
    decoded = decode_html(body, "text/html; charset=klingon")
    assert decoded.charset == "windows-1251"
    assert decoded.problems == ("charset: unknown label 'klingon'",)


@pytest.mark.parametrize("label", ["utf-7", "idna", "zlib", "unicode_escape", "rot13", "\0", ""])
def test_labels_that_are_no_charset_of_pages_are_unknown(label: str) -> None:
    assert codec_of(label) == ""


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_is_seen_by_its_zeros(codec: str) -> None:
    assert KAZAKH in decode_html(page(KAZAKH, codec)).text


def test_nul_between_letters_is_removed_and_named() -> None:
    decoded = decode_html(b"<p>a\0b \xd0\xb0\0</p>", "text/html; charset=utf-8")
    assert decoded.text == "<p>ab а</p>"
    assert decoded.problems == ("charset: NUL characters removed",)


def test_broken_utf8_is_replaced_and_named() -> None:
    body = page(RUSSIAN, "utf-8") + b"<p>riv\xc3er \xed\xa0\x80 end</p>"
    decoded = decode_html(body, "text/html; charset=utf-8")
    assert RUSSIAN in decoded.text
    assert "riv\ufffder" in decoded.text
    assert "characters replaced" in decoded.problems[-1]


def test_page_cut_inside_a_letter_stays_utf8() -> None:
    body = page(RUSSIAN * 2, "utf-8")[: len("<html><head><title>x</title></head><body><p>") + 102]
    decoded = decode_html(body)
    assert decoded.charset == "utf-8"
    assert decoded.text.endswith("\ufffd")


def test_empty_payload_is_empty_text() -> None:
    assert decode_html(b"").text == ""


@given(st.binary(max_size=3000), st.text(max_size=60))
def test_no_bytes_and_no_header_raise(payload: bytes, content_type: str) -> None:
    decoded = decode_html(payload, content_type)
    assert "\0" not in decoded.text
    assert codec_of(decoded.charset)


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1b\ufeff"))
)
def test_utf8_text_comes_back(text: str) -> None:
    assert decode_html(("<p>" + text).encode()).text == "<p>" + text


@pytest.mark.parametrize(
    "bait", [b"<meta ", b"<!--", b"<meta charset", b"\xff<", b"charset=", b"\xd0 "]
)
def test_baits_take_linear_time(bait: bytes) -> None:
    started = time.process_time()
    decode_html(b"\xff" + bait * (2_000_000 // len(bait)), "text/html; charset=utf-8")
    assert time.process_time() - started < 2


def test_windows_1252_pasted_into_utf8_is_read_as_both() -> None:
    payload = "<p>Концерт в Женеве</p>".encode() * 20 + b"<p>\x93Bravo\x94, dit-il</p>"
    text = decode_html(payload, "text/html; charset=utf-8")
    assert "“Bravo”, dit-il" in text.text
    assert "Концерт в Женеве" in text.text
    assert "charset: windows-1252 pieces in utf-8" in text.problems
