"""What the arguments of an import stand for: files, in an order that does not depend on the disk.

A folder stands for the files in it, a collection for the files under its `warc/`. Hides which is which.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archive.importing.outcome import Refused, Taken, shown
from archive.store import files
from archive.store.home import WARC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz", ".wacz")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be taken in; `label` is what it is called when told of, `name` its own name.

    `is_open` marks a file that another muragat still writes, or was killed over.
    """

    path: Path
    label: str
    name: str
    is_open: bool = False


def sources_in(arguments: Iterable[Path], home: Path) -> Iterator[Source | Taken]:
    """Yield the files that `arguments` stand for, each argument's in the order of their names.

    An argument without any is yielded with the reason. `home` is the collection that they go into.
    """
    for argument in arguments:
        try:
            if not argument.is_dir():
                yield Source(argument, shown(argument), argument.name)
            elif is_collection(argument):
                yield from _of_collection(argument, home)
            else:
                yield from _of_folder(argument)
        except OSError as error:
            yield Refused(f"it can't be read: {error.strerror}").taken(shown(argument))
        except Refused as refused:
            yield refused.taken(shown(argument))


def is_collection(folder: Path) -> bool:
    """Say whether a folder is the home of a collection."""
    warc = folder / WARC
    if not warc.is_dir():
        return False
    return (folder / "state.sqlite").exists() or bool(files.own_files(warc))


def _of_collection(folder: Path, home: Path) -> Iterator[Source]:
    if home.exists() and folder.samefile(home):
        raise Refused("it is the collection that it would go into")
    names = [path.name for path in (folder / WARC).iterdir() if path.is_file()]
    kept = sorted(
        name
        for name in names
        if not name.startswith(".") and name.removesuffix(files.OPEN).endswith(_SUFFIXES)
    )
    if not kept:
        raise Refused("it is a collection without any file under warc/")
    for name in kept:
        path = folder / WARC / name
        is_open = name.endswith(files.OPEN)
        yield Source(path, shown(path), name.removesuffix(files.OPEN), is_open)


def _of_folder(folder: Path) -> Iterator[Source]:
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(_SUFFIXES)
    ]
    if not found:
        raise Refused(f"there is no file in it whose name ends with one of {', '.join(_SUFFIXES)}")
    for path in sorted(found):
        yield Source(path, shown(path), path.name)
