"""How captures and articles are shown to a person; the JSON forms beside them."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

from archive import urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.index import Entry
    from archive.model import Article, Capture

_WIDEST = 100


def size(count: float) -> str:
    """Return a number of bytes with a unit: `12.3 MB`, powers of 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def capture_json(capture: Capture) -> dict[str, object]:
    """Return a capture as `list --json` prints it."""
    return {
        "ts": urls.timestamp(capture.date),
        "url": capture.url,
        "status": capture.status,
        "mime": capture.mime,
        "kind": capture.kind,
        "digest": capture.digest,
        "truncated": capture.truncated,
        "warc": capture.file,
        "offset": capture.offset,
        "length": capture.length,
    }


def capture_line(capture: Capture) -> str:
    """Return a capture as one line."""
    notes = f"  cut short ({capture.truncated})" if capture.truncated else ""
    when = f"{capture.date:%Y-%m-%d %H:%M:%S}"
    return (
        f"{when}  {capture.status:>3}  {capture.kind:<8}  {capture.mime:<24}  {capture.url}{notes}"
    )


def entry_lines(entry: Entry) -> Iterator[str]:
    """Yield an article for a person: headline, metadata with sources, text, captures."""
    article = entry.article
    yield article.headline
    yield entry.id
    yield ""
    for name, value in _fields(entry, article):
        if value:
            source = article.provenance.get(name)
            yield f"{name:>12}: {value}" + (f"  [{source.source}]" if source else "")
    yield ""
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    for paragraph in article.text.split("\n"):
        yield textwrap.fill(paragraph, width)
        yield ""
    for item in entry.appearances:
        yield f"{item.timestamp}  {item.status:>3}  {item.change or '-':<8}  {item.url}"


def _fields(entry: Entry, article: Article) -> Iterator[tuple[str, str]]:
    yield "address", entry.url
    yield "canonical", entry.canonical_url if entry.canonical_url != entry.url else ""
    yield "authors", ", ".join(author.name for author in article.authors)
    yield "published", article.published
    yield "modified", article.modified if article.modified != article.published else ""
    yield "language", article.language
    yield "sections", ", ".join(article.sections)
    yield "keywords", ", ".join(article.keywords)
    yield "credit", article.credit
    yield "images", str(len(article.images) or "")
    yield "versions", str(len(entry.versions))
    yield "state", "gone" if entry.is_gone else ""
