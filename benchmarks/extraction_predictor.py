"""Answers the questions of the extraction scorer with `archive.analyse`, two processes.

    ../shared/quality/extraction/score --command '.venv/bin/python benchmarks/extraction_predictor.py'

Reads lines {"set", "id", "url", "path"} and writes lines {"set", "id", "title", "text", "date", "authors",
"tags", "ms", "page_type"}. Robots directives are blanked first: a third of these publishers say noarchive, which
`analyse` respects, and the scorer asks what extraction can do. The capture's time is fixed: the answers are the same on every day.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from archive.analyse import analyse

_DIRECTIVE = re.compile(rb"\b(?:noarchive|noindex|unavailable_after)\b", re.IGNORECASE)
CAPTURED = datetime(2026, 11, 1, tzinfo=UTC)


def predict(line: bytes) -> str:
    """Return the answer to one line of the scorer."""
    ask = json.loads(line)
    with gzip.open(ask["path"]) as page:
        payload = _DIRECTIVE.sub(b"", page.read())
    cpu = time.process_time()
    article = analyse(payload, url=ask["url"], captured=CAPTURED)
    answer = {
        "set": ask["set"],
        "id": ask["id"],
        "title": article.headline,
        "text": article.text,
        "date": article.published[:10] or None,
        "authors": [author.name for author in article.authors],
        "tags": list(article.keywords),
        "ms": round((time.process_time() - cpu) * 1000, 2),
        "page_type": article.page_type,
        "why": article.provenance["page_type"].source,
        "problems": article.problems,
    }
    return json.dumps(answer, ensure_ascii=False)


def main() -> None:
    """Answer every line of standard input."""
    with Pool(2, os.nice, (5,)) as pool:
        for answer in pool.imap(predict, sys.stdin.buffer.readlines(), chunksize=4):
            print(answer, flush=True)


if __name__ == "__main__":
    main()
