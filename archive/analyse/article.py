"""The order of analysis: charset, guard, one tree, rights, gate, metadata, text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from archive.analyse import linked_data
from archive.analyse.addresses import addresses
from archive.analyse.authors import authors
from archive.analyse.choice import Candidate, Chosen, choose, clean
from archive.analyse.dates import dates
from archive.analyse.extraction import extract
from archive.analyse.gate import Verdict, judge
from archive.analyse.guard import admit
from archive.analyse.headline import headline, titles
from archive.analyse.images import images
from archive.analyse.labels import keywords, sections
from archive.analyse.language import language
from archive.analyse.linked_data import ARTICLE_TYPES, types_of
from archive.analyse.markup import drop, hidden, parse, text_of
from archive.analyse.page import Page, look
from archive.analyse.rescue import rescue
from archive.analyse.rights import rights, withheld
from archive.analyse.tidy import tidy
from archive.charset import decode_html
from archive.model import Article, Hints, Outcome, PageType, Provenance

_MAX_PAYLOAD = 32 * 1024 * 1024
_MARKUP = re.compile(r"<(?:!doctype\s+html|html|head|body|title|article|main|h1|div|p)\b", re.IGNORECASE)
_NOT_HTML = re.compile(r"\A\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--[^>]{0,500}-->\s*)?<(?:rss|feed|rdf:rdf|urlset|sitemapindex|opml|svg|manifest|rsd)\b", re.IGNORECASE)
_HTML_TYPES = frozenset({"", "text/html", "application/xhtml+xml", "text/plain", "application/octet-stream", "application/xml", "text/xml", "unknown/unknown"})  # fmt: skip
_SCHEMA_TYPES = ("NewsArticle", "LiveBlogPosting", "OpinionNewsArticle", "BlogPosting", "Report", "Article")
_FALSE = frozenset({"false", "no", "0", "locked", "metered", "paid", "premium"})
_TRUE = frozenset({"true", "yes", "1", "free"})


def analyse(
    payload: bytes,
    *,
    url: str,
    captured: datetime,
    headers: Sequence[tuple[str, str]] = (),
    hints: Hints = Hints(),  # noqa: B008 - frozen
) -> Article:
    """Return what a page says: type, and for articles text and metadata with provenance.

    `payload` is the content-decoded body, `url` its absolute address, `captured` aware: no date of the
    page lies after it. `headers` are those of the response. Pure: no clock, network, locale or files;
    raises nothing for any bytes. Pages beyond the limits of `guard` are "other", or read in part, with
    a problem that names the limit.
    """
    media_type = next((v for k, v in headers if k.lower() == "content-type"), "")
    text = decode_html(payload[:_MAX_PAYLOAD], media_type)
    refusal = _refusal(text.text, media_type)
    if refusal:
        return _other(refusal, text.problems)
    admitted = admit(text.text)
    problems = (*text.problems, *admitted.problems)
    if admitted.refused:
        return _other("guard", (*problems, admitted.refused))
    parsed = parse(admitted.text)
    problems = (*problems, *parsed.problems)
    if parsed.root is None:
        return _other("no markup", problems)
    page = look(parsed.root, url, headers)
    article = _read(page, captured, hints)
    return replace(article, problems=(*problems, *page.ld.problems, *article.problems))


def _refusal(text: str, media_type: str) -> str:
    """Return why a body is no HTML page, or "". A type that names something else is believed."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind not in _HTML_TYPES:
        return f"media type {kind}"[:80]
    start = text[:4096]
    if _NOT_HTML.match(start):
        return "a feed or another XML document"
    return "" if _MARKUP.search(start) or "<" in start else "no markup"


def _other(reason: str, problems: tuple[str, ...]) -> Article:
    return Article(PageType.OTHER, provenance={"page_type": Provenance(reason)}, problems=problems)


def _read(page: Page, captured: datetime, hints: Hints) -> Article:
    stated = rights(page)
    directive = withheld(stated, captured)
    if directive:
        verdict = Verdict(PageType.OTHER, f"robots: {directive}", Outcome.WITHHELD)
        return replace(_brief(page, verdict, hints, named=False), rights=stated)
    verdict = judge(page)
    if verdict.page_type is not PageType.ARTICLE:
        return replace(_brief(page, verdict, hints, named=True), rights=stated)
    return replace(_whole(page, verdict, captured, hints), rights=stated)


def _brief(page: Page, verdict: Verdict, hints: Hints, *, named: bool) -> Article:
    """Return what is kept of a page that is no article: its name, language and addresses."""
    found = addresses(page)
    chosen, _ = headline(page, hints.outlet) if named else (Chosen(), "")
    tongue = language(page, "", hints.languages)
    fields = {"headline": chosen, "language": tongue, "canonical": found.canonical}
    return Article(
        verdict.page_type,
        headline=chosen.value,
        language=tongue.value,
        canonical=found.canonical.value,
        alternates=found.alternates,
        provenance=_provenance(verdict, fields),
        outcome=verdict.outcome,
        problems=found.problems,
    )


def _whole(page: Page, verdict: Verdict, captured: datetime, hints: Hints) -> Article:
    found = addresses(page)
    name, alternative = headline(page, hints.outlet)
    publisher = _publisher(page, hints)
    people, people_chosen = authors(page, publisher.value or hints.outlet)
    when = dates(page, captured)
    tags, tags_chosen = keywords(page)
    parts, parts_chosen = sections(page)
    pictures, main_image, image_chosen = images(page)
    about = _description(page)
    furniture = [text_of(e) for e in page.times[:6]] + [f"{by}{p.name}" for p in people for by in ("", "by ")]
    keys = titles(name, page)
    for element in hidden(page.root):
        drop(element)
    raw, problem = extract(page.root, page.url)
    raw, source = rescue(page, raw)
    body = tidy(raw, keys, furniture)
    tongue = language(page, body.text, hints.languages)
    fields = {
        "headline": name,
        "description": about,
        "authors": people_chosen,
        "publisher": publisher,
        "published": when.published,
        "modified": when.modified,
        "language": tongue,
        "sections": parts_chosen,
        "keywords": tags_chosen,
        "main_image": image_chosen,
        "canonical": found.canonical,
        "text": Chosen(body.text, Provenance(source)) if body.text else Chosen(),
        "credit": Chosen(body.credit, Provenance("credit line")) if body.credit else Chosen(),
    }
    problems = (*found.problems, *((problem,) if problem else ()))
    if not body.text:
        verdict = Verdict(PageType.OTHER, "no text")
        problems = (*problems, "text: nothing found")
    return Article(
        verdict.page_type,
        headline=name.value,
        alternative_headline=alternative,
        description=about.value,
        text=body.text,
        authors=people,
        publisher=publisher.value,
        credit=body.credit,
        published=when.published.value,
        published_raw=when.published_raw,
        modified=when.modified.value,
        modified_raw=when.modified_raw,
        language=tongue.value,
        sections=parts,
        keywords=tags,
        main_image=main_image,
        images=pictures,
        is_free=_is_free(page),
        schema_type=_schema_type(page),
        canonical=found.canonical.value,
        alternates=found.alternates,
        amp=found.amp,
        print_url=found.print_url,
        shortlink=found.shortlink,
        provenance=_provenance(verdict, fields),
        outcome=verdict.outcome,
        problems=problems,
    )


def _provenance(verdict: Verdict, fields: dict[str, Chosen]) -> dict[str, Provenance]:
    known = {name: chosen.provenance for name, chosen in fields.items() if chosen.provenance}
    return {"page_type": Provenance(verdict.reason), **known}


def _publisher(page: Page, hints: Hints) -> Chosen:
    found = []
    for node in page.ld.of_type(ARTICLE_TYPES)[:3]:
        found.append(Candidate("json-ld publisher", linked_data.first(page.ld.resolve(node.get("publisher")))))
    found.extend(Candidate(f"meta {n}", v) for n, v in page.meta("og:site_name", "application-name", "publisher"))
    found.append(Candidate("site's table", hints.outlet))
    return choose([Candidate(c.source, clean(c.value)[:200]) for c in found])


def _description(page: Page) -> Chosen:
    metas = page.meta("description", "og:description", "twitter:description")
    found = [Candidate(f"meta {name}", value) for name, value in metas]
    for node in page.ld.of_type(ARTICLE_TYPES)[:1]:
        found.append(Candidate("json-ld description", linked_data.first(node.get("description"))))
    return choose([Candidate(c.source, clean(linked_data.plain(c.value))[:2000]) for c in found])


def _is_free(page: Page) -> bool | None:
    values: list[object] = [n.get("isAccessibleForFree") for n in page.ld.of_type(ARTICLE_TYPES)[:2]]
    values.extend(value for _, value in page.meta("article:content_tier", "isaccessibleforfree"))
    for value in values:
        word = str(value).strip().lower()
        if word in _TRUE | _FALSE:
            return word in _TRUE
    return None


def _schema_type(page: Page) -> str:
    """Return the schema.org type of the article among those that the index knows, or ""."""
    for node in page.ld.of_type(ARTICLE_TYPES)[:1]:
        types = types_of(node)
        for known in _SCHEMA_TYPES:
            if known in types:
                return known
        return "NewsArticle" if any(name.endswith("NewsArticle") for name in types) else "Article"
    return ""


