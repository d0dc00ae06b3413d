"""All answers of the site at one moment: from posts and a base address to pages by path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from tests.sites.demo import pictures, theme
from tests.sites.demo.article import amp_page, article_page, print_page
from tests.sites.demo.feeds import feeds
from tests.sites.demo.listing import listings, message_page, search_page
from tests.sites.demo.posts import encoded, read_site
from tests.sites.demo.press import Page, Press
from tests.sites.demo.truth import STATUS, Truth, truths, variant_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.sites.demo.posts import Post

_UPLOADS = "/wp-content/uploads/"
_SIZES = {"": 1, "-320x200": 2, "-160x100": 4}


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
        return page or self._upload(path) or self._corrected(path, query)

    def answer_of_photos(self, target: str) -> Page:
        """Return what the host of the photos has: small ones, and some that it keeps for the staff."""
        path = target.partition("?")[0]
        folder, _, name = path[1:].partition("/")
        scene = name.removesuffix(".png")
        if folder == "80x50" and scene in _scenes(self.press):
            return Page("image", pictures.png(scene, 8), "image/png")
        if path == "/staff/badge.png":
            return Page("image", pictures.png("badge", 8), "image/png")
        if path == "/robots.txt":
            return Page("robots", b"User-agent: *\nDisallow: /staff/\n", "text/plain")
        return Page("missing", b"no such photo", "text/plain", status=404)

    def _short_link(self, number: str) -> Page:
        found = [post for post in self.press.posts if str(post.id) == number]
        return (
            _moved(self.press.url(found[0].path))
            if found
            else message_page(self.press, "missing", status=404)
        )

    def _upload(self, path: str) -> Page | None:
        """Return a photo in one of its sizes, a film or a sound."""
        name, _, ending = path.removeprefix(_UPLOADS).partition(".")
        scene, size = next(
            (name.removesuffix(size), size) for size in reversed(_SIZES) if name.endswith(size)
        )
        if not path.startswith(_UPLOADS) or scene not in _scenes(self.press):
            return None
        if ending == "png":
            return Page("image", pictures.png(scene, _SIZES[size]), "image/png")
        return theme.recording(scene, ending)

    def _corrected(self, path: str, query: str) -> Page:
        if f"{path}/" in self.pages:
            kept = urlencode(parse_qsl(query))
            return _moved(self.press.url(f"{path}/") + (f"?{kept}" if kept else ""))
        return message_page(self.press, "missing", status=404)


def publish(posts: tuple[Post, ...], base: str, photos: str) -> Publication:
    """Make every page; `base` and `photos` are `http://host:port`, no slash at their end."""
    press = Press(base, posts, photos)
    pages: dict[str, Page] = {}
    for post in posts:
        pages.update(_post_pages(press, post))
    pages.update(listings(press))
    pages.update(feeds(press))
    pages["/wp-login.php"] = message_page(press, "login")
    pages.update(theme.files())
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
    blocks = [block for post in press.posts for block in post.blocks]
    shown = {scene for block in blocks for scene, _ in block.pictures}
    played = {block.lines[0] for block in blocks if block.kind in {"film", "sound"}}
    return frozenset(shown | played | {post.image for post in press.posts})
