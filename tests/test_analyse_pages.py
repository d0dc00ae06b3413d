"""Every folder of tests/pages: a page as sites send it, and what analysis must say of it.

`expected.json` names the fields that matter for the case; `text_contains` and `text_lacks` are pieces of text,
`authors` names, `images` addresses, `image_credits` their credits, `text_source` the provenance of the text.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archive.analyse import analyse

if TYPE_CHECKING:
    from archive.model import Article

PAGES = Path(__file__).parent / "pages"
CASES = sorted(path.name for path in PAGES.iterdir() if (path / "expected.json").exists())
SETTINGS = {"url", "captured", "headers", "text_contains", "text_lacks"}


def observed(article: Article, field: str) -> Any:
    views = {
        "authors": lambda: [author.name for author in article.authors],
        "images": lambda: [image.url for image in article.images],
        "image_credits": lambda: [image.credit for image in article.images],
        "robots": lambda: list(article.rights.robots),
        "text_source": lambda: article.provenance["text"].source,
    }
    value = views[field]() if field in views else getattr(article, field)
    return list(value) if isinstance(value, tuple) else value


def read(case: str) -> tuple[dict[str, Any], Article]:
    expected = json.loads((PAGES / case / "expected.json").read_text())
    article = analyse(
        (PAGES / case / "page.html").read_bytes(),
        url=expected["url"],
        captured=datetime.fromisoformat(expected["captured"]),
        headers=[(name, value) for name, value in expected.get("headers", [])],
    )
    return expected, article


@pytest.mark.parametrize("case", CASES)
def test_page_gives_the_expected_fields(case: str) -> None:
    expected, article = read(case)
    wanted = {field: value for field, value in expected.items() if field not in SETTINGS}
    assert {field: observed(article, field) for field in wanted} == wanted


@pytest.mark.parametrize("case", CASES)
def test_page_gives_the_expected_text(case: str) -> None:
    expected, article = read(case)
    missing = [piece for piece in expected.get("text_contains", []) if piece not in article.text]
    leaked = [piece for piece in expected.get("text_lacks", []) if piece in article.text]
    assert (missing, leaked) == ([], [])


@pytest.mark.parametrize("case", CASES)
def test_every_filled_field_says_where_it_comes_from(case: str) -> None:
    _, article = read(case)
    named = ("headline", "authors", "published", "modified", "keywords", "sections", "canonical")
    filled = [field for field in named if getattr(article, field)]
    assert [field for field in filled if field not in article.provenance] == []
