"""The dictionary that the first frame of a `.warc.zst` may hold.

    51..5f 2a 4d 18 | length | dictionary, itself a zstd frame or not

Source: the IIPC's proposal of 2020 for zstd in WARC files, as wget-at writes them.
"""

from __future__ import annotations

import io
from typing import BinaryIO

import zstandard

_MAGIC = b"\x5d\x2a\x4d\x18"
_FRAME = b"\x28\xb5\x2f\xfd"
_MAX = 32 * 1024 * 1024


def dictionary_of(file: BinaryIO) -> zstandard.ZstdCompressionDict | None:
    """Return the dictionary at the beginning of `file`, which is left after it; None where there is none.

    Raises ValueError and ZstdError for one that can't be read.
    """
    head = file.read(8)
    if head[:4] != _MAGIC or len(head) < 8:
        file.seek(0)
        return None
    length = int.from_bytes(head[4:], "little")
    if length > _MAX:
        message = f"it takes {length} bytes, more than {_MAX}"
        raise ValueError(message)
    block = file.read(length)
    if block.startswith(_FRAME):
        block = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(block)).read(_MAX)
    return zstandard.ZstdCompressionDict(block, dict_type=zstandard.DICT_TYPE_FULLDICT)
