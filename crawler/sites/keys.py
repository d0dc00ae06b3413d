"""The keys of a `[[site]]` table: what each may hold and which field of Site it fills."""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING

from archive import urls
from crawler.sites.site import LEARNED

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMG]i?B)?", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/:@]+)(?::\d{1,5})?")
_TIME_OF_DAY = r"(?:[01]\d|2[0-3]):[0-5]\d"
_QUIET = re.compile(rf"{_TIME_OF_DAY}-{_TIME_OF_DAY}")
_IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_CONTACT = re.compile(r"[!-'*-~]{3,200}")  # goes into the user agent, in brackets


class WrongValueError(ValueError):
    """A value that a key can't have; the text completes "KEY must be …"."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WrongValueError('a text in quotes, like "…"')
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise WrongValueError('a list of texts, like ["…", "…"]')
    return value


def _seconds(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise WrongValueError('a duration, like "90s", "30m", "6h" or "1d"')
    return float(found[1]) * _UNITS[found[2]]


def _pace(value: object) -> float:
    return LEARNED if value == "auto" else _seconds(value)


def _timezone(value: object) -> str:
    name = _text(value)
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise WrongValueError(f'a time zone, like "Europe/Paris"; {name!r} is none') from error
    return name


def _words(*words: str) -> Callable[[object], tuple[str, ...]]:
    def convert(value: object) -> tuple[str, ...]:
        for text in _texts(value):
            if text not in words:
                raise WrongValueError(f"a list of {', '.join(map(repr, words))}; {text!r} is none")
        return tuple(dict.fromkeys(_texts(value)))

    return convert


def _address(value: object) -> str:
    return _addresses([_text(value)])[0]


def _command(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    if not texts or not texts[0] or any("\0" in text for text in texts):
        raise WrongValueError('a program and its arguments, like ["notify-send", "muragat"]')
    return tuple(texts)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise WrongValueError("a whole number, 0 for no limit")
    return value


def _size(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**15:
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    size = int(float(found[1]) * _SIZES[(found[2] or "").upper()]) if found else 0
    if not size:
        raise WrongValueError('a number of bytes or a size, like "32MB"')
    return size


def _choice(*words: str) -> Callable[[object], str]:
    def convert(value: object) -> str:
        if value not in words:
            raise WrongValueError(f"one of {', '.join(map(repr, words))}")
        return str(value)

    return convert


def _concurrency(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 64:
        raise WrongValueError("a whole number from 1 to 64")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongValueError("true or false")
    return value


def _addresses(value: object) -> tuple[str, ...]:
    found = []
    for text in _texts(value):
        address = urls.absolute("", text)
        if address is None:
            raise WrongValueError(f"a list of http(s) addresses; {text!r} is none")
        found.append(address)
    return tuple(dict.fromkeys(found))


def _each(pattern: re.Pattern[str], what: str) -> Callable[[object], tuple[str, ...]]:
    def convert(value: object) -> tuple[str, ...]:
        texts = _texts(value)
        for text in texts:
            if not pattern.fullmatch(text):
                raise WrongValueError(f"a list of {what}; {text!r} is none")
        return tuple(texts)

    return convert


def _one(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    def convert(value: object) -> str:
        text = _text(value)
        if not pattern.fullmatch(text):
            raise WrongValueError(f"{what}; {text!r} is none")
        return text

    return convert


KEYS: dict[str, tuple[str, Callable[[object], object]]] = {
    "name": ("name", _one(_NAME, "a name of letters, digits, '.', '-' and '_'")),
    "seeds": ("seeds", _addresses),
    "allow": ("allow", _each(_HOST, 'hosts, like "example.com" or "127.0.0.1:8000"')),
    "scope": ("scope", _addresses),
    "languages": ("languages", _each(_LANGUAGE, 'language codes, like "en" or "zh-Hant"')),
    "every": ("every_s", _pace),
    "delay": ("delay_s", _seconds),
    "concurrency": ("concurrency", _concurrency),
    "max_pages": ("max_pages", _count),
    "max_time": ("max_time_s", _seconds),
    "requisites": ("requisites", _choice("all", "images", "none")),
    "requisite_max": ("requisite_max", _size),
    "daily_budget": ("daily_budget", _count),
    "quiet": ("quiet", _each(_QUIET, 'times of day, like "22:00-06:30"')),
    "timezone": ("timezone", _timezone),
    "ignore": ("ignore", _words("noarchive", "noindex", "nofollow")),
    "tdm": ("tdm", _choice("note", "withhold")),
    "alarm": ("alarm", _address),
    "alarm_command": ("alarm_command", _command),
    "owner": ("owner", _truth),
    "contact": ("contact", _one(_CONTACT, "an address or e-mail in plain letters")),
    "outlet": ("outlet", _text),
    "spider": (
        "spider",
        _one(_IMPORT_PATH, 'the import path of a class, like "spiders.dimashnews.Dimashnews"'),
    ),
}
"""Key in the file -> field of Site and how its value is read."""
