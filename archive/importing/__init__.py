"""Taking in what others archived: WARC, WACZ and ARC files, folders of them, and other collections.

    sources     what an argument stands for            wacz      zips, not trusted
    examined    what a file is, and what lies in it    parts     files on their way in
    taking      one file into the collection           outcome   what became of it

Nothing is changed in the records. What is published afterwards is a function of the files, not of their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.collection import Collection
from archive.importing.outcome import Fate, Taken
from archive.importing.sources import Source, sources_in
from archive.importing.stop import Stop
from archive.importing.taking import Taker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["Fate", "Stop", "Taken", "import_files"]


def import_files(
    home: Path, arguments: Iterable[Path], *, check: Callable[[], None] = lambda: None
) -> Iterator[Taken]:
    """Take files, folders and collections into the collection at `home`; yield what became of each file.

    `check` is called often; where it raises KeyboardInterrupt, the file at hand is left out, what was taken in is
    published, and the interrupt comes through. Raises StorageError; what was taken in before is safe. The articles
    are `archive.backlog`'s to make.
    """
    with Collection(home, write=True) as collection:
        interrupt: KeyboardInterrupt | None = None
        try:
            taker = Taker(collection, check)
            for source in sources_in(arguments, home):
                if isinstance(source, Source):
                    yield from taker.take(source)
                else:
                    yield source
        except KeyboardInterrupt as raised:
            interrupt = raised
        collection.publish()
    if interrupt:
        raise interrupt
