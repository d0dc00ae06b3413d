"""The demo site as one object: started, asked for its truth, edited, stopped."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from tests.sites.demo.posts import Comment, encoded, read_posts
from tests.sites.demo.press import Page
from tests.sites.demo.publication import Publication, publish
from tests.sites.demo.server import Seen, Server

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from tests.sites.demo.posts import Post
    from tests.sites.demo.truth import Truth


class DemoSite:
    """Serves on 127.0.0.1 while used as a context manager; edits take effect at once."""

    def __init__(self, *, port: int = 0, log: Path | None = None) -> None:
        """Bind the port (0 takes a free one); `log` gets one JSON line a request."""
        self._server = Server(port, log)
        self._photos = Server(self._server.port, log, host="127.0.0.2")
        self._removed: set[str] = set()
        self._written = {post.path: post for post in read_posts()}
        self._posts = dict(self._written)
        self._edition = self._published()
        self._server.ask = self._answer
        self._photos.ask = self._answer_of_photos
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), name="demo site")
            for server in (self._server, self._photos)
        ]

    def __enter__(self) -> Self:
        """Start to serve."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and close every connection."""
        self._server.stop()
        self._photos.stop()
        for thread in self._threads:
            thread.join()

    @property
    def base(self) -> str:
        """The site's address, `http://127.0.0.1:PORT/`."""
        return f"{self._server.base}/"

    @property
    def photos(self) -> str:
        """The address of the host that has the small photos alone, `http://127.0.0.2:PORT/`."""
        return f"{self._photos.base}/"

    @property
    def photo_requests(self) -> tuple[Seen, ...]:
        """What the host of the photos has been asked so far, in order."""
        return tuple(self._photos.seen)

    @property
    def truth(self) -> tuple[Truth, ...]:
        """What every article is now, newest first."""
        return self._edition.truth

    @property
    def pages(self) -> dict[str, Page]:
        """Every page by path, without searches and pictures."""
        return dict(self._edition.pages)

    @property
    def requests(self) -> tuple[Seen, ...]:
        """What has been asked so far, in order."""
        return tuple(self._server.seen)

    def edit(
        self, path: str, *, title: str = "", text: str = "", modified: datetime | None = None
    ) -> None:
        """Change the words of the article at `path`: its title, or its whole body (in the posts' markup).

        Raises KeyError for a path that is no article's.
        """
        post = self._posts[encoded(path)]
        self._put(
            replace(
                post,
                title=title or post.title,
                body=text or post.body,
                modified=modified or post.modified,
            )
        )

    def rename(self, path: str, slug: str) -> str:
        """Move an article; its old address redirects. Returns the new path."""
        post = self._posts.pop(encoded(path))
        moved = replace(post, slug=slug, address="", moved_from=(*post.moved_from, post.path))
        self._put(moved)
        return moved.path

    def comment(self, path: str, *, author: str, text: str, date: datetime) -> None:
        """Add a reader's remark: the page changes, the article does not."""
        post = self._posts[encoded(path)]
        self._put(replace(post, comments=(*post.comments, Comment(author, date, text))))

    def remove(self, path: str, *, status: int = 410) -> None:
        """Withdraw an article: 410 says so, 404 does not know it any more."""
        state = {410: "gone", 404: "deleted"}[status]
        self._put(replace(self._posts[encoded(path)], state=state))

    def lose(self, address: str) -> None:
        """Answer 404 for a file from now on, given by its whole address."""
        self._removed.add(address)

    def restore(self) -> None:
        """Undo every edit."""
        self._removed.clear()
        self._posts = dict(self._written)
        self._edition = self._published()

    def _answer(self, target: str) -> Page:
        if self._server.base + target in self._removed:
            return Page("missing", b"lost", "text/plain", status=404)
        return self._edition.answer(target)

    def _answer_of_photos(self, target: str) -> Page:
        if self._photos.base + target in self._removed:
            return Page("missing", b"lost", "text/plain", status=404)
        return self._edition.answer_of_photos(target)

    def _put(self, post: Post) -> None:
        self._posts[post.path] = post
        self._edition = self._published()

    def _published(self) -> Publication:
        newest_first = sorted(
            self._posts.values(), key=lambda post: (post.date, post.id), reverse=True
        )
        return publish(tuple(newest_first), self._server.base, self._photos.base)
