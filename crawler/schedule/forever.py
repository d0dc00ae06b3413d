"""`muragat run --forever`: a small loop that starts `muragat run` as a process of its own whenever something is due.

Hides signals, sleeping and what may go wrong meanwhile. It holds no lock and no database between two looks, so that it
may run for years beside crawls by hand. It looks at the clock once a minute at least: a clock that is set, or a machine
that slept, is noticed then, as is an edited sites file. A sites file that can't be read is said once; the last good one
holds until it is mended.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from archive.errors import MuragatError, SitesFileError
from crawler import sites
from crawler.schedule import program
from crawler.schedule.run import look, scheduled, standing_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from crawler.sites import Site

_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
_FAILED_SITES: Final = 3
"""Exit status of a crawl that went well but for some sites: they wait as their own state says."""

_STOP_S: Final = 9.0
"""After this a child that was told to end is told again, which ends it at once; nothing acknowledged is lost."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds: between two looks at most, between two children at least, and after a failure, doubling up to the last."""

    look_s: float = 60.0
    between_s: float = 10.0
    failed_s: float = 60.0
    failed_most_s: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched: the home, the sites file as given, the sites named (all if none), arguments for each child."""

    home: Path
    sites_file: Path | None
    names: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def stay(watch: Watch, say: Callable[[str], None], pauses: Pauses | None = None) -> None:
    """Crawl whatever falls due until SIGTERM or SIGINT comes; `say` is given each sentence for a person.

    Ends within 10 s then, the child too. Raises SitesFileError and UsageError only for what is wrong at the start.
    """
    with tempfile.TemporaryDirectory(prefix="muragat-") as folder, _Signals() as signals:
        table = _Table(watch, Path(folder) / "sites.toml", say)
        table.read_first()
        _Loop(table, signals, pauses or Pauses()).run()


@dataclass(slots=True)
class _Hold:
    """A site that is left alone until a moment (of the monotonic clock), after so many children without effect."""

    failures: int = 0
    until: float = 0.0


class _Loop:
    """Looks, starts children, waits."""

    def __init__(self, table: _Table, signals: _Signals, pauses: Pauses) -> None:
        self._table = table
        self._watch = table.watch
        self._say = table.say
        self._signals = signals
        self._pauses = pauses
        self._holds: dict[str, _Hold] = {}
        self._failures = 0
        self._said = ""

    def run(self) -> None:
        """Go on until an end is asked for."""
        pause = 0.0
        while not self._signals.rest(pause):
            pause = self._look()

    def _look(self) -> float:
        """Crawl if something is due; return for how many seconds to wait."""
        chosen = [site for site in self._table.read() if not self._is_held(site)]
        try:
            due, ahead_s = self._due(chosen)
            if not due:
                return min(self._pauses.look_s, ahead_s)
            code = self._crawl([site.name for site in due])
            if code is None:
                return 0.0
            self._note(code, due)
        except MuragatError as error:
            self._failures += 1
            pause = self._pause_s(self._failures)
            self._tell(f"{error}; tried again in {pause:.0f} s, and later each time")
            return pause
        self._failures = 0
        return self._pauses.between_s

    def _due(self, chosen: Sequence[Site]) -> tuple[dict[Site, float], float]:
        """Return the sites that are due with when each was last begun, 0 for never; else in how many seconds one is."""
        now, known = time.time(), look(self._watch.home, chosen)
        found = {site: standing_of(site, known, now).due for site in chosen}
        due = [site for site, moment in found.items() if moment is not None and moment <= now]
        ahead = [moment - now for moment in found.values() if moment is not None]
        began = {site: known.rounds.get(site.name) for site in due}
        return (
            {site: round_.started if round_ else 0.0 for site, round_ in began.items()},
            min(ahead, default=self._pauses.look_s),
        )

    def _note(self, code: int, before: dict[Site, float]) -> None:
        """Hold the sites back that the child has not begun: another process may hold the collection."""
        known = look(self._watch.home, list(before))
        for site, began in before.items():
            round_ = known.rounds.get(site.name)
            if code in {0, _FAILED_SITES} and round_ is not None and round_.started != began:
                self._holds.pop(site.name, None)
                continue
            hold = self._holds.setdefault(site.name, _Hold())
            hold.failures += 1
            hold.until = time.monotonic() + self._pause_s(hold.failures)
        failed = code not in {0, _FAILED_SITES}
        self._tell(f"'muragat run' ended with status {code}; tried again later" if failed else "")

    def _is_held(self, site: Site) -> bool:
        hold = self._holds.get(site.name)
        return hold is not None and time.monotonic() < hold.until

    def _pause_s(self, failures: int) -> float:
        longest = self._pauses.failed_most_s
        return min(longest, self._pauses.failed_s * 2.0 ** min(failures - 1, 30))

    def _tell(self, what: str) -> None:
        """Say something once, until it has changed."""
        if what and what != self._said:
            self._say(what)
        self._said = what

    def _crawl(self, names: Sequence[str]) -> int | None:
        """Run a child to its end; None where it was told to end."""
        watch = self._watch
        words = ("--home", str(watch.home), *self._table.option(), *watch.before)
        command = [*program.command(), *words, "run", *watch.after, "--", *names]
        env = {**os.environ, "PYTHONPATH": program.python_path()}
        with subprocess.Popen(command, env=env, start_new_session=True) as child:  # noqa: S603 - ourselves, no shell
            while child.poll() is None and not self._signals.stopped:
                self._signals.wait(self._pauses.look_s)
            if not self._signals.stopped:
                return child.returncode
            self._stop(child)
        return None

    def _stop(self, child: subprocess.Popen[bytes]) -> None:
        """Tell the child to end, and once more where a second signal came or it takes too long."""
        child.terminate()
        before, deadline = self._signals.stopped, time.monotonic() + _STOP_S
        while child.poll() is None:
            if self._signals.stopped > before or time.monotonic() >= deadline:
                child.terminate()
                child.wait()
            else:
                self._signals.wait(deadline - time.monotonic())


class _Table:
    """The sites file, read again when it was changed; the last good one otherwise."""

    def __init__(self, watch: Watch, copy: Path, say: Callable[[str], None]) -> None:
        self.watch = watch
        self.say = say
        self._copy = copy
        self._good = b""
        self._said = ""
        self._is_good = True
        self._sites: list[Site] = []

    def read_first(self) -> None:
        """Read it; raises what is wrong."""
        self._sites = scheduled(self.watch.names, sites.load(self._path))
        self._keep()

    def read(self) -> Sequence[Site]:
        """Return the sites that have a schedule, by the file as it is or as it last was good."""
        try:
            table = sites.load(self._path)
        except SitesFileError as error:
            self._is_good = False
            self._tell(f"{error}; going on with the sites as they were")
            return self._sites
        self._is_good = True
        self._keep()
        there = [name for name in self.watch.names if name in table and table[name].is_scheduled]
        gone = [name for name in self.watch.names if name not in there]
        self._tell(f"{', '.join(gone)}: no such site with a schedule any more" if gone else "")
        self._sites = [] if gone and not there else scheduled(there, table)
        return self._sites

    def option(self) -> tuple[str, ...]:
        """Return the option that has a child read the same sites."""
        if not self._is_good:
            self._copy.write_bytes(self._good)
            return ("--sites", str(self._copy))
        given = self.watch.sites_file
        return () if given is None else ("--sites", str(given))

    @property
    def _path(self) -> Path:
        return sites.find(self.watch.sites_file, self.watch.home)

    def _keep(self) -> None:
        try:
            self._good = self._path.read_bytes()
        except OSError as error:
            self._tell(f"{self._path}: {error.strerror}")

    def _tell(self, what: str) -> None:
        """Say something once, until it has changed."""
        if what and what != self._said:
            self.say(what)
        self._said = what


class _Signals:
    """Waits for signals and for the end of children without missing one; `stopped` counts those that ask for an end."""

    def __init__(self) -> None:
        self.stopped = 0

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = {
            number: signal.signal(number, self._came) for number in (*_STOPPING, signal.SIGCHLD)
        }
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> None:
        """Wait for a signal or the end of a child, `seconds` at most."""
        ready, _, _ = select.select([self._read], [], [], max(0.0, seconds))
        if ready:
            os.read(self._read, 4096)

    def rest(self, seconds: float) -> bool:
        """Wait until an end is asked for, `seconds` at most; return whether it was."""
        deadline = time.monotonic() + seconds
        while not self.stopped and time.monotonic() < deadline:
            self.wait(deadline - time.monotonic())
        return bool(self.stopped)

    def _came(self, number: int, frame: FrameType | None) -> None:
        self.stopped += number in _STOPPING
