"""What each article of the demo site is, in plain values, to judge an archive by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.sites.demo import markup
from tests.sites.demo.posts import encoded

if TYPE_CHECKING:
    from datetime import datetime

    from tests.sites.demo.posts import Post
    from tests.sites.demo.press import Press

STATUS = {"published": 200, "password": 200, "gone": 410, "deleted": 404}


@dataclass(frozen=True, slots=True)
class Truth:
    """One article. Paths are percent-encoded and start with a slash; texts are plain.

    `kind` is article, password (a form stands in its place), gone (410) or deleted (404); `allowed` says
    whether robots.txt lets it be fetched; `channels` are those that name it: feed, sitemap, link,
    pagination, hreflang. `paragraphs` holds quotations as well, in reading order, never the credit.
    """

    path: str
    kind: str
    status: int
    allowed: bool
    language: str
    headline: str
    published: datetime
    modified: datetime | None
    author: str
    sections: tuple[str, ...]
    tags: tuple[str, ...]
    canonical: str
    paragraphs: tuple[str, ...]
    quotations: tuple[str, ...]
    captions: tuple[str, ...]
    credit: str
    images: tuple[str, ...]
    comments: int
    markup: str
    charset: str
    channels: frozenset[str]
    translations: tuple[str, ...]
    redirects: tuple[str, ...]
    copies: tuple[str, ...]
    variants: tuple[str, ...]

    @property
    def expected(self) -> bool:
        """Whether a polite archive that follows every channel has it as an article."""
        return self.kind == "article" and self.allowed


def truths(press: Press) -> tuple[Truth, ...]:
    """Return the truth of every post, newest first; call it after all pages have been made."""
    return tuple(_truth(press, post) for post in press.posts)


def _truth(press: Press, post: Post) -> Truth:
    shown = [picture for block in post.blocks for picture in block.pictures]
    scenes = dict.fromkeys([post.image, *(scene for scene, _ in shown)])
    return Truth(
        path=post.path,
        kind="article" if post.state == "published" else post.state,
        status=STATUS[post.state],
        allowed=not post.path.startswith("/en/embargo/"),
        language=post.lang,
        headline=post.title,
        published=post.date,
        modified=post.modified,
        author=press.author(post),
        sections=(post.category,),
        tags=post.tags,
        canonical=post.path if post.canonical else "",
        paragraphs=markup.prose(post.blocks),
        quotations=markup.quotations(post.blocks),
        captions=tuple(markup.plain(caption) for _, caption in shown if caption),
        credit=markup.plain(post.credit),
        images=tuple(f"/wp-content/uploads/{scene}.png" for scene in scenes),
        comments=len(post.comments),
        markup=post.markup,
        charset=post.charset,
        channels=frozenset(press.announced[post.path]),
        translations=tuple(twin.path for twin in press.twins(post)),
        redirects=tuple(map(encoded, post.moved_from)),
        copies=tuple(map(encoded, post.also)),
        variants=tuple(variant_path(post, name) for name in post.variants),
    )


def variant_path(post: Post, name: str) -> str:
    """Return where the amp or print form of a post lives."""
    return post.path + {"amp": "amp/", "print": "?print=1"}[name]
