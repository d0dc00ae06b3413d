"""The index of a collection made again from its WARC files: state.sqlite, index.cdxj and crawls/*.json.

    warc/* -> scans in worker processes -> state.sqlite.rebuild -> state.sqlite -> index.cdxj, crawls/

Hides the order, in which a kill at any moment leaves either the old state or the new one, and never undoes a
finished scan. The articles and the frontier are made from what this makes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archive.errors import MuragatError, RecordDamaged
from archive.model import Problem
from archive.store import cdxj, files, home, reports, rows, state
from archive.store.draft import Draft
from archive.store.recovery import Tail
from archive.store.scanning import Scanned, Scanners
from archive.warc.exchanges import Gap
from archive.warc.foreign import is_foreign
from archive.warc.reading import read_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from archive.warc.records import Metadata

NOTE = "rebuild"
"""The note in the state that says what is still to be made of it: `articles`, or nothing."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the scan has come, in bytes of WARC files, and how many captures it has found."""

    bytes_done: int
    bytes_total: int
    captures: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was made again, and what was wrong with the files it was made of."""

    captures: int
    metadata: int
    files: int
    warc_bytes: int
    problems: tuple[Problem, ...] = ()


def rebuild(
    folder: Path,
    *,
    workers: int = 2,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Rebuilt:
    """Make the index of the collection at `folder` again; the WARC files alone are read.

    The torn end that a kill left in an open file is cut, as at any start. Readers see the old index until the
    new one is whole. What was scanned is kept for the next run where this one is killed. Raises
    NotACollection, CollectionLocked, StorageFull and StorageError.
    """
    warc, path = folder / home.WARC, folder / state.NAME
    if not warc.is_dir():
        raise home.no_collection(folder)
    with contextlib.closing(files.Lock(folder)), files.reported(str(warc)):
        files.remove_parts(warc)
        cdxj.remove_parts(folder / cdxj.NAME)
        with Draft(path) as draft, state.reported(draft.path), draft.forgotten_if_damaged():
            problems = _Scan(warc, draft, _committed(path), report).run(workers)
            draft.finish({NOTE: "articles"})
            draft.copy_over(path)
        draft.remove()
        return _publish(folder, (*problems, *_strangers(warc)))


def _committed(path: Path) -> Mapping[str, int]:
    """Return the bytes of each file that the old state knows of, as far as it can be read."""
    if not path.exists():
        return {}
    try:
        with contextlib.closing(state.open_for_reading(path)) as connection:
            return rows.sizes(connection)
    except (MuragatError, sqlite3.Error):
        return {}


class _Scan:
    """One run over the files that the draft does not know yet."""

    def __init__(
        self,
        warc: Path,
        draft: Draft,
        committed: Mapping[str, int],
        report: Callable[[Progress], None],
    ) -> None:
        self._warc = warc
        self._draft = draft
        self._committed = committed
        self._report = report
        self._under_way: dict[str, _File] = {}
        self._progress = [0, 0, 0]
        self._unreadable: list[Problem] = []

    def run(self, workers: int) -> list[Problem]:
        """Scan what is to be scanned; return what was wrong, in this run and in those before."""
        names = [*files.own_files(self._warc), *files.imported_files(self._warc)]
        wanted = self._changed({name: files.find(self._warc, name) for name in names})
        if wanted:
            with Scanners(workers) as scanners:
                for scanned in scanners.scan(wanted):
                    self._take(scanned)
        return [*self._draft.problems(), *self._unreadable]

    def _changed(self, paths: Mapping[str, Path]) -> list[tuple[Path, str]]:
        """Have the draft forget what is not as it was; return the files to scan, the largest first."""
        stamps = self._draft.stamps()
        sizes = {name: path.stat().st_size for name, path in paths.items()}
        known = [name for name, stamp in stamps.items() if _stamp(paths.get(name)) == stamp]
        if self._draft.is_built and {*known} != {*paths, *stamps}:
            self._draft.begin_again()
            known, stamps = [], {}
        self._draft.forget({*stamps, *self._draft.unfinished()} - {*known})
        self._progress[:2] = sum(sizes[name] for name in known), sum(sizes.values())
        wanted = sorted({*paths} - {*known}, key=lambda name: (-sizes[name], name))
        return [(paths[name], name) for name in wanted]

    def _take(self, scanned: Scanned) -> None:
        name = scanned.name
        if scanned.is_again:
            self._draft.forget([name])
            self._under_way.pop(name, None)
        file = self._under_way.setdefault(name, _File(self._warc, name))
        if scanned.problem:
            message = f"its scan was ended ({scanned.problem}) and begun again"
            file.problems.append(Problem(f"{home.WARC}/{name}", -1, message))
        captures = [line[1:] for line in scanned.lines if line[0] == "c"]
        told = [line[1:] for line in scanned.lines if line[0] == "m"]
        self._draft.put(name, captures, told)
        file.gaps += [_gap(name, line) for line in scanned.lines if line[0] == "g"]
        self._progress[2] += len(captures)
        if scanned.lines and scanned.lines[-1][0] == "e":
            self._end(self._under_way.pop(name), str(scanned.lines[-1][1]))
        self._report(Progress(*self._progress))

    def _end(self, file: _File, unreadable: str) -> None:
        if unreadable:
            message, repair = f"can't be read: {unreadable}", "see its rights and the disk"
            self._unreadable.append(Problem(f"{home.WARC}/{file.name}", -1, message, repair))
        size = 0 if unreadable else file.settle(self._committed.get(file.name, 0))
        self._progress[0] += size
        if size:
            stamp = _stamp(self._warc / file.name)
            self._draft.end(file.name, size, stamp, file.problems)
        else:
            self._draft.forget([file.name])


@dataclass(slots=True)
class _File:
    """A file that is being scanned: what of it can't be read."""

    warc: Path
    name: str
    gaps: list[Gap] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def settle(self, committed: int) -> int:
        """Cut the torn end of an open file and give it its final name; return the bytes that count."""
        path = files.find(self.warc, self.name)
        was_open = path.name.endswith(files.OPEN)
        tail = Tail(path, self.name, may_cut=was_open)
        for gap in self.gaps:
            tail.note(gap, committed=committed)
        self.problems += tail.problems
        if tail.size < path.stat().st_size:
            files.cut(path, tail.size)
        if not tail.size:
            path.unlink()
        elif was_open:
            files.finish(self.warc, self.name)
        return tail.size


def _gap(name: str, line: list[Any]) -> Gap:
    _, start, end, offset, reason = line
    return Gap(start, end, RecordDamaged(name, offset, reason))


def _stamp(path: Path | None) -> str:
    """Return what changes when a file is changed."""
    if path is None or not path.exists():
        return "missing"
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _strangers(warc: Path) -> Iterator[Problem]:
    for name in sorted(path.name for path in warc.iterdir()):
        final = name.removesuffix(files.OPEN)
        if not (files.serial_of(final) or is_foreign(name)):
            message = "not a file of this collection; nothing was read of it"
            yield Problem(f"{home.WARC}/{name}", -1, message, files.take_in(name))


def _publish(folder: Path, problems: tuple[Problem, ...]) -> Rebuilt:
    """Write index.cdxj and crawls/ from the new state."""
    path, index = folder / state.NAME, folder / cdxj.NAME

    def read(record: Metadata) -> bytes:
        return read_metadata(files.find(folder / home.WARC, record.file), record)

    with state.reported(path), contextlib.closing(state.open_for_writing(path)) as connection:
        cdxj.publish(index, rows.by_place(connection, rows.Query()))
        cdxj.Published(rows.last_sequence(connection), cdxj.stamp(index)).note(connection)
        reports.write(folder, connection, read, anew=True)
        figures = rows.stats(connection)
        (told,) = connection.execute("SELECT count(*) FROM metadata").fetchone()
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    return Rebuilt(figures.captures, told, figures.files, figures.warc_bytes, problems)
