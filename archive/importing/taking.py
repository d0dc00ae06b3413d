"""One file taken into the collection: copied byte for byte, or salvaged where it can't be read at random.

    part, synced -> warc/NAME and its rows (`Collection.adopt`) -> a metadata record of where it came from

Hides the order, in which a kill at any moment leaves the file wholly taken or not at all.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import archive
from archive.errors import RecordDamaged
from archive.importing import examined
from archive.importing.examined import Examined, Form
from archive.importing.outcome import Fate, Fault, Refused, Taken, shown
from archive.importing.parts import Parts
from archive.importing.sources import Source
from archive.importing.wacz import Wacz
from archive.store import files, metadata, rows
from archive.store.home import WARC
from archive.warc import warc_date
from archive.warc.exchanges import Gap, salvage
from archive.warc.foreign import OURS, captures_in, is_foreign
from archive.warc.records import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from archive.collection import Collection
    from archive.importing.examined import Check, Piece

_UNRESOLVED = """SELECT count(*) FROM captures JOIN files ON files.id = captures.file
 WHERE files.name = ? AND kind = 'revisit' AND length(digest) = 0"""
_HASH = 32  # hex digits of a file's SHA-256 that name it


@dataclass(frozen=True, slots=True)
class _Found:
    """A source that was looked at: its hash and size, and how many of its bytes count where it is still written."""

    source: Source
    form: Form
    sha256: str
    size: int
    limit: int | None


class Taker:
    """Takes files into `collection`, which is open for writing; `check` is called often, and may raise."""

    def __init__(self, collection: Collection, check: Check) -> None:
        self._collection = collection
        self._folder = collection.home / WARC
        self._check = check
        self._parts = Parts(self._folder, check)

    def take(self, source: Source) -> Iterator[Taken]:
        """Take a file, or all WARC files of a WACZ; yield what became of each. Raises StorageError."""
        try:
            found = self._look(source)
            if found.form is Form.ZIP:
                yield from self._take_wacz(source)
            else:
                yield self._take(found, ())
        except Refused as refused:
            yield refused.taken(source.label)
        finally:
            self._parts.clean()

    def _take_wacz(self, source: Source) -> Iterator[Taken]:
        with Wacz(source.path) as wacz:
            faults = wacz.faults
            if not wacz.members:
                raise Refused("it is a zip without a WARC file under archive/")
            for name in wacz.members:
                label = f"{source.label}: {shown(name)}"
                try:
                    part, sha256, size = self._parts.unpacked(wacz.pieces(name))
                    found = self._look(Source(part, label, name.rpartition("/")[2]))
                    if found.form is Form.ZIP:
                        raise Refused("it is a zip within a zip; unpack it")
                    faults += wacz.objections(name, size, sha256)
                    yield self._take(found, faults)
                    faults = []
                except Refused as refused:
                    yield refused.taken(label)
                finally:
                    self._parts.clean()

    def _look(self, source: Source) -> _Found:
        path = source.path
        with _reading():
            if not path.is_file():
                raise Refused("it is no file" if path.exists() else "there is no such file")
            form = examined.form_of(path)
            limit = None
            if source.is_open:
                limit = examined.whole_end(path, source.name, self._check)
                if not limit:
                    raise Refused("there is nothing whole in it yet")
            sha256, size = examined.digest_of_file(path, self._check, limit)
        return _Found(source, form, sha256, size, limit)

    def _take(self, found: _Found, faults: Sequence[Fault]) -> Taken:
        known, is_noted = self._known(found)
        taken = Taken(found.source.label, Fate.KNOWN, known, found.size, found.sha256)
        if known:
            if not is_noted:  # killed just before
                self._note(replace(taken, fate=Fate.IMPORTED))
            return taken
        with _reading():
            content, name, part = self._prepared(found)
        for fault in faults:
            content.faults.add(fault)
        new, twice = 0, content.captures
        if not files.is_there(self._folder, name):
            pieces = _lazily(part, name) if content.pieces is None else content.pieces
            adopted = self._collection.adopt(part, name, pieces)
            new, twice = adopted.new, adopted.known
        is_as_it_was = found.form is Form.WARC and content.has_places
        taken = replace(
            taken,
            fate=Fate.IMPORTED if is_as_it_was else Fate.SALVAGED,
            file=name,
            new=new,
            known=twice,
            unresolved=self._collection.state.execute(_UNRESOLVED, (name,)).fetchone()[0],
            records=dict(sorted(content.records.items())),
            faults=content.faults,
        )
        self._note(taken)
        return taken

    def _prepared(self, found: _Found) -> tuple[Examined, str, Path]:
        """Return what lies in a file, the name it gets, and the part made of it. Raises Refused."""
        source, path = found.source, found.source.path
        if found.form is Form.ARC:
            part, name, faults = self._parts.converted(path, found.sha256)
            content = examined.examine(part, name, self._check)
            for fault in faults:
                content.faults.add(fault)
            _refuse_nothing(content)
            return content, name, part
        name = "" if source.is_open else examined.own_name(path)
        if name and not files.is_there(self._folder, name):
            own = examined.own_whole(path, name, self._check, self._is_ours)
            if own:
                return own, name, self._parts.copied(path, name, found.sha256, None)
        name = examined.foreign_name(found.sha256, is_packed=examined.is_gzip(path))
        content = examined.examine(path, name, self._check, found.limit)
        _refuse_nothing(content)
        if content.has_places:
            return content, name, self._parts.copied(path, name, found.sha256, found.limit)
        part, name = self._parts.salvaged(path)
        inner = examined.examine(part, name, self._check)
        content.pieces, content.captures = inner.pieces, inner.captures
        return content, name, part

    def _known(self, found: _Found) -> tuple[str, bool]:
        """Return the file under warc/ that holds these bytes, "" if none does, and whether it was noted."""
        noted = self._noted(found)
        for path in sorted(self._folder.glob(f"*-{found.sha256[:_HASH]}.warc*")):
            if is_foreign(path.name):
                return path.name, path.name in noted
        name = examined.own_name(found.source.path)
        own = self._folder / name
        if name and own.is_file():
            size = own.stat().st_size
            if size == found.size and examined.digest_of_file(own, self._check)[0] == found.sha256:
                return name, name in noted
        salvaged = filter(is_foreign, noted)
        return next(((name, True) for name in salvaged), ("", False))

    def _noted(self, found: _Found) -> list[str]:
        """Return the files under warc/ that these bytes became, by the notes of muragat's own files."""
        records = self._collection.metadata(f"{OURS}import:{found.sha256[:_HASH]}")
        names = [self._named_in(record) for record in records if files.serial_of(record.file)]
        return [name for name in names if name and files.is_there(self._folder, name)]

    def _named_in(self, note: Metadata) -> str:
        """Return the file that a note of an import names, "" where it names none that may be."""
        try:
            return _file_in(self._collection.read_metadata(note))
        except RecordDamaged:
            return ""  # `verify` tells of it

    def _is_ours(self, piece: Piece) -> bool:
        """Say whether a file of muragat's that is here already holds this record."""
        state = self._collection.state
        if isinstance(piece, Metadata):
            told = metadata.same(state, piece)
            return told is not None and bool(files.serial_of(told.file))
        stored = rows.same(state, piece.capture)
        return stored is not None and bool(files.serial_of(stored.capture.file))

    def _note(self, taken: Taken) -> None:
        """Write where a file came from, durably."""
        values = taken.to_json()
        path, member, name = taken.source.partition(": archive/")
        values["source"] = path.rpartition("/")[2] + member + name  # no folder of this machine
        values["date"] = warc_date(datetime.now(UTC))
        values["version"] = archive.__version__
        block = json.dumps(values, ensure_ascii=False, sort_keys=True)
        target = f"{OURS}import:{taken.sha256[:_HASH]}"
        self._collection.add_metadata(target, block.encode("utf-8", "surrogatepass"))
        self._collection.sync()


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Turn errors of reading a source into the reason why it is not taken in."""
    try:
        yield
    except OSError as error:
        raise Refused(f"it can't be read: {error.strerror or error}") from error


def _refuse_nothing(content: Examined) -> None:
    """Raise Refused for a file that has nothing to give."""
    if content.captures or content.own_metadata:
        return
    if not content.records.total():
        raise Refused("no record in it can be read", content.faults)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(content.records.items()))
    raise Refused(
        f"there is no capture in it, only records of other types ({told})", content.faults
    )


def _lazily(part: Path, name: str) -> Iterator[Piece]:
    """Yield what lies in a part that is to be called `name`; again, as it was too much to be held."""
    read = salvage if files.serial_of(name) else captures_in
    return (piece for piece in read(part, name) if not isinstance(piece, Gap))


def _file_in(note: bytes) -> str:
    """Return the file that a note of an import names, "" where it names none that may be."""
    try:
        values = json.loads(note)
    except (ValueError, RecursionError):
        return ""
    name = values.get("file") if isinstance(values, dict) else None
    if not isinstance(name, str) or "/" in name:
        return ""
    return name if is_foreign(name) or files.serial_of(name) else ""
