"""Hides how an Article is written as JSON, between processes and in `articles.sqlite`.

    {"page_type": "article", "headline": "…", "authors": [{"name": "…"}], …}   empty fields are left out

The reader takes nothing on trust: whatever is not of the right shape is a ValueError, so that rubbish on
a pipe costs one page. Lone surrogates become U+FFFD, because no UTF-8 file can hold them.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, cast

from archive.model import Article, Author, Image, Outcome, PageType, Provenance, Rights

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_SIZE_PX: Final = 2**31 - 1

_TEXTS: Final = (
    "headline",
    "alternative_headline",
    "description",
    "text",
    "publisher",
    "credit",
    "published",
    "published_raw",
    "modified",
    "modified_raw",
    "main_image",
    "schema_type",
    "canonical",
    "amp",
    "print_url",
    "shortlink",
)
_LISTS: Final = ("sections", "keywords", "problems")


def to_json(article: Article) -> dict[str, object]:
    """Return the article as JSON values; fields that hold their default are left out."""
    document: dict[str, object] = {"page_type": article.page_type.value}
    for name in _TEXTS:
        if value := getattr(article, name):
            document[name] = _clean(value)
    for name in _LISTS:
        if values := getattr(article, name):
            document[name] = [_clean(value) for value in values]
    if article.language != "und":
        document["language"] = _clean(article.language)
    if article.is_free is not None:
        document["is_free"] = article.is_free
    if article.outcome is not None:
        document["outcome"] = article.outcome.value
    document |= _nested_to_json(article)
    return document


def _nested_to_json(article: Article) -> dict[str, object]:
    nested: dict[str, object] = {
        "authors": [_flat(author, Author(name="")) for author in article.authors],
        "images": [_flat(image, Image(url="")) for image in article.images],
        "alternates": [[_clean(lang), _clean(url)] for lang, url in article.alternates],
        "rights": _flat(article.rights, Rights()),
        "provenance": {_clean(k): _flat(v, Provenance("")) for k, v in article.provenance.items()},
    }
    return {name: value for name, value in nested.items() if value}


def _flat(value: Author | Image | Rights | Provenance, empty: object) -> dict[str, object]:
    """The fields of a small value that differ from those of `empty`."""
    found = {item.name: getattr(value, item.name) for item in fields(value)}
    return {name: _plain(v) for name, v in found.items() if v != getattr(empty, name)}


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _clean(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _clean(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def from_json(document: object) -> Article:
    """Return the Article that `to_json` wrote.

    Raises ValueError for anything else; unknown names are passed over, so that a newer writer can be read.
    """
    found = _object(document)
    named: dict[str, Any] = {name: _text(found.get(name, "")) for name in _TEXTS}
    named |= {name: tuple(map(_text, _list(found.get(name, [])))) for name in _LISTS}
    outcome = found.get("outcome")
    return Article(
        page_type=PageType(_text(found.get("page_type"))),
        language=_text(found.get("language", "und")),
        is_free=_maybe(found.get("is_free")),
        outcome=None if outcome is None else Outcome(_text(outcome)),
        authors=tuple(map(_author, _list(found.get("authors", [])))),
        images=tuple(map(_image, _list(found.get("images", [])))),
        alternates=tuple(map(_pair, _list(found.get("alternates", [])))),
        rights=_rights(_object(found.get("rights", {}))),
        provenance={k: _provenance(v) for k, v in _object(found.get("provenance", {})).items()},
        **named,
    )


def _author(value: object) -> Author:
    found = _object(value)
    kind = _text(found.get("kind", "person"))
    return Author(_text(found.get("name", "")), _text(found.get("url", "")), kind)


def _image(value: object) -> Image:
    found = _object(value)
    url, alt, caption, credit = (
        _text(found.get(name, "")) for name in ("url", "alt", "caption", "credit")
    )
    width, height = _size(found.get("width", 0)), _size(found.get("height", 0))
    return Image(url, alt, caption, credit, width, height)


def _rights(found: Mapping[str, object]) -> Rights:
    robots = tuple(map(_text, _list(found.get("robots", []))))
    return Rights(robots, _maybe(found.get("tdm_reservation")), _text(found.get("license", "")))


def _provenance(value: object) -> Provenance:
    found = _object(value)
    candidates = tuple(map(_pair, _list(found.get("candidates", []))))
    return Provenance(_text(found.get("source", "")), _size(found.get("agreeing", 0)), candidates)


def _pair(value: object) -> tuple[str, str]:
    match _list(value):
        case [first, second]:
            return _text(first), _text(second)
        case _:
            raise ValueError("not a pair")


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"not an object: {type(value).__name__}")
    return cast("Mapping[str, object]", value)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"not a list: {type(value).__name__}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"not a text: {type(value).__name__}")
    return _clean(value)


def _maybe(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"not true, false or null: {type(value).__name__}")
    return value


def _size(value: object) -> int:
    """A count or a size; what no page can mean (negative, above 31 bits) is 0."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"not a whole number: {type(value).__name__}")
    return value if 0 <= value <= _MAX_SIZE_PX else 0
