"""Hides how the fields of an Article are called in `articles.jsonl`: schema.org's names, null where empty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from archive.model import Article, Author, Image, PageType, Provenance, Rights

if TYPE_CHECKING:
    from collections.abc import Mapping

_NULLABLE: Final = {
    "alternativeHeadline": "alternative_headline",
    "description": "description",
    "creditText": "credit",
    "datePublishedRaw": "published_raw",
    "dateModifiedRaw": "modified_raw",
    "mainImage": "main_image",
}
_DATES: Final = {"datePublished": "published", "dateModified": "modified"}
_ALWAYS: Final = {"headline": "headline", "articleBody": "text"}
_LISTS: Final = {"articleSection": "sections", "keywords": "keywords"}
_PROVENANCE: Final = {
    **{field: name for name, field in (_NULLABLE | _DATES | _ALWAYS | _LISTS).items()},
    "language": "inLanguage",
    "canonical": "canonicalUrl",
    "is_free": "isAccessibleForFree",
    "schema_type": "type",
    "alternates": "translations",
}

_TYPES: Final = frozenset(
    {
        "NewsArticle",
        "Article",
        "BlogPosting",
        "Report",
        "LiveBlogPosting",
        "OpinionNewsArticle",
        "WebPage",
    }
)
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
_LANGUAGE: Final = re.compile(r"und|[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,8}")


def language_tag(text: str) -> str:
    """Return a BCP 47 tag as the contract has it, "und" for anything else."""
    return text if _LANGUAGE.fullmatch(text) else "und"


def article_to_json(article: Article) -> dict[str, object]:
    """Return the article's part of a line; what the contract can't hold is null, never wrong."""
    document: dict[str, object] = {
        name: getattr(article, field) or None for name, field in _NULLABLE.items()
    }
    document |= {name: getattr(article, field) for name, field in _ALWAYS.items()}
    document |= {name: list(getattr(article, field)) for name, field in _LISTS.items()}
    document |= {name: _date_time(getattr(article, field)) for name, field in _DATES.items()}
    return document | {
        "type": article.schema_type if article.schema_type in _TYPES else "Article",
        "inLanguage": language_tag(article.language),
        "isAccessibleForFree": article.is_free,
        "publisher": {"name": article.publisher} if article.publisher else None,
        "authors": [_author_to_json(author) for author in article.authors if author.name],
        "images": [_image_to_json(image) for image in article.images if image.url],
        "rights": {
            "robots": list(article.rights.robots),
            "tdmReservation": article.rights.tdm_reservation,
            "license": article.rights.license or None,
        },
        "provenance": {
            _PROVENANCE.get(field, field): _provenance_to_json(rule)
            for field, rule in article.provenance.items()
        },
    }


def _date_time(text: str) -> str | None:
    return text if _DATE_TIME.fullmatch(text) else None


def _author_to_json(author: Author) -> dict[str, object]:
    kind = "organization" if author.kind == "organization" else "person"
    optional: dict[str, object] = {"url": author.url} if author.url else {}
    return {"name": author.name, "kind": kind} | optional


def _image_to_json(image: Image) -> dict[str, object]:
    optional: dict[str, object] = {
        "alt": image.alt,
        "caption": image.caption,
        "creditText": image.credit,
        "width": image.width,
        "height": image.height,
    }
    return {"url": image.url} | {name: value for name, value in optional.items() if value}


def _provenance_to_json(rule: Provenance) -> dict[str, object]:
    candidates = [{"source": source, "value": value} for source, value in rule.candidates]
    found: dict[str, object] = {"source": rule.source, "agreeing": rule.agreeing}
    return found | ({"candidates": candidates} if candidates else {})


def article_from_json(found: Mapping[str, Any]) -> Article:
    """Return the Article of a line's fields. Raises KeyError where one is missing."""
    named: dict[str, Any] = {
        field: found[name] or "" for name, field in (_NULLABLE | _DATES).items()
    }
    named |= {field: found[name] for name, field in _ALWAYS.items()}
    named |= {field: tuple(found[name]) for name, field in _LISTS.items()}
    fields = {name: field for field, name in _PROVENANCE.items()}
    rights = found["rights"]
    return Article(
        page_type=PageType.ARTICLE,
        schema_type=found["type"],
        language=found["inLanguage"],
        is_free=found["isAccessibleForFree"],
        publisher=(found["publisher"] or {}).get("name", ""),
        authors=tuple(
            Author(item["name"], item.get("url", ""), item["kind"]) for item in found["authors"]
        ),
        images=tuple(map(_image_from_json, found["images"])),
        canonical=found["canonicalUrl"],
        alternates=tuple((item["inLanguage"], item["url"]) for item in found["translations"]),
        rights=Rights(tuple(rights["robots"]), rights["tdmReservation"], rights["license"] or ""),
        provenance={
            fields.get(name, name): _provenance_from_json(rule)
            for name, rule in found["provenance"].items()
        },
        **named,
    )


def _image_from_json(item: Mapping[str, Any]) -> Image:
    return Image(
        url=item["url"],
        alt=item.get("alt", ""),
        caption=item.get("caption", ""),
        credit=item.get("creditText", ""),
        width=item.get("width", 0),
        height=item.get("height", 0),
    )


def _provenance_from_json(rule: Mapping[str, Any]) -> Provenance:
    candidates = tuple((item["source"], item["value"]) for item in rule.get("candidates", ()))
    return Provenance(rule["source"], rule["agreeing"], candidates)
