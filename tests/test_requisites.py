"""archive.requisites: what a page, an SVG picture and a manifest need, in linear time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.requisites import MAX_REQUISITES, RequisiteKind, requisites_in, requisites_in_fields
from archive.requisites.requisite import MAX_BYTES
from archive.requisites.srcset import candidates
from crawler.discover.links import read_links

URL = "https://example.com/2024/a-post/"
HTML = "text/html; charset=utf-8"


def read(html, content_type=HTML, url=URL, **more):
    return requisites_in(html.encode(), url=url, content_type=content_type, **more)


def found(html, *words, **more):
    return [one.url.removeprefix("https://example.com") for one in read(html, *words, **more).found]


def kinds(html, *words):
    return [(one.url.rpartition("/")[2], one.kind.value) for one in read(html, *words).found]


@pytest.mark.parametrize(
    "html",
    [
        "<img src=/x.jpg>",
        "<IMG SRC = '/x.jpg'/>",
        "<img src=' /x.jpg\n' alt='/no.jpg' title='/no.jpg'>",
        "<img srcset=/x.jpg>",
        "<img srcset='/x.jpg 300w, ' sizes='100vw'>",
        "<picture><source srcset='/x.jpg 2x' type=image/jpeg></picture>",
        "<img data-src=/x.jpg>",
        "<img src='data:image/gif;base64,R0lGOD' data-src=/x.jpg>",
        "<img data-srcset='/x.jpg 300w'>",
        "<img data-srcset='/x.jpg'>",
        "<img data-lazy-src=/x.jpg>",
        "<img data-lazy-srcset='/x.jpg 1x'>",
        "<img data-original=/x.jpg>",
        "<img data-large-file=/x.jpg>",
        "<img data-orig-file='/x.jpg' data-image-title='y.jpg' data-image-caption='/no/y.jpg'>",
        "<img data-full-url=/x.jpg>",
        "<img data-src-webp=/x.jpg>",
        "<img lazy-src=/x.jpg srclang=/no.jpg>",
        "<img nitro-lazy-src=/x.jpg>",
        "<amp-img src=/x.jpg></amp-img>",
        "<div data-bg=/x.jpg></div>",
        "<div data-bg='url(/x.jpg)'></div>",
        "<div data-background-image='/x.jpg'></div>",
        "<section data-anything='/x.jpg'>",
        "<a data-srcset='/x.jpg 1x'>",
        """<div data-gallery='[{"url":"https:\\/\\/example.com\\/x.jpg","title":"no.jpg"}]'>""",
        """<div data-gallery="{&quot;full&quot;:&quot;/x.jpg&quot;}">""",
        '<script type="application/json">{"uploadedSrc":"https:\\/\\/example.com\\/x.jpg"}</script>',
        "<input type=image src=/x.jpg>",
        "<video poster=/x.jpg>",
        "<video data-poster=/x.jpg>",
        "<svg><image href=/x.jpg></svg>",
        "<svg><image xlink:href=/x.jpg></svg>",
        "<svg><filter><feImage href=/x.jpg></svg>",
        "<svg><use href='/x.jpg#icon'></svg>",
        "<svg><use href='#icon'></use></svg><img src=/x.jpg>",
        "<link rel=image_src href=/x.jpg>",
        "<link rel=preload as=image href=/x.jpg>",
        "<link rel=prefetch as=IMAGE href=/x.jpg>",
        "<link rel=preload as=image imagesrcset='/x.jpg 300w'>",
        "<meta property=og:image content=/x.jpg>",
        "<meta name=twitter:image content=/x.jpg>",
        "<meta name=msapplication-TileImage content=/x.jpg>",
        "<meta itemprop=image content=/x.jpg>",
        "<link itemprop=thumbnailUrl href=/x.jpg>",
        "<embed src=/x.jpg>",
        "<object data=/x type=image/jpeg></object><img src=/x.jpg>",
        "<body background=/x.jpg>",
        "<td background=/x.jpg>",
        "<p style='background:url(/x.jpg)'>",
        "<p style=\"background:url(&quot;/x.jpg&quot;)\">",
        "<img style='background:url(/x.jpg)'>",
        "<a style='background:url(/x.jpg)'>",
        "<P STYLE=background:url(/x.jpg)>",
        "<style>a{b:url(/x.jpg)}</style>",
        "<svg><style>a{b:url(/x.jpg)}</style></svg>",
        "<noscript><img src=/x.jpg></noscript>",
        "<template><img src=/x.jpg></template>",
        "<a href=/x.jpg>in full size</a>",
        "<a href='/x.jpg#zoom'><i></i></a><a href=/page/></a><a href=/film.mp4></a>",
        "<area href=/x.jpg>",
        "<base href=/x/><base href=/no/><img src=../x.jpg>",
        "<!-- <img src=/no.jpg> --><img src=/x.jpg>",
        "<script>'<img src=/no.jpg>'</script><img src=/x.jpg>",
        "<textarea><img src=/no.jpg></textarea><img src=/x.jpg>",
        "<p title='<img src=/no.jpg>'><img src=/x.jpg>",
        "</p style='x:url(/no.jpg)'><img src=/x.jpg>",
        "<img src=javascript:x><img src=blob:x><img src=mailto:a@b><img src=#x><img src=''><img src=/x.jpg>",
        "<img src=/x.jpg",
    ],
)  # fmt: skip
def test_pictures_are_found_wherever_they_stand(html):
    urls = found(html)
    assert [url for url in urls if url != "/x"] == ["/x.jpg"], urls
    assert read(html).found[-1].kind is RequisiteKind.IMAGE


def test_each_requisite_says_what_it_is_for():
    html = """<link rel=stylesheet href=1.css><link rel='alternate stylesheet' href=2.css><link rel=preload as=style href=3.css>
    <link rel=modulepreload href=1.js><link rel=preload as=script href=2.js><script src=3.js></script>
    <script type=module src=4.mjs></script><script type=text/rocketlazyloadscript data-rocket-src=5.js></script>
    <script type=importmap>{"imports":{"a":"./6.js","b/":"./b/"},"scopes":{"/x/":{"a":"/7.js"}}}</script>
    <link rel=preload as=font href=1.woff2><link rel='shortcut icon' href=1.ico><link rel=apple-touch-icon href=2.ico>
    <link rel=mask-icon href=3.svg><link rel=manifest href=m.json><link rel=preload as=fetch href=data.json>
    <video src=1.mp4><source src=2.webm><track src=1.vtt></video><audio src=1.mp3></audio>
    <video><source data-src=3.mp4 type=video/mp4></video><div data-video=/v/4.mp4></div>
    <meta property=og:video content=/v/5.mp4><meta property=og:video content=/watch>
    <object data=1.pdf></object><object data=2.svg></object><embed src=3></embed>"""
    assert kinds(html) == [
        ("1.css", "stylesheet"), ("2.css", "stylesheet"), ("3.css", "stylesheet"),
        ("1.js", "script"), ("2.js", "script"), ("3.js", "script"), ("4.mjs", "script"), ("5.js", "script"),
        ("6.js", "script"), ("7.js", "script"),
        ("1.woff2", "font"), ("1.ico", "icon"), ("2.ico", "icon"), ("3.svg", "icon"), ("m.json", "manifest"),
        ("data.json", "other"),
        ("1.mp4", "media"), ("2.webm", "media"), ("1.vtt", "media"), ("1.mp3", "media"), ("3.mp4", "media"),
        ("4.mp4", "media"), ("5.mp4", "media"),
        ("1.pdf", "document"), ("2.svg", "image"), ("3", "document"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "html",
    [
        "<a href=/page/>", "<iframe src=/frame>", "<form action=/x.jpg>", "<link rel=canonical href=/x.jpg>",
        "<link rel=next href=/2/>", "<link rel=prefetch href=/2/>", "<link rel=preconnect href=//cdn.net>",
        "<script type=application/ld+json src=/x.json></script>", "<script type=text/template><img src=/x.jpg></script>",
        "<script type=importmap>[</script>", "<script type=importmap>[1]</script>", "<script type=importmap>{\"imports\":3}</script>",
        "<input src=/x.jpg>", "<img alt=/x.jpg>", "<div data-title='/a/x.jpg'>", "<div data-file=x.jpg>", "<div data-x='a b/x.jpg'>",
        "<style type=text/less>a{b:url(/x.jpg)}</style>", "<img src='https://example.com/2024/a-post/'>", "<plaintext><img src=/x.jpg>",
    ],
)  # fmt: skip
def test_what_a_page_does_not_show_is_none(html):
    assert found(html) == []


def test_a_page_inside_a_page_shows_what_it_names():
    html = "<base href=/b/><iframe srcdoc='<link rel=stylesheet href=a.css><img src=&quot;/x.jpg?a=1&amp;amp;b=2&quot;>'></iframe>"
    assert found(html) == ["/b/a.css", "/x.jpg?a=1&b=2"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("</a.css>; rel=preload; as=style", ["/a.css"]),
        ('<//example.com/a.css>;rel="x stylesheet";title="a,b</c>; \\"d"', ["/a.css"]),
        ("</a.jpg>; rel=next, </b.ico>; REL=icon,</c.js>;rel=modulepreload;rel=next", ["/b.ico", "/c.js"]),
        ("</a.css>", []), ("", []), ("<a", []), ("</a.css>; rel", []), ('</a.css>; rel="stylesheet', ["/a.css"]),
        ("<javascript:x>; rel=stylesheet", []),
    ],
)  # fmt: skip
def test_link_fields_are_read_as_the_standard_says(field, expected):
    told = requisites_in_fields([field], url="https://example.com/p/")
    assert [one.url.removeprefix("https://example.com") for one in told] == expected


@pytest.mark.parametrize("field", ["<" * 65_536, "<a>;" * 16_000, '<a>;"' * 13_000, "<a>;rel=" + '"\\' * 20_000, "; " * 30_000])  # fmt: skip
def test_hostile_link_fields_take_linear_time(field):
    started = time.process_time()
    requisites_in_fields([field], url="https://example.com/p/")
    assert time.process_time() - started < 1


def test_photos_in_full_size_come_last():
    assert found("<a href=/full.jpg><img src=/small.jpg></a><img src=/b.jpg>") == [
        "/small.jpg",
        "/b.jpg",
        "/full.jpg",
    ]


def test_a_gallery_of_wordpress_gives_every_size():
    html = """<figure class="wp-block-gallery"><figure class="wp-block-image size-large">
    <a href="https://example.com/wp-content/uploads/2024/05/photo.jpg"><img loading="lazy" decoding="async" width="1024"
    src="https://example.com/wp-content/uploads/2024/05/photo-1024x683.jpg" alt="photo.jpg" class="wp-image-7"
    srcset="https://example.com/wp-content/uploads/2024/05/photo-1024x683.jpg 1024w, https://example.com/wp-content/uploads/2024/05/photo-300x200.jpg 300w,
    https://example.com/wp-content/uploads/2024/05/photo-768x512.jpg 768w" sizes="(max-width: 1024px) 100vw, 1024px"
    data-orig-file="https://example.com/wp-content/uploads/2024/05/photo-scaled.jpg" data-image-title="photo"
    data-medium-file="https://example.com/wp-content/uploads/2024/05/photo-300x200.jpg"></a></figure></figure>"""
    sizes = ["-1024x683", "-300x200", "-768x512", "-scaled", ""]
    assert found(html) == [f"/wp-content/uploads/2024/05/photo{size}.jpg" for size in sizes]


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.jpg", ["a.jpg"]),
        ("a.jpg, b.jpg 2x", ["a.jpg", "b.jpg"]),
        ("a.jpg 300w,b.jpg 600w", ["a.jpg", "b.jpg"]),
        ("a.jpg,b.jpg 2x", ["a.jpg,b.jpg"]),
        ("/w_1,h_2/a.jpg 1x, /w_3,h_4/b.jpg 2x", ["/w_1,h_2/a.jpg", "/w_3,h_4/b.jpg"]),
        ("data:image/png;base64,AA== 1x, b.jpg 2x", ["data:image/png;base64,AA==", "b.jpg"]),
        (" , a.jpg 1x ,, b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg (x, y) 1x, b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg (x, y", ["a.jpg"]),
        ("a.jpg,,, b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg\t1x,\nb.jpg", ["a.jpg", "b.jpg"]),
        ("", []),
        (" ,, ", []),
    ],
)
def test_srcset_is_parted_as_the_standard_says(srcset, expected):
    assert candidates(srcset) == expected


def test_addresses_are_written_in_the_charset_of_the_page():
    body = '<img src="/фото.jpg?я">'.encode("windows-1251")
    page = requisites_in(body, url=URL, content_type="text/html; charset=windows-1251")
    assert page.found[0].url == "https://example.com/%D1%84%D0%BE%D1%82%D0%BE.jpg?%FF"


def test_a_manifest_gives_its_pictures():
    manifest = """{"icons":[{"src":"i.png"},{"x":1},3],"screenshots":[{"src":"/s.png"}],
    "shortcuts":[{"icons":[{"src":"k.png"}]},4],"start_url":"/no.png"}"""
    expected = [("i.png", "icon"), ("s.png", "image"), ("k.png", "icon")]
    assert kinds(manifest, "application/manifest+json") == expected
    assert len(read(manifest, "application/json", kind=RequisiteKind.MANIFEST).found) == 3
    assert found(manifest, "application/json") == []


@pytest.mark.parametrize("body", ["", "[", "3", "[" * 100_000, '{"icons":{"src":1}}', '{"icons":[{"src":1}]}'])  # fmt: skip
def test_what_is_no_manifest_needs_nothing(body):
    assert found(body, "application/manifest+json") == []


SVG = """<?xml version="1.0"?><?xml-stylesheet href="s.css" type="text/css"?>
<svg xmlns="http://www.w3.org/2000/svg"><style><![CDATA[a{b:url(1.png)}]]></style><image href="2.png"/>
<use xlink:href="3.svg#a"/><rect style="fill:url(#g);x:url(4.png)"/></svg>"""


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/xml", "", "text/plain"])
def test_an_svg_picture_gives_what_it_shows(content_type):
    expected = [("1.png", "image"), ("2.png", "image"), ("3.svg", "image"), ("4.png", "image"), ("s.css", "stylesheet")]  # fmt: skip
    assert kinds(SVG, content_type) == expected


def test_an_xml_document_names_its_stylesheet():
    feed = '<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="/feed.xsl"?><rss><img src=/no.png></rss>'
    assert found(feed, "application/rss+xml") == ["/feed.xsl"]


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "font/woff2", "text/plain", "video/mp4"])  # fmt: skip
def test_other_files_need_nothing(content_type):
    assert found("a{b:url(x.png)}<img src=/x.jpg>", content_type) == []


def test_requisites_are_cut_at_a_count_with_a_problem():
    page = read("".join(f"<img src=/{number}.jpg>" for number in range(MAX_REQUISITES + 10)))
    assert len(page.found) == MAX_REQUISITES
    assert page.problems == (f"requisites: more than {MAX_REQUISITES}, the rest is not read",)


def test_a_huge_page_is_read_in_part_with_a_problem():
    page = read("<img src=/x.jpg>" + " " * MAX_BYTES + "<img src=/no.jpg>")
    assert [one.url for one in page.found] == ["https://example.com/x.jpg"]
    assert len(page.problems) == 1


@pytest.mark.parametrize(
    "html",
    [
        "<div style='" * 200_000,
        "<div style='(' " * 200_000,
        "<div " + "style='a(' " * 200_000 + ">",
        "<div " + "data-a=/x.jpg " * 200_000 + ">",
        "<div " + " ".join(f"data-{n}=/{n}.jpg" for n in range(20_000)) + ">",
        "<div " + "data-x=. " * 200_000,
        "<div data-x='" + "." * 8_000_000,
        "<div data-x='" + ".jp" * 2_000_000 + "'>",
        "<div data-x='.jpg' x='" * 100_000,
        "<img " + "data-src=a.jpg " * 200_000,
        "<img srcset='" + "a 1x," * 500_000 + "'>",
        "<img srcset='" + "a (" * 500_000 + "'>",
        "<img srcset='" + "," * 4_000_000 + "'>",
        "<img data-x='" + "a " * 2_000_000 + "'>",
        "<img data-x='[" + '"/' * 2_000_000 + "'>",
        "<img data-x='[" + '"a\\/' * 1_000_000 + "'>",
        "<img data-" + "lazy-" * 1_000_000 + "=x>",
        "<img src='" + "a." * 4_000_000 + "'>",
        "<style>" * 200_000,
        "<style>url(</style>" * 100_000,
        "<script type=importmap>" + "[" * 1_000_000,
        "<script type=application/json>" + '"' * 4_000_000,
        "<background=" * 300_000,
        "<a style=x data-" * 200_000,
        "<a href=" + ".jpg" * 1_000_000 + ">",
        "<b>" * 100_000 + "<img src=/x.jpg>",
        "<img src=/x.jpg><p>" * 100_000,
        "<video poster=" * 200_000,
        "<meta property=og:image content=" + "x" * 4_000_000,
        "<link rel='" + "icon " * 500_000 + "' href=/x.ico>",
        "<div data-a='url(" * 100_000,
        "<?xml-stylesheet " * 200_000,
    ],
    ids=lambda html: html[:24],
)  # fmt: skip
def test_hostile_pages_take_linear_time(html):
    started = time.process_time()
    read(html)
    assert time.process_time() - started < 2


pieces = st.lists(
    st.sampled_from(
        [
            "<img", "<a", "<div", "<source", "<link rel=icon", "<style>", "</style>", "<script", "</script>", ">", " src=/x.jpg",
            " href=/y.png", " srcset='a 1x, b 2x'", " data-bg='url(c)'", " style='d:url(e)'", " data-z=/z.gif", "'", '"', "<!--", "-->",
            " type=importmap", "{\"imports\":{", "}", "url(", ")", "<base href=/b/", "&amp;", "<svg>", "<?xml-stylesheet href=s ?>", "\0", "=", " ",
        ]
    ),
    max_size=14,
).map("".join)  # fmt: skip
any_type = st.sampled_from([HTML, "text/css", "image/svg+xml", "application/manifest+json", "text/xml", "", "image/png", "x"])  # fmt: skip


@given(st.binary(max_size=200), any_type, st.none() | st.sampled_from(RequisiteKind))
def test_no_bytes_raise(body, content_type, kind):
    requisites_in(body, url=URL, content_type=content_type, kind=kind)


@given(pieces, any_type)
def test_no_document_raises_and_each_address_is_sendable_and_given_once(text, content_type):
    urls = [one.url for one in read(text, content_type).found]
    assert len(set(urls)) == len(urls)
    assert all(url.startswith(("http://", "https://")) and "#" not in url for url in urls)


@given(pieces)
def test_links_and_requisites_of_one_pass_are_those_of_two(html):
    body = html.encode()
    together = read_links(body, url=URL, content_type=HTML, requisites=True)
    assert together.links == read_links(body, url=URL, content_type=HTML).links
    assert set(together.requisites) == set(read(html).found)
