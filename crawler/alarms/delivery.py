"""Tells a site's address (POST of JSON) and program (JSON on its standard input) what began and what ended.

Hides both ways, and their limits. What goes wrong is a sentence, never an error: a crawl does not fail because nobody
listens. The address and the program are the user's own, from sites.toml, so a private address is one as any other.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import archive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crawler.alarms.standing import News
    from crawler.sites import Site

ADDRESS_LIMIT_S: Final = 10.0
PROGRAM_LIMIT_S: Final = 30.0
_ANSWER_BYTES: Final = 64 * 1024
_SAID_LETTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was told to everyone who is to be told, and a warning for each who could not be."""

    told: tuple[News, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an address and a program may take."""

    address_s: float = ADDRESS_LIMIT_S
    program_s: float = PROGRAM_LIMIT_S


def deliver(
    news: Sequence[News],
    sites: Mapping[str, Site],
    crawl: str,
    limits: Limits = Limits(),
) -> Delivered:
    """Tell what is new of each site; a site that names neither address nor program counts as told."""
    by_site: defaultdict[str, list[News]] = defaultdict(list)
    for one in news:
        by_site[one.alarm.site].append(one)
    told: list[News] = []
    warnings: list[str] = []
    for name, ours in by_site.items():
        site = sites.get(name)
        failures = _failures(site, _message(name, crawl, ours), limits) if site else []
        warnings += [f"{name}: alarms were not told: {failure}" for failure in failures]
        if site and not failures:
            told += ours
    return Delivered(tuple(told), tuple(warnings))


def _failures(site: Site, message: bytes, limits: Limits) -> list[str]:
    found = []
    if site.alarm:
        found.append(post(site.alarm, message, limits.address_s))
    if site.alarm_command:
        found.append(run(site.alarm_command, message, limits.program_s))
    return list(filter(None, found))


def _message(site: str, crawl: str, news: Sequence[News]) -> bytes:
    begun = [
        {**one.alarm.to_json(), "since": _date(one.since)} for one in news if not one.has_ended
    ]
    ended = [
        {**one.alarm.to_json(), "since": _date(one.since), "ended": _date(one.ended)}
        for one in news
        if one.ended is not None
    ]
    text = "\n".join(
        [one["message"] for one in begun] + [f"no longer: {one['message']}" for one in ended]
    )
    found = {
        "site": site,
        "crawl": crawl,
        "text": f"{site}: {text}",
        "begun": begun,
        "ended": ended,
    }
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class _Post:
    """One request to an address; `failure` is "no answer" until there is one."""

    address: str
    message: bytes
    limit_s: float
    failure: str = "no answer in time"
    connection: http.client.HTTPConnection | None = field(default=None)

    def run(self) -> None:
        try:
            self.failure = self._sent()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.failure = str(error) or type(error).__name__
        finally:
            if self.connection is not None:
                self.connection.close()

    def stop(self) -> None:
        """Let go of a server that goes on and on; called from another thread."""
        sock = self.connection.sock if self.connection is not None else None
        if sock is not None:
            with suppress(OSError):  # closed meanwhile
                sock.shutdown(socket.SHUT_RDWR)

    def _sent(self) -> str:
        parts = urlsplit(self.address)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.connection = kind(parts.hostname or "", parts.port, timeout=self.limit_s)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {
            "Content-Type": "application/json",
            "User-Agent": f"muragat/{archive.__version__}",
            "Connection": "close",
        }
        self.connection.request("POST", path, self.message, fields)
        answer = self.connection.getresponse()
        answer.read(_ANSWER_BYTES)
        return "" if 200 <= answer.status < 300 else f"answered {answer.status}"


def post(address: str, message: bytes, limit_s: float = ADDRESS_LIMIT_S) -> str:
    """Post JSON to an address; return what went wrong, "" where it answered 2xx. Follows no redirect."""
    sending = _Post(address, message, limit_s)
    thread = threading.Thread(target=sending.run, name="alarm", daemon=True)
    thread.start()
    thread.join(limit_s)  # a server that drips never times out; the thread ends with the process
    failure = sending.failure
    sending.stop()
    return f"{_host(address)}: {failure}" if failure else ""


def _host(address: str) -> str:
    """Return what may be shown of an address: its path is often a secret."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def run(command: Sequence[str], message: bytes, limit_s: float = PROGRAM_LIMIT_S) -> str:
    """Give JSON to a program, without a shell; return what went wrong, "" where it ended with 0."""
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own program
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"{command[0]}: {error}"
        try:
            process.communicate(message, timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"{command[0]}: took longer than {limit_s:g} s and was ended"
        if process.returncode == 0:
            return ""
        said.seek(0)
        last = said.read(_ANSWER_BYTES).decode("utf-8", "replace").strip()[-_SAID_LETTERS:]
    return f"{command[0]}: ended with {process.returncode}{': ' if last else ''}{last}"
