"""Observations for the tests of the index, made in one line each; times are seconds after the first of 2026."""

import hashlib
from datetime import UTC, datetime, timedelta

from archive import urls
from archive.index.observation import Observation, read
from archive.model import Article, Capture, Exchange, Kind, PageType

START = datetime(2026, 1, 1, tzinfo=UTC)
SITE = "https://news.example.com"


def story(headline="A story", text="Once upon a time there was a story.", **named):
    return Article(PageType.ARTICLE, headline=headline, text=text, **named)


def listing(**named):
    return Article(PageType.LISTING, headline="Latest news", **named)


def seen(
    path,
    at,
    article=None,
    *,
    status=200,
    payload=None,
    target="",
    original="",
    truncated=None,
    problem="",
):
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
    return Observation(
        capture, urls.identity(url), read(article) if article else None, target, problem
    )


def record_id(path, at):
    url = path if "://" in path else SITE + path
    return f"urn:uuid:{hashlib.sha256(f'{url} {at}'.encode()).hexdigest()[:32]}"


def entries_of(index, observations):
    """Add, commit, and return all entries."""
    for observation in observations:
        index.add(observation)
    index.commit()
    return list(index.entries())


def page(headline="A story", text="", head=""):
    """The bytes of a page that is an article; `text` is added as a paragraph."""
    lines = [
        f"{headline}: sentence {n} of a story that goes on for quite a while." for n in range(12)
    ]
    body = "".join(f"<p>{line}</p>" for line in [*lines, text])
    return f"""<!doctype html><html lang="en"><head><title>{headline}</title>{head}
<meta property="og:type" content="article">
<meta property="article:published_time" content="2025-02-03T04:05:06+00:00">
</head><body><article><h1>{headline}</h1>{body}</article></body></html>""".encode()


def answer(
    path, at, body=b"", *, status="200 OK", fields="Content-Type: text/html; charset=utf-8\r\n"
):
    """An exchange for a real collection."""
    url = path if "://" in path else SITE + path
    return Exchange(
        url=url,
        method="GET",
        started=START + timedelta(seconds=at),
        elapsed_s=0.01,
        peer="127.0.0.1",
        request=f"GET {path} HTTP/1.1\r\nHost: news.example.com\r\n\r\n".encode(),
        head=f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode(),
        body=body,
    )
