"""`articles.sqlite` as its readers see it; hides whether it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archive.index import schema

if TYPE_CHECKING:
    from pathlib import Path


class Articles:
    """Reads `articles.sqlite` of a collection; one that is absent has no rows."""

    def __init__(self, home: Path) -> None:
        self._path = home / schema.NAME
        self._connection = schema.connect(home, write=False)
        self._is_there = bool(
            self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'node'").fetchone()
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def row(self, statement: str, values: tuple[str, ...]) -> tuple[Any, ...] | None:
        """Return the first row of a statement, None without one. Raises StorageError where the file is damaged."""
        if not self._is_there:
            return None
        with schema.told(self._path):
            found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return found
