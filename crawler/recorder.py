"""The Scrapy extension that puts every exchange into the collection.

The download handler hands it each `Exchange`; it hides the session, the writer's thread and the frontier
from the handler. It works in any Scrapy project (see `addon.py`); where our own scheduler runs the crawl, an
address is done in the same transaction that commits its capture.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scrapy import signals

from archive import Warcinfo, http
from archive.model import Truncation
from crawler.freshness import fresh_until
from crawler.frontier import Claim, Visit
from crawler.retries import is_passing, retry_at
from crawler.session import CrawlSession, SessionOptions
from crawler.tally import outcome_of, size_on_wire

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from archive.model import Capture, Exchange, Outcome
    from crawler.writer import Store


@dataclass(frozen=True, slots=True)
class Recorded:
    """A capture and what it means; `claim` is None for addresses that are not the frontier's (robots.txt).

    `is_final` is False where the address is tried again in this crawl.
    """

    capture: Capture
    outcome: Outcome
    site: str = ""
    claim: Claim | None = None
    is_final: bool = True


class Recorder:
    """Records exchanges; one for each Scrapy crawler, all of one process and home on one session."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._options = session_options(crawler.settings)
        self.session = CrawlSession.take(Path(crawler.settings["MURAGAT_HOME"]), self._options)
        crawler.signals.connect(self._started, signals.engine_started)
        crawler.signals.connect(self._stopped, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Open the collection that MURAGAT_HOME names; raises what opening it raises."""
        return cls(crawler)

    async def record(self, exchange: Exchange) -> Capture:
        """Store an exchange and return its capture, which is durable a moment later.

        Raises StorageError where the collection can't be written; the crawl is then being stopped.
        """
        recorded, body_bytes = await asyncio.wrap_future(
            self.session.writer.submit(lambda store: _record(store, exchange))
        )
        tally = self.session.tally
        tally.wire_bytes += size_on_wire(exchange, body_bytes)
        tally.current = exchange.url
        if recorded.claim is not None:
            tally.site(recorded.site).saw(
                recorded.claim, recorded.capture, recorded.outcome, is_final=recorded.is_final
            )
        return recorded.capture

    def _started(self) -> None:
        self.session.when_storage_fails(self._give_up)

    def _give_up(self) -> None:
        engine = self._crawler.engine
        if engine is not None and engine.spider is not None:
            self._closing = asyncio.ensure_future(engine.close_spider_async(reason="storage"))

    async def _stopped(self) -> None:
        await asyncio.to_thread(self.session.give_back)


def session_options(settings: BaseSettings) -> SessionOptions:
    """Return what the settings say of the session: who crawls, and whether it analyses."""
    about = Warcinfo(
        user_agent=settings.get("USER_AGENT") or "",
        operator=settings.get("MURAGAT_OPERATOR") or "",
        robots="obey" if settings.getbool("ROBOTSTXT_OBEY") else "ignore",
    )
    return SessionOptions(about=about, analyse=settings.getbool("MURAGAT_ANALYSE", True))


def _record(store: Store, exchange: Exchange) -> tuple[Recorded, int]:
    capture = store.collection.add(exchange)
    store.is_dirty = True
    body_bytes = _size(exchange.body)
    known = store.frontier.claim_of_url(exchange.url) if exchange.method == "GET" else None
    last_digest = known[1].digest if known else None
    outcome = outcome_of(capture, last_digest=last_digest)
    if known is None:
        store.read.append(capture.sequence)
        return Recorded(capture, outcome), body_bytes
    site, claim = known
    again = None
    if is_passing(capture):
        again = retry_at(time.time(), failures=claim.failures, retry_after=_retry_after(exchange))
    until = _fresh_until(claim, capture, exchange)
    store.frontier.done(Visit(claim.key, outcome, capture.digest, again, until))
    return Recorded(capture, outcome, site, claim, is_final=again is None), body_bytes


def _fresh_until(claim: Claim, capture: Capture, exchange: Exchange) -> float | None:
    """Return until when a requisite need not be asked for again; one that was too large would be again."""
    if not claim.is_requisite or capture.truncated not in {None, Truncation.LENGTH}:
        return None
    return fresh_until(exchange.head, status=capture.status, received=capture.date.timestamp())


def _size(body: bytes | BinaryIO) -> int:
    return len(body) if isinstance(body, bytes) else body.seek(0, os.SEEK_END)


def _retry_after(exchange: Exchange) -> str:
    values = http.split_head(exchange.head).get_all(b"retry-after") if exchange.head else ()
    return values[0].decode("latin-1") if values else ""
