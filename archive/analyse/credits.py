"""Knows credit lines in the languages of news sites: "Source et Crédits photos X", "cr: name", "Фото: X"."""

from __future__ import annotations

import re

_NOUN = (
    r"(?:photo(?:s|graph(?:s|y|ies?)?|graphies)?|fotos?|foto(?:graf(?:ie|ía|as|ias)?)?|images?|im[aá]gene?s?|bild(?:er)?|bildquelle|pictures?|"
    r"pics?|videos?|vid[ée]os?|cr[ée]dit(?:s|os)?|cr|source|sources|quellen?|fuentes?|fonte|via|"
    r"фото(?:графи[ия])?|видео|источники?|кредит|изображени[ея]|дереккөз|сурет(?:тер)?|фотосурет|бейне|"
    r"图片|照片|摄影|摄|来源|图源|图|视频|資料|来源及图片)"
)
_JOIN = r"(?:\s*(?:/|&|\+|,|et|and|und|y|e|и|және|及|和|de|des|der|by|par|von|por|от)\s*|\s+|(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff]))"
_LABEL = rf"{_NOUN}(?:{_JOIN}{_NOUN}){{0,3}}"
_CREDIT_LINE = re.compile(
    rf"^[\s(\[*–—-]{{0,4}}{_LABEL}\s*(?:[:：©]|\s(?:by|par|von|por)\s+(?=[A-ZÀ-ÞА-ЯЁӘҒҚҢӨҰҮҺІ©@])|\s(?=\S{{1,60}}\.[a-z]{{2,10}}[\s)\]]{{0,2}}$))"
    r"\s*\S.{0,160}$",
    re.IGNORECASE,
)
_BY = re.compile(
    r"^(?:photos?|pictures?|images?|fotos?)\s+(?:by|par|von|por)\s+[^\s].{1,80}$", re.IGNORECASE
)
_TAKEN_DOWN = re.compile(
    r"^(?:propos recueillis|entretien réalisé|aufgezeichnet)\s+(?:par|pour|von)\s+\S.{1,80}$",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(r"^©\s*\S.{0,80}$")
_INLINE = re.compile(
    rf"(?:^|[\s.|(\[–—-])\s*((?:{_LABEL}\s*[:：]|(?:photo|picture|image|foto)s?\s+by\s|©)\s*[^.|()]{{2,100}}[)\].]?)\s*$",
    re.IGNORECASE,
)
_LINK_ONLY = re.compile(
    r"^(?:https?://)?(?:www\.)?[\w-]{1,60}(?:\.[\w-]{1,30}){1,3}(?:/\S{0,200})?$"
)
# Sentences that only begin like one: "Source: the minister said so on Monday, and ..." is cut by length.
_MAX_LETTERS = 180
_ENDING = re.compile(r"[.!?…。]\s+\S.{40,}$")


def is_credit(line: str) -> bool:
    """Say whether a whole line of a text is a credit: a label, then a name, and no sentence."""
    if len(line) > _MAX_LETTERS or not line:
        return False
    if _BY.match(line) or _COPYRIGHT.match(line) or _TAKEN_DOWN.match(line):
        return True
    return bool(_CREDIT_LINE.match(line)) and not _ENDING.search(line)


def is_source_link(line: str) -> bool:
    """Say whether a line is nothing but an address: below an article that is its source."""
    return len(line) <= _MAX_LETTERS and bool(_LINK_ONLY.match(line))


def split_credit(caption: str) -> tuple[str, str]:
    """Return a caption without its credit, and the credit as printed ("" where there is none)."""
    if len(caption) > 2000:
        return caption, ""
    if is_credit(caption):
        return "", caption
    match = _INLINE.search(caption)
    if not match:
        return caption, ""
    return caption[: match.start(1)].strip(" |–—-(["), match.group(1).strip(" ()[]")
