"""Observations for the tests of the index, made in one line each; times are seconds after the first of 2026."""

import hashlib
from datetime import UTC, datetime, timedelta

from archive import urls
from archive.index.observation import Observation, read
from archive.model import Article, Capture, Kind, PageType

START = datetime(2026, 1, 1, tzinfo=UTC)
SITE = "https://news.example.com"


def story(headline="A story", text="Once upon a time there was a story.", **named):
    return Article(PageType.ARTICLE, headline=headline, text=text, **named)


def listing(**named):
    return Article(PageType.LISTING, headline="Latest news", **named)


def seen(path, at, article=None, *, status=200, payload=None, target="", original="", truncated=None, problem=""):
    """One observation; `payload` names the bytes: by default other bytes each time."""
    url = path if "://" in path else SITE + path
    named = f"{url} {at} {status}"
    capture = Capture(
        sequence=0,
        urlkey=urls.key(url),
        date=START + timedelta(seconds=at),
        url=url,
        method="GET",
        status=status,
        mime="text/html",
        digest=f"sha256:{hashlib.sha256((payload or named).encode()).hexdigest()}",
        kind=Kind.REVISIT if original else Kind.RESPONSE,
        file="news-00001-20260101000000.warc.gz",
        offset=int.from_bytes(hashlib.sha256(named.encode()).digest()[:3], "big"),
        length=1000,
        record_id=record_id(path, at),
        original=original,
        truncated=truncated,
    )
    target = SITE + target if target.startswith("/") else target
    return Observation(capture, urls.identity(url), read(article) if article else None, target, problem)


def record_id(path, at):
    url = path if "://" in path else SITE + path
    return f"urn:uuid:{hashlib.sha256(f'{url} {at}'.encode()).hexdigest()[:32]}"


def entries_of(index, observations):
    """Add, commit, and return all entries."""
    for observation in observations:
        index.add(observation)
    index.commit()
    return list(index.entries())
