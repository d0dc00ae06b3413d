"""A loopback proxy that opens tunnels, plain or over TLS, and keeps the heads of what it was asked."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tests.wire_server import read_request

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


class TunnelProxy:
    """Answers CONNECT with `reply` and, where that is a 200, passes bytes on in both directions."""

    def __init__(self, reply: bytes, context: ssl.SSLContext | None):
        self._reply = reply
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self.asked: list[bytes] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads[0].start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(20)
        with suppress(OSError):
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
            head = bytearray()
            read_request(client, head)
            self.asked.append(bytes(head))
            client.sendall(self._reply)
            if b" 200 " in self._reply:
                self._relay(client, bytes(head).split(b" ")[1].decode())
        client.close()

    def _relay(self, client: socket.socket, target: str) -> None:
        host, _, port = target.rpartition(":")
        server = socket.create_connection((host, int(port)), 20)
        back = threading.Thread(target=pump, args=(server, client))
        back.start()
        pump(client, server)
        back.join(20)
        server.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def tunnelling(
    *,
    reply: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n",
    context: ssl.SSLContext | None = None,
) -> Iterator[TunnelProxy]:
    proxy = TunnelProxy(reply, context)
    try:
        yield proxy
    finally:
        proxy.stop()
