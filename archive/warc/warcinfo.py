"""The record that begins each file: who made it, with what, and on whose behalf."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

import archive
from archive.warc import digest_of, encode, warc_date
from archive.warc.records import FIELDS_TYPE

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONFORMS_TO = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


@dataclass(frozen=True, slots=True)
class Warcinfo:
    """What a writer says of itself; empty fields are not written. `name` begins the names of the files."""

    name: str = "muragat"
    software: str = f"muragat/{archive.__version__}"
    robots: str = "obey"
    user_agent: str = ""
    is_part_of: str = ""
    hostname: str = ""
    operator: str = ""
    contact: str = ""

    def block(self) -> bytes:
        """Return the record's block: fields of WARC 1.1 section 6.2, UTF-8."""
        operator = f"{self.operator} <{self.contact}>" if self.contact else self.operator
        fields = {
            "software": self.software,
            "format": "WARC File Format 1.1",
            "conformsTo": _CONFORMS_TO,
            "robots": self.robots,
            "http-header-user-agent": self.user_agent,
            "isPartOf": self.is_part_of,
            "hostname": self.hostname or socket.gethostname(),
            "operator": operator.strip(),
        }
        lines = [f"{key}: {_CONTROL.sub(' ', value)}\r\n" for key, value in fields.items() if value]
        return "".join(lines).encode("utf-8", "backslashreplace")

    def record(self, record_id: str, file: str) -> bytes:
        """Return the bytes of the record that begins `file`."""
        block = self.block()
        fields = [
            ("WARC-Type", "warcinfo"),
            ("WARC-Record-ID", f"<{record_id}>"),
            ("WARC-Date", warc_date(datetime.now(UTC))),
            ("WARC-Filename", file),
            ("WARC-Block-Digest", digest_of(block)),
            ("Content-Type", FIELDS_TYPE),
            ("Content-Length", str(len(block))),
        ]
        return encode(fields, block, compress=False)
