"""The small markup the posts are written in: blocks to HTML, and to the plain text one should find again.

Blocks are separated by blank lines::

    plain words                    a paragraph; *emphasis*, **strong**, [text](address)
    ## words                       a subhead
    > words                        a quotation; a line "> " starts its next paragraph, "> — Name" its speaker
    - words                        a list
    | a | b |                      a table, first row its head
    ![scene] caption               a picture; several lines make a gallery
    [embed] address                a frame
    [film] scene                   a film with a picture before it; [sound] scene is to be heard
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape, unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PICTURE = re.compile(r"!\[([a-z0-9-]+)\]\s*(.*)")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_SPEAKER = re.compile(r"\s*[—–]\s+(.+)")


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `kind` is p, h2, quote, list, table, pictures, embed, film or sound; `lines` its parts in order."""

    kind: str
    lines: tuple[str, ...]

    @property
    def pictures(self) -> tuple[tuple[str, str], ...]:
        """Scene and caption of each picture."""
        if self.kind != "pictures":
            return ()
        found = (_PICTURE.match(line) for line in self.lines)
        return tuple((match[1], match[2]) for match in found if match)


def parsed(text: str) -> tuple[Block, ...]:
    """Return the blocks of a post's text."""
    pieces = re.split(r"\n[ \t]*\n", text.strip())
    return tuple(_block(piece.strip().splitlines()) for piece in pieces if piece.strip())


def _block(lines: list[str]) -> Block:
    first = lines[0]
    if first.startswith("## "):
        return Block("h2", (first[3:],))
    if first.startswith(">"):
        quoted = "\n".join(line[1:].strip() for line in lines)
        parts = re.split(r"\n\n+", re.sub(r"\n(?=— )", "\n\n", quoted))
        return Block("quote", tuple(" ".join(part.split("\n")) for part in parts))
    if first.startswith("- "):
        return Block("list", tuple(line[2:] for line in lines))
    if first.startswith("| "):
        return Block("table", tuple(lines))
    if _PICTURE.match(first):
        return Block("pictures", tuple(lines))
    if first.startswith("[embed] "):
        return Block("embed", (first[8:],))
    if first.startswith(("[film] ", "[sound] ")):
        kind, _, scene = first[1:].partition("] ")
        return Block(kind, (scene,))
    return Block("p", (" ".join(lines),))


def plain(text: str) -> str:
    """Return a line without its marks."""
    return _LINK.sub(r"\1", text).replace("**", "").replace("*", "")


def prose(parts: tuple[Block, ...]) -> tuple[str, ...]:
    """Return paragraphs and quoted paragraphs in reading order, plain; no speakers, no lists."""
    return tuple(
        plain(line)
        for block in parts
        if block.kind in {"p", "quote"}
        for line in block.lines
        if block.kind == "p" or not _SPEAKER.fullmatch(line)
    )


def quotations(parts: tuple[Block, ...]) -> tuple[str, ...]:
    """Return the paragraphs of the marked quotations."""
    return prose(tuple(block for block in parts if block.kind == "quote"))


def to_html(parts: tuple[Block, ...], *, title: str, address: Callable[[str], str]) -> str:
    """Return the HTML of a body; every picture's alt is the title; `address` makes hrefs absolute."""
    return "\n".join(_html(block, title, address) for block in parts)


def _html(block: Block, title: str, address: Callable[[str], str]) -> str:
    match block.kind:
        case "h2":
            return f'<h2 class="wp-block-heading">{inline(block.lines[0], address)}</h2>'
        case "quote":
            return _quote(block, address)
        case "list":
            items = "".join(f"<li>{inline(line, address)}</li>" for line in block.lines)
            return f'<ul class="wp-block-list">{items}</ul>'
        case "table":
            return _table(block.lines, address)
        case "pictures":
            return _pictures(block, title, address)
        case "embed":
            source = escape(block.lines[0])
            return f'<figure class="wp-block-embed"><iframe src="{source}" title="{escape(title)}" loading="lazy" allowfullscreen></iframe></figure>'
        case "film":
            own = address(f"/wp-content/uploads/{block.lines[0]}")
            return f'<figure class="wp-block-video"><video controls preload="none" poster="{own}.png" src="{own}.mp4"></video></figure>'
        case "sound":
            own = address(f"/wp-content/uploads/{block.lines[0]}")
            return f'<figure class="wp-block-audio"><audio controls><source src="{own}.mp3" type="audio/mpeg"></audio></figure>'
        case _:
            return f"<p>{inline(block.lines[0], address)}</p>"


def _quote(block: Block, address: Callable[[str], str]) -> str:
    inner = []
    for line in block.lines:
        speaker = _SPEAKER.fullmatch(line)
        inner.append(
            f"<cite>{inline(speaker[1], address)}</cite>"
            if speaker
            else f"<p>{inline(line, address)}</p>"
        )
    return f'<blockquote class="wp-block-quote">{"".join(inner)}</blockquote>'


def _table(lines: tuple[str, ...], address: Callable[[str], str]) -> str:
    rows = [
        [inline(cell.strip(), address) for cell in line.strip("| ").split("|")] for line in lines
    ]
    head = "".join(f"<th>{cell}</th>" for cell in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows[1:])
    return f'<figure class="wp-block-table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></figure>'


def _pictures(block: Block, title: str, address: Callable[[str], str]) -> str:
    figures = [
        f'<figure class="wp-block-image size-large">{_picture(scene, place, title, address)}'
        + (
            f'<figcaption class="wp-element-caption">{inline(caption, address)}</figcaption>'
            if caption
            else ""
        )
        + "</figure>"
        for place, (scene, caption) in enumerate(block.pictures)
    ]
    if len(figures) == 1:
        return figures[0]
    return f'<figure class="wp-block-gallery columns-{len(figures)}">{"".join(figures)}</figure>'


def _picture(scene: str, place: int, title: str, address: Callable[[str], str]) -> str:
    """Return a picture in three sizes: the first of a block by srcset, the others by a picture element."""
    own = address(f"/wp-content/uploads/{scene}")
    sizes = f"{own}-320x200.png 320w, {own}-160x100.png 160w"
    image = f'<img src="{own}.png" alt="{escape(title)}" width="640" height="400" loading="lazy"'
    if place == 0:
        return f'{image} srcset="{own}.png 640w, {sizes}" sizes="(max-width: 640px) 100vw, 640px">'
    return f'<picture><source srcset="{sizes}" media="(max-width: 400px)">{image}></picture>'


def inline(text: str, address: Callable[[str], str]) -> str:
    """Return one line's HTML."""
    out = escape(text, quote=False)
    out = _LINK.sub(lambda m: f'<a href="{escape(address(unescape(m[2])))}">{m[1]}</a>', out)
    out = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", out)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", out)
