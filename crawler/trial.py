"""`muragat try`: one page through the real path, into a collection that is thrown away.

What it shows is therefore what a crawl would store: the record, the article with the source of each field,
and every link with the verdict of the scope.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archive import Collection
from archive.analyse import analyse
from archive.analyse.codec import to_json
from crawler.crawl import CrawlOptions, crawl
from crawler.discover.announced import announced_in, stored_response
from crawler.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.http import Message
    from archive.model import Article, Capture
    from crawler.discover.links import Link
    from crawler.report import Report
    from crawler.scope import Verdict
    from crawler.sites import Site

_TEXT_SHOWN = 600
_LINKS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Trial:
    """What a page would bring: its captures (redirects first), its article, its links with their verdicts."""

    captures: tuple[Capture, ...]
    article: Article | None
    links: tuple[tuple[Link, Verdict], ...]
    report: Report

    def to_json(self) -> dict[str, object]:
        """Return it as `try --json` prints it."""
        return {
            "captures": [_capture(capture) for capture in self.captures],
            "article": None if self.article is None else to_json(self.article),
            "links": [
                {
                    "url": link.url,
                    "announcer": link.announcer,
                    "in_scope": verdict.in_scope,
                    "reason": verdict.reason,
                }
                for link, verdict in self.links
            ],
            "outcomes": dict(self.report.outcomes),
        }

    def lines(self) -> Iterator[str]:
        """Yield it as a person reads it."""
        for capture in self.captures:
            yield f"{capture.kind} {capture.status} {capture.mime} {capture.url}"
            yield f"  {capture.digest}" + (f", {capture.truncated}" if capture.truncated else "")
        if not self.captures:
            outcomes = ", ".join(self.report.outcomes) or "no answer"
            yield f"nothing would be stored: {outcomes}"
        if self.article is not None:
            yield from _article_lines(self.article)
        yield from _link_lines(self.links)


def try_page(url: str, site: Site, allow: tuple[str, ...]) -> Trial:
    """Fetch `url` as a crawl of `site` would, robots.txt and all; nothing is kept."""
    only = replace(site, seeds=(url,))
    with tempfile.TemporaryDirectory(prefix="muragat-try-") as folder:
        home = Path(folder) / "collection"
        options = CrawlOptions(max_pages=1, requisites="none", allow=allow, analyse=False)
        report = crawl(home, [only], options)
        with Collection(home) as collection:
            found = [capture for capture in collection.captures() if not _is_robots(capture)]
            found.sort(key=lambda capture: capture.sequence)
            captures = tuple(found)
            if not captures:
                return Trial((), None, (), report)
            last = captures[-1]
            return _trial(captures, collection.read(last), site, report)


def _trial(captures: tuple[Capture, ...], message: Message, site: Site, report: Report) -> Trial:
    last = captures[-1]
    response = stored_response(last.url, message)
    scope = Scope.from_site(site)
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.fields]
    article = analyse(
        response.body, url=last.url, captured=last.date, headers=fields, hints=site.hints
    )
    links = tuple((link, scope.decide(link.url)) for link in announced_in(response))
    return Trial(captures, article, links, report)


def _is_robots(capture: Capture) -> bool:
    return capture.url.endswith("/robots.txt")


def _capture(capture: Capture) -> dict[str, object]:
    return {
        "url": capture.url,
        "kind": capture.kind,
        "status": capture.status,
        "mime": capture.mime,
        "digest": capture.digest,
        "truncated": capture.truncated,
    }


def _article_lines(article: Article) -> Iterator[str]:
    yield f"page type: {article.page_type}" + (f", {article.outcome}" if article.outcome else "")
    fields = {
        "headline": article.headline,
        "authors": ", ".join(author.name for author in article.authors),
        "published": article.published,
        "modified": article.modified,
        "language": article.language,
        "sections": ", ".join(article.sections),
        "keywords": ", ".join(article.keywords),
        "credit": article.credit,
        "canonical": article.canonical,
    }
    for name, value in fields.items():
        if value:
            source = article.provenance.get(name)
            yield f"  {name}: {value}" + (f"  [{source.source}]" if source else "")
    if article.text:
        yield f"  text: {len(article.text)} characters"
        yield article.text[:_TEXT_SHOWN]
    for problem in article.problems:
        yield f"  problem: {problem}"


def _link_lines(links: tuple[tuple[Link, Verdict], ...]) -> Iterator[str]:
    inside = [link for link, verdict in links if verdict.in_scope]
    outside = [(link, verdict) for link, verdict in links if not verdict.in_scope]
    yield f"{len(inside)} links in scope, {len(outside)} out"
    for link in inside[:_LINKS_SHOWN]:
        yield f"  in   {link.announcer:<10} {link.url}"
    for link, verdict in outside[:_LINKS_SHOWN]:
        yield f"  out  {verdict.reason:<10} {link.url}"
