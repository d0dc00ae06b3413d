"""All answers of the site at one moment: from posts and a base address to pages by path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from tests.sites.demo import pictures
from tests.sites.demo.article import amp_page, article_page, print_page
from tests.sites.demo.feeds import feeds
from tests.sites.demo.listing import listings, message_page, search_page
from tests.sites.demo.posts import encoded, read_site
from tests.sites.demo.press import Page, Press
from tests.sites.demo.truth import STATUS, Truth, truths, variant_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.sites.demo.posts import Post

_STYLE = Path(__file__).parent / "templates" / "style.css"
_UPLOADS = "/wp-content/uploads/"


@dataclass(frozen=True, slots=True)
class Publication:
    """Pages by path (`/path/` or `/path/?print=1`), ready to be served; search and pictures on demand."""

    press: Press
    pages: Mapping[str, Page]
    truth: tuple[Truth, ...]

    def answer(self, target: str) -> Page:
        """Return the page for a request target; unknown query parameters change nothing."""
        path, _, query = target.partition("?")
        path, asked = encoded(path), dict(parse_qsl(query))
        if "s" in asked and path == "/":
            return search_page(self.press, asked["s"])
        if "p" in asked and path == "/":
            return self._short_link(asked["p"])
        variant = f"{path}?print=1" if asked.get("print") == "1" else path
        page = self.pages.get(variant) or self.pages.get(path)
        return page or self._picture(path) or self._corrected(path, query)

    def _short_link(self, number: str) -> Page:
        found = [post for post in self.press.posts if str(post.id) == number]
        return (
            _moved(self.press.url(found[0].path))
            if found
            else message_page(self.press, "missing", status=404)
        )

    def _picture(self, path: str) -> Page | None:
        name = path.removeprefix(_UPLOADS).removesuffix(".png")
        if name in _scenes(self.press):
            return Page("image", pictures.png(name), "image/png")
        return None

    def _corrected(self, path: str, query: str) -> Page:
        if f"{path}/" in self.pages:
            kept = urlencode(parse_qsl(query))
            return _moved(self.press.url(f"{path}/") + (f"?{kept}" if kept else ""))
        return message_page(self.press, "missing", status=404)


def publish(posts: tuple[Post, ...], base: str) -> Publication:
    """Make every page; `base` is `http://host:port`, no slash at its end."""
    press = Press(base, posts)
    pages: dict[str, Page] = {}
    for post in posts:
        pages.update(_post_pages(press, post))
    pages.update(listings(press))
    pages.update(feeds(press))
    pages["/wp-login.php"] = message_page(press, "login")
    pages["/wp-content/themes/kokdala/style.css"] = Page("style", _STYLE.read_bytes(), "text/css")
    pages[f"{_UPLOADS}logo.svg"] = Page("image", pictures.svg(read_site()["name"]), "image/svg+xml")
    return Publication(press, pages, truths(press))


def _post_pages(press: Press, post: Post) -> Iterator[tuple[str, Page]]:
    status = STATUS[post.state]
    if status != 200:
        kind = {410: "gone", 404: "missing"}[status]
        yield post.path, message_page(press, kind, status=status)
        return
    page = _post_page(press, post)
    for path in (post.path, *map(encoded, post.also)):
        yield path, page
    for path in map(encoded, post.moved_from):
        yield path, _moved(press.url(post.path))
    makers = {"amp": amp_page, "print": print_page}
    for name in post.variants:
        body = makers[name](press, post).encode()
        yield variant_path(post, name), Page(name, body, modified=post.changed)


def _post_page(press: Press, post: Post) -> Page:
    text = article_page(press, post)
    media_type = "text/html; charset=UTF-8"
    if post.charset != "utf-8":  # such pages say their charset in the markup alone
        text = text.replace('<meta charset="utf-8">', _charset_meta(post.charset))
        media_type = "text/html"
    body = text.encode(post.charset, "xmlcharrefreplace")
    if post.charset == "iso-8859-1":
        body = _entities(body)
    latest = max([post.changed, *(comment.date for comment in post.comments)])
    kind = "article" if post.state == "published" else post.state
    short = ("Link", f"<{press.base}/?p={post.id}>; rel=shortlink")
    return Page(kind, body, media_type, modified=latest, fields=(short,))


def _charset_meta(charset: str) -> str:
    return f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">'


def _entities(body: bytes) -> bytes:
    """Write some letters as the named entities that editors of the time liked."""
    for letter, name in (
        ("é", "eacute"),
        ("à", "agrave"),
        ("«", "laquo"),
        ("»", "raquo"),
        ("ç", "ccedil"),
    ):
        body = body.replace(letter.encode("latin-1"), f"&{name};".encode())
    return body.replace(b"&#8217;", b"&rsquo;").replace(b"&#8230;", b"&hellip;")


def _moved(address: str) -> Page:
    return Page(
        "redirect", status=301, fields=(("Location", address), ("X-Redirect-By", "WordPress"))
    )


def _scenes(press: Press) -> frozenset[str]:
    shown = {scene for post in press.posts for block in post.blocks for scene, _ in block.pictures}
    return frozenset(shown | {post.image for post in press.posts})
