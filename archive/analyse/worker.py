"""One worker: takes jobs from stdin, answers with articles on stdout; started as `python -m archive.analyse.worker`.

Hides what a hostile page could do to a process: memory and time are limited by the kernel; stdout
belongs to the answers alone, so that nothing a library prints can be taken for one; there is no database here.

    {"ready": true}                                                <-      the first message: imports are done
    {"id", "home", "url", "date", "record", "payload"?, "hints"}   ->      a job; "payload" is a revisit's original
    {"id", "article"} or {"id", "problem"}                         <-      its answer

A record is {"kind", "file", "offset", "length", "record_id"}. The worker ends when stdin closes.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import fcntl
import os
import resource
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from archive.analyse import analyse, codec, messages
from archive.analyse.process import GATE
from archive.errors import StorageError
from archive.model import Article, Capture, Hints, Kind, PageType
from archive.store import files
from archive.warc.reading import read_message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from archive.http import Message

MAX_PAYLOAD_BYTES: Final = 16 * 1024 * 1024
"""Of a longer page only so much is analysed; the largest article pages seen have 5 MB."""

MAX_MEMORY_BYTES: Final = 512 * 1024 * 1024
"""RLIMIT_DATA: twice the most that was ever used. Imports and the language model take 181 MB, a page of 16 MiB of
paragraphs, nested elements, attributes, links or plain words up to 80 MB more, as `analyse` reads 4 MB of it."""

MAX_BESIDE_BYTES: Final = 1024 * 1024
"""Larger pages are analysed by one worker at a time: a page of 3 MB with 40,000 links, or of 8 MB, takes 100 to
160 MB meanwhile, besides the 130 MB of a worker; two at once would take a crawl beyond 600 MiB."""

_START_OF_PAGE: Final = 4096
_HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})


def main() -> int:
    """Answer jobs until stdin closes."""
    # Ctrl-C reaches the whole group of processes; what to do then is the supervisor's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _private_stdout()
    _limit()
    time_limit_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    _send(answers, messages.message({"ready": True}))
    with contextlib.suppress(BrokenPipeError):
        while job := messages.read_message(sys.stdin.buffer, max_bytes=messages.MAX_JOB_BYTES):
            # This alarm ends us if the supervisor, whose clock runs out first, is gone.
            signal.setitimer(signal.ITIMER_REAL, time_limit_s)
            answer = messages.message(_answer(job) | {"held_bytes": _held_bytes()})
            signal.setitimer(signal.ITIMER_REAL, 0)
            if len(answer) > messages.MAX_ANSWER_BYTES:
                problem = f"its article has {len(answer)} bytes, more than is kept"
                answer = messages.message({"id": job["id"], "problem": problem})
            _send(answers, answer)
    return 0


def _private_stdout() -> BinaryIO:
    """Take stdout for the answers; what anything else writes there goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _limit() -> None:
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)  # the crawl goes first


def _held_bytes() -> int:
    """The memory that this process holds now."""
    resident = Path("/proc/self/statm").read_bytes().split()[1]
    return int(resident) * resource.getpagesize()


@contextlib.contextmanager
def _alone(payload: bytes) -> Iterator[None]:
    """Have a big page to itself among all workers, and give back what it took before another has one."""
    gate = os.environ.get(GATE)
    if gate is None or len(payload) <= MAX_BESIDE_BYTES:
        yield
        return
    fcntl.lockf(int(gate), fcntl.LOCK_EX)  # where this process ends, the kernel lets it go
    try:
        yield
    finally:
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc alone has it
            trim(0)
        fcntl.lockf(int(gate), fcntl.LOCK_UN)


def _send(answers: BinaryIO, message: bytes) -> None:
    answers.write(message)
    answers.flush()


def _answer(job: Mapping[str, object]) -> dict[str, object]:
    """Analyse one page. One that can't be read is a problem; one that fails within us ends the worker."""
    try:
        article = _article(job, _read(job))
    except (StorageError, OSError) as error:
        return {"id": job["id"], "problem": str(error)}
    return {"id": job["id"], "article": codec.to_json(article)}


def _read(job: Mapping[str, object]) -> Message:
    """Read the answer of the job's own record, with the payload of the original where it is a revisit's."""
    folder = Path(str(job["home"])) / "warc"
    body = None
    if original := job.get("payload"):
        capture = _capture(cast("Mapping[str, object]", original))
        body = read_message(files.find(folder, capture.file), capture).body
    capture = _capture(cast("Mapping[str, object]", job["record"]))
    return read_message(files.find(folder, capture.file), capture, body=body)


def _capture(record: Mapping[str, object]) -> Capture:
    """A capture as far as reading needs it: where its record lies."""
    return Capture(
        sequence=0,
        urlkey="",
        date=datetime.min,  # noqa: DTZ901 - not used to read
        url="",
        method="",
        status=0,
        mime="",
        digest="",
        kind=Kind(str(record["kind"])),
        file=str(record["file"]),
        offset=int(str(record["offset"])),
        length=int(str(record["length"])),
        record_id=str(record["record_id"]),
    )


def _article(job: Mapping[str, object], message: Message) -> Article:
    decoded = message.decoded(MAX_PAYLOAD_BYTES)
    if not is_page(message.media_type, decoded.body):
        return Article(PageType.OTHER)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.fields]
    with _alone(decoded.body):
        return analyse(
            decoded.body,
            url=str(job["url"]),
            captured=datetime.fromisoformat(str(job["date"])),
            headers=headers,
            hints=_hints(cast("Mapping[str, object]", job.get("hints", {}))),
        )


def _hints(told: Mapping[str, object]) -> Hints:
    def words(name: str) -> tuple[str, ...]:
        return tuple(map(str, cast("list[object]", told.get(name, []))))

    return Hints(
        words("languages"),
        str(told.get("outlet", "")),
        ignore=words("ignore"),
        tdm=str(told.get("tdm", Hints().tdm)),
    )


def is_page(media_type: str, payload: bytes) -> bool:
    """The payload is HTML: by its type, or, where the type tells nothing, by how it begins."""
    if media_type in _HTML_TYPES:
        return True
    start = payload[:_START_OF_PAGE].replace(b"\0", b"").lower()
    return b"<!doctype html" in start or b"<html" in start


if __name__ == "__main__":
    sys.exit(main())
