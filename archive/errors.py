"""Every error that muragat raises on purpose, as a tree:

    MuragatError            exit 1   base of all; its text says what happened, to what, and the repair
     ├─ UsageError          exit 2   what was asked for can't be done as asked
     │   ├─ BadAddress               not an address that can be crawled
     │   ├─ SitesFileError           sites.toml can't be read: file, line, key, suggestion
     │   ├─ UnknownSite              no site of that name
     │   └─ NotACollection           the folder holds no collection
     └─ StorageError        exit 4   the collection can't be read or written
         ├─ CollectionLocked         another process is writing to it
         ├─ StorageFull              the disk has no room; what was acknowledged is safe
         ├─ RecordDamaged            bytes under warc/ are not what was written
         │   └─ OriginalMissing      a revisit repeats a response that is not in the collection
         └─ SchemaUnknown            state made by another version

Ordinary results (not archived, robots, time-out, duplicate) are values, see `model.Outcome`.
"""

from __future__ import annotations


class MuragatError(Exception):
    """Base of all; `exit_code` is what the command line returns for it."""

    exit_code = 1


class UsageError(MuragatError):
    """What was asked for can't be done as asked."""

    exit_code = 2


class BadAddress(UsageError):  # noqa: N818 - named for the thing, as the message is
    """Not an address that can be crawled."""


class SitesFileError(UsageError):
    """sites.toml can't be read; the message begins with `FILE:LINE:`."""


class UnknownSite(UsageError):  # noqa: N818
    """No site of that name."""


class NotACollection(UsageError):  # noqa: N818
    """The folder holds no collection."""


class StorageError(MuragatError):
    """The collection can't be read or written."""

    exit_code = 4


class CollectionLocked(StorageError):  # noqa: N818
    """Another process is writing to the collection."""


class StorageFull(StorageError):  # noqa: N818
    """No room on the disk; everything acknowledged is safe."""


class RecordDamaged(StorageError):  # noqa: N818
    """Bytes under `warc/` are not what was written."""

    def __init__(
        self, file: str, offset: int, message: str, repair: str = "run 'muragat verify'"
    ) -> None:
        super().__init__(f"warc/{file}: record at byte {offset} {message}; {repair}")
        self.file = file
        self.offset = offset
        self.reason = message


class OriginalMissing(RecordDamaged):
    """A revisit repeats a response that is not in the collection."""

    def __init__(self, file: str, offset: int, original: str = "") -> None:
        which = f"its original, {original}," if original else "its original"
        message = f"is a revisit, and {which} is not in this collection"
        super().__init__(file, offset, message, "import the file that holds it")


class SchemaUnknown(StorageError):  # noqa: N818
    """State made by another version of muragat."""
