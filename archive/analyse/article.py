"""The order of analysis: charset, guard, one tree, rights, gate, metadata, text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from archive.analyse.addresses import addresses
from archive.analyse.choice import Chosen
from archive.analyse.extraction import extract
from archive.analyse.gate import Verdict, judge
from archive.analyse.guard import Admitted, admit
from archive.analyse.headline import headline, titles
from archive.analyse.language import language
from archive.analyse.markup import drop, flatten_layout, hidden, parse, text_of
from archive.analyse.metadata import metadata
from archive.analyse.page import Page, look
from archive.analyse.rescue import rescue
from archive.analyse.rights import rights, withheld
from archive.analyse.tidy import Tidied, tidy
from archive.charset import decode_html
from archive.model import Article, Hints, Outcome, PageType, Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{2}")
_MAX_PAYLOAD = 32 * 1024 * 1024
_MARKUP = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|article|main|h1|div|p)\b", re.IGNORECASE
)
_NOT_HTML = re.compile(
    r"\A\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--[^>]{0,500}-->\s*)?<(?:rss|feed|rdf:rdf|urlset|sitemapindex|opml|svg|manifest|rsd)\b",
    re.IGNORECASE,
)
_HTML_TYPES = frozenset({"", "text/html", "application/xhtml+xml", "text/plain", "application/octet-stream", "application/xml", "text/xml", "unknown/unknown"})  # fmt: skip


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
    refusal, admitted = _admitted(payload, media_type)
    if refusal:
        return _other(refusal, admitted.problems)
    problems = admitted.problems
    parsed = parse(admitted.text)
    del admitted  # what the tree was made of is not needed beside it
    problems = (*problems, *parsed.problems)
    if parsed.root is None:
        return _other("no markup", problems)
    page = look(parsed.root, url, headers)
    article = _read(page, captured, hints)
    return replace(article, problems=(*problems, *page.ld.problems, *article.problems))


def _admitted(payload: bytes, media_type: str) -> tuple[str, Admitted]:
    """Return (why a body is not read, "" where it is; its text within the limits)."""
    text = decode_html(payload[:_MAX_PAYLOAD], media_type)
    refusal = _refusal(text.text, media_type)
    if refusal:
        return refusal, Admitted("", refusal, text.problems)
    admitted = admit(text.text)
    problems = (*text.problems, *admitted.problems)
    if admitted.refused:
        return "guard", Admitted("", admitted.refused, (*problems, admitted.refused))
    return "", Admitted(admitted.text, "", problems)


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
    wish = withheld(stated, captured, hints)
    if wish:
        verdict = Verdict(PageType.OTHER, wish, Outcome.WITHHELD)
        return replace(_brief(page, verdict, hints, named=False), rights=stated)
    verdict = judge(page)
    if verdict.page_type is not PageType.ARTICLE and not verdict.readable:
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
    article, fields = metadata(page, captured, hints)
    body, source, problem = _text(page, article, fields["headline"])
    tongue = language(page, body.text, hints.languages)
    fields["language"] = tongue
    if body.text:
        fields["text"] = Chosen(body.text, Provenance(source))
    else:
        verdict = Verdict(PageType.OTHER, "no text")
        problem = problem or "text: nothing found"
    if body.credit:
        fields["credit"] = Chosen(body.credit, Provenance("credit line"))
    return replace(
        article,
        page_type=verdict.page_type,
        text=body.text,
        credit=body.credit,
        language=tongue.value,
        provenance=_provenance(verdict, fields),
        outcome=verdict.outcome,
        problems=(*article.problems, *((problem,) if problem else ())),
    )


def _text(page: Page, article: Article, name: Chosen) -> tuple[Tidied, str, str]:
    """Return (text and credit, source of the text, problem); hidden elements leave the tree."""
    people = [f"{by}{author.name}" for author in article.authors for by in ("", "by ")]
    furniture = [*(text_of(element) for element in page.times[:6]), *people]
    keys = titles(name, page)
    for element in hidden(page.root):
        drop(element)
    flatten_layout(page.root)
    dense = bool(_WITHOUT_BLANKS.search(name.value or page.title))
    raw, problem = extract(page.root, page.url, dense=dense)
    raw, source = rescue(page, raw, dense=dense)
    return tidy(raw, keys, furniture), source, problem


def _provenance(verdict: Verdict, fields: dict[str, Chosen]) -> dict[str, Provenance]:
    known = {name: chosen.provenance for name, chosen in fields.items() if chosen.provenance}
    return {"page_type": Provenance(verdict.reason), **known}
