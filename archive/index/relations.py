"""Keeps in `articles.sqlite` what the graph of clusters needs of the observations; hides the rows of its nodes.

Everything here is a function of the set of observations of one node, so that it can be made again for that node
where one of them is taken away.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from archive.index.fold import domain_of
from archive.index.observation import Observation, Reading, Sight, identity_of, moment

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_SURE_WORDS: Final = 40


def add_node(connection: sqlite3.Connection, identity: str) -> None:
    """Have a row for an identity URL."""
    if not connection.execute("SELECT 1 FROM node WHERE identity = ?", (identity,)).fetchone():
        row = (identity, domain_of(identity))
        connection.execute("INSERT INTO node (identity, domain) VALUES (?, ?)", row)


def derive(
    connection: sqlite3.Connection, observation: Observation, reading: Reading | None
) -> bool:
    """Write what the graph needs of one observation, of which `reading` is kept; return whether anything was new."""
    sight = observation.sight if reading or not observation.reading else Sight.NOTHING
    if sight is Sight.ARTICLE and reading is not None:
        return _derive_article(connection, observation, reading)
    if sight is Sight.REDIRECT:
        return _derive_redirect(connection, observation)
    if sight is Sight.PAGE:
        query = "UPDATE node SET is_page = 1 WHERE identity = ? AND NOT is_page"
        return connection.execute(query, (observation.identity,)).rowcount > 0
    return False


def derive_again(
    connection: sqlite3.Connection, identity: str, observations: Iterable[Observation]
) -> None:
    """Make the rows of one node again from all its observations."""
    for table in ("shows", "payload", "claim"):
        connection.execute(f"DELETE FROM {table} WHERE identity = ?", (identity,))  # noqa: S608
    query = "UPDATE node SET moves_to = '', moved_at = '', is_page = 0 WHERE identity = ?"
    connection.execute(query, (identity,))
    for observation in observations:
        derive(connection, observation, observation.reading)


def _derive_article(
    connection: sqlite3.Connection, observation: Observation, reading: Reading
) -> bool:
    node, article = observation.identity, reading.article
    query = "INSERT OR IGNORE INTO shows VALUES (?, ?, ?)"
    shown = (node, reading.text if reading.has_text else "", reading.headline)
    new = connection.execute(query, shown).rowcount
    query = "INSERT OR IGNORE INTO payload SELECT domain, ?, identity FROM node WHERE identity = ?"
    for digest in filter(None, (observation.capture.digest, _wording(reading))):
        new += connection.execute(query, (digest, node)).rowcount
    named = (article.canonical, article.amp, article.print_url, article.shortlink)
    targets = {identity_of(url) for url in named if url} - {node}
    query = "INSERT OR IGNORE INTO claim VALUES (?, ?, 0)"
    new += sum(connection.execute(query, (node, target)).rowcount for target in sorted(targets))
    return new > 0


def _wording(reading: Reading) -> str:
    """A digest of text, headline and date: what two addresses of one article share when their pages differ.

    Paged comments and views of a page are such addresses. "" where the text is too short to be sure.
    """
    if reading.words < _SURE_WORDS or not reading.headline:
        return ""
    told = "\n".join((reading.text, reading.headline, reading.published))
    return f"wording:{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()}"


def _derive_redirect(connection: sqlite3.Connection, observation: Observation) -> bool:
    """The last redirect counts; one to the address itself (http to https) leads nowhere."""
    node, target = observation.identity, identity_of(observation.target)
    if target == node:
        return False
    query = "INSERT OR IGNORE INTO claim VALUES (?, ?, 1)"
    new = connection.execute(query, (node, target)).rowcount
    query = "SELECT moves_to FROM node WHERE identity = ? AND moved_at < ?"
    when = _place_in_time(observation)
    before = connection.execute(query, (node, when)).fetchone()
    if before is not None:
        query = "UPDATE node SET moves_to = ?, moved_at = ? WHERE identity = ?"
        connection.execute(query, (target, when, node))
    return new > 0 or (before is not None and before[0] != target)


def _place_in_time(observation: Observation) -> str:
    """`Observation.order` as a text that sorts like it: the parts are set off by what sorts before any character."""
    capture = observation.capture
    return "\x01".join((moment(capture.date), capture.record_id, capture.url, capture.kind.value))
