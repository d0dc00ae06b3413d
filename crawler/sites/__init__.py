"""sites.toml as values: hides where the file is, its syntax, and how its errors are said.

Every error names file, line and key, and what was probably meant. tomllib gives no lines for keys, so they are
looked up in the text. Source: TOML 1.0.
"""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.errors import SitesFileError, UnknownSite
from crawler.sites.keys import KEYS, WrongValueError
from crawler.sites.site import Site, private_hosts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUNDLED", "Site", "choose", "find", "load"]

BUNDLED = Path(__file__).parents[2] / "spiders" / "sites.toml"
"""The sites that come with muragat."""

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")
_HEADER = re.compile(r"\s*\[\[\s*[\"']?site[\"']?\s*\]\]")
_EXAMPLES = {"name": 'name = "mysite"', "seeds": 'seeds = ["https://example.com/"]'}


def find(explicit: Path | None, home: Path) -> Path:
    """Return the sites file to read: the one named, else HOME/sites.toml, else the bundled one."""
    if explicit is not None:
        return explicit
    own = home / "sites.toml"
    return own if own.is_file() else BUNDLED


def load(path: Path) -> dict[str, Site]:
    """Return the sites of a file by name, in its order. Raises SitesFileError, `FILE:LINE: what; what to do`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SitesFileError(f"{path}: {error.strerror}; name another file by --sites") from error
    except UnicodeDecodeError as error:
        raise SitesFileError(
            f"{path}: not UTF-8 text at byte {error.start}; save it as UTF-8"
        ) from error
    return _File(str(path), text).sites()


def choose(word: str, table: Mapping[str, Site]) -> Site:
    """Return the site of that name, or the site of an address. Raises UnknownSite or BadAddress."""
    if word in table:
        return table[word]
    if word == "localhost" or any(mark in word for mark in ".:/"):
        return Site.for_address(word)
    near = get_close_matches(word, table, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "'muragat sites' lists the names"
    raise UnknownSite(f"no site is called {word!r}; {hint}")


class _File:
    """A sites file being read; knows where in it a key stands."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._lines = text.splitlines()
        self._headers = [place for place, line in enumerate(self._lines) if _HEADER.match(line)]

    def sites(self) -> dict[str, Site]:
        found: dict[str, Site] = {}
        for place, table in enumerate(self._tables()):
            site = self._site(place, table)
            if site.name in found:
                raise self._error(
                    place, "name", f"a second [[site]] {site.name}; give it another name"
                )
            found[site.name] = site
        return found

    def _tables(self) -> list[dict[str, object]]:
        try:
            document = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise self._syntax_error(error) from error
        except RecursionError as error:
            raise SitesFileError(
                f"{self._path}:1: nested too deeply; write [[site]] tables"
            ) from error
        for key in document:
            if key != "site":
                raise SitesFileError(
                    f"{self._path}:{self._line_of(key)}: unknown table {key!r}; write [[site]]"
                )
        tables = document.get("site", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise SitesFileError(
                f"{self._path}:{self._line_of('site')}: 'site' is one table; write [[site]], with two brackets"
            )
        return tables

    def _site(self, place: int, table: dict[str, object]) -> Site:
        """Return the site of the table at `place` in the file, counted from 0."""
        name = table.get("name", "")
        title = (
            f"[[site]] {name}" if isinstance(name, str) and name else f"[[site]] number {place + 1}"
        )
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in KEYS:
                near = get_close_matches(key, KEYS, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(KEYS)}"
                raise self._error(place, key, f"unknown key {key!r} in {title}; {hint}")
            field, converted = KEYS[key]
            try:
                values[field] = converted(value)
            except WrongValueError as error:
                raise self._error(place, key, f"{key!r} in {title} must be {error}") from error
        for key in ("name", "seeds"):
            if not values.get(key):
                raise self._error(place, key, f"{title} has no {key}; add {_EXAMPLES[key]}")
        private = private_hosts([*values["seeds"], *values.get("scope", ())])
        values["allow"] = tuple(dict.fromkeys((*values.get("allow", ()), *private)))
        return Site(**values)

    def _syntax_error(self, error: tomllib.TOMLDecodeError) -> SitesFileError:
        text = str(error)
        found = _POSITION.search(text)
        line = found[1] if found and found[1] else str(max(1, len(self._lines)))
        what = _POSITION.sub("", text)
        column = f" at column {found[2]}" if found and found[2] else ""
        return SitesFileError(f"{self._path}:{line}: {what}{column}; see https://toml.io")

    def _error(self, place: int, key: str, message: str) -> SitesFileError:
        return SitesFileError(f"{self._path}:{self._line(place, key)}: {message}")

    def _line(self, place: int, key: str) -> int:
        """Return the line, from 1, of a key in the table at `place`; of the table's head where it has none."""
        if place >= len(self._headers):
            return self._line_of("site")
        start = self._headers[place]
        end = self._headers[place + 1] if place + 1 < len(self._headers) else len(self._lines)
        return self._find(key, start, end) or start + 1

    def _line_of(self, key: str) -> int:
        return self._find(key, 0, len(self._lines)) or 1

    def _find(self, key: str, start: int, end: int) -> int:
        quoted = re.escape(key)
        wanted = re.compile(rf"\s*\[*\s*[\"']?{quoted}[\"']?\s*[=.\]]")
        for place in range(start, end):
            if wanted.match(self._lines[place]):
                return place + 1
        return 0
