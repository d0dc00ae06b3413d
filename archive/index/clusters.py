"""Which addresses show one article; hides the graph whose connected parts are the entries.

Nodes are identity URLs. Two are joined by what both of them show, never by what one says alone:

    canonical, amp, print, short   an article names an address of the same registrable domain, and an article
                                   captured there has the same text or the same headline
    redirect   the last target of an address, followed to the end, shows an article; where the address
               once showed an article itself, text or headline must agree
    payload    the same bytes, as an article, on the same registrable domain
    wording    the same text, headline and date, on the same registrable domain: paged comments, other views

A redirect to a page that is no article (the home page) joins nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archive.index.history import Landing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Container, Iterable

MAX_HOPS: Final = 10
"""Redirects followed in a row; browsers stop at 20, and no article was ever found behind more than a few."""

# The second term has no meaning of its own: without it SQLite may not use the index, which leaves the empty ones out,
# and goes over all nodes: 3 ms of CPU an article where there are 14,000 of them, and always more.
_SOURCES: Final = "SELECT identity FROM node WHERE moves_to = ? AND moves_to != ''"


class Clusters:
    """Reads the graph from the tables of `articles.sqlite`; holds it for one fold."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._neighbours: dict[str, frozenset[str]] = {}
        self._shows: dict[str, frozenset[tuple[str, str]]] = {}

    def region(self, changed: Iterable[str]) -> set[str]:
        """Return every node whose entry may differ now that `changed` do: their old and their new entries' nodes."""
        found: set[str] = set()
        entries: set[str] = set()
        waiting = list(changed)
        while waiting:
            node = waiting.pop()
            if node in found:
                continue
            found.add(node)
            waiting.extend(self.neighbours(node))
            for entry in self._column("SELECT entry FROM node WHERE identity = ?", node):
                if entry and entry not in entries:
                    entries.add(entry)
                    waiting.extend(self._column("SELECT identity FROM node WHERE entry = ?", entry))
        return found

    def parts(self, region: Iterable[str]) -> list[list[str]]:
        """Return the connected parts of a region, each sorted."""
        left = set(region)
        found = []
        while left:
            part: set[str] = set()
            waiting = [left.pop()]
            while waiting:
                node = waiting.pop()
                part.add(node)
                new = self.neighbours(node) - part
                left -= new
                waiting.extend(new)
            found.append(sorted(part))
        return found

    def claimants(self, node: str) -> set[str]:
        """Return `node` and those that name it or redirect to it, be it over others: what it shows matters to them."""
        passed = {node, *self._redirecting(node)}
        named = [self._column("SELECT identity FROM claim WHERE target = ?", one) for one in passed]
        return passed.union(*named)

    def landing(self, target: str, part: Container[str]) -> Landing:
        """Return where an address leads, seen from the article whose nodes are `part`."""
        end = self._end(target)
        if end in part:
            return Landing.HERE
        if self.shows(end) or self._column(
            "SELECT 1 FROM node WHERE identity = ? AND is_page", end
        ):
            return Landing.ELSEWHERE
        return Landing.UNKNOWN

    def shows(self, node: str) -> frozenset[tuple[str, str]]:
        """Return (text digest, folded headline) of every article seen at `node`; the digest is "" for no text."""
        if node not in self._shows:
            rows = self._connection.execute(
                "SELECT text, headline FROM shows WHERE identity = ?", (node,)
            )
            self._shows[node] = frozenset(rows)
        return self._shows[node]

    def neighbours(self, node: str) -> frozenset[str]:
        """Return the nodes joined to `node`."""
        if node not in self._neighbours:
            joined = self._named(node) | self._moved(node) | self._twins(node)
            self._neighbours[node] = frozenset(joined - {node})
        return self._neighbours[node]

    def _named(self, node: str) -> set[str]:
        if not self.shows(node):
            return set()
        rows = self._connection.execute(
            "SELECT target FROM claim WHERE identity = ?1 AND is_redirect = 0"
            " UNION SELECT identity FROM claim WHERE target = ?1 AND is_redirect = 0",
            (node,),
        )
        return {
            other
            for (other,) in rows
            if self._agree(node, other) and self._same_domain(node, other)
        }

    def _moved(self, node: str) -> set[str]:
        found = {other for other in self._redirecting(node) if self._may_join(other, node)}
        end = self._end(node, leave=True)
        if end != node and self._may_join(node, end):
            found.add(end)
        return found

    def _may_join(self, node: str, end: str) -> bool:
        """The redirect of `node`, which ends at `end`, joins them."""
        return bool(self.shows(end)) and (not self.shows(node) or self._agree(node, end))

    def _twins(self, node: str) -> set[str]:
        """One node for each payload, the first of all that share it, and all of them for that first one.

        A star joins the same nodes as every pair would, and stays small where thousands share one payload.
        """
        rows = self._connection.execute(
            "SELECT p.domain, p.digest, (SELECT min(identity) FROM payload q"
            " WHERE q.domain = p.domain AND q.digest = p.digest) FROM payload p WHERE p.identity = ?",
            (node,),
        ).fetchall()
        found: set[str] = set()
        for domain, digest, first in rows:
            found.add(first)
            if first == node:
                found.update(
                    self._column(
                        "SELECT identity FROM payload WHERE domain = ? AND digest = ?",
                        domain,
                        digest,
                    )
                )
        return found

    def _agree(self, node: str, other: str) -> bool:
        one, two = self.shows(node), self.shows(other)
        texts = {text for text, _ in one if text} & {text for text, _ in two}
        return bool(texts or {name for _, name in one if name} & {name for _, name in two})

    def _same_domain(self, node: str, other: str) -> bool:
        rows = self._connection.execute(
            "SELECT count(DISTINCT domain) FROM node WHERE identity IN (?, ?)", (node, other)
        )
        return bool(rows.fetchone() == (1,))

    def _end(self, node: str, *, leave: bool = False) -> str:
        """Follow redirects until an article is shown or none leads on; `leave` goes at least one step.

        A loop or too long a chain ends where it began.
        """
        place, seen = node, {node}
        while leave or not self.shows(place):
            leave = False
            moves = self._column("SELECT moves_to FROM node WHERE identity = ?", place)
            if not moves or not moves[0]:
                return place
            place = moves[0]
            if place in seen or len(seen) > MAX_HOPS:
                return node
            seen.add(place)
        return place

    def _redirecting(self, node: str) -> set[str]:
        """Return the nodes whose redirects, followed as `_end` does, pass through or end at `node`."""
        found: set[str] = set()
        edge = [node]
        for _ in range(MAX_HOPS):
            edge = [
                source
                for place in edge
                for source in self._column(_SOURCES, place)
                if source not in found and source != node
            ]
            found.update(edge)
            edge = [source for source in edge if not self.shows(source)]
            if not edge:
                break
        return found

    def _column(self, query: str, *values: str) -> list[str]:
        return [value for (value,) in self._connection.execute(query, values)]
