"""The receiving half of one exchange: what comes is read, kept, told to Scrapy's signals, and limited.

Hides Scrapy's rules for a download: size limits, the headers_received and bytes_received signals, StopDownload,
and which exception stands for which ending.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Headers
from twisted.python.failure import Failure

from archive.model import Truncation
from crawler.wire.answer import Answer
from crawler.wire.body import Body
from crawler.wire.outgoing import target_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

_TIMEOUT_S = 180.0
"""Scrapy's default, where the setting is 0: an exchange without an end would hold its slot for ever."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes; 0 means none. `timeout_s` is for the whole exchange, connecting included."""

    timeout_s: float
    max_bytes: int
    warn_bytes: int
    fails_on_dataloss: bool

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Limits:
        """Read Scrapy's own settings."""
        return cls(
            timeout_s=settings.getfloat("DOWNLOAD_TIMEOUT") or _TIMEOUT_S,
            max_bytes=settings.getint("DOWNLOAD_MAXSIZE"),
            warn_bytes=settings.getint("DOWNLOAD_WARNSIZE"),
            fails_on_dataloss=settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS"),
        )

    def for_request(self, request: Request) -> Limits:
        """Let a request's meta override the settings, as Scrapy's own handlers do."""
        meta = request.meta
        return Limits(
            timeout_s=meta.get("download_timeout") or self.timeout_s,
            max_bytes=meta.get("download_maxsize", self.max_bytes),
            warn_bytes=meta.get("download_warnsize", self.warn_bytes),
            fails_on_dataloss=meta.get("download_fail_on_dataloss", self.fails_on_dataloss),
        )


class Reception:
    """Takes what a connection gives. Once `is_over`, `truncated`, `error` and `stop` tell how it ended."""

    def __init__(self, crawler: Crawler, request: Request, limits: Limits) -> None:
        self._crawler = crawler
        self._request = request
        self._limits = limits
        self._is_cut = False
        self._has_warned = False
        self._truncated: Truncation | None = None
        self._problems: list[str] = []
        self.answer = Answer(request.method)
        self.body = Body()
        self.headers = Headers()
        self.flags: list[str] = []
        self.head_at = 0.0
        self.stop: StopDownload | None = None
        self._error: Exception | None = None

    @property
    def is_over(self) -> bool:
        """Say whether no more bytes are wanted."""
        return self._is_cut or self.answer.is_over

    @property
    def wants_pause(self) -> bool:
        """Say whether the body should be moved to disk before more comes."""
        return self.body.wants_disk

    @property
    def can_reuse(self) -> bool:
        """Say whether the connection may carry another exchange."""
        return not self._is_cut and self.answer.can_reuse

    @property
    def truncated(self) -> Truncation | None:
        """What the record says of the body."""
        return self._truncated if self._is_cut or self.answer.is_whole else self.answer.truncation

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong, in words."""
        return (*self.answer.problems, *self._problems)

    @property
    def _url(self) -> str:
        """The address for messages: user information is no one's business."""
        return target_of(self._request.url).url

    def conclude(self) -> Exception | None:
        """Return the exception that Scrapy should see after the exchange was recorded, None for a response."""
        if self._error is not None or self.stop is not None:
            return self._error
        if self.answer.head is None:
            reason = "; ".join(self.problems) or "the connection ended before an answer"
            return DownloadFailedError(f"{self._url}: {reason}")
        if self.answer.is_whole:
            return None
        if self._limits.fails_on_dataloss:
            return ResponseDataLossError(f"{self._url}: the body is not whole")
        self.flags.append("dataloss")
        return None

    def timeout(self) -> DownloadTimeoutError:
        """Return the exception for the time limit."""
        seconds = self._limits.timeout_s
        return DownloadTimeoutError(f"{self._url} took longer than {seconds} seconds")

    def take(self, data: bytes) -> None:
        """Take bytes of the connection."""
        is_new = self.answer.head is None
        entity = self.answer.feed(data)
        if is_new and self.answer.head is not None:
            self._begin()
        if entity and not self._is_cut:
            self._add(entity)

    def end(self, *, is_reset: bool) -> None:
        """Take note that no more will come."""
        self.body.add(self.answer.close(is_reset=is_reset))

    def cut(self, truncated: Truncation, error: Exception | None) -> None:
        """Stop here: what came is the record, `error` is what Scrapy sees."""
        if self.is_over:
            return
        self._is_cut = True
        self._truncated = truncated
        self._error = error
        self.body.add(self.answer.abandon())

    def _begin(self) -> None:
        head = self.answer.head
        assert head is not None
        self.head_at = monotonic()
        self.headers = Headers(head.fields)
        length = self.answer.length
        if head.status == 206 and b"Range" not in self._request.headers:
            self._problems.append("206 Partial Content, though no range was asked for")
            self._truncated = Truncation.UNSPECIFIED
            self.flags.append("partial")
        stop = self._asked_to_stop(
            signals.headers_received, headers=self.headers, body_length=length
        )
        if not stop and length is not None and not self.answer.is_over:
            self._check_size(length, is_expected=True)

    def _add(self, entity: bytes) -> None:
        max_bytes = self._limits.max_bytes
        total = self.body.size + len(entity)
        is_beyond = bool(max_bytes) and total > max_bytes
        self.body.add(entity[: max_bytes - self.body.size] if is_beyond else entity)
        if self.answer.head is None or not self._asked_to_stop(signals.bytes_received, data=entity):
            self._check_size(total, is_expected=False)

    def _asked_to_stop(self, signal: object, **facts: object) -> bool:
        """Send a signal; say whether a receiver raised StopDownload."""
        results = self._crawler.signals.send_catch_log(
            signal=signal, request=self._request, spider=self._crawler.spider, **facts
        )
        for _, result in results:
            if isinstance(result, Failure) and isinstance(result.value, StopDownload):
                self.stop = result.value
                self.flags.append("download_stopped")
                self._is_cut = True
                self._truncated = None if self.answer.is_whole else Truncation.UNSPECIFIED
                return True
        return False

    def _check_size(self, size: int, *, is_expected: bool) -> None:
        limits = self._limits
        verb = "announces" if is_expected else "has"
        if limits.max_bytes and size > limits.max_bytes:
            message = (
                f"{self._url} {verb} {size} bytes, more than DOWNLOAD_MAXSIZE ({limits.max_bytes})"
            )
            is_own = (
                "download_maxsize" in self._request.meta
            )  # then whoever asked knows what to say of it
            logger.log(logging.INFO if is_own else logging.WARNING, "%s", message)
            self._is_cut = True
            self._truncated = Truncation.LENGTH
            self._error = DownloadCancelledError(message)
        elif limits.warn_bytes and size > limits.warn_bytes and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "%s %s %d bytes, more than DOWNLOAD_WARNSIZE (%d)",
                self._url,
                verb,
                size,
                limits.warn_bytes,
            )
