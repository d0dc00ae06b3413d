"""A post's own page, and its print and AMP forms."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tests.sites.demo import markup
from tests.sites.demo.head import metadata
from tests.sites.demo.posts import read_site, slugged
from tests.sites.demo.press import Press, anchor, day, filled, joined, section_path, words
from tests.sites.demo.shell import wrapped

if TYPE_CHECKING:
    from tests.sites.demo.posts import Comment, Post


_BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def article_page(press: Press, post: Post) -> str:
    """Return the whole page of a published or protected post."""
    classes = f"post-template-default single single-post postid-{post.id} single-format-standard"
    return wrapped(
        press,
        _article(press, post) + _neighbours(press, post) + _comments(press, post),
        lang=post.lang,
        title=post.title,
        body_class=f"{classes} wp-embed-responsive",
        head=metadata(press, post),
    )


def print_page(press: Press, post: Post) -> str:
    """Return the form that `?print=1` gives: no shell, a canonical link to the post."""
    return filled("print.html", **_plain(press, post), base=press.base)


def amp_page(press: Press, post: Post) -> str:
    """Return the AMP form, with a canonical link to the post."""
    content = _plain(press, post)
    content["content"] = str(content["content"]).replace("<img ", "<amp-img layout=responsive ")
    return filled("amp.html", **content)


def _plain(press: Press, post: Post) -> dict[str, object]:
    return {
        "lang": words(post.lang)["code"],
        "title": escape(post.title),
        "site": escape(read_site()["name"]),
        "canonical": press.url(post.path),
        "author": escape(press.author(post)),
        "date": post.date.isoformat(),
        "day": day(post.date, post.lang),
        "content": _content(press, post),
    }


def _article(press: Press, post: Post) -> str:
    text = words(post.lang)
    micro = post.markup == "microdata"
    classes = (
        f"post-{post.id} post type-post status-publish format-standard has-post-thumbnail hentry "
        f"category-{slugged(post.category)} " + " ".join(f"tag-{slugged(tag)}" for tag in post.tags)
    )
    return filled(
        "article.html",
        id=post.id,
        classes=classes.strip(),
        scope=' itemscope itemtype="https://schema.org/BlogPosting"' if micro else "",
        headline=' itemprop="headline"' if micro else "",
        body=' itemprop="articleBody"' if micro else "",
        crumbs=_crumbs(press, post),
        title=_shown_title(post),
        meta=_byline(press, post),
        thumbnail=f"{press.base}/wp-content/uploads/{post.image}.png",
        alt=escape(post.title),
        content=_content(press, post),
        share=_share(press, post),
        categories=anchor(
            press.url(section_path(post.lang, "category", post.category)),
            post.category,
            'rel="category tag"',
        ),
        tags=_tags(press, post),
        also=_also(press, post),
        share_title=escape(text["share"]),
    )


def _content(press: Press, post: Post) -> str:
    if post.state == "password":
        return filled("password.html", base=press.base, text=escape(words(post.lang)["protected"]))
    body = markup.to_html(post.blocks, title=post.title, address=press.href)
    credit = f"\n<p>{markup.inline(post.credit, press.href)}</p>" if post.credit else ""
    return body + credit


def _shown_title(post: Post) -> str:
    prefix = f"{words(post.lang)['protected_title']} " if post.state == "password" else ""
    return escape(prefix + post.title)


def _crumbs(press: Press, post: Post) -> str:
    parts = [
        anchor(press.url(f"/{post.lang}/"), words(post.lang)["home"]),
        anchor(press.url(section_path(post.lang, "category", post.category)), post.category),
        f'<span aria-current="page">{escape(post.title)}</span>',
    ]
    return ' <span class="sep">›</span> '.join(parts)


def _byline(press: Press, post: Post) -> str:
    text, name = words(post.lang), press.author(post)
    if post.markup == "none":
        return f"{escape(name)}, {day(post.date, post.lang)}"
    micro = post.markup == "microdata"
    own = press.url(section_path(post.lang, "author", post.author))
    date = ' itemprop="datePublished"' if micro else ""
    person = ' itemprop="author" itemscope itemtype="https://schema.org/Person"' if micro else ""
    shown = f'<span itemprop="name">{escape(name)}</span>' if micro else escape(name)
    updated = ""
    if post.modified:
        changed = ' itemprop="dateModified"' if micro else ""
        updated = (
            f'<time class="updated"{changed} datetime="{post.modified.isoformat()}">'
            f"{escape(text['updated'])} {day(post.modified, post.lang)}</time>"
        )
    return (
        f'<span class="posted-on"><time class="entry-date published"{date} datetime="{post.date.isoformat()}">'
        f'{day(post.date, post.lang)}</time>{updated}</span> <span class="byline">{escape(text["by"])} '
        f'<span class="author vcard"{person}><a class="url fn n" rel="author" href="{own}">{shown}</a></span></span>'
    )


def _tags(press: Press, post: Post) -> str:
    links = [
        anchor(press.url(section_path(post.lang, "tag", tag)), tag, 'rel="tag"')
        for tag in post.tags
    ]
    return f'<span class="tags-links">{", ".join(links)}</span>' if links else ""


def _share(press: Press, post: Post) -> str:
    own = press.url(post.path)
    links = [
        anchor(f"https://share.test/{name.lower()}?u={own}", name, 'rel="nofollow noopener"')
        for name in ("Pigeon", "Carnet")
    ]
    if "print" in post.variants:
        links.append(anchor(f"{own}?print=1", words(post.lang)["print"]))
    return joined(links)


def _also(press: Press, post: Post) -> str:
    links = [
        anchor(press.link(twin), words(twin.lang)["name"], f'hreflang="{words(twin.lang)["code"]}"')
        for twin in press.twins(post)
        if twin.announced_by("link")
    ]
    label = escape(words(post.lang)["also"])
    return f'<p class="translations">{label} {", ".join(links)}</p>' if links else ""


def _neighbours(press: Press, post: Post) -> str:
    text = words(post.lang)
    peers = [
        other for other in press.public if other.lang == post.lang and other.announced_by("link")
    ]
    others = [other for other in peers if other is not post]
    related = sorted(others, key=lambda other: (other.category != post.category, -other.id))[:3]
    items = [
        f'<img class="lazyload" src="{_BLANK}" data-src="{press.base}/wp-content/uploads/{other.image}-320x200.png" '
        f'alt="{escape(other.title)}" width="240" height="150">{anchor(press.link(other) + "?utm_source=related&utm_medium=tail", other.title)}'
        for other in related
    ]
    older = [other for other in peers if (other.date, other.id) < (post.date, post.id)][:1]
    newer = [other for other in peers if (other.date, other.id) > (post.date, post.id)][-1:]
    nav = [anchor(press.link(other), f"← {other.title}", 'rel="prev"') for other in older]
    nav += [anchor(press.link(other), f"{other.title} →", 'rel="next"') for other in newer]
    return filled(
        "related.html",
        nav="".join(nav),
        title=escape(text["related"]),
        items=joined(items),
        latest=escape(text["latest"]),
    )


def _comments(press: Press, post: Post) -> str:
    text = words(post.lang)
    title = text["comments"].format(count=len(post.comments)) if post.comments else ""
    items = joined(
        _comment(press, post, number, comment) for number, comment in enumerate(post.comments, 1)
    )
    return filled(
        "comments.html",
        title=f'<h2 class="comments-title">{escape(title)}</h2>' if title else "",
        items=items,
        base=press.base,
        id=post.id,
        reply=escape(text["reply"]),
    )


def _comment(press: Press, post: Post, number: int, comment: Comment) -> str:
    respond = f"{press.url(post.path)}?replytocom={post.id}{number}#respond"
    answer = anchor(respond, words(post.lang)["answer"], 'rel="nofollow"')
    return (
        f'<article class="comment-body" id="comment-{post.id}{number}"><footer><b class="fn">{escape(comment.author)}</b> '
        f'<time datetime="{comment.date.isoformat()}">{day(comment.date, post.lang)}</time></footer>'
        f'<div class="comment-content"><p>{escape(comment.text)}</p></div>'
        f"{answer}</article>"
    )
