"""Host names written one way; hides IDN, the spellings of IP addresses and the public suffix list.

Sources: URL Standard (WHATWG) section 3 for parsing, UTS #46 for IDN, publicsuffix.org for domains.
The suffix list is the snapshot that the tldextract package bundles, read as a file: importing the package
itself takes 180 ms, reading the file once 12. Nothing here uses the network.
"""

from __future__ import annotations

import functools
import importlib.util
import ipaddress
import re
import unicodedata
from pathlib import Path

_FORBIDDEN = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")  # forbidden domain code points
_DOTS = re.compile("[.。．｡]+")
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]*|0[0-7]*|[1-9][0-9]*)\Z")
_BROKEN = re.compile("[%\ud800-\udfff\ufffd]")
_IGNORED = dict.fromkeys([0xAD, 0x200B, 0x2060, 0xFEFF])  # UTS #46 maps these to nothing
_LONGEST = 253


def domain(text: str) -> str:
    """Return a host in lower case, IDN labels in punycode, IP addresses in their plain form.

    Returns "" where no browser would take it for a host: empty, forbidden characters, an impossible IP
    address, a name too long. `text` is percent-decoded; IPv6 keeps its brackets. One dot at the end is dropped.
    """
    if text.startswith("["):
        return ipv6(text)
    name = ascii_name(text).removesuffix(".")
    if not all(name.split(".")) or len(name) > _LONGEST or not name.isascii():
        return ""
    if _FORBIDDEN.search(name):
        return ""
    if not _ends_in_number(name):
        return name
    return ipv4(name)


def ascii_name(text: str) -> str:
    """Return `text` in lower case, each label that is not ASCII as `xn--…`; as it is where that fails."""
    if text.isascii():
        return text.lower()
    if len(text) > _LONGEST:  # punycode takes quadratic time
        return text
    folded = unicodedata.normalize("NFKC", text.translate(_IGNORED))
    mapped = unicodedata.normalize("NFKC", "".join(map(str.lower, folded)))
    if _BROKEN.search(mapped):
        return text
    return ".".join(map(_label, _DOTS.split(mapped)))


def _label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def ipv4(name: str) -> str:
    """Return the dotted form of an IPv4 address in any spelling (`0x7f.1`, `2130706433`), or ""."""
    parts = name.split(".")
    if len(parts) > 4 or not all(_NUMBER.match(part) for part in parts):
        return ""
    if any(len(part) > 16 for part in parts):
        return ""
    *front, last = [_number(part) for part in parts]
    if any(number > 255 for number in front) or last >= 256 ** (4 - len(front)):
        return ""
    value = last + sum(number << (8 * (3 - place)) for place, number in enumerate(front))
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int:
    if part[:2] in {"0x", "0X"}:
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") else int(part)


def _ends_in_number(name: str) -> bool:
    last = name.rpartition(".")[2]
    return (last.isdigit()) or (last.startswith("0x") and bool(_NUMBER.match(last)))


def ipv6(text: str) -> str:
    """Return an IPv6 address in brackets in its shortest form, or "" if `text` is none (RFC 5952)."""
    try:
        return f"[{ipaddress.IPv6Address(text[1:-1]).compressed}]" if _in_brackets(text) else ""
    except ValueError:
        return ""


def _in_brackets(text: str) -> bool:
    return text.startswith("[") and text.endswith("]")


def registrable_domain(host: str) -> str:
    """Return the part of `host` that one owner registered: `dimashnews.com` for `en.dimashnews.com`.

    Hosting domains of the list's private part (`blogspot.com`, `github.io`) are suffixes, so each blog
    there is a domain of its own. An IP address, a name without dots, and a suffix itself come back unchanged.
    """
    name = host.lower().strip(".")
    labels = ascii_name(name).split(".")
    if len(labels) == 1 or name.startswith("[") or _ends_in_number(labels[-1]):
        return name
    return ".".join(labels[-(_suffix_length(labels) + 1) :])


def _suffix_length(labels: list[str]) -> int:
    """Count the labels of the longest public suffix (publicsuffix.org, "Algorithm"); 1 for an unknown one."""
    rules = _rules()
    for start in range(len(labels)):
        rest = ".".join(labels[start:])
        if "!" + rest in rules:
            return len(labels) - start - 1
        if rest in rules or "*." + ".".join(labels[start + 1 :]) in rules:
            return len(labels) - start
    return 1


@functools.cache
def _rules() -> frozenset[str]:
    found = importlib.util.find_spec("tldextract")
    assert found is not None
    assert found.origin is not None
    text = Path(found.origin).with_name(".tld_set_snapshot").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    rules = [line for line in lines if line and not line.startswith("//")]
    return frozenset(rule if rule.isascii() else ascii_name(rule) for rule in rules)
