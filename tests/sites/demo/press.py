"""What every page maker needs: absolute addresses, the words of a language, templates, and who named whom.

`Press.link` is the only way a post's address gets into a page, so that `announced` knows, for each post,
the channels that really name it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from tests.sites.demo.posts import encoded, read_site, slugged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tests.sites.demo.posts import Post

_TEMPLATES = Path(__file__).parent / "templates"
STYLE = "/wp-content/themes/kokdala/style.css?ver=1.4"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the site. `kind` is article, password, listing, search, login, feed, sitemap, …"""

    kind: str
    body: bytes = b""
    media_type: str = "text/html; charset=UTF-8"
    status: int = 200
    modified: datetime | None = None
    fields: tuple[tuple[str, str], ...] = ()
    chunked: bool = False


@dataclass(frozen=True)
class Press:
    """The posts of one moment and the address they are served under (`http://host:port`, no slash).

    `photos` is the address of the host that has the smallest photos alone.
    """

    base: str
    posts: tuple[Post, ...]
    photos: str = ""
    announced: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def url(self, path: str) -> str:
        """Return the absolute address of a path of this site; other addresses unchanged."""
        if not path.startswith("/"):
            return path
        bare, mark, query = path.partition("?")
        return self.base + encoded(bare) + mark + query

    def link(self, post: Post, channel: str = "link") -> str:
        """Return a post's absolute address and note that `channel` names it."""
        self.announced[post.path].add(channel)
        return self.url(post.path)

    def href(self, target: str) -> str:
        """Return the absolute address of a link in a text, noting the post it names."""
        path = encoded(target.partition("?")[0])
        if path in self.by_path:
            self.announced[path].add("link")
        return self.url(target)

    @cached_property
    def by_path(self) -> dict[str, Post]:
        """Posts by their path."""
        return {post.path: post for post in self.posts}

    @cached_property
    def public(self) -> tuple[Post, ...]:
        """Posts that a page may list, newest first."""
        return tuple(post for post in self.posts if post.state in {"published", "password"})

    def twins(self, post: Post) -> tuple[Post, ...]:
        """The other posts of its translation group."""
        return tuple(
            other
            for other in self.public
            if post.group and other.group == post.group and other is not post
        )

    def author(self, post: Post) -> str:
        """The author's name."""
        return str(read_site()["authors"][post.author])


def words(lang: str) -> dict[str, Any]:
    """Return the interface words of a language."""
    return dict(read_site()["languages"][lang])


def section_path(lang: str, kind: str, name: str) -> str:
    """Return the path of a category, tag or author archive."""
    return encoded(f"/author/{name}/" if kind == "author" else f"/{lang}/{kind}/{slugged(name)}/")


def filled(template: str, /, **values: object) -> str:
    """Return a template with its places filled; values are HTML."""
    return _template(template).substitute({key: str(value) for key, value in values.items()})


def anchor(address: str, text: str, attributes: str = "") -> str:
    """Return a link."""
    return f'<a href="{escape(address)}"{" " + attributes if attributes else ""}>{escape(text)}</a>'


def joined(parts: Iterable[str], tag: str = "li") -> str:
    """Return the parts, each in its own element."""
    return "".join(f"<{tag}>{part}</{tag}>" for part in parts)


def day(moment: datetime, lang: str) -> str:
    """Return a date as people of that language write it."""
    name = words(lang)["months"][moment.month - 1]
    return str(words(lang)["date"]).format(day=moment.day, month=name, year=moment.year)


def month(year: int, number: int, lang: str) -> str:
    """Return a month as a heading names it."""
    text = words(lang)
    return f"{text.get('months_alone', text['months'])[number - 1]} {year}"


@lru_cache(maxsize=32)
def _template(name: str) -> Template:
    return Template((_TEMPLATES / name).read_text("utf-8"))
