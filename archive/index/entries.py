"""Keeps entries in `articles.sqlite`: folded again where their captures changed, counted by what a run did to them.

Hides which clusters a change touches, how a line is kept, and the outcome of each entry within one run.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from isal import isal_zlib

from archive.index.articles import LEVEL
from archive.index.clusters import Clusters
from archive.index.fold import fold
from archive.index.observation import Observation, Sight, identity_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from archive.index.entry import Entry
    from archive.index.history import Landing
    from archive.index.observations import Observations


@dataclass(frozen=True, slots=True)
class Tally:
    """Entries that one run touched, by what it did to them.

    `changed`: a new version, a return, a move, or two entries that proved to be one; `unchanged`: captured again
    with nothing of that; `gone`: not to be seen any more, and it was before.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class _Old:
    id: str
    before: str | None  # history when the run first touched it; None: made by this run
    was_gone: int


class Entries:
    """The entries of one connection, in one run; every write is within the caller's transaction."""

    def __init__(
        self, connection: sqlite3.Connection, observations: Observations, run: int
    ) -> None:
        self._connection = connection
        self._observations = observations
        self.run = run
        self._counts = dict.fromkeys((field.name for field in fields(Tally)), 0)

    @property
    def tally(self) -> Tally:
        """What this run did so far."""
        return Tally(**self._counts)

    def fold_again(self, touched: Iterable[str], shifted: Iterable[str]) -> None:
        """Fold every entry anew that new observations concern.

        `touched` are their nodes; `shifted` those of them where what they show or where they lead has changed.
        """
        clusters = Clusters(self._connection)
        changed = set(touched).union(*map(clusters.claimants, shifted))
        region = clusters.region(changed)
        old = self._old(region)
        for part in clusters.parts(region):
            if any(map(clusters.shows, part)):
                self._fold(clusters, part, old)
            else:
                self._assign(part, None)
        for gone in old.values():
            self._withdraw(gone.id)

    def _old(self, region: Iterable[str]) -> dict[str, _Old]:
        """Return the entries that the region had; taken out of the count of this run, to be counted anew."""
        query = (
            "SELECT DISTINCT e.id, e.run, e.history, e.is_gone, e.before, e.was_gone, e.outcome"
            " FROM node n JOIN entry e ON e.id = n.entry WHERE n.identity = ?"
        )
        found: dict[str, _Old] = {}
        for node in region:
            for ident, run, history, is_gone, before, was_gone, outcome in self._connection.execute(
                query, (node,)
            ):
                if ident in found:
                    continue
                if run == self.run:
                    self._counts[outcome] -= 1
                    found[ident] = _Old(ident, before, was_gone)
                else:
                    found[ident] = _Old(ident, history, is_gone)
        return found

    def _fold(self, clusters: Clusters, part: Sequence[str], old: dict[str, _Old]) -> None:
        observations = self._observations.load(part)
        entry = fold(observations, _landings(clusters, part, observations))
        former = [old[name] for name in (entry.id, *entry.same_as) if name in old]
        self._store(entry, former)
        self._assign(part, entry.id)
        old.pop(entry.id, None)

    def _store(self, entry: Entry, former: Sequence[_Old]) -> None:
        history = f"{len(entry.versions)} {len(entry.events)} {entry.versions[-1].text_digest}"
        known = [one for one in former if one.before is not None]
        before = None if not known else known[0].before if len(known) == 1 else ""
        was_gone = int(any(one.was_gone for one in known))
        outcome = _outcome(entry, history, before, was_gone=bool(was_gone))
        self._counts[outcome] += 1
        line = entry.to_json().encode()
        row = self._connection.execute(
            "SELECT line FROM entry WHERE id = ?", (entry.id,)
        ).fetchone()
        is_new_line = row is None or row[0] is None or isal_zlib.decompress(row[0]) != line
        if is_new_line:
            self._connection.execute(
                "INSERT INTO entry VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET"
                " site = ?2, line = ?3, is_changed = 1, history = ?4, is_gone = ?5, run = ?6, before = ?7,"
                " was_gone = ?8, outcome = ?9",
                (
                    entry.id,
                    entry.site,
                    isal_zlib.compress(line, LEVEL),
                    history,
                    int(entry.is_gone),
                    self.run,
                    before,
                    was_gone,
                    outcome,
                ),
            )
            self._readdress(entry)
        else:
            self._connection.execute(
                "UPDATE entry SET run = ?, before = ?, was_gone = ?, outcome = ? WHERE id = ?",
                (self.run, before, was_gone, outcome, entry.id),
            )

    def _readdress(self, entry: Entry) -> None:
        found = {identity_of(item.url) for item in entry.addresses} | set(entry.same_as)
        rows = self._connection.execute("SELECT identity FROM address WHERE entry = ?", (entry.id,))
        before = {name for (name,) in rows}
        for name in before - found:
            self._connection.execute(
                "DELETE FROM address WHERE identity = ? AND entry = ?", (name, entry.id)
            )
        for name in found - before:
            self._connection.execute("INSERT INTO address VALUES (?, ?)", (name, entry.id))

    def _assign(self, part: Iterable[str], entry: str | None) -> None:
        query = "UPDATE node SET entry = ?1 WHERE identity = ?2 AND entry IS NOT ?1"
        self._connection.executemany(query, [(entry, node) for node in part])

    def _withdraw(self, entry: str) -> None:
        """The entry is part of another one now; its line leaves the file at the next publication."""
        self._connection.execute(
            "UPDATE entry SET line = NULL, is_changed = 1, run = 0 WHERE id = ?", (entry,)
        )
        self._connection.execute("DELETE FROM address WHERE entry = ?", (entry,))


def _outcome(entry: Entry, history: str, before: str | None, *, was_gone: bool) -> str:
    if before is None:
        return "new"
    if entry.is_gone and not was_gone:
        return "gone"
    return "unchanged" if history == before else "changed"


def _landings(
    clusters: Clusters, part: Sequence[str], observations: Iterable[Observation]
) -> dict[str, Landing]:
    targets: set[str] = set()
    for item in observations:
        if item.sight is Sight.REDIRECT:
            targets.add(identity_of(item.target))
        elif item.reading is not None and item.reading.article.canonical:
            targets.add(identity_of(item.reading.article.canonical))
    here = frozenset(part)
    return {target: clusters.landing(target, here) for target in targets}
