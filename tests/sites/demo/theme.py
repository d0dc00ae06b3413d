"""The files that every page of the demo site is shown with: styles, a font, a script, icons, a manifest; and recordings."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.sites.demo import pictures
from tests.sites.demo.press import Page

_FOLDER = "/wp-content/themes/kokdala/"
_STYLE = Path(__file__).parent / "templates" / "style.css"

LOST = f"{_FOLDER}fonts/lost.woff"
"""A font that a stylesheet names and nobody has."""

_FONTS = b"""@font-face { font-family: Steppe; src: url(fonts/steppe.woff2) format("woff2"), url('fonts/lost.woff'); }
.screen-reader-text::before { content: url("mark.svg#sun"); }
"""

_SCRIPT = b"""document.documentElement.classList.remove("no-js");
for (const image of document.querySelectorAll("img.lazyload")) image.src = image.dataset.src;
"""

_MANIFEST = {
    "name": "Kokdala News",
    "icons": [{"src": f"{_FOLDER}icon-320.png", "sizes": "320x200", "type": "image/png"}],
}


def files() -> dict[str, Page]:
    """Return the theme's files by path."""
    theme = {
        "style.css": Page("style", _STYLE.read_bytes(), "text/css"),
        "fonts.css": Page("style", _FONTS, "text/css"),
        "fonts/steppe.woff2": Page("font", b"wOF2" + _noise("steppe", 4_000), "font/woff2"),
        "menu.js": Page("script", _SCRIPT, "text/javascript"),
        "mark.svg": Page("image", pictures.svg("mark"), "image/svg+xml"),
        "touch.png": Page("image", pictures.png("touch", 4), "image/png"),
        "ridge.png": Page("image", pictures.png("ridge", 2), "image/png"),
        "icon-320.png": Page("image", pictures.png("icon", 2), "image/png"),
    }
    manifest = json.dumps(_MANIFEST).encode()
    shown = {f"{_FOLDER}{name}": page for name, page in theme.items()}
    return {**shown, "/site.webmanifest": Page("manifest", manifest, "application/manifest+json")}


def recording(scene: str, ending: str) -> Page | None:
    """Return a film or a sound that no player can play."""
    if ending == "mp4":
        return Page("film", b"\0\0\0\x18ftypmp42" + _noise(scene, 30_000), "video/mp4")
    if ending == "mp3":
        return Page("sound", b"ID3\4" + _noise(f"{scene} sound", 12_000), "audio/mpeg")
    return None


def _noise(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)
