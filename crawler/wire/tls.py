"""TLS for the crawl: Scrapy's settings turned into a context, certificates and failures into what Scrapy knows.

Hides the `ssl` module. Encryption is undone before anything is recorded: the record holds the bytes inside.
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from OpenSSL import crypto
from scrapy.exceptions import DownloadFailedError
from twisted.internet.ssl import Certificate

from archive.errors import UsageError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

_VERSIONS = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's name is SSL_OP_LEGACY_SERVER_CONNECT; Python names it from 3.12 on. Old news servers need it."""


class HandshakeFailed(DownloadFailedError):  # noqa: N818 - named for the thing, as the message is
    """No TLS connection could be made: protocol, certificate, or the server hung up while it was being made."""


def client_context(settings: BaseSettings) -> ssl.SSLContext:
    """Return a context as DOWNLOAD_VERIFY_CERTIFICATES, DOWNLOAD_TLS_* and the cipher setting of Scrapy say.

    Raises UsageError for a version or cipher list that there is not.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.options |= _LEGACY_SERVER_CONNECT
    if lowest := _version(settings, "DOWNLOAD_TLS_MIN_VERSION"):
        context.minimum_version = lowest
    if highest := _version(settings, "DOWNLOAD_TLS_MAX_VERSION"):
        context.maximum_version = highest
    _set_ciphers(context, settings)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _version(settings: BaseSettings, name: str) -> ssl.TLSVersion | None:
    value = settings.get(name)
    if value is None:
        return None
    if value not in _VERSIONS:
        message = f"{name}: no TLS version {value!r}; there are {', '.join(_VERSIONS)}"
        raise UsageError(message)
    return _VERSIONS[value]


def _set_ciphers(context: ssl.SSLContext, settings: BaseSettings) -> None:
    ciphers = settings.get("DOWNLOADER_CLIENT_TLS_CIPHERS")
    if not ciphers:
        return
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError as error:
        message = f"DOWNLOADER_CLIENT_TLS_CIPHERS: {ciphers!r} names no cipher of this OpenSSL"
        raise UsageError(message) from error


def peer_certificate(connection: ssl.SSLObject | None) -> Certificate | None:
    """Return the server's certificate as Scrapy's `Response.certificate` holds it, None where it can't be read."""
    der = connection.getpeercert(binary_form=True) if connection is not None else None
    if not der:
        return None
    try:
        return Certificate.loadPEM(ssl.DER_cert_to_PEM_cert(der).encode())
    except (ValueError, crypto.Error) as error:
        logger.debug("a certificate that can't be read: %s", error)
        return None


def server_name(host: str) -> str:
    """Return the name to ask a server for (SNI, RFC 6066 section 3: without the root dot)."""
    return host.removesuffix(".")
