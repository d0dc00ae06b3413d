"""archive.requisites.css: what a stylesheet names, in linear time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.requisites import MAX_REQUISITES, RequisiteKind, requisites_in
from archive.requisites.css import addresses

URL = "https://example.com/css/site.css"


def read(css, **more):
    body = css if isinstance(css, bytes) else css.encode()
    return requisites_in(body, url=URL, content_type=more.pop("content_type", "text/css"), **more)


def found(css, **more):
    return [one.url.removeprefix("https://example.com/css/") for one in read(css, **more).found]


@pytest.mark.parametrize(
    "css",
    [
        "a{background:url(x.png)}",
        "a{background:url('x.png')}",
        'a{background:URL( "x.png" )}',
        "a{background:url(\n x.png\n)}",
        "a{background:url(x.png",
        "a{background:url('x.png",
        "a{--logo: url(x.png)}",
        "a{background:#fff url(x.png) no-repeat, linear-gradient(red, blue)}",
        "a{cursor:url(x.png) 2 2, auto}",
        "a{content:url(x.png)}",
        "@media (min-width:1px){a{background:url(x.png)}}",
        "a{background:url(\\78.png)}",
        "a{background:url(\\000078 .png)}",
        "a{background:url('x\\\n.png')}",
        "a{background:url(x.png#part)}",
        "a{background:url(no\"quote.png) ; b:url(x.png)}",
        "a{content:'url(no.png)';b:url(x.png)}",
        "a{content:\"it's\";b:url(x.png)}",
        "a{content:'broken\n;b:url(x.png)}",
        "/* url(no.png) */a{b:url(x.png)}",
        "a{b:url(x.png)}/* url(no.png)",
        "a{b:url()url('')url(#a)url(data:image/png;base64,AA==)url(x.png)}",
        "a{b:image-set('x.png' 1x)}",
        "a{b:-webkit-image-set(url(x.png) 1x)}",
        "a{b:image-set('x.png' type('image/png') 1x, linear-gradient(red, blue) 2x)}",
        "@namespace svg url(http://www.w3.org/2000/svg);a{b:url(x.png)}",
        "@namespace 'http://www.w3.org/1999/xhtml';a{b:url(x.png)}",
        "a:not(.b){b:url(x.png)}",
        "a/b{b:url(x.png)}",
        "@importance;@font-facet{}a{b:url(x.png)}",
        "@charset 'utf-8';a{b:url(x.png)}",
        "a\\(b{b:url(x.png)}",
        "a{b:url(x.png)",
    ],
)  # fmt: skip
def test_addresses_are_read_as_browsers_read_them(css):
    assert found(css) == ["x.png"]
    assert [one.kind for one in read(css).found] == [RequisiteKind.IMAGE]


@pytest.mark.parametrize(
    "css",
    [
        "@import 'b.css';",
        '@import "b.css" screen and (min-width: 1px);',
        "@import url(b.css);",
        "@IMPORT URL('b.css') layer(base) supports(display: grid) print;",
        "@import/**/url(b.css)",
        "@import /* url(no.css) */ 'b.css';",
        "@charset 'utf-8';@layer a, b;@import 'b.css'",
        "@import 'b.css",
    ],
)
def test_imports_are_stylesheets(css):
    assert [(one.url, one.kind) for one in read(css).found] == [
        ("https://example.com/css/b.css", "stylesheet")
    ]


def test_what_a_font_face_names_are_fonts():
    css = """a{b:url(1.png)} @font-face{font-family:'F}';src:local('F'), url(f.woff2) format('woff2'),
    url('f.svg#f')} c{d:url(2.png)} @FONT-FACE{src:url(g.ttf)} e{f:url(3.png)}"""
    assert [(one.url.rpartition("/")[2], one.kind.value) for one in read(css).found] == [
        ("1.png", "image"),
        ("f.woff2", "font"),
        ("f.svg", "font"),
        ("2.png", "image"),
        ("g.ttf", "font"),
        ("3.png", "image"),
    ]


def test_an_image_set_gives_all_its_pictures():
    css = "a{b:image-set('1.avif' type('image/avif'), url(2.png) 1x, \"3.png\" 2x);c:url(4.png)}"
    assert found(css) == ["1.avif", "2.png", "3.png", "4.png"]


def test_addresses_are_absolute_unique_and_in_order():
    css = "a{b:url(../i.png)}c{d:url(//cdn.net/j.png)}e{f:url(../i.png)}g{h:url(site.css)}"
    assert [one.url for one in read(css).found] == [
        "https://example.com/i.png",
        "https://cdn.net/j.png",
    ]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("a{b:url('я.png')}".encode(), "text/css"),
        ("a{b:url('я.png')}".encode("utf-8-sig"), "text/css; charset=windows-1251"),
        ("a{b:url('я.png')}".encode("utf-16"), "text/css"),
        ("a{b:url('я.png')}".encode("cp1251"), "text/css; charset=windows-1251"),
        ("@charset \"windows-1251\";a{b:url('я.png')}".encode("cp1251"), "text/css"),
        ("@charset \"no-such\";a{b:url('я.png')}".encode(), "text/css; charset=bogus"),
        (b"a{b:url('\\44f .png')}", "text/css"),
    ],
)
def test_stylesheets_are_decoded_as_browsers_decode_them(body, content_type):
    assert found(body, content_type=content_type) == ["%D1%8F.png"]


def test_a_stylesheet_is_known_by_its_type_its_purpose_or_its_name():
    css = "a{b:url(x.png)}"
    assert found(css, content_type="text/plain; charset=utf-8") == ["x.png"]
    assert found(css, content_type="") == ["x.png"]
    sheet = RequisiteKind.STYLESHEET
    read_as = requisites_in(css.encode(), url="https://example.com/css/?x", kind=sheet)
    assert len(read_as.found) == 1


def test_an_error_page_sent_for_a_stylesheet_needs_nothing():
    html = "<img src=a.png><style>a{b:url(x.png)}</style>"
    assert found(html, content_type="text/html", kind=RequisiteKind.STYLESHEET) == []


def test_requisites_are_cut_at_a_count_with_a_problem():
    css = "".join(f"a{{b:url({number}.png)}}" for number in range(MAX_REQUISITES + 10))
    assert len(read(css).found) == MAX_REQUISITES
    assert read(css).problems == (f"requisites: more than {MAX_REQUISITES}, the rest is not read",)


@pytest.mark.parametrize(
    "css",
    [
        '"' * 500_000 + "url(",
        "url(" * 400_000,
        "/*" * 500_000 + "url(",
        "url(x)@font-face{" * 100_000,
        "@font-face{url(x" * 100_000,
        "@import " * 200_000,
        "@import/*" * 200_000,
        "image-set(" * 200_000,
        "image-set('a'" * 200_000,
        "image-set(type(" * 200_000,
        "\\" * 900_000 + "url(",
        "url(a" * 200_000 + ")" * 200_000,
        "(" * 900_000 + "url(",
        "@" * 900_000 + "url(",
        "url(a'" * 300_000,
        "url(" + "\\61" * 500_000 + ")",
        "url(" + " " * 2_000_000 + "x",
        "a" * 8_000_000 + "url(x)",
        "{}" * 2_000_000 + "url(x)",
        "url('" + "\\\n" * 1_000_000,
        "*/" * 1_000_000 + "url(x",
    ],
    ids=lambda css: css[:12],
)
def test_hostile_stylesheets_take_linear_time(css):
    started = time.process_time()
    read(css)
    assert time.process_time() - started < 2


pieces = st.lists(
    st.sampled_from(
        [
            "url(", ")", "'", '"', "\\", "/*", "*/", "@import ", "@font-face", "{", "}", ";", "x.png", " ", "\n",
            "image-set(", "type(", "@namespace", "@", "(", ":", "\\78", ",", "a", "#", "\0", "é", "data:",
        ]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(st.binary(max_size=200))
def test_no_bytes_raise(body):
    read(body)


@given(pieces)
def test_no_stylesheet_raises_and_each_address_is_sendable(css):
    for one in read(css).found:
        assert one.url.startswith(("http://", "https://"))
        assert "#" not in one.url


@given(st.lists(st.sampled_from(["url(1.png)", "url('2.png')", "/* url(no) */", "'url(no)'", "a(b)", "\\(", '"\\""']), max_size=8))  # fmt: skip
def test_what_stands_between_addresses_does_not_matter(values):
    expected = [value.strip("url()'") for value in values if value.startswith("url")]
    css = "a{b:" + " ".join(values) + ";c:url(3.png)}"
    assert [href for href, _ in addresses(css)] == [*expected, "3.png"]
