"""crawler.wire.guard: which addresses may be connected to."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.exceptions import CannotResolveHostError, IgnoreRequest
from scrapy.settings.default_settings import RETRY_EXCEPTIONS
from scrapy.utils.misc import load_object

from archive.errors import UsageError
from crawler.wire.guard import AddressForbidden, Guard, is_public

FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::1",
    "2002:a00:1::",
    "2001:0:7f00:1::",
    "2001:0:5db8:d70e:0:0:f5ff:fffe",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "100::1",
    "5f00::1",
    "4000::1",
]

PUBLIC = [
    "93.184.215.14",
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "100.63.255.255",
    "100.128.0.1",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "2a00:1450:4001::1",
    "::ffff:93.184.215.14",
    "64:ff9b::5db8:d70e",
    "2002:5db8:d70e::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_addresses_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_global_unicast_addresses_are_public(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_all_ipv6_forms_that_hold_it(address):
    bits = int(address)
    forms = [f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{bits >> 16:x}:{bits & 0xFFFF:x}::"]

    assert {is_public(form) for form in forms} == {is_public(str(address))}


def resolve(guard: Guard, host: str, port: int = 80) -> list[str]:
    endpoints = asyncio.run(guard.resolve(host, port))
    return [str(endpoint.sockaddr[0]) for endpoint in endpoints]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "0",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
    ],
)
def test_loopback_and_metadata_addresses_are_refused_in_every_notation(host):
    with pytest.raises(AddressForbidden) as refusal:
        resolve(Guard(), host)

    assert (refusal.value.host, refusal.value.port) == (host, 80)
    assert "MURAGAT_ALLOW" in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("127.0.0.1:8101", "127.0.0.1", 8101),
        ("127.0.0.1", "127.0.0.1", 9),
        ("localhost", "localhost", 80),
        ("LocalHost.", "localhost", 80),
        ("[::1]:80", "::1", 80),
        ("[::1]", "::1", 80),
        ("::1", "0:0:0:0:0:0:0:1", 80),
        (" 127.0.0.1:80 ", "127.0.0.1", 80),
    ],
)
def test_a_named_host_may_be_connected_to(name, host, port):
    assert resolve(Guard.from_names([name]), host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.0.0.1", 8102), ("localhost", 8101), ("2130706433", 8101), ("127.0.0.2", 8101)],
)
def test_naming_a_host_and_port_opens_no_other(host, port):
    with pytest.raises(AddressForbidden):
        resolve(Guard.from_names(["127.0.0.1:8101"]), host, port)


def test_a_public_address_is_passed_without_a_look_up():
    assert resolve(Guard(), "93.184.215.14") == ["93.184.215.14"]


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "host.invalid", "a..b", "\0"])
def test_a_host_without_an_address_cannot_be_resolved(host):
    with pytest.raises(CannotResolveHostError):
        resolve(Guard(), host)


@pytest.mark.parametrize(
    "name", ["", "host:port", "http://host", "a/b", "u@host", "host:99999", "[::1"]
)
def test_a_name_that_is_no_host_is_a_usage_error(name):
    with pytest.raises(UsageError, match="MURAGAT_ALLOW"):
        Guard.from_names([name])


def test_a_proxy_is_not_asked_for_a_forbidden_address():
    guard = Guard.from_names(["127.0.0.1:1"])

    with pytest.raises(AddressForbidden):
        asyncio.run(guard.judge_for_proxy("localhost", 80))
    asyncio.run(guard.judge_for_proxy("127.0.0.1", 1))
    asyncio.run(guard.judge_for_proxy("only-the-proxy-knows.invalid", 80))


def test_scrapy_ignores_a_forbidden_address_and_does_not_retry_it():
    retried = tuple(load_object(cast("str", each)) for each in RETRY_EXCEPTIONS)

    assert issubclass(AddressForbidden, IgnoreRequest)
    assert not issubclass(AddressForbidden, retried)


def test_of_several_addresses_only_the_public_ones_are_connected_to(monkeypatch):
    asked = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        addresses = ["10.0.0.1", "93.184.215.14", "::1", "2606:2800:21f::1", "93.184.215.14"]
        families = [socket.AF_INET6 if ":" in each else socket.AF_INET for each in addresses]
        return [
            (family, 1, 6, "", (each, port))
            for family, each in zip(families, addresses, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    assert resolve(Guard(), "rebinding.example") == ["93.184.215.14", "2606:2800:21f::1"]
    assert asked == ["rebinding.example"]
    with pytest.raises(AddressForbidden, match=r"10\.0\.0\.1"):
        asyncio.run(Guard().judge_for_proxy("rebinding.example", 80))
