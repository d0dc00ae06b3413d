"""The newspaper on a loopback address: which answer each path has."""

from __future__ import annotations

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

from tests.sites.channels import newspaper as paper

if TYPE_CHECKING:
    from types import TracebackType

    from tests.sites.channels.newspaper import Article

Fields = dict[str, str]
Answer = tuple[int, Fields, bytes]
HTML = {"Content-Type": "text/html; charset=utf-8"}
XML = {"Content-Type": "application/xml"}


class ChannelSite:
    """Serves the newspaper while it is entered; may be changed meanwhile."""

    def __init__(self) -> None:
        self._paper = paper.founded()
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self.second = f"{self.base}second/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def known(self) -> dict[str, frozenset[str]]:
        """The channels that name each article, by path."""
        return {path: frozenset(one.channels) for path, one in self._paper.articles.items()}

    def url(self, path: str) -> str:
        return self.base + path[1:]

    def withdraw(self, path: str) -> None:
        del self._paper.articles[path]

    def publish(self, path: str, *channels: str) -> None:
        self._paper.add(path, *channels)

    def revise(self, path: str) -> None:
        self._paper.articles[path].version += 1

    def answer(self, target: str) -> Answer:
        """Return status, fields and body of what `target` asks for."""
        path = urlsplit(target).path
        if path in self._paper.articles:
            return self._article(self._paper.articles[path])
        if path.startswith("/wp-json/wp/v2/"):
            return self._rest(path.rpartition("/")[2], parse_qs(urlsplit(target).query))
        made = getattr(self, _PLACES.get(path, "_nothing"))
        answer: Answer = made()
        return answer

    def _nothing(self) -> Answer:
        return 404, HTML, paper.html("Not found", "")

    def _home(self) -> Answer:
        head = '<link rel="alternate" type="application/rss+xml" href="/rss">'
        head += '<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments/feed/">'
        links = '<a href="/category/news/">news</a> <a href="/2024/05/">May</a> <a href="/about/">about</a>'
        fields = {**HTML, "Link": f'<{self.base}wp-json/>; rel="https://api.w.org/"'}
        return 200, fields, paper.html("Home", links + paper.anchors(self._paper.of("link")), head)

    def _about(self) -> Answer:
        return 200, HTML, paper.html("About", '<a href="/moved/">moved</a>')

    def _moved(self) -> Answer:
        targets = self._paper.of("redirect")
        return (301, {"Location": targets[0].path}, b"") if targets else self._nothing()

    def _second(self) -> Answer:
        fields = {**HTML, "Link": '</atom>; rel=alternate; type="application/atom+xml"'}
        head = '<link rel="alternate" type="application/feed+json" href="/feed.json">'
        return 200, fields, paper.html("Second", paper.anchors(self._paper.of("second-seed")), head)

    def _robots(self) -> Answer:
        text = f"User-agent: *\nDisallow:\nSitemap: {self.base}maps.xml\n"
        return 200, {"Content-Type": "text/plain"}, text.encode()

    def _maps(self) -> Answer:
        return 200, XML, paper.index(self.base, "maps-deeper.xml", "news.xml", "maps.xml")

    def _deeper(self) -> Answer:
        return 200, XML, paper.index(self.base, "posts.xml.gz")

    def _posts(self) -> Answer:
        listed, twins = self._paper.of("sitemap"), self._paper.of("hreflang-sitemap")
        fields = {"Content-Type": "application/x-gzip"}
        return 200, fields, paper.sitemap(self.base, listed, twins)

    def _news(self) -> Answer:
        return 200, XML, paper.news_sitemap(self.base, self._paper.of("news-sitemap"))

    def _rss(self) -> Answer:
        return 200, XML, paper.rss(self.base, self._paper.of("feed"), older="rss-2")

    def _older_rss(self) -> Answer:
        return 200, XML, paper.rss(self.base, self._paper.of("older-feed"))

    def _atom(self) -> Answer:
        return 200, XML, paper.atom(self.base, self._paper.of("atom"))

    def _json_feed(self) -> Answer:
        fields = {"Content-Type": "application/feed+json"}
        return 200, fields, paper.json_feed(self.base, self._paper.of("json-feed"))

    def _listing(self) -> Answer:
        body = (
            paper.anchors(self._paper.of("listing"))
            + '<a rel="next" href="/category/news/page/2/">older</a>'
        )
        return 200, HTML, paper.html("News", body)

    def _older_listing(self) -> Answer:
        return 200, HTML, paper.html("News 2", paper.anchors(self._paper.of("older-listing")))

    def _archive(self) -> Answer:
        return 200, HTML, paper.html("May 2024", paper.anchors(self._paper.of("archive")))

    def _comments(self) -> Answer:
        return 200, XML, paper.rss(self.base, [])

    def _article(self, article: Article) -> Answer:
        """Return an article; that which home links has the deep link, the twin and the canonical one."""
        head = body = ""
        fields = dict(HTML)
        if "link" in article.channels:
            body = paper.anchors(self._paper.of("deep-link"))
            twins = self._paper.of("hreflang")
            head = "".join(
                f'<link rel="alternate" hreflang="ru" href="{one.path}">' for one in twins
            )
            canonical = self._paper.of("canonical")
            if canonical and article.path == "/link-only/":
                head += f'<link rel="canonical" href="{canonical[0].path}">'
            fields["Link"] = ", ".join(
                f"<{one.path}>; rel=alternate; hreflang=kk"
                for one in self._paper.of("hreflang-field")
            )
        text = f"<p>Singer number {7919 * (article.number + 1)} sang, says version {article.version}.</p>"
        return 200, fields, paper.html(article.path, text + body, head)

    def _rest(self, kind: str, asked: dict[str, list[str]]) -> Answer:
        listed = self._paper.of("rest" if kind == "posts" else "rest-page")
        is_pass = asked.get("orderby") == ["id"]
        listed.sort(key=lambda one: one.number if is_pass else -one.modified.timestamp())
        page, size = int(asked.get("page", ["1"])[0]), int(asked["per_page"][0])
        pages = -(-len(listed) // size)
        fields = {"Content-Type": "application/json; charset=UTF-8"}
        if page > max(1, pages):
            return 400, fields, b'{"code":"rest_post_invalid_page_number"}'
        outside = "" if kind == "posts" else "https://elsewhere.test/a/"
        fields |= {"X-WP-Total": str(len(listed) + bool(outside)), "X-WP-TotalPages": str(pages)}
        chosen = listed[(page - 1) * size : page * size]
        return 200, fields, paper.entries(self.base, chosen, outside)


_PLACES = {
    "/": "_home",
    "/about/": "_about",
    "/moved/": "_moved",
    "/second/": "_second",
    "/robots.txt": "_robots",
    "/maps.xml": "_maps",
    "/maps-deeper.xml": "_deeper",
    "/posts.xml.gz": "_posts",
    "/news.xml": "_news",
    "/rss": "_rss",
    "/rss-2": "_older_rss",
    "/atom": "_atom",
    "/feed.json": "_json_feed",
    "/comments/feed/": "_comments",
    "/category/news/": "_listing",
    "/category/news/page/2/": "_older_listing",
    "/2024/05/": "_archive",
}


def _handler_of(site: ChannelSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            site.asked.append(self.path)
            status, fields, body = site.answer(self.path)
            lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in fields.items() if value]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay silent; `ChannelSite.asked` keeps the requests."""

    return Handler
