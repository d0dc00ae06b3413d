"""Which folder is a collection, which may become one, and which must be left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.errors import NotACollection, StorageError
from archive.store import cdxj, state
from archive.store.files import imported_files, own_files, reported

if TYPE_CHECKING:
    from pathlib import Path

WARC = "warc"

_OURS = frozenset(
    [
        WARC,
        state.NAME,
        f"{state.NAME}-wal",
        f"{state.NAME}-shm",
        f"{state.NAME}.rebuild",
        f"{state.NAME}.rebuild-wal",
        f"{state.NAME}.rebuild-shm",
        cdxj.NAME,
        "lock",
        "sites.toml",
        "crawls",
        "articles.jsonl",
        "articles.sqlite",
        "articles.sqlite-wal",
        "articles.sqlite-shm",
        "articles.sqlite.rebuild",
        "articles.sqlite.rebuild-wal",
        "articles.sqlite.rebuild-shm",
        "articles.lock",
        "search",
    ]
)


def check_for_reading(home: Path) -> None:
    """Raise NotACollection, or StorageError where only the index is missing."""
    if (home / state.NAME).is_file() and (home / state.NAME).stat().st_size:
        return
    if (home / WARC).is_dir() and (own_files(home / WARC) or imported_files(home / WARC)):
        message = f"{home / state.NAME}: the index is gone; {state.REPAIR}"
        raise StorageError(message)
    raise no_collection(home)


def no_collection(home: Path) -> NotACollection:
    """Return the error that there is none at `home`."""
    return NotACollection(
        f"{home}: no collection here; 'muragat crawl' and 'muragat import' make one; --home names another folder"
    )


def prepare_for_writing(home: Path) -> None:
    """Make the folders of a collection where they are missing, for the owner's eyes only.

    Raises NotACollection for a file and for a folder with anything else in it, StorageError where the
    folders can't be made.
    """
    if home.exists() and not home.is_dir():
        message = f"{home}: a file, not a folder; name another with --home"
        raise NotACollection(message)
    with reported(str(home)):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        strangers = sorted({path.name for path in home.iterdir()} - _OURS)
        if strangers and not (home / WARC).is_dir():
            shown = ", ".join(strangers[:3]) + (", …" if len(strangers) > 3 else "")
            message = f"{home}: no collection, and it holds other files ({shown}); name an empty or new folder"
            raise NotACollection(message)
        (home / WARC).mkdir(mode=0o700, exist_ok=True)
