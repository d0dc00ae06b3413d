"""Pictures drawn from their name alone: a sky, a sun, hills and perhaps a lake, as an indexed PNG.

A picture is built from columns (each a few runs of one colour) and turned into rows by slicing, which
keeps pure Python fast enough to draw at the first request.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
import struct
import zlib
from functools import lru_cache

WIDTH, HEIGHT = 640, 400
_SKY = 96  # shades of the sky, then one for the sun, four for the hills


@lru_cache(maxsize=512)
def png(name: str, step: int = 1) -> bytes:
    """Return the PNG of a scene, of every `step`-th dot; the same name always gives the same bytes."""
    seed = hashlib.sha256(name.encode()).digest()
    columns = b"".join(_column(x, seed) for x in range(0, WIDTH, step))
    rows = b"".join(b"\0" + columns[y::HEIGHT] for y in range(0, HEIGHT, step))
    head = struct.pack(">IIBBBBB", WIDTH // step, HEIGHT // step, 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", head),
        (b"PLTE", _palette(seed)),
        (b"IDAT", zlib.compress(rows, 6)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, block) for kind, block in parts)


def svg(letter: str) -> bytes:
    """Return the site's mark: a sun over a ridge, with a title for those who listen."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">'
        f"<title>{letter}</title>"
        '<rect width="64" height="64" rx="14" fill="#123c46"/><circle cx="42" cy="24" r="10" fill="#f0b34a"/>'
        '<path d="M4 50 22 30l10 10 8-8 20 18z" fill="#e9efe9"/></svg>'
    ).encode()


def _chunk(kind: bytes, block: bytes) -> bytes:
    checksum = zlib.crc32(kind + block)
    return struct.pack(">I", len(block)) + kind + block + struct.pack(">I", checksum)


def _palette(seed: bytes) -> bytes:
    hue = (
        0.50 + 0.58 * seed[0] / 255
    ) % 1  # from blue through violet and red to gold, no green skies
    top = colorsys.hls_to_rgb(hue, 0.30 + seed[1] / 1400, 0.50)
    low = colorsys.hls_to_rgb((hue + 0.10 + seed[2] / 1200) % 1, 0.82, 0.70)
    sky = [_mixed(top, low, step / (_SKY - 1)) for step in range(_SKY)]
    sun = _mixed((1.0, 0.95, 0.80), low, 0.1)
    hills = [
        _mixed(low, colorsys.hls_to_rgb(hue, 0.12, 0.45), 0.35 + 0.2 * step) for step in range(4)
    ]
    return b"".join([*sky, sun, *hills])


def _mixed(one: tuple[float, ...], other: tuple[float, ...], share: float) -> bytes:
    return bytes(
        max(0, min(255, round(255 * (a + (b - a) * share))))
        for a, b in zip(one, other, strict=True)
    )


def _column(x: int, seed: bytes) -> bytes:
    column = bytearray(min(_SKY - 1, y * _SKY // 300) for y in range(HEIGHT))
    centre, height, radius = 90 + seed[3] * 460 // 255, 90 + seed[4] // 4, 26 + seed[5] // 8
    if abs(x - centre) < radius:
        half = math.isqrt(radius * radius - (x - centre) ** 2)
        column[height - half : height + half] = bytes([_SKY]) * (2 * half)
    for layer in range(4):
        top = _ridge(x, layer, seed)
        column[top:] = bytes([_SKY + 1 + layer]) * (HEIGHT - top)
    if seed[6] % 3 == 0:  # a lake: the lower part mirrors what stands above its shore
        shore = 310
        column[shore:] = column[shore - 1 : 2 * shore - HEIGHT - 1 : -1]
        column[shore] = column[shore + 1] = _SKY
    return bytes(column)


def _ridge(x: int, layer: int, seed: bytes) -> int:
    base, swing = 200 + layer * 45, 34 - layer * 5
    waves = (
        math.sin(x / (60 + seed[7 + layer] / 3) + seed[11 + layer]),
        0.5 * math.sin(x / (23 + seed[15 + layer] / 8) + seed[19 + layer]),
        0.12 * math.sin(x / (5 + seed[23 + layer] / 40)),
    )
    return max(1, min(HEIGHT - 1, round(base - swing * sum(waves))))
