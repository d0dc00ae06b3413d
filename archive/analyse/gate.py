"""Decides what a page is before any text is taken from it: article, listing or other.

Plain statements of the page decide (CMS body classes, forms, walls); where there is none, signs are
weighed. All rules are general: body classes of WordPress and Drupal, schema.org, Open Graph, shapes of
addresses, and the share of text in links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archive.analyse.linked_data import ARTICLE_TYPES, types_of
from archive.analyse.volume import Volume, measure, teasers
from archive.analyse.walls import Wall, wall
from archive.model import Outcome, PageType

if TYPE_CHECKING:
    from archive.analyse.page import Page

_LISTING_TYPES = frozenset({"CollectionPage", "ProfilePage", "SearchResultsPage", "ItemPage"})
_OTHER_TYPES = frozenset(
    {
        "AboutPage",
        "ContactPage",
        "FAQPage",
        "CheckoutPage",
        "Product",
        "Event",
        "JobPosting",
        "Recipe",
    }
    | {
        "MusicEvent",
        "LocalBusiness",
        "Restaurant",
        "SoftwareApplication",
        "Course",
        "QAPage",
        "Quiz",
    }
)
_LISTING_CLASSES = frozenset(
    {"archive", "category", "tag", "author", "date", "home", "blog", "paged", "post-type-archive"}
)
_LISTING_PATH = re.compile(
    r"/(?:category|categories|tags?|topics?|authors?|autor(?:es)?|auteurs?|rubrique|rubric|kategorie|section|page)/"
    r"[^/]{1,200}/?(?:page/\d{1,5}/?)?$",
    re.IGNORECASE,
)
_DATE_PATH = re.compile(r"^/\d{4}(?:/\d{1,2}){0,2}/?$")
_HOME_PATH = re.compile(
    r"^/(?:[a-z]{2}(?:[-_][a-z]{2})?/?|index\.(?:html?|php)|home/?)?$", re.IGNORECASE
)
# Not "?s=20", which sharing adds, nor Drupal's "?q=node/7".
_SEARCH = re.compile(r"(?:^|&)(?:s=(?!\d+(?:&|$))|q=(?!node/)|query=|search=)", re.IGNORECASE)
_DATED_PATH = re.compile(
    r"/(?:19|20)\d\d[/-]?[01]\d(?:[/-]?[0-3]\d)?[/-]|[-/.]\d{5,}(?:$|[./-])|-[0-9a-f]{8,}$"
)
THRESHOLD = 2.0
_SHELL_LETTERS = 300
"""Of text that a page has before any script runs: fewer are the name of the site and a plea to turn scripts on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a page is, the rule that says so, and the outcome where there is a wall or an empty shell.

    `readable` marks a page that is no article and still one text: a static page, a recipe.
    """

    page_type: PageType
    reason: str
    outcome: Outcome | None = None
    readable: bool = False


def judge(page: Page) -> Verdict:
    """Return what `page` is. Never looks at single sites."""
    if page.root.find(".//frameset") is not None:
        return Verdict(PageType.OTHER, "frameset")
    volume = measure(page)
    said = _by_wall(page, volume) or _by_classes(page) or _by_address(page, volume)
    if said is None:
        return _by_weight(page, volume)
    if said.page_type is PageType.LISTING and _one_text(page, volume):
        return Verdict(PageType.OTHER, f"{said.reason}, but one text", readable=True)
    return said


def _one_text(page: Page, volume: Volume) -> bool:
    """Say whether what should be a listing has prose and no teasers: the front page of a small site."""
    return volume.long >= 800 and volume.link_share < 0.3 and teasers(page) < 3


def _by_wall(page: Page, volume: Volume) -> Verdict | None:
    found = wall(page, volume.visible)
    if found is None or (found is not Wall.PASSWORD and _claims_article(page)):
        return None  # "Just a moment with ..." may be a short article, with a login box beside it
    blocked = found in {Wall.CHALLENGE, Wall.CONSENT}
    return Verdict(PageType.OTHER, found.value, Outcome.BLOCKED if blocked else None)


def _claims_article(page: Page) -> bool:
    """Say whether the page's own marks name it an article; walls and errors have none."""
    return bool(
        "single" in page.body_classes or _article_nodes(page) or page.meta("article:published_time")
    )


def _by_classes(page: Page) -> Verdict | None:
    """Read WordPress's body classes (get_body_class in wp-includes/post-template.php)."""
    classes = page.body_classes
    if not classes or not _is_wordpress(page):
        return None
    if classes & {"error404", "search", "search-results", "search-no-results"}:
        return Verdict(PageType.OTHER, "wordpress: search or error")
    if classes & {"attachment", "single-attachment", "single-product"}:
        return Verdict(PageType.OTHER, "wordpress: attachment or product")
    if "single" not in classes and classes & _LISTING_CLASSES:
        return Verdict(PageType.LISTING, "wordpress: listing")
    if "page" in classes and "single" not in classes and not _article_nodes(page):
        return Verdict(PageType.OTHER, "wordpress: static page", readable=True)
    return None


def _is_wordpress(page: Page) -> bool:
    if any(value.lower().startswith("wordpress") for _, value in page.meta("generator")):
        return True
    return any(
        name.startswith(("postid-", "page-id-", "wp-")) for name in page.body_classes
    ) or any("/wp-content/" in (link.get("href") or "") for _, link in page.links)


def _by_address(page: Page, volume: Volume) -> Verdict | None:
    parts = urlsplit_or_empty(page.url)
    if volume.text < _SHELL_LETTERS and _is_shell(page, volume):
        return None  # a front page that scripts have yet to make
    if _SEARCH.search(parts[1]) and "single" not in page.body_classes:
        return Verdict(PageType.OTHER, "address: search")
    if _DATE_PATH.match(parts[0]):
        return Verdict(PageType.LISTING, "address: date archive")
    if _HOME_PATH.match(parts[0]) and not parts[1]:
        return Verdict(PageType.LISTING, "address: home page")
    return None


def urlsplit_or_empty(url: str) -> tuple[str, str]:
    """Return (path, query) of an address; two empty strings where it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.path, parts.query


def _by_weight(page: Page, volume: Volume) -> Verdict:
    signs = _signs(page, volume)
    score = sum(points for _, points in signs)
    body = _article_body(page)
    has_text = volume.long >= 140 or volume.visible >= 400 or body
    if score >= THRESHOLD and (has_text or _article_nodes(page) or "single" in page.body_classes):
        if not has_text and _is_shell(page, volume):
            return Verdict(PageType.OTHER, "empty shell", Outcome.EMPTY_SHELL)
        return Verdict(PageType.ARTICLE, max(signs, key=lambda sign: sign[1])[0])
    if _is_shell(page, volume):
        return Verdict(PageType.OTHER, "empty shell", Outcome.EMPTY_SHELL)
    least = min(signs, key=lambda sign: sign[1], default=("nothing", 0.0))[0]
    count = teasers(page)
    teasing = count >= 5 and volume.long < 200 * count and volume.visible < 400 * count
    if teasing or (volume.long < 600 and (volume.link_share > 0.35 or score < 0)):
        return Verdict(PageType.LISTING, f"weight: {least}")
    readable = volume.long >= 400 or volume.visible >= 1000
    return Verdict(PageType.OTHER, f"weight: {least}", readable=readable)


def _signs(page: Page, volume: Volume) -> list[tuple[str, float]]:
    """Return (sign, points): above zero speaks for an article. The sum has to reach THRESHOLD.

    Points were set by hand and checked on the public article sets (benchmarks/extraction_predictor.py)
    and on listings of three WordPress themes.
    """
    return [*_stated(page), *_shaped(page, volume)]


def _stated(page: Page) -> list[tuple[str, float]]:
    signs = []
    nodes = _article_nodes(page)
    if nodes:
        signs.append(("json-ld: article", 2.0 if len(nodes) < 4 else -1.0))
    types = frozenset(name for node in page.ld.main for name in types_of(node))
    if types & _LISTING_TYPES and not nodes:
        signs.append(("json-ld: listing", -2.0))
    if types & _OTHER_TYPES and not nodes:
        signs.append(("json-ld: no article", -2.0))
    if page.meta("article:published_time", "article:modified_time", "article:author"):
        signs.append(("meta: article dates", 2.0))
    kind = next((value.lower() for _, value in page.meta("og:type")), "")
    if kind:
        signs.append((f"og:type {kind}"[:40], 1.5 if "article" in kind or "post" in kind else -0.5))
    if page.body_classes & {"single", "single-post", "node-type-article", "page-node-type-article"}:
        signs.append(("body class: single", 3.0))
    if page.body_classes & {"front", "path-frontpage", "page-taxonomy"}:
        signs.append(("body class: front", -3.0))
    return signs


def _shaped(page: Page, volume: Volume) -> list[tuple[str, float]]:
    path, query = urlsplit_or_empty(page.url)
    slug = path.rstrip("/").rpartition("/")[2]
    lone = page.main.tag == "article" and len(page.root.findall(".//article")) == 1
    tests = (
        ("text: long paragraphs", 2.0, volume.long >= 400),
        ("text: very long", 1.0, volume.long >= 1200),
        ("text: outside paragraphs", 1.5, volume.long < 400 and volume.visible >= 1000),
        ("text: long, few links", 1.0, volume.link_share < 0.25 and volume.visible >= 500),
        ("text: most of it in links", -2.0, volume.link_share > 0.6 and volume.long < 1500),
        (
            "heading in an <article>",
            1.0,
            page.main.tag == "article" and page.main.find(".//h1") is not None,
        ),
        ("text only in an <article>", 1.0, lone),
        ("many teasers", -1.5, teasers(page) >= 5),
        ("address: listing", -2.0, bool(_LISTING_PATH.search(path))),
        (
            "address: dated or numbered",
            1.0,
            bool(_DATED_PATH.search(path) or query.startswith("p=")),
        ),
        ("address: long slug", 1.0, slug.count("-") >= 3 or slug.count("_") >= 3 or len(slug) > 60),
    )
    return [(name, points) for name, points, holds in tests if holds]


def _article_nodes(page: Page) -> list[str]:
    """Return the headlines (or addresses) of the main article nodes, each once."""
    nodes = page.ld.of_type(ARTICLE_TYPES)
    return list(
        dict.fromkeys(
            str(node.get("headline") or node.get("name") or node.get("url")) for node in nodes
        )
    )


def _article_body(page: Page) -> bool:
    return any(
        len(str(node.get("articleBody") or "")) >= 200 for node in page.ld.of_type(ARTICLE_TYPES)
    )


def _is_shell(page: Page, volume: Volume) -> bool:
    heavy = page.scripts >= 5 or page.script_characters > 20_000
    mount = page.root.xpath("//body//div[@id='root' or @id='app' or @id='__next' or @id='__nuxt']")
    return volume.visible < _SHELL_LETTERS and bool((heavy or mount) and page.scripts)
