"""What a page or an SVG picture shows, by its tags; hides which attribute of which element names what.

Lazy loaders keep the address in an attribute of their own making, so for pictures the rule is general: a `data-…`
whose value names a picture or a sound or video file, or is a srcset. Frames are pages and not read here: links are;
but a frame's `srcdoc` is part of its page.
Source: HTML Standard chapter 4, SVG 2 chapter 16.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING

from archive import urls
from archive.requisites import css
from archive.requisites.requisite import Finds, RequisiteKind, kind_by_name
from archive.requisites.srcset import candidates, is_srcset
from archive.tags import MAX_TAGS, attributes, tags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from archive.tags import Tag

_LAZY = re.compile(
    r"(?:data-)?+(?:lazy-?|nitro-|original-|full-|large-|orig-|bg-|background-|thumb-?){0,3}"
    r"(?:src|srcset|original|bg|background|image|img|poster|thumb|lazy|url|file)(?:-(?:webp|avif|retina|2x|mobile|desktop|large|full|small|medium|image|url))*+"
)
"""Names of attributes whose value is an address even if it does not look like a file's."""

_TEXTS = ("title", "caption", "description", "alt", "name", "text", "label", "meta")
_IN_JSON = re.compile(r'"([^"\\]*+(?:\\/[^"\\]*+)++|(?:https?+:)?+/[^"\\]*+)"')
_JSON_CHARACTERS = 4_000_000
"""Of one JSON text; as many quotation marks hold the interpreter 0.2 s."""

_BLANKS = re.compile(r"\s")
_STYLES = frozenset({"", "text/css"})
_META = frozenset(
    [
        "og:image",
        "og:image:url",
        "og:image:secure_url",
        "twitter:image",
        "twitter:image:src",
        "image",
        "thumbnailurl",
        "msapplication-tileimage",
        "msapplication-square70x70logo",
        "msapplication-square150x150logo",
        "msapplication-wide310x150logo",
        "msapplication-square310x310logo",
    ]
)
_FILED_META = frozenset({"og:video", "og:video:url", "og:video:secure_url", "og:audio", "og:audio:url", "twitter:player:stream"})  # fmt: skip
_PRELOADED = {
    "image": RequisiteKind.IMAGE,
    "style": RequisiteKind.STYLESHEET,
    "script": RequisiteKind.SCRIPT,
    "worker": RequisiteKind.SCRIPT,
    "serviceworker": RequisiteKind.SCRIPT,
    "sharedworker": RequisiteKind.SCRIPT,
    "font": RequisiteKind.FONT,
    "audio": RequisiteKind.MEDIA,
    "video": RequisiteKind.MEDIA,
    "track": RequisiteKind.MEDIA,
    "fetch": RequisiteKind.OTHER,
}
_RELATIONS = {
    "stylesheet": RequisiteKind.STYLESHEET,
    "modulepreload": RequisiteKind.SCRIPT,
    "icon": RequisiteKind.ICON,
    "apple-touch-icon": RequisiteKind.ICON,
    "apple-touch-icon-precomposed": RequisiteKind.ICON,
    "apple-touch-startup-image": RequisiteKind.ICON,
    "mask-icon": RequisiteKind.ICON,
    "fluid-icon": RequisiteKind.ICON,
    "manifest": RequisiteKind.MANIFEST,
    "image_src": RequisiteKind.IMAGE,
}


class MarkupReader(Finds):
    """Reads tag after tag; give it all of a page's, in order, then ask for `all()`."""

    def __init__(self, text: str, url: str, charset: str = "utf-8") -> None:
        super().__init__(url, charset)
        self.text = text
        self._has_base = False

    def read(self, tag: Tag) -> None:
        """Note what a tag and its content name; where an anchor leads is not looked at."""
        _READERS.get(tag[0], _read_any)(self, tag)

    def set_base(self, href: str | None) -> None:
        """Let the first `base href` count."""
        if href is not None and not self._has_base:
            self._has_base = True
            self.base = urls.absolute(self.url, href, charset=self.charset) or self.url

    def add_style(self, text: str) -> None:
        for href, kind in css.addresses(text):
            self.add(href, kind)

    def add_link(self, values: Mapping[str, str]) -> None:
        """Note what a `link` element with these attributes, or such a Link field, has the browser fetch."""
        for relation in values.get("rel", "").lower().split():
            kind = _RELATIONS.get(relation)
            if relation in {"preload", "prefetch"}:
                kind = _PRELOADED.get(values.get("as", "").strip().lower())
            if kind:
                self.add(values.get("href", ""), kind)
        self.add_srcset(values.get("imagesrcset", ""))

    def add_document(self, html: str) -> None:
        """Note what the page in a `srcdoc` shows; frames in it have no such pages of their own."""
        inner = MarkupReader(html, self.url, self.charset)
        inner.base, inner.kinds = self.base, self.kinds
        for tag in islice(tags(html), MAX_TAGS):
            if tag[0] != "iframe":
                inner.read(tag)

    def add_srcset(self, value: str, kind: RequisiteKind = RequisiteKind.IMAGE) -> None:
        for href in candidates(value):
            self.add(href, kind)

    def add_lazy(self, name: str, value: str, kind: RequisiteKind | None) -> None:
        """Note what an attribute that no standard knows holds; `kind` is None on elements that show no file."""
        value = value.strip()
        if "url(" in value:
            self.add_style(value)
        elif value[:1] in {"[", "{"}:
            self.add_json(value)
        elif name.endswith("srcset") or is_srcset(value):
            self.add_srcset(value)
        elif kind and _LAZY.fullmatch(name):
            self.add(value, kind_by_name(value) or kind)
        elif "/" in value and not name.endswith(_TEXTS) and not _BLANKS.search(value):
            found = kind_by_name(value)
            if found in {RequisiteKind.IMAGE, RequisiteKind.MEDIA}:
                self.add(value, found)

    def add_json(self, value: str) -> None:
        """Note the pictures and films that JSON names: a gallery's photos, WordPress's enlarged ones."""
        for written in _IN_JSON.finditer(value, 0, _JSON_CHARACTERS):
            address = written[1].replace("\\/", "/")
            found = kind_by_name(address)
            if found in {RequisiteKind.IMAGE, RequisiteKind.MEDIA}:
                self.add(address, found)


def _read_any(reader: MarkupReader, tag: Tag) -> None:
    """An element that shows no file of its own: its style, its background, what a lazy loader keeps there."""
    for name, value in reversed([*attributes(tag[1]).items()]):
        if name == "style":
            reader.add_style(value)
        elif name == "background":
            reader.add(value, RequisiteKind.IMAGE)
        elif name.startswith("data-"):
            reader.add_lazy(name, value, None)


def _read_anchor(reader: MarkupReader, tag: Tag) -> None:
    source = tag[1]
    if "data-" in source or ("style" in source and "url(" in source):
        _read_any(reader, tag)


def _read_base(reader: MarkupReader, tag: Tag) -> None:
    reader.set_base(attributes(tag[1]).get("href"))


def _read_image(reader: MarkupReader, tag: Tag) -> None:
    _read_shown(reader, attributes(tag[1]), RequisiteKind.IMAGE)


def _read_media(reader: MarkupReader, tag: Tag) -> None:
    _read_shown(reader, attributes(tag[1]), RequisiteKind.MEDIA)


def _read_source(reader: MarkupReader, tag: Tag) -> None:
    values = attributes(tag[1])
    is_picture = "srcset" in values or values.get("type", "").startswith("image/")
    _read_shown(reader, values, RequisiteKind.IMAGE if is_picture else RequisiteKind.MEDIA)


def _read_input(reader: MarkupReader, tag: Tag) -> None:
    values = attributes(tag[1])
    if values.get("type", "").strip().lower() == "image":
        _read_shown(reader, values, RequisiteKind.IMAGE)


def _read_object(reader: MarkupReader, tag: Tag) -> None:
    values = attributes(tag[1])
    href = values.get("data" if tag[0] == "object" else "src", "")
    reader.add(
        href, _kind_by_type(values.get("type", "")) or kind_by_name(href) or RequisiteKind.DOCUMENT
    )
    _read_any(reader, tag)


def _kind_by_type(media_type: str) -> RequisiteKind | None:
    kinds = {
        "image": RequisiteKind.IMAGE,
        "audio": RequisiteKind.MEDIA,
        "video": RequisiteKind.MEDIA,
    }
    return kinds.get(media_type.strip().lower().partition("/")[0])


def _read_shown(reader: MarkupReader, values: Mapping[str, str], kind: RequisiteKind) -> None:
    """An element that shows files: pictures of all kinds, video, audio, sources, tracks."""
    for name, value in reversed([*values.items()]):
        if name == "src":
            reader.add(value, kind)
        elif name == "srcset":
            reader.add_srcset(value)
        elif name in _PICTURED:
            reader.add(value, RequisiteKind.IMAGE)
        elif name == "style":
            reader.add_style(value)
        elif name.startswith("data-") or (name not in _PLAIN and "src" in name):
            reader.add_lazy(name, value, kind)


_PICTURED = frozenset({"poster", "background", "lowsrc", "href", "xlink:href"})
_PLAIN = frozenset({"srclang"})


def _read_link(reader: MarkupReader, tag: Tag) -> None:
    values = attributes(tag[1])
    reader.add_link(values)
    if values.get("itemprop", "").lower() in {"image", "thumbnailurl", "contenturl"}:
        reader.add(values.get("href", ""), RequisiteKind.IMAGE)


def _read_meta(reader: MarkupReader, tag: Tag) -> None:
    values = attributes(tag[1])
    content = values.get("content", "")
    for name in ("property", "name", "itemprop"):
        said = values.get(name, "").strip().lower()
        if said in _META:
            reader.add(content, RequisiteKind.IMAGE)
        elif said in _FILED_META and kind_by_name(content) is RequisiteKind.MEDIA:
            reader.add(content, RequisiteKind.MEDIA)


def _read_script(reader: MarkupReader, tag: Tag) -> None:
    values = attributes(tag[1])
    media_type = values.get("type", "").strip().lower()
    if media_type in {"", "module"} or "script" in media_type:
        for name, value in reversed([*values.items()]):
            if name in {"src", "href", "xlink:href"} or (
                name.startswith("data-") and name.endswith("src")
            ):
                reader.add(value, RequisiteKind.SCRIPT)
    elif media_type == "importmap":
        for address in _imported(reader.text[tag[2] : tag[3]]):
            reader.add(address, RequisiteKind.SCRIPT)
    elif media_type == "application/json":
        reader.add_json(reader.text[tag[2] : tag[3]])


def _imported(text: str) -> list[str]:
    """Return the addresses of modules that an import map gives, folders left out."""
    try:
        found = json.loads(text) if len(text) <= _JSON_CHARACTERS else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, dict):
        return []
    scopes = found.get("scopes")
    maps = [found.get("imports"), *(scopes.values() if isinstance(scopes, dict) else ())]
    values = [value for names in maps if isinstance(names, dict) for value in names.values()]
    return [value for value in values if isinstance(value, str) and not value.endswith("/")]


def _read_style(reader: MarkupReader, tag: Tag) -> None:
    text = reader.text[tag[2] : tag[3]]
    if css.may_name_any(text) and attributes(tag[1]).get("type", "").strip().lower() in _STYLES:
        reader.add_style(text)


def _read_frame(reader: MarkupReader, tag: Tag) -> None:
    if "srcdoc" in tag[1].lower():
        reader.add_document(attributes(tag[1]).get("srcdoc", ""))


def _read_nothing(_reader: MarkupReader, _tag: Tag) -> None:
    """Frames are pages: links, not requisites."""


_READERS: dict[str, Callable[[MarkupReader, Tag], None]] = {
    "a": _read_anchor,
    "amp-anim": _read_image,
    "amp-audio": _read_media,
    "amp-img": _read_image,
    "amp-video": _read_media,
    "area": _read_nothing,
    "audio": _read_media,
    "base": _read_base,
    "embed": _read_object,
    "feimage": _read_image,
    "frame": _read_nothing,
    "iframe": _read_frame,
    "image": _read_image,
    "img": _read_image,
    "input": _read_input,
    "link": _read_link,
    "meta": _read_meta,
    "object": _read_object,
    "script": _read_script,
    "source": _read_source,
    "style": _read_style,
    "track": _read_media,
    "use": _read_image,
    "video": _read_media,
}
