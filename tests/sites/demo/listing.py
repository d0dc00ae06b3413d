"""Pages that list posts (front, language, category, tag, author, month, search) and the few that are neither."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tests.sites.demo.posts import encoded, read_site
from tests.sites.demo.press import Page, Press, anchor, day, filled, month, section_path, words
from tests.sites.demo.shell import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.sites.demo.posts import Post

PER_PAGE = 6


def listings(press: Press) -> Iterator[tuple[str, Page]]:
    """Yield path and page of every archive, all their pages."""
    name = read_site()["name"]
    yield from _paged(press, "/", press.public, title="", lang="fr", body_class="home blog")
    for lang in read_site()["languages"]:
        own = [post for post in press.public if post.lang == lang]
        yield from _paged(press, f"/{lang}/", own, title=name, lang=lang, body_class="blog")
        shown = [
            post for post in own if post.announced_by("link") or post.announced_by("pagination")
        ]
        yield from _archives(press, lang, shown)
    for author, person in read_site()["authors"].items():
        own = [post for post in press.public if post.author == author]
        if own:
            path = section_path("", "author", author)
            lang = own[0].lang
            yield from _paged(
                press, path, own, title=person, lang=lang, body_class="archive author"
            )


def search_page(press: Press, query: str) -> Page:
    """Return the results for some words, in the language of the first hit."""
    wanted = query.casefold().split()
    hits = [
        post
        for post in press.public
        if post.announced_by("link")
        and wanted
        and all(word in (post.title + post.body).casefold() for word in wanted)
    ]
    lang = hits[0].lang if hits else "fr"
    title = words(lang)["results"].format(query=query)
    main = _main(press, hits[:20], title=title, lang=lang, channel="link")
    robots = '<meta name="robots" content="noindex, follow">'
    text = wrapped(
        press, main, lang=lang, title=title, body_class="search search-results", head=robots
    )
    return Page("search", text.encode(), chunked=True)


def message_page(press: Press, kind: str, *, status: int = 200) -> Page:
    """Return the login, not-found or gone page."""
    text = words("fr")
    title, body = text[f"{kind}_title"], text[f"{kind}_text"]
    form = filled("login.html", base=press.base) if kind == "login" else ""
    main = f'<section class="{kind} not-found"><h1 class="page-title">{escape(title)}</h1><p>{escape(body)}</p>{form}</section>'
    rules = "noindex, noarchive" if kind == "login" else "noindex, follow"
    robots = f'<meta name="robots" content="{rules}">'
    page = wrapped(
        press, main, lang="fr", title=title, body_class=f"{kind} error{status}", head=robots
    )
    return Page(kind, page.encode(), status=status)


def _archives(press: Press, lang: str, posts: list[Post]) -> Iterator[tuple[str, Page]]:
    for kind, names in (
        ("category", sorted({post.category for post in posts})),
        ("tag", sorted({tag for post in posts for tag in post.tags})),
    ):
        for name in names:
            own = [post for post in posts if name in {post.category, *post.tags}]
            path = section_path(lang, kind, name)
            yield from _paged(press, path, own, title=name, lang=lang, body_class=f"archive {kind}")
    for path in sorted({f"/{lang}/{post.date:%Y/%m}/" for post in posts}):
        own = [post for post in posts if f"/{lang}/{post.date:%Y/%m}/" == path]
        title = month(own[0].date.year, own[0].date.month, lang)
        yield from _paged(press, path, own, title=title, lang=lang, body_class="archive date")


def _paged(
    press: Press, path: str, posts: Iterable[Post], *, title: str, lang: str, body_class: str
) -> Iterator[tuple[str, Page]]:
    """Yield the pages; posts that may only be met on later pages are left out of the first."""
    blog = "blog" in body_class
    shown = [
        post
        for post in posts
        if post.announced_by("pagination") and (blog or post.announced_by("link"))
    ]
    count = max(1, -(-len(shown) // PER_PAGE))
    for number in range(1, count + 1):
        channel = "link" if number == 1 else "pagination"
        part = [
            post
            for post in shown[(number - 1) * PER_PAGE :][:PER_PAGE]
            if post.announced_by(channel)
        ]
        if not part:
            continue
        heading = title if number == 1 else f"{title or read_site()['name']} – {number}"
        main = _main(press, part, title=heading, lang=lang, channel=channel) + _pager(
            press, path, number, count, lang
        )
        head = f'<link rel="canonical" href="{press.url(_numbered(path, number))}">'
        if number < count:
            head += f'\n<link rel="next" href="{press.url(_numbered(path, number + 1))}">'
        text = wrapped(press, main, lang=lang, title=heading, body_class=body_class, head=head)
        yield encoded(_numbered(path, number)), Page("listing", text.encode(), chunked=True)


def _numbered(path: str, number: int) -> str:
    return path if number == 1 else f"{path}page/{number}/"


def _main(press: Press, posts: list[Post], *, title: str, lang: str, channel: str) -> str:
    heading = (
        f'<header class="page-header"><h1 class="page-title">{escape(title)}</h1></header>'
        if title
        else ""
    )
    cards = "".join(_card(press, post, channel) for post in posts)
    return f'{heading}<div class="post-list" lang="{words(lang)["code"]}">{cards}</div>'


def _card(press: Press, post: Post, channel: str) -> str:
    text = words(post.lang)
    protected = post.state == "password"
    return filled(
        "card.html",
        id=post.id,
        code=text["code"],
        href=press.link(post, channel),
        thumbnail=f"{press.base}/wp-content/uploads/{post.image}.png",
        title=escape(post.title),
        prefix=escape(text["protected_title"] + " ") if protected else "",
        category=escape(post.category),
        date=post.date.isoformat(),
        day=day(post.date, post.lang),
        excerpt=escape(text["protected"] if protected else post.summary),
        more=escape(text["more"]),
    )


def _pager(press: Press, path: str, number: int, count: int, lang: str) -> str:
    if count == 1:
        return ""
    text = words(lang)
    numbers = [
        f'<span aria-current="page" class="page-numbers current">{place}</span>'
        if place == number
        else anchor(press.url(_numbered(path, place)), str(place), 'class="page-numbers"')
        for place in range(1, count + 1)
    ]
    if number < count:
        numbers.append(
            anchor(
                press.url(_numbered(path, number + 1)),
                text["older"],
                'class="next page-numbers" rel="next"',
            )
        )
    return (
        f'<nav class="navigation pagination"><div class="nav-links">{"".join(numbers)}</div></nav>'
    )
