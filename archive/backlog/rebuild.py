"""The article index made again from all committed captures; hides the draft, and how a run that ended is taken up.

captures, by address and date -> articles.sqlite.rebuild -> articles.sqlite, in one transaction -> articles.jsonl
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final, Self

import archive
from archive.analyse.supervisor import Supervisor
from archive.backlog.desk import Desk
from archive.backlog.progress import Control, Progress
from archive.backlog.run import POLL_S, TURN, Pace, observable
from archive.collection import Collection
from archive.index import Index, Tally
from archive.index.draft import discard, former, open_draft, take_over
from archive.index.lock import Lock
from archive.store import rows, state
from archive.store.home import check_for_reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from archive.analyse.supervisor import Limits

_NOTE: Final = "rebuild"  # in the state: which half of a rebuild is still to be done
_HALF: Final = "articles"


def rebuild_articles(
    home: Path,
    *,
    analyse: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    workers: int = 2,
    control: Control | None = None,
    limits: Limits | None = None,
) -> Progress:
    """Make articles.sqlite and articles.jsonl again from the captures of the collection at `home`.

    What this version of muragat has read from a capture is taken over from the old file, unless `analyse`. Readers
    see the old entries until all the new ones are there. A run that was killed, or stopped by `control`, left the
    old files as they were, and is taken up by the next one. `articles.new` of the result counts all entries.
    Raises NotACollection, StorageError, and CollectionLocked where another process analyses.
    """
    control = control or Control()
    check_for_reading(home)
    with Lock(home) as lock:
        with _Rebuild(
            home,
            lock,
            report,
            is_anew=analyse,
            supervisor=Supervisor(home, workers=workers, limits=limits),
        ) as rebuild:
            is_made = rebuild.go(control)
            progress = rebuild.tell()
        if not is_made:
            return progress
        take_over(home)
        with Index(home, write=True, lock=lock) as index:
            index.publish()
            entries = sum(index.counts().values())
        discard(home)
    _strike_note(home)
    done = Progress(0, Tally(new=entries), progress.problems, is_whole=True)
    report(done)
    return done


class _Rebuild:
    """Fills the draft; a context manager."""

    def __init__(
        self,
        home: Path,
        lock: Lock,
        report: Callable[[Progress], None],
        *,
        is_anew: bool,
        supervisor: Supervisor,
    ) -> None:
        self._report = report
        made = f"{archive.__version__} {'analysed' if is_anew else 'taken over'}"
        with ExitStack() as stack:
            stack.enter_context(supervisor)
            self._collection = stack.enter_context(Collection(home))
            captures = stack.enter_context(closing(state.open_for_reading(home / state.NAME)))
            self._index = stack.enter_context(open_draft(home, lock, made))
            old = stack.enter_context(former(home, is_wanted=not is_anew))
            self._desk = Desk(
                self._index, self._collection, captures, supervisor, stored=old.reading
            )
            self._cursor = self._last(rows.last_sequence(captures))
            self._left = int(captures.execute("SELECT count(*) FROM captures").fetchone()[0])
            self._opened = stack.pop_all()
        self._captures = self._collection.captures()
        self._pace = Pace()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    def go(self, control: Control) -> bool:
        """Observe all captures that the draft does not know; return whether that was done to the end."""
        while not control.stopping.is_set():
            taken = self._take() or self._desk.take_again()
            self._desk.settle(0.0 if taken else POLL_S)
            if not taken and self._desk.is_idle:
                self._index.keep_only(observable(self._collection))
                if not self._index.again(1):
                    self._index.commit(self._cursor)
                    return True
            if self._pace.is_due:
                self._pace.commit(self._index.commit)
                self.tell()
        self._index.commit()
        return False

    def tell(self) -> Progress:
        """Report how far it has come."""
        progress = Progress(self._left, self._index.tally, tuple(self._desk.problems))
        self._report(progress)
        return progress

    def _take(self) -> int:
        """Take captures, of each address the earliest first: so of one payload only that one is analysed."""
        taken = 0
        while taken < TURN and self._desk.has_room:
            capture = next(self._captures, None)
            if capture is None:
                break
            taken += 1
            self._left = max(0, self._left - 1)
            self._desk.take(capture)
        return taken

    def _last(self, sequence: int) -> tuple[int, str]:
        """The cursor that says that all captures up to now are observed."""
        capture = (
            next(iter(self._collection.captures(after=sequence - 1)), None) if sequence else None
        )
        return (capture.sequence, capture.record_id) if capture else (0, "")


def _strike_note(home: Path) -> None:
    """Say in the state that this half of a rebuild is done, where that was open."""
    with closing(state.open_for_reading(home / state.NAME)) as connection:
        if state.note(connection, _NOTE) != _HALF:
            return
    with closing(state.open_for_writing(home / state.NAME)) as connection:
        state.set_note(connection, _NOTE, "")
