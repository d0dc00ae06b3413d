"""Digests as the records of others state them; hides algorithms and codings."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZES = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
_STATED_MAX = 300
_HEX = re.compile(r"[0-9A-Fa-f]++")
_URLSAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Stated:
    """A digest that a record states: its algorithm as hashlib names it, and its bytes."""

    algorithm: str
    value: bytes

    def __str__(self) -> str:
        """Return one way of writing it: SHA-1 in Base32, as nearly all do, others in lower-case hex."""
        if self.algorithm == "sha1":
            return f"sha1:{base64.b32encode(self.value).decode('ascii')}"
        return f"{self.algorithm}:{self.value.hex()}"


def parse(text: str) -> Stated | None:
    """Return the digest in a field, in hex, Base32 or Base64; None where it can't be understood.

    >>> str(parse("SHA-1:b2ltwwpuoyah7uipq7zupq4vmbsvc36a"))
    'sha1:B2LTWWPUOYAH7UIPQ7ZUPQ4VMBSVC36A'
    """
    name, _, value = text.strip().partition(":")
    algorithm = name.strip().lower().replace("-", "")
    size = _SIZES.get(algorithm, 0)
    if not size or len(value) > _STATED_MAX:
        return None
    for found in _readings(value.strip()):
        if len(found) == size:
            return Stated(algorithm, found)
    return None


def _readings(value: str) -> Iterator[bytes]:
    """Yield what the digits may mean; the digest's length decides."""
    bare = value.rstrip("=")
    if _HEX.fullmatch(value) and len(value) % 2 == 0:
        yield bytes.fromhex(value)
    for decode, text, unit in (
        (base64.b32decode, bare.upper(), 8),
        (_b64decode, bare.translate(_URLSAFE), 4),
    ):
        try:
            yield decode(text + "=" * (-len(text) % unit))
        except (binascii.Error, ValueError):
            continue


def _b64decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


class Digests:
    """Digests of one stream of bytes by several algorithms."""

    def __init__(self, *algorithms: str) -> None:
        self._all = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms if name}
        self._hashes = tuple(self._all.values())
        self.length = 0

    def update(self, piece: bytes) -> None:
        self.length += len(piece)
        for each in self._hashes:
            each.update(piece)

    def matches(self, stated: Stated) -> bool:
        return self._all[stated.algorithm].digest() == stated.value

    def sha256(self) -> str:
        """Return the SHA-256 as muragat writes it."""
        return f"sha256:{self._all['sha256'].hexdigest()}"
