"""Guesses the charset of bytes that no label explains: hides what text in each of them looks like.

Own rules for the charsets that news pages without a true label have (Cyrillic, Chinese, Western European),
charset_normalizer for the rest. Idea of judging Cyrillic by the case of neighbouring letters and Chinese
by the share of common characters: Mozilla's chardet (universal detector), told apart here by counting.
"""

from __future__ import annotations

import re

from charset_normalizer import from_bytes

_SAMPLE_BYTES = 64 * 1024
_SLOW_SAMPLE_BYTES = 8 * 1024
_CYRILLIC = ("cp1251", "koi8-r", "iso8859-5", "cp866")
_OTHERS = (
    "cp932",
    "euc_jp",
    "cp949",
    "big5hkscs",
    "cp1250",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
)
_RUSSIAN_WORD = re.compile(r"[А-ЯЁІҒҚҢӨҰҮҺӘЄЇЎ]?[а-яёіғқңөұүһәєїў]{2,30}")
_SMALL_THEN_CAPITAL = re.compile(r"[а-яё][А-ЯЁ]")
_COMMON = frozenset("оеаинтсрвлыдкмпу")
_HIGH = re.compile(rb"[\x80-\xff]")
_WORDS_WITH_HIGH = re.compile(rb"[\x20-\x7e]?[\x80-\xff]+[\x20-\x7e]?")
_LONE_HIGH = re.compile(rb"(?<![\x80-\xff])[\x80-\xff]{1,2}(?![\x80-\xff])")


def detect(payload: bytes, declared: tuple[str, ...] = ()) -> str:
    """Return the Python codec that `payload` is most probably written in; "utf-8" when nothing fits.

    `declared` are the codecs that its labels named and that failed: a declared UTF-8 with damage stays
    UTF-8 unless an own rule is sure. Looks at the first 64 KiB from the first byte above ASCII on.
    """
    first = _HIGH.search(payload)
    if first is None:
        return "iso2022_jp" if "iso2022_jp" in declared else "utf-8"
    start = max(first.start() - 16, 0)
    sample = payload[start : start + _SAMPLE_BYTES]
    if _damaged_utf8(sample, expected="utf-8" in declared):
        return "utf-8"
    known = _chinese(sample) or _cyrillic(sample) or _western(sample)
    if known or "utf-8" in declared:
        return known or "utf-8"
    return _other(sample)


def _damaged_utf8(sample: bytes, *, expected: bool) -> bool:
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for letter in text if letter > "\x7f") - bad
    return good >= bad if expected else good >= 4 * bad


def _chinese(sample: bytes) -> str:
    """Say gb18030 when most pairs are of GB 2312's first level (lead bytes B0 to D7), by use ordered."""
    try:
        text = sample.decode("gb18030")
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return ""
        text = sample[: error.start].decode("gb18030")
    pairs = [letter for letter in text if letter > "\x7f"]
    if len(pairs) < 8:
        return ""
    raw = "".join(pairs).encode("gb18030")
    leads = raw[::2]
    common = sum(1 for lead in leads if 0xA1 <= lead <= 0xA3 or 0xB0 <= lead <= 0xD7)
    if len(leads) > 16 and not any(0xC9 <= lead <= 0xD7 for lead in leads):
        return ""  # all of it lies where EUC-KR has its Hangul
    return "gb18030" if len(raw) == 2 * len(pairs) and common > 0.85 * len(pairs) else ""


def _cyrillic(sample: bytes) -> str:
    """Return the codec under which the bytes make words of small letters, the common ones most."""
    high = len(_HIGH.findall(sample))
    best, codec = 0.0, ""
    for candidate in _CYRILLIC:
        text = sample.decode(candidate, "replace")
        words = "".join(_RUSSIAN_WORD.findall(text))
        common = sum(1 for letter in words if letter in _COMMON)
        swaps = len(_SMALL_THEN_CAPITAL.findall(text))
        score = (common - 4 * swaps) / high
        if score > best:
            best, codec = score, candidate
    return codec if best > 0.5 else ""


def _western(sample: bytes) -> str:
    """Say windows-1252 when the bytes above ASCII stand alone or in pairs between ASCII ones."""
    runs = len(_WORDS_WITH_HIGH.findall(sample))
    text = sample.decode("cp1252", "replace")
    letters = sum(1 for letter in text if letter > "\x7f")
    usual = sum(1 for letter in text if letter in _WESTERN)
    return (
        "cp1252" if len(_LONE_HIGH.findall(sample)) > 0.7 * runs and usual > 0.9 * letters else ""
    )


_WESTERN = frozenset(
    "àâäáãåæçéèêëíìîïñóòôöõøœúùûüÿßÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØŒÚÙÛÜ«»“”‘’‚„–—…·¿¡°€£§©®™\xa0"
)


def _other(sample: bytes) -> str:
    found = from_bytes(sample[:_SLOW_SAMPLE_BYTES], cp_isolation=list(_OTHERS)).best()
    return _NAMES.get(found.encoding, found.encoding) if found else "utf-8"


_NAMES = {"shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}
