"""A loopback server that sends scripted bytes, plain or TLS, and keeps exactly the bytes that it received.

An answer is a sequence of steps: bytes to send, a function to call, or one of `CLOSE`, `RESET`, `HOLD`. After
an answer without CLOSE the server reads the next request of the connection and sends the next answer; the last one repeats.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


class Step(Enum):
    CLOSE = auto()
    RESET = auto()
    HOLD = auto()
    """Send nothing more until the client goes."""


CLOSE, RESET, HOLD = Step.CLOSE, Step.RESET, Step.HOLD
Answer = Sequence[bytes | Step | Callable[[], object]]
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class WireServer:
    """Accepts connections in a thread each; `received` has the bytes of each connection, in their order."""

    def __init__(
        self,
        answers: Sequence[Answer],
        *,
        context: ssl.SSLContext | None,
        host: str,
        speaks_first: bool,
    ):
        self._answers = list(answers)
        self._context = context
        self._speaks_first = speaks_first
        self._lock = threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self._threads = [threading.Thread(target=self._accept)]
        self.received: list[bytearray] = []
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._threads[0].start()

    def url(self, path: str = "/", *, host: str = "") -> str:
        scheme = "https" if self._context else "http"
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{scheme}://{name}:{self.port}{path}"

    def stop(self) -> None:
        """Stop accepting and wait until all connections have ended; clients must have closed theirs."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            kept = bytearray()
            self.received.append(kept)
            thread = threading.Thread(target=self._serve, args=(connection, kept))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, kept: bytearray) -> None:
        connection.settimeout(20)
        with suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            while self._speaks_first or read_request(connection, kept):
                if not self._send(connection, self._next_answer()):
                    break
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                kept += piece
        connection.close()

    def _next_answer(self) -> Answer:
        with self._lock:
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def _send(self, connection: socket.socket, answer: Answer) -> bool:
        for step in answer:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif not isinstance(step, Step):
                step()
            elif step is HOLD:
                while connection.recv(65536):
                    pass
                return False
            else:
                if step is RESET:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    connection.close()
                return False
        return True


def read_request(connection: socket.socket, kept: bytearray) -> bool:
    """Read one request into `kept`; False where the client has gone."""
    start = len(kept)
    while b"\r\n\r\n" not in kept[start:]:
        piece = connection.recv(65536)
        if not piece:
            return False
        kept += piece
    head, _, _ = bytes(kept[start:]).partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    whole = start + len(head) + 4 + (int(found[1]) if found else 0)
    while len(kept) < whole:
        kept += connection.recv(65536)
    return True


@contextmanager
def serving(
    *answers: Answer,
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    speaks_first: bool = False,
) -> Iterator[WireServer]:
    server = WireServer(answers, context=context, host=host, speaks_first=speaks_first)
    try:
        yield server
    finally:
        server.stop()


def make_certificate(folder: Path) -> ssl.SSLContext:
    """Return a server context with a certificate for localhost, signed by itself, made now; kept as cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "cert.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
