"""A collection with as many known addresses and captures as wanted, put into its tables directly; nothing is on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive import Collection
from archive.store import state
from crawler.frontier import SqliteFrontier

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

BEGAN_S = 1_700_000_000.0
_CHANNELS = (
    ("sitemap", 1),
    ("link", 1),
    ("rest", 3),
    ("feed", 500),
    ("pagination", 4),
)  # and of how many addresses each knows one


def known(home: Path, count: int) -> None:
    """Make a collection at `home` that knows `count` pages of one site, each captured once but every tenth."""
    with Collection(home, write=True) as collection:
        SqliteFrontier(collection.state).begin("news", "1", full=True)
        with state.transaction(collection.state):
            _fill(collection.state, count)


def _fill(connection: sqlite3.Connection, count: int) -> None:
    connection.execute("INSERT INTO files (name, bytes) VALUES ('made.warc.gz', 0)")
    numbers = range(1, count + 1)
    connection.executemany(
        "INSERT INTO frontier (id, key, url, host, site, priority, announcer, referrer, seed, hop, redirects, known,"
        " published, outcome, status) VALUES (?1, ?2, ?2, 'news.test', 'news', ?1, 'link', '', '', 1, 0, ?3, ?3,"
        " iif(?1 % 10, 'stored', NULL), iif(?1 % 10, 200, NULL))",
        ((number, _url(number), BEGAN_S + 3600 * number) for number in numbers),
    )
    for channel, every in _CHANNELS:
        connection.executemany(
            "INSERT INTO announced (address, channel, first, last, date) VALUES (?1, ?2, ?3, ?3, ?3)",
            ((number, channel, BEGAN_S + 3600 * number) for number in numbers[::every]),
        )
    connection.executemany(
        "INSERT INTO captures (urlkey, date, url, method, status, mime, digest, kind, file, offset, length, record_id,"
        " original, truncated, payload_length, is_original, links_read, site) VALUES (?1, ?2, ?3, 'GET', 200,"
        " 'text/html', randomblob(32), 'response', 1, ?4, 9000, ?5, '', '', 9000, 1, 1, 'news')",
        (
            (
                f"test,news)/2026/an-article-{number}/",
                int((BEGAN_S + 3600 * number) * 1e6),
                _url(number),
                number * 9000,
                f"<urn:uuid:{number}>",
            )
            for number in numbers
            if number % 10
        ),
    )


def _url(number: int) -> str:
    return f"https://news.test/2026/an-article-{number}/"
