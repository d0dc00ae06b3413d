"""What starts `muragat run` at its times: a systemd service with its timer, or a line for cron.

Functions of values; hides how systemd and cron quote. Sources: systemd.syntax(7), systemd.service(5) "COMMAND LINES",
systemd.unit(5) "SPECIFIERS", crontab(5).
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archive.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

INTERVALS: Final = (
    "5m",
    "10m",
    "15m",
    "20m",
    "30m",
    "1h",
    "2h",
    "3h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
)
"""How often `run` may look: what both calendars can say. It crawls only what is due."""

_LONGEST_CRON_LINE: Final = 990
"""Vixie cron reads 1,000 characters of a command; what is longer would be cut."""

_SERVICE = """\
# Made by 'muragat schedule'; 'muragat schedule --remove' takes it away.
[Unit]
Description=muragat: crawl what is due into {home}

[Service]
Type=oneshot
{environment}ExecStart={command}
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
TimeoutStartSec=infinity
TimeoutStopSec=30
KillMode=mixed
SuccessExitStatus=130
"""
"""The crawl tells its own processes to end, and is given time for it; one that is stopped has not failed."""

_TIMER = """\
# Made by 'muragat schedule'; 'muragat schedule --remove' takes it away.
[Unit]
Description=muragat: look every {interval} whether a crawl into {home} is due

[Timer]
OnCalendar={calendar}
Persistent=true
AccuracySec=1min
RandomizedDelaySec=30

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What is started: a program with its arguments, all paths absolute, `python_path` in its environment if not "".

    Raises UsageError for what no line of a file can hold.
    """

    command: tuple[str, ...]
    home: Path
    python_path: str = ""

    def __post_init__(self) -> None:
        for text in (*self.command, str(self.home), self.python_path):
            _refuse_unwritable(text)

    @property
    def name(self) -> str:
        """The name of its units: one for each home.

        >>> from pathlib import Path
        >>> Job(("muragat",), Path("/srv/my news")).name
        'muragat-my-news-dd7b8a95'
        """
        mark = hashlib.sha256(str(self.home).encode("utf-8")).hexdigest()[:8]
        readable = re.sub(r"[^A-Za-z0-9]+", "-", self.home.name).strip("-")[:40]
        return "-".join(filter(None, ["muragat", readable, mark]))

    def service(self) -> str:
        """Return the text of the service unit."""
        environment = ""
        if self.python_path:
            environment = f"Environment={_quoted(f'PYTHONPATH={self.python_path}')}\n"
        return _SERVICE.format(
            home=_described(self.home),
            environment=environment,
            command=" ".join(_argument(word) for word in self.command),
        )

    def timer(self, interval: str) -> str:
        """Return the text of the timer unit; `interval` is one of `INTERVALS`."""
        return _TIMER.format(
            home=_described(self.home), interval=interval, calendar=_calendar(interval)
        )

    def cron_line(self, interval: str) -> str:
        """Return the line for a crontab, with `cron_mark` at its end. Raises UsageError where cron can't hold it."""
        words = [*(["env", f"PYTHONPATH={self.python_path}"] if self.python_path else [])]
        command = shlex.join([*words, "nice", "-n", "10", *self.command])
        if "\\" in command:
            raise UsageError(
                f"{self.home}: versions of cron differ about backslashes; use the systemd timer"
            )
        line = f"{command} # {self.cron_mark}".replace("%", "\\%")
        if len(line) > _LONGEST_CRON_LINE:
            raise UsageError(f"{self.home}: the line is too long for cron; use the systemd timer")
        return f"{_cron_times(interval)} {line}"

    @property
    def cron_mark(self) -> str:
        """The comment that tells its line in a crontab from others."""
        return f"muragat schedule {self.name}"

    def in_crontab(self, before: str, line: str) -> str:
        """Return a crontab with `line` in place of the job's own, which goes away where `line` is ""."""
        mark = f"# {self.cron_mark}"
        there = before.removesuffix("\n").split("\n") if before else []
        kept = [each for each in there if not each.rstrip().endswith(mark)]
        lines = [*kept, line] if line else kept
        return "".join(f"{each}\n" for each in lines)


def _refuse_unwritable(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"{text!r} is not UTF-8; give the folder another name") from error
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise UsageError(f"{text!r} has a control character in it; give the folder another name")


def _quoted(text: str, doubled: Iterable[str] = "%") -> str:
    """Return a word as systemd reads it: in quotes, with `doubled` letters doubled so that they stand for themselves."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for letter in doubled:
        escaped = escaped.replace(letter, letter * 2)
    return f'"{escaped}"'


def _argument(word: str) -> str:
    """Return a word of a command line, in which systemd would put variables."""
    return _quoted(word, "%$")


def _described(home: Path) -> str:
    """Return a path for a description, where nothing is quoted; a backslash at the end would join lines."""
    return str(home).replace("%", "%%").rstrip("\\")


def _calendar(interval: str) -> str:
    """Return the calendar event of systemd.

    >>> [_calendar(each) for each in ("15m", "1h", "6h", "1d")]
    ['*:00/15', '*:00', '00/6:00', '*-*-* 00:00']
    """
    number, unit = _parts(interval)
    if unit == "m":
        return f"*:00/{number}"
    if unit == "d":
        return "*-*-* 00:00"
    return "*:00" if number == 1 else f"00/{number}:00"


def _cron_times(interval: str) -> str:
    """Return the five fields of cron.

    >>> [_cron_times(each) for each in ("15m", "1h", "6h", "1d")]
    ['*/15 * * * *', '0 * * * *', '0 */6 * * *', '0 0 * * *']
    """
    number, unit = _parts(interval)
    if unit == "m":
        return f"*/{number} * * * *"
    if unit == "d":
        return "0 0 * * *"
    return "0 * * * *" if number == 1 else f"0 */{number} * * *"


def _parts(interval: str) -> tuple[int, str]:
    if interval not in INTERVALS:
        raise UsageError(f"{interval!r} is no interval; give one of {', '.join(INTERVALS)}")
    return int(interval[:-1]), interval[-1]


def job_for(home: Path, sites_file: Path | None, python: Sequence[str], python_path: str) -> Job:
    """Return the job that runs what is due; `python` is the program up to muragat's own arguments."""
    sites = () if sites_file is None else ("--sites", str(sites_file.absolute()))
    command = (*python, "--home", str(home.absolute()), *sites, "run")
    return Job(command, home.absolute(), python_path)
