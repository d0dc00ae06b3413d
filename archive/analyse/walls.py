"""Knows the pages that stand in front of an article or in its place: challenges, consent, logins, errors.

All of them are short; a long text that speaks of captchas is an article. Markers of products are taken
from what those products send; phrases are matched at the start of title or heading only.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from archive.analyse.markup import Element, text_of

if TYPE_CHECKING:
    from archive.analyse.page import Page

_CHALLENGE_MARKS = re.compile(
    r"_cf_chl_opt|cf-chl-|cdn-cgi/challenge-platform|challenge-form|cf-error-details|captcha-delivery\.com|"
    r"_Incapsula_Resource|px-captcha|/_sec/cp_challenge|sec-if-cpt-container|ddos-guard|awsWafCookieDomainList|"
    r"AwsWafIntegration|__ddg|sucuri_cloudproxy|geo\.captcha|kpsdk|distil_r_captcha|qrator\.net/|anubis_challenge",
)
_CHALLENGE_WORDS = re.compile(
    r"just a moment|attention required|checking your browser|verify(?:ing)? (?:that )?you are (?:a )?human|"
    r"are you (?:a )?(?:human|robot)|security check|access denied|request unsuccessful|ddos[- ]?(?:guard|protection)|"
    r"one more step|please (?:wait|enable (?:js|javascript|cookies))|robot or human|human verification|"
    r"un (?:petit )?instant|vérification de sécurité|sicherheitsüberprüfung|einen moment|"
    r"проверка (?:браузера|безопасности)|вы не робот|подтвердите, что|один момент|доступ ограничен|"
    r"un momento|comprobando su navegador|verifica que eres|请稍候|安全验证|人机验证|сәл күтіңіз",
    re.IGNORECASE,
)
_CONSENT_WORDS = re.compile(
    r"before you continue|we value your privacy|your privacy|privacy (?:settings|gate)|cookie (?:consent|settings|wall)|"
    r"accept (?:all )?cookies|consent|wir und unsere partner|ihre privatsphäre|datenschutz|mit werbung (?:weiterlesen|und tracking)|"
    r"zustimmung|cookie[- ]einstellungen|votre vie privée|nous respectons votre|continuer sans accepter|"
    r"su privacidad|valoramos (?:su|tu) privacidad|la tua privacy|согласие на|файлы cookie|мы используем (?:файлы )?cookie|隐私",
    re.IGNORECASE,
)
_CONSENT_MARKS = re.compile(
    r"sp_message_container|sourcepoint|cmp-?wall|consent-?wall|cookie-?wall|privacy-?gate|didomi-host|onetrust-pc|"
    r"consent\.(?:yahoo|google|youtube)\.com|usercentrics-root|qc-cmp2",
    re.IGNORECASE,
)
_ERROR_WORDS = re.compile(
    r"(?:error\s{0,2})?(?:404|410|500|502|503)\b|(?:oops|sorry)[!,.… -]{0,6}|page (?:not|can(?:no|')t be) found|"
    r"not found|nothing (?:was )?found|(?:this|the) page (?:does|could|can)|file not found|page (?:un|no longer )available|"
    r"page (?:non trouvée|introuvable)|(?:cette|la) page (?:n['’]existe|demandée|est introuvable)|introuvable|contenu introuvable|"
    r"seite (?:wurde )?nicht gefunden|nicht gefunden|página no encontrada|no se (?:ha )?encontr|pagina non trovata|"
    r"страница не (?:найдена|существует)|ничего не найдено|не найден[оа]?\b|ошибка 404|бет табылмады|табылмады|"
    r"页面(?:不存在|未找到|无法找到)|找不到(?:页面|网页|该页)|未找到|404",
    re.IGNORECASE,
)
_LOGIN_PATH = re.compile(
    r"/(?:wp-login\.php|wp-admin|log-?in|sign-?in|signup|register|connexion|anmelden|account|user/login|auth)(?:[/?.]|$)",
    re.IGNORECASE,
)


class Wall(Enum):
    """What stands there instead of an article."""

    CHALLENGE = "challenge"
    CONSENT = "consent wall"
    PASSWORD = "password form"  # noqa: S105 - the name of a thing, no secret
    LOGIN = "login form"
    ERROR = "error page"


def wall(page: Page, visible: int) -> Wall | None:
    """Return what keeps the article back, or None; `visible` is the length of the text outside links."""
    body = page.root.find("body")
    if body is None:
        return None
    if body.find(".//form[@class]") is not None and _password_form(body):
        return Wall.PASSWORD
    if visible < 1500:
        found = _short_page(page, body, visible)
        if found:
            return found
    return Wall.ERROR if visible < 1200 and _says_error(page) else None


def _short_page(page: Page, body: Element, visible: int) -> Wall | None:
    names = _names(page)
    if _challenged(page, names, visible):
        return Wall.CHALLENGE
    if body.find(".//input[@type='password']") is not None and (
        visible < 600 or _LOGIN_PATH.search(page.url)
    ):
        return Wall.LOGIN
    if _asks_consent(page, body, names):
        return Wall.CONSENT
    return None


def _names(page: Page) -> list[str]:
    return [page.title, *(text_of(heading)[:200] for heading in page.headings[:4])]


def _challenged(page: Page, names: list[str], visible: int) -> bool:
    if any(_CHALLENGE_WORDS.match(name.strip()) for name in names) and visible < 800:
        return True
    if visible > 400:
        return False
    return any(
        _CHALLENGE_MARKS.search(script.text or "")
        or _CHALLENGE_MARKS.search(script.get("src") or "")
        for script in page.root.iter("script")
    ) or any(
        _CHALLENGE_MARKS.search(f"{form.get('id') or ''} {form.get('action') or ''}")
        for form in page.root.iter("form")
    )


def _asks_consent(page: Page, body: Element, names: list[str]) -> bool:
    if any(_CONSENT_WORDS.match(name.strip()) for name in names if name):
        return True
    if body.find(".//article") is not None or body.find(".//main//p") is not None:
        return False
    head = text_of(body)[:300]
    named = " ".join(
        f"{element.get('id') or ''} {element.get('class') or ''}"
        for element in body.iter("div", "section", "form", "dialog")
        if element.attrib
    )
    return bool(_CONSENT_MARKS.search(named) and _CONSENT_WORDS.search(head))


def _password_form(body: Element) -> bool:
    return any("post-password-form" in (form.get("class") or "") for form in body.iter("form"))


def _says_error(page: Page) -> bool:
    return any(_ERROR_WORDS.match(name.strip()) for name in _names(page)[:3] if name)
