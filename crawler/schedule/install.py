"""Puts the timer of `run` in its place and takes it away: units of systemd's user manager, or a line of cron.

Doing it twice is doing it once. Where the system's own programs are missing or refuse, what was done stays, and the
answer says what is left to do.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archive.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.schedule.timers import Job

_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Done:
    """What was done and what is left to do, in sentences. `is_whole` where nothing is."""

    said: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not self.left


def unit_folder() -> Path:
    """Return where systemd's user manager looks for units."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    config = Path(base) if base and Path(base).is_absolute() else Path.home() / ".config"
    return config / "systemd" / "user"


def install(job: Job, interval: str) -> Done:
    """Write the units and have systemd use them. Raises StorageError where they can't be written."""
    folder = unit_folder()
    texts = {
        folder / f"{job.name}.service": job.service(),
        folder / f"{job.name}.timer": job.timer(interval),
    }
    for path, text in texts.items():
        _write(path, text)
    said = [f"wrote {path}" for path in texts]
    commands = [
        ["daemon-reload"],
        ["enable", f"{job.name}.timer"],
        ["restart", f"{job.name}.timer"],
    ]
    error = _systemctl(commands)
    if error:
        again = " && ".join(f"systemctl --user {' '.join(words)}" for words in commands)
        return Done(tuple(said), (f"systemctl --user: {error}; where it works, run: {again}",))
    said.append(
        f"{job.name}.timer is on; 'loginctl enable-linger' keeps it going while you are logged out"
    )
    return Done(tuple(said))


def remove(job: Job) -> Done:
    """Stop the timer and take the units away, if there are any."""
    folder = unit_folder()
    paths = [folder / f"{job.name}.timer", folder / f"{job.name}.service"]
    there = [path for path in paths if path.exists()]
    if not there:
        return Done()
    error = _systemctl([["disable", "--now", f"{job.name}.timer"]])
    for path in there:
        path.unlink(missing_ok=True)
    error = error or _systemctl([["daemon-reload"]])
    left = f"systemctl --user: {error}; the timer is gone when you log in again"
    return Done(tuple(f"removed {path}" for path in there), (left,) if error else ())


def install_in_cron(job: Job, interval: str) -> Done:
    """Put the line into the user's crontab."""
    line = job.cron_line(interval)
    error = _change_crontab(job, line)
    if error:
        return Done((), (f"crontab: {error}; add this line by hand: {line}",))
    return Done((f"the crontab has: {line}",))


def remove_from_cron(job: Job) -> Done:
    """Take the line out of the user's crontab, if it is there."""
    error = _change_crontab(job, "")
    return Done((), (f"crontab: {error}",)) if error else Done()


def _change_crontab(job: Job, line: str) -> str:
    """Write the user's crontab anew where that changes it; return what is wrong, or ""."""
    read = _run(["crontab", "-l"])
    if isinstance(read, str):
        return read
    if read.returncode and "no crontab" not in read.stderr:
        return read.stderr.strip() or f"exit status {read.returncode}"
    before = "" if read.returncode else read.stdout
    after = job.in_crontab(before, line)
    if after == before:
        return ""
    written = _run(["crontab", "-"], after)
    if isinstance(written, str):
        return written
    return written.stderr.strip() or "refused" if written.returncode else ""


def _systemctl(commands: Sequence[Sequence[str]]) -> str:
    """Run commands of the user manager; return what is wrong, or ""."""
    for words in commands:
        done = _run(["systemctl", "--user", *words])
        if isinstance(done, str):
            return done
        if done.returncode:
            said = done.stderr.strip().splitlines()
            return said[0] if said else f"exit status {done.returncode}"
    return ""


def _run(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str] | str:
    """Run a program of the system; return how it ended, or why it could not be run."""
    try:
        return subprocess.run(  # noqa: S603 - fixed words, no shell
            command, input=text, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except FileNotFoundError:
        return "not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror}") from error
