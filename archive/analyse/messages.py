"""Hides how messages are framed on the pipes between supervisor and worker.

    4 bytes, big-endian length of what follows | one JSON object in ASCII

What is no message is a ValueError: the process at the other end is then not to be trusted any more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""The largest answer of a worker: twice the largest payload that is analysed."""

MAX_JOB_BYTES: Final = 24 * 1024
"""The largest job: two of them fit a pipe (64 KiB on Linux), so that handing them over never blocks."""

_LENGTH_BYTES: Final = 4


def message(document: Mapping[str, object]) -> bytes:
    """Return the framed bytes of one message."""
    body = json.dumps(document, separators=(",", ":")).encode("ascii")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def split_message(
    buffer: bytearray, *, max_bytes: int = MAX_ANSWER_BYTES
) -> Mapping[str, object] | None:
    """Take one whole message off the front of `buffer`; None while more bytes are needed.

    Raises ValueError when what stands there is no message, or a larger one than `max_bytes`.
    """
    if len(buffer) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(buffer[:_LENGTH_BYTES], "big")
    if size > max_bytes:
        raise ValueError(f"message of {size} bytes; at most {max_bytes} are taken")
    if len(buffer) < _LENGTH_BYTES + size:
        return None
    body = bytes(buffer[_LENGTH_BYTES : _LENGTH_BYTES + size])
    del buffer[: _LENGTH_BYTES + size]
    return _parse(body)


def read_message(
    stream: BinaryIO, *, max_bytes: int = MAX_ANSWER_BYTES
) -> Mapping[str, object] | None:
    """Read one message, waiting for it; None at the end of the stream, even in the middle of a message.

    Raises ValueError as `split_message` does.
    """
    prefix = stream.read(_LENGTH_BYTES)
    if len(prefix) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(prefix, "big")
    if size > max_bytes:
        raise ValueError(f"message of {size} bytes; at most {max_bytes} are taken")
    body = stream.read(size)
    return _parse(body) if len(body) == size else None


def _parse(body: bytes) -> Mapping[str, object]:
    try:
        document: object = json.loads(body)
    except RecursionError as error:
        raise ValueError("message nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError(f"message is not an object: {type(document).__name__}")
    return cast("Mapping[str, object]", document)
