"""What a web app manifest names: icons, screenshots, icons of shortcuts; hides its JSON.

Source: W3C Web Application Manifest, sections 1.15 (icons), 1.16 (shortcuts), Manifest App Info (screenshots).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from archive.requisites.requisite import RequisiteKind

if TYPE_CHECKING:
    from collections.abc import Iterator


def addresses(body: bytes) -> Iterator[tuple[str, RequisiteKind]]:
    """Yield the addresses of pictures; none where `body` is no such JSON."""
    try:
        manifest = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return
    for href in _sources(manifest, "icons"):
        yield href, RequisiteKind.ICON
    for href in _sources(manifest, "screenshots"):
        yield href, RequisiteKind.IMAGE
    for shortcut in _list(manifest, "shortcuts"):
        for href in _sources(shortcut, "icons"):
            yield href, RequisiteKind.ICON


def _sources(holder: object, member: str) -> Iterator[str]:
    for image in _list(holder, member):
        source = image.get("src") if isinstance(image, dict) else None
        if isinstance(source, str):
            yield source


def _list(holder: object, member: str) -> list[object]:
    found = holder.get(member) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []
