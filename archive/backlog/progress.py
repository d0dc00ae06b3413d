"""How far a run of stage 2 has come, and what it is told from outside."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from archive.index import Tally

_PROBLEMS_TOLD: Final = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one run has come; `backlog` counts committed captures that are not done.

    `is_whole` once nothing is left and `articles.jsonl` is published.
    """

    backlog: int
    articles: Tally
    problems: tuple[str, ...]
    is_whole: bool = False

    def to_json(self) -> str:
        """Return the line of the protocol, without its line feed; of many problems only the first are told."""
        told = list(self.problems[:_PROBLEMS_TOLD])
        if more := len(self.problems) - len(told):
            told.append(f"and {more} more")
        return json.dumps(
            {"backlog": self.backlog, "articles": asdict(self.articles), "problems": told}
        )


class Control:
    """What a run is told from outside; may be set from another thread or a signal handler."""

    def __init__(self) -> None:
        self.draining = threading.Event()
        self.stopping = threading.Event()

    def listen(self) -> None:
        """Obey the lines of stdin until it closes."""
        # Not by sys.stdin: a thread that waits in its buffer would bring down the interpreter at exit.
        told = b""
        while piece := os.read(0, 1024):
            told = told[-1024:] + piece
            if b"drain\n" in told:
                self.draining.set()
        self.stopping.set()
