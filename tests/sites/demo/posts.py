"""The posts as files: `content/posts/*.md`, TOML between two `+++` lines, then the text.

Keys of the front matter, those with a default last::

    id, lang, title, slug, date, author, category, tags, image
    modified        when it was edited               group      posts that are translations of one another
    credit          the line that credits pictures   markup     news, graph, microdata, opengraph, none
    only            the only channels that may announce it      unlisted   channels that must not
    also            further addresses of the same bytes         moved_from old addresses that redirect here
    variants        amp, print                       path       when not /LANG/YYYY/MM/SLUG/
    charset         how the page is coded            state      published, password, gone, deleted
    lead            lines in front of the body       comments   [[comments]] author, date, text
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from tests.sites.demo.markup import Block, parsed, prose

if TYPE_CHECKING:
    from datetime import datetime

CONTENT = Path(__file__).parent / "content"
CHANNELS = frozenset({"feed", "sitemap", "link", "pagination", "hreflang"})


@dataclass(frozen=True)
class Comment:
    """A reader's remark under a post."""

    author: str
    date: datetime
    text: str


@dataclass(frozen=True)
class Post:
    """One post as written; addresses are paths, percent-encoded where needed."""

    id: int
    lang: str
    title: str
    slug: str
    date: datetime
    author: str
    category: str
    image: str
    body: str
    tags: tuple[str, ...] = ()
    modified: datetime | None = None
    group: str = ""
    credit: str = ""
    markup: str = "news"
    only: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    moved_from: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    address: str = ""
    charset: str = "utf-8"
    state: str = "published"
    canonical: bool = True
    comments: tuple[Comment, ...] = field(default=())

    @cached_property
    def path(self) -> str:
        """Where it lives."""
        return encoded(self.address or f"/{self.lang}/{self.date:%Y/%m}/{self.slug}/")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The body in blocks."""
        return parsed(self.body)

    @property
    def changed(self) -> datetime:
        """When it was last touched by its author."""
        return self.modified or self.date

    @property
    def summary(self) -> str:
        """The first words, plain, as an excerpt shows them; "" for a protected post."""
        if self.state == "password":
            return ""
        text = next(iter(prose(self.blocks)), "")
        limit = 60 if self.lang == "zh" else 200
        return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0].rstrip(" ,.") + "…"

    def announced_by(self, channel: str) -> bool:
        """Whether `channel` (of CHANNELS) may name this post."""
        allowed = self.only or CHANNELS
        return channel in allowed and channel not in self.unlisted


def encoded(path: str) -> str:
    """Return a path percent-encoded once, upper case."""
    return quote(unquote(path), safe="/-._~!$&'()*+,;=:@")


def slugged(words: str) -> str:
    """Return words as WordPress would write them in an address, before encoding."""
    return re.sub(r"[^\w]+", "-", words.casefold()).strip("-_")


@lru_cache(maxsize=1)
def read_posts() -> tuple[Post, ...]:
    """Return all posts, newest first."""
    posts = [_post(path.read_text("utf-8")) for path in sorted((CONTENT / "posts").glob("*.md"))]
    return tuple(sorted(posts, key=lambda post: (post.date, post.id), reverse=True))


@lru_cache(maxsize=1)
def read_site() -> dict[str, Any]:
    """Return `content/site.toml`: name, authors, interface words of each language."""
    return tomllib.loads((CONTENT / "site.toml").read_text("utf-8"))


def _post(text: str) -> Post:
    _, front, body = text.split("+++\n", 2)
    values = tomllib.loads(front)
    for name in ("tags", "only", "unlisted", "also", "moved_from", "variants"):
        values[name] = tuple(values.get(name, ()))
    values["address"] = values.pop("path", "")
    values["comments"] = tuple(Comment(**comment) for comment in values.get("comments", ()))
    return Post(body=body.strip(), **values)
