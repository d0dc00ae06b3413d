"""Foreign WARC files for the tests of the store: made as other tools make them, taken in as import does."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.store import files, scan
from archive.warc.exchanges import Gap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from archive import Collection
    from archive.store.adoption import Adopted


def sha1(payload: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(payload).digest()).decode("ascii")


@dataclass(frozen=True)
class Page:
    """A response of payload `body`, or with `repeats` a revisit of that payload."""

    number: int
    body: bytes = b""
    day: int = 1
    repeats: bytes = b""
    refers_to: tuple[str, str] | None = None

    @property
    def url(self) -> str:
        return f"http://example.org/{self.number}"

    @property
    def date(self) -> str:
        return f"2020-01-{self.day:02}T00:00:00Z"

    def record(self) -> bytes:
        """Return the record as it stands in a WARC/1.0 file, without compression."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
        kind = "revisit" if self.repeats else "response"
        fields = [
            ("WARC-Type", kind),
            ("WARC-Record-ID", f"<urn:uuid:00000000-0000-0000-{self.day:04}-{self.number:012}>"),
            ("WARC-Date", self.date),
            ("WARC-Target-URI", self.url),
            ("WARC-Payload-Digest", sha1(self.repeats or self.body)),
            ("Content-Type", "application/http; msgtype=response"),
        ]
        if self.refers_to:
            fields.append(("WARC-Refers-To-Target-URI", self.refers_to[0]))
            fields.append(("WARC-Refers-To-Date", self.refers_to[1]))
        block = head + self.body
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        end = f"Content-Length: {len(block)}\r\n\r\n"
        return b"WARC/1.0\r\n" + (lines + end).encode("ascii") + block + b"\r\n\r\n"


def warc(pages: Sequence[Page]) -> bytes:
    """Return a file of one gzip member a record."""
    return b"".join(gzip.compress(page.record(), mtime=0) for page in pages)


def name_of(data: bytes, stem: str = "old") -> str:
    return f"{stem}-{hashlib.sha256(data).hexdigest()[:32]}.warc.gz"


def take_in(collection: Collection, data: bytes, stem: str = "old") -> Adopted:
    """Take a file in as import does."""
    name = name_of(data, stem)
    part = lay(collection.home, data, name)
    found = (piece for piece in scan.pieces(part, name) if not isinstance(piece, Gap))
    return collection.adopt(part, name, found)


def lay(home: Path, data: bytes, name: str) -> Path:
    """Lay a file beside its future place."""
    part = files.part_of(home / "warc", name)
    part.write_bytes(data)
    return part
