"""What surrounds every page: head, masthead, sidebar, footer, as a classic WordPress theme prints them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.sites.demo.posts import read_site
from tests.sites.demo.press import STYLE, Press, anchor, filled, joined, month, section_path, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.sites.demo.posts import Post


def wrapped(
    press: Press, main: str, *, lang: str, title: str, body_class: str, head: str = ""
) -> str:
    """Return a whole page around `main`."""
    text, name = words(lang), read_site()["name"]
    return filled(
        "shell.html",
        lang=text["code"],
        title=escape(f"{title} – {name}" if title else f"{name} – {text['tagline']}"),
        head=head,
        style=press.base + STYLE,
        base=press.base,
        photos=press.photos,
        body_class=body_class,
        name=escape(name),
        tagline=escape(text["tagline"]),
        languages=_languages(press, lang),
        menu=_menu(press, lang),
        main=main,
        sidebar=sidebar(press, lang),
        footer=escape(text["footer"]),
        skip=escape(text["skip"]),
        login=anchor(press.url("/wp-login.php"), text["login"]),
    )


def sidebar(press: Press, lang: str) -> str:
    """Return the widgets: search, popular posts, categories, tags, archives."""
    text = words(lang)
    open_posts = [post for post in press.public if post.lang == lang and post.announced_by("link")]
    return filled(
        "sidebar.html",
        base=press.base,
        search=escape(text["search"]),
        go=escape(text["go"]),
        often=anchor(f"{press.base}/?s={quote(text['often'])}", text["often"]),
        popular_title=escape(text["popular"]),
        popular=joined(_popular(press, open_posts)),
        categories_title=escape(text["categories"]),
        categories=joined(
            _counted(press, lang, "category", (post.category for post in open_posts))
        ),
        tags_title=escape(text["tags"]),
        tags=_cloud(press, lang, open_posts),
        archives_title=escape(text["archives"]),
        archives=joined(_months(press, lang, open_posts)),
    )


def _languages(press: Press, lang: str) -> str:
    links = []
    for code, text in read_site()["languages"].items():
        current = 'class="current-lang"' if code == lang else ""
        links.append(
            anchor(press.url(f"/{code}/"), text["name"], f'lang="{text["code"]}" {current}'.strip())
        )
    return joined(links)


def _menu(press: Press, lang: str) -> str:
    text = words(lang)
    names = dict.fromkeys(
        post.category for post in press.public if post.lang == lang and post.announced_by("link")
    )
    sections = [
        anchor(press.url(section_path(lang, "category", name)), name) for name in sorted(names)
    ]
    return joined([anchor(press.url(f"/{lang}/"), text["home"]), *sections])


def _popular(press: Press, posts: list[Post]) -> Iterable[str]:
    for post in sorted(posts, key=lambda post: (-len(post.comments), post.id))[:4]:
        yield (
            f'<img src="{press.photos}/80x50/{post.image}.png" alt="{escape(post.title)}" '
            f'width="80" height="50" loading="lazy">{anchor(press.link(post), post.title)}'
        )


def _counted(press: Press, lang: str, kind: str, names: Iterable[str]) -> Iterable[str]:
    found = list(names)
    for name in sorted(set(found)):
        yield f"{anchor(press.url(section_path(lang, kind, name)), name)} ({found.count(name)})"


def _cloud(press: Press, lang: str, posts: list[Post]) -> str:
    found = [tag for post in posts for tag in post.tags]
    return "\n".join(
        anchor(
            press.url(section_path(lang, "tag", tag)),
            tag,
            f'class="tag-cloud-link" style="font-size: {min(20, 11 + 2 * found.count(tag))}px"',
        )
        for tag in sorted(set(found))
    )


def _months(press: Press, lang: str, posts: list[Post]) -> Iterable[str]:
    months = sorted({(post.date.year, post.date.month) for post in posts}, reverse=True)
    for year, number in months[:4]:
        yield anchor(press.url(f"/{lang}/{year}/{number:02}/"), month(year, number, lang))
