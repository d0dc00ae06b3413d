"""What the tests of import have in common: taking files in, judging a collection, writing WACZ."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any

from archive import Collection
from archive.importing import Taken, import_files
from archive.store import rows

if TYPE_CHECKING:
    from pathlib import Path


def take(home: Path, *paths: Path) -> list[Taken]:
    return list(import_files(home, paths))


def take_one(home: Path, path: Path) -> Taken:
    [taken] = take(home, path)
    return taken


def saved(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def stored_files(home: Path) -> list[str]:
    """Names under warc/ of what was imported."""
    return sorted(
        path.name for path in (home / "warc").iterdir() if not path.name.startswith("muragat-")
    )


def check(home: Path) -> int:
    """Verify a collection and read every capture in it; return how many there are."""
    with Collection(home) as collection:
        assert [str(problem) for problem in collection.verify()] == []
        captures = list(collection.captures())
        for capture in captures:
            if not rows.is_unresolved(capture):
                collection.read(capture).decoded()
            assert collection.exchange(capture)
            assert collection.record(capture)
    return len(captures)


def published(home: Path) -> tuple[bytes, bytes]:
    return (home / "index.cdxj").read_bytes(), (home / "articles.jsonl").read_bytes()


def wacz(path: Path, files: dict[str, bytes], **changes: Any) -> Path:
    """Write a WACZ as Browsertrix does; `changes` are keys of its list, None leaves the list out."""
    resources = [
        {"name": name.rpartition("/")[2], "path": name, "hash": f"sha256:{hashlib.sha256(data).hexdigest()}", "bytes": len(data)}
        for name, data in files.items()
    ]  # fmt: skip
    listed = {"profile": "data-package", "wacz_version": "1.1.1", "resources": resources} | changes
    with zipfile.ZipFile(path, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
        if listed["resources"] is not None:
            block = json.dumps(listed)
            out.writestr("datapackage.json", block)
            digest = {
                "path": "datapackage.json",
                "hash": f"sha256:{hashlib.sha256(block.encode()).hexdigest()}",
            }
            out.writestr("datapackage-digest.json", json.dumps(digest))
    return path
