"""The live display of a crawl on a terminal; nothing at all where standard error is none."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from archive.printed import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from crawler.session import CrawlSession

_WIDEST_ADDRESS = 90
_SHOW_CURSOR = b"\x1b[?25h\n"


@contextlib.contextmanager
def status() -> Iterator[Callable[[str], None]]:
    """Give something that shows one line, over and over, on a terminal; nothing at all where there is none."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda line: None
        return
    with console.status("") as shown:
        yield lambda line: shown.update(Text(line))


class CrawlDisplay:
    """Shows pages, articles, queue, rate, errors and the current address, four times a second."""

    def __init__(self, session: CrawlSession) -> None:
        self._session = session
        self._started = time.monotonic()
        self._console = Console(stderr=True)
        self._stage = "crawling"
        self._live = (
            Live(
                get_renderable=self._render,
                console=self._console,
                refresh_per_second=4,
                transient=True,
            )
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def abandon(self) -> None:
        """Give the terminal its cursor back, from a signal handler that ends the process."""
        if self._live is not None:
            os.write(sys.stderr.fileno(), _SHOW_CURSOR)

    def analysing(self) -> None:
        """Say from now on that the crawl is over and analysis is finishing."""
        self._stage = "analysing what is left"

    def _render(self) -> Group:
        tally = self._session.progress()
        seconds = max(0.001, time.monotonic() - self._started)
        table = Table(box=None, pad_edge=False)
        for heading in ("site", "pages", "requisites", "queue", "errors"):
            table.add_column(heading, justify="left" if heading == "site" else "right")
        for site in tally.sites.values():
            counts = (site.pages, site.requisites, site.due, site.errors)
            table.add_row(site.name, *map(str, counts))
        articles = tally.articles
        stage = "stopping; once more to stop at once" if self._session.interrupted else self._stage
        line = (
            f"{stage}: {tally.pages} pages, {tally.pages / seconds:.1f} a second,"
            f" {size(tally.wire_bytes)}; articles {articles['new']} new, {articles['changed']} changed;"
            f" {tally.backlog} waiting for analysis"
        )
        return Group(table, Text(line), Text(tally.current[:_WIDEST_ADDRESS], style="dim"))
