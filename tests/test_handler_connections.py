"""crawler.wire.pool, dial, tls: connections used again, retried, tunnelled, and encrypted."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading

import pytest
from scrapy import FormRequest, Request
from scrapy.exceptions import DownloadFailedError

from archive.errors import UsageError
from crawler.wire.dial import dial
from crawler.wire.guard import AddressForbidden, Endpoint
from crawler.wire.tls import HandshakeFailed, client_context
from tests.wire_client import crawler_with, download
from tests.wire_proxy import tunnelling
from tests.wire_server import CLOSE, make_certificate, serving

OK = b"HTTP/1.1 200 OK\r\n"
PAGE = OK + b"Content-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def tls(folder):
    return make_certificate(folder)


class TestReuse:
    @pytest.mark.parametrize("is_tls", [False, True])
    def test_a_connection_carries_one_exchange_after_another(self, tls, is_tls):
        with serving([PAGE], context=tls if is_tls else None) as server:
            outcome = download(*[server.url(f"/{i}") for i in range(3)])

        assert len(server.received) == 1
        assert b"".join(each.request for each in outcome.exchanges) == bytes(server.received[0])

    @pytest.mark.parametrize(
        "sent",
        [
            PAGE + b"more",
            PAGE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
            PAGE.replace(b"Content-Type", b"Content Type"),
            OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        ],
    )
    def test_a_connection_is_not_used_after_anything_odd(self, sent):
        with serving([sent], [PAGE]) as server:
            outcome = download(server.url("/1"), server.url("/2"))

        assert len(server.received) == 2
        assert outcome.response.body == b"hello"

    def test_bytes_that_nobody_asked_for_are_stored_under_no_address(self):
        sent = threading.Event()
        evil = PAGE.replace(b"hello", b"EVIL!")
        with serving([PAGE, evil, sent.set], [PAGE]) as server, serving([sent.wait, PAGE]) as other:
            outcome = download(server.url("/1"), other.url(), server.url("/2"))

        assert [each.body for each in outcome.exchanges] == [b"hello"] * 3

    def test_a_kept_connection_that_died_is_replaced(self):
        with serving([PAGE], [CLOSE], [PAGE]) as server:
            outcome = download(server.url("/1"), server.url("/2"))

        assert outcome.response.body == b"hello"
        assert len(server.received) == 2
        assert len(outcome.exchanges) == 2

    def test_it_is_tried_again_once_only(self):
        with serving([PAGE], [CLOSE]) as server:
            outcome = download(server.url("/1"), server.url("/2"))

        assert isinstance(outcome.error, DownloadFailedError)
        assert len(server.received) == 2

    def test_a_form_is_never_sent_twice(self):
        with serving([PAGE], [CLOSE]) as server:
            outcome = download(server.url("/1"), FormRequest(server.url("/2"), formdata={"a": "1"}))

        assert isinstance(outcome.error, DownloadFailedError)
        assert b"".join(map(bytes, server.received)).count(b"POST") == 1

    def test_requests_from_different_addresses_share_no_connection(self):
        with serving([PAGE]) as server:
            download(server.url(), Request(server.url(), meta={"bindaddress": "127.0.0.3"}))

        assert len(server.received) == 2

    def test_a_connection_that_was_idle_for_long_is_not_used_again(self, monkeypatch):
        monkeypatch.setattr("crawler.wire.pool.IDLE_MAX_S", -1.0)
        with serving([PAGE]) as server:
            download(server.url(), server.url())

        assert len(server.received) == 2

    def test_idle_connections_are_limited_in_number(self, monkeypatch):
        monkeypatch.setattr("crawler.wire.pool.IDLE_TOTAL", 1)
        with serving([PAGE]) as server, serving([PAGE]) as other:
            download(server.url(), other.url(), server.url())

        assert (len(server.received), len(other.received)) == (2, 1)

    def test_the_next_address_of_a_host_is_tried_where_one_refuses(self):
        with serving([PAGE]) as closed:
            dead = Endpoint(socket.AF_INET, ("127.0.0.1", closed.port))
        with serving([PAGE]) as server:
            alive = Endpoint(socket.AF_INET, ("127.0.0.1", server.port))
            port = asyncio.run(port_after_dialling((dead, alive)))

        assert port == server.port


async def port_after_dialling(endpoints: tuple[Endpoint, ...]) -> int:
    connection = await dial(endpoints)
    port = connection.transport.get_extra_info("peername")[1]
    connection.abort()
    return int(port)


class TestTls:
    def test_a_certificate_is_not_verified_unless_asked(self, tls, folder):
        with serving([PAGE], context=tls) as server:
            outcome = download(server.url())

        assert outcome.response.body == b"hello"
        assert outcome.response.certificate is not None
        assert outcome.response.certificate.dumpPEM() in (folder / "cert.pem").read_bytes()

    def test_a_certificate_that_cannot_be_verified_is_a_failed_handshake(self, tls):
        with serving([PAGE], context=tls) as server:
            outcome = download(server.url(), settings={"DOWNLOAD_VERIFY_CERTIFICATES": True})

        assert isinstance(outcome.error, HandshakeFailed)
        assert "certificate" in str(outcome.error)
        assert outcome.exchanges == []

    def test_a_certificate_that_can_be_verified_is_taken(self, tls, folder, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "cert.pem"))
        with serving([PAGE], context=tls) as server:
            settings = {"DOWNLOAD_VERIFY_CERTIFICATES": True}

            assert (
                download(server.url(host="localhost"), settings=settings).response.body == b"hello"
            )

    def test_versions_that_do_not_meet_are_a_failed_handshake(self, folder):
        old = make_certificate(folder)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with serving([PAGE], context=old) as server:
            outcome = download(server.url(), settings={"DOWNLOAD_TLS_MIN_VERSION": "TLSv1.3"})

        assert isinstance(outcome.error, HandshakeFailed)

    @pytest.mark.parametrize("sent", [[PAGE, CLOSE], [CLOSE]])
    def test_a_server_without_tls_is_a_failed_handshake(self, sent):
        with serving(sent, speaks_first=True) as server:
            outcome = download(server.url().replace("http:", "https:"))

        assert isinstance(outcome.error, HandshakeFailed)
        assert isinstance(outcome.error, DownloadFailedError)

    @pytest.mark.parametrize(
        "setting",
        [{"DOWNLOAD_TLS_MAX_VERSION": "TLSv9"}, {"DOWNLOADER_CLIENT_TLS_CIPHERS": "none such"}],
    )
    def test_settings_that_mean_nothing_are_usage_errors(self, setting):
        with pytest.raises(UsageError, match=next(iter(setting))):
            client_context(crawler_with(setting).settings)


class TestProxies:
    def test_a_plain_request_is_read_by_the_proxy(self):
        with serving([PAGE]) as proxy:
            request = Request(
                "http://127.0.0.1:9/p?q",
                headers={"Proxy-Authorization": "Basic c2VjcmV0"},
                meta={"proxy": proxy.url()},
            )
            outcome = download(request)

        assert bytes(proxy.received[0]) == (
            b"GET http://127.0.0.1:9/p?q HTTP/1.1\r\nHost: 127.0.0.1:9\r\nProxy-Authorization: Basic c2VjcmV0\r\n\r\n"
        )
        assert outcome.exchange.withheld == ("Proxy-Authorization",)
        assert b"c2VjcmV0" not in outcome.exchange.request

    @pytest.mark.parametrize("is_tls", [False, True])
    def test_a_tls_request_goes_through_a_tunnel(self, tls, is_tls):
        scheme = "https" if is_tls else "http"
        with (
            serving([PAGE], context=tls) as server,
            tunnelling(context=tls if is_tls else None) as proxy,
        ):
            headers = {"Proxy-Authorization": "Basic c2VjcmV0"}
            meta = {"proxy": f"{scheme}://{proxy.address}"}
            requests = [
                Request(server.url(f"/{i}"), headers=headers, meta=dict(meta)) for i in range(2)
            ]
            outcome = download(*requests)

        assert outcome.response.body == b"hello"
        assert outcome.response.certificate is not None
        assert [each.split(b"\r\n")[0] for each in proxy.asked] == [
            b"CONNECT 127.0.0.1:%d HTTP/1.1" % server.port
        ]
        assert b"\r\nProxy-Authorization: Basic c2VjcmV0\r\n" in proxy.asked[0]
        assert b"".join(each.request for each in outcome.exchanges) == bytes(server.received[0])
        assert b"c2VjcmV0" not in bytes(server.received[0])

    @pytest.mark.parametrize(
        "reply",
        [
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            b"rubbish\r\n\r\n",
            b"",
            b"x" * 70_000,
            b"HTTP/1.1 200 OK\r\n\r\nrubbish",
        ],
    )
    def test_a_proxy_that_opens_no_tunnel_is_a_failed_download(self, reply):
        with tunnelling(reply=reply) as proxy:
            outcome = download(
                Request("https://127.0.0.1:9/", meta={"proxy": f"http://{proxy.address}"})
            )

        assert isinstance(outcome.error, DownloadFailedError)
        assert "opens no tunnel" in str(outcome.error)
        assert outcome.exchanges == []

    def test_a_tunnel_to_no_tls_is_a_failed_handshake(self):
        with serving([PAGE, CLOSE], speaks_first=True) as server, tunnelling() as proxy:
            url = server.url().replace("http:", "https:")
            outcome = download(Request(url, meta={"proxy": proxy.address}))

        assert isinstance(outcome.error, DownloadFailedError)
        assert outcome.exchanges == []

    @pytest.mark.parametrize(
        "url", ["https://127.0.0.2/", "http://127.0.0.2/", "https://2130706433/"]
    )
    def test_no_tunnel_is_asked_for_to_a_forbidden_address(self, url):
        with tunnelling() as proxy:
            outcome = download(Request(url, meta={"proxy": f"http://{proxy.address}"}))

        assert isinstance(outcome.error, AddressForbidden)
        assert proxy.asked == []

    def test_the_proxys_own_address_need_not_be_public(self):
        with serving([PAGE]) as proxy:
            request = Request("http://93.184.215.14/", meta={"proxy": proxy.url()})
            outcome = download(request, settings={"MURAGAT_ALLOW": []})

        assert outcome.response.body == b"hello"
        assert outcome.exchange.peer == "127.0.0.1"

    @pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://"])
    def test_other_proxies_are_usage_errors(self, proxy):
        assert isinstance(
            download(Request("http://127.0.0.1/", meta={"proxy": proxy})).error, UsageError
        )
