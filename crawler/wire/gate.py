"""What a request passes before it goes out: the spider's pace where it has one, else nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from scrapy.crawler import Crawler

PACE = "muragat_pace"
"""The spider's attribute that holds its pace; see `crawler.manners`."""

UNREADABLE = 0
"""The status of bytes that are no answer."""


class Slot(Protocol):
    """One request's way: within it the request may be sent."""

    async def __aenter__(self) -> Self:
        """Wait for the turn."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the next one in."""

    async def sending(self) -> None:
        """Return when the request may go out over the connection that was made for it."""

    def answered(self, status: int, retry_after: str = "", *, began_at: float = 0.0) -> None:
        """Note an answer; `began_at` is the monotonic moment of its first byte, 0 for now."""

    def failed(self) -> None:
        """Note that not one byte came."""


class _Open:
    """Nothing to wait for."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    async def sending(self) -> None:
        pass

    def answered(self, status: int, retry_after: str = "", *, began_at: float = 0.0) -> None:
        pass

    def failed(self) -> None:
        pass


_OPEN = _Open()


def slot_of(crawler: Crawler, url: str) -> Slot:
    """Return the way for a request to `url`: through the spider's pace, open where it has none."""
    pace = getattr(crawler.spider, PACE, None)
    return _OPEN if pace is None else pace.slot(url)
