"""What one robots.txt says to one crawler; read from its bytes, whatever they are.

Hides the lines, the groups and the spellings. Source: RFC 9309; where that leaves room, Google's parser is followed
(its assertions are the test vectors): misspelt names, a missing colon, `index.html` for its folder. Where the two
differ, the stricter holds: a Disallow covers every spelling of a path, an Allow the path as the rule spells it.
UTF-16 is no text to RFC 9309 and names no rule: it allows everything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crawler.robots.patterns import Patterns
from crawler.robots.spelling import capitals, coded, plain_path

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 500 * 1024  # RFC 9309 section 2.5

_BOM = b"\xef\xbb\xbf"
_SPACE = r"[ \t\v\f]"
_NAMES = (
    "(user[ -]?agent)|(allow)|(disallow|dissallow|dissalow|disalow|diasllow|disallaw)|crawl-?delay"
)
# Without a colon there must be one word behind the name and nothing more.
_LINE = re.compile(
    rf"^{_SPACE}*+(?:{_NAMES})(?:{_SPACE}*+:|{_SPACE}++(?=[^\s#]++{_SPACE}*+(?:#|$))){_SPACE}*+([^\n#]*+)",
    re.IGNORECASE | re.MULTILINE,
)
_TOKEN = re.compile(r"[A-Za-z_-]*")
_ANYONE = re.compile(r"\*(?:\s|$)")
_FIRST = ("/", "*")  # a rule that begins otherwise matches no path
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,3})?|\.\d{1,3}")
_ORIGIN = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#;]*")


class Rules:
    """Which addresses of an origin a crawler may ask for. `crawl_delay_s` is 0 where none is asked for."""

    def __init__(self, body: bytes = b"", agent: str = "muragat") -> None:
        """Read the first 500 KiB of `body`, its content coding undone. `agent` is the crawler's product token."""
        groups = _Groups(agent.lower())
        groups.read(_LINE.findall(_lines(body)))
        self.crawl_delay_s = groups.crawl_delay_s
        self._patterns = Patterns(groups.rules)

    @property
    def is_slow(self) -> bool:
        """True where `allows` may take more than a millisecond, and is better called in a thread."""
        return self._patterns.is_slow

    def allows(self, url: str) -> bool:
        """Say whether the crawler may ask for `url`, percent-coded as it is sent.

        An address with other than ASCII characters is allowed only if its percent-coded form is, too.
        """
        path = _path(url)
        if path == "/robots.txt":
            return True
        rank = self._patterns.rank
        if not path.isascii():
            sent = coded(path.encode("utf-8", "surrogatepass"))
            return bool(rank(path) & 1) and bool(rank(plain_path(sent)) & 1)
        if "%" not in path and "*" not in path and "$" not in path:
            return bool(rank(path) & 1)
        path = capitals(path)
        return bool(max(rank(path), rank(plain_path(path))) & 1)


class _Groups:
    """The lines of a file, sorted out: those of the groups that name the crawler, else those of all others'."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._own: list[tuple[bool, str]] = []
        self._anyones: list[tuple[bool, str]] = []
        self._own_delay = self._anyones_delay = 0.0
        self._is_named = False

    @property
    def rules(self) -> Iterable[tuple[bool, str]]:
        """`(is_allow, text)` of each rule that concerns the crawler."""
        kept = dict.fromkeys(self._own if self._is_named else self._anyones)
        return (rule for rule in kept if rule[1][:1] in _FIRST)

    @property
    def crawl_delay_s(self) -> float:
        """The longest that is asked of the crawler by its name, else that of everyone."""
        return self._own_delay or self._anyones_delay

    def read(self, lines: Iterable[tuple[str, str, str, str]]) -> None:
        """Take lines as `_LINE` finds them. Groups of one agent are merged; only rules end the names of a group."""
        is_own = is_anyones = has_rules = False
        for agent, allow, disallow, value in lines:
            if agent:
                if has_rules:
                    is_own = is_anyones = has_rules = False
                is_anyones = is_anyones or _ANYONE.match(value) is not None
                is_own = is_own or _token(value) == self._agent
                self._is_named = self._is_named or is_own
            elif allow or disallow:
                has_rules = True
                if is_own:
                    self._own.append((bool(allow), value.strip()))
                if is_anyones:
                    self._anyones.append((bool(allow), value.strip()))
            else:
                self._delay(value, is_own=is_own, is_anyones=is_anyones)

    def _delay(self, value: str, *, is_own: bool, is_anyones: bool) -> None:
        found = _SECONDS.match(value)
        seconds = float(found[0]) if found else 0.0
        if is_own:
            self._own_delay = max(self._own_delay, seconds)
        if is_anyones:
            self._anyones_delay = max(self._anyones_delay, seconds)


def _lines(body: bytes) -> str:
    """Return the whole lines within the limit, each ended by a line feed alone, in ASCII as `spelling.coded` does."""
    if len(body) > MAX_BYTES:
        body = body[:MAX_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    return coded(body.removeprefix(_BOM).replace(b"\r", b"\n"))


def _token(value: str) -> str | None:
    """Return the product token of a User-agent line in lower case, None where it has none."""
    found = _TOKEN.match(value)
    return found[0].lower() if found and found[0] else None


def _path(url: str) -> str:
    """Return path and query of an address, "/" at least; what is no address is taken for a path."""
    found = _ORIGIN.match(url)
    path = (url[found.end() :] if found else url).partition("#")[0]
    return path if path.startswith("/") else f"/{path}"
