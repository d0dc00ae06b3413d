"""The wire: connections, TLS, proxies and HTTP framing; every byte that goes out or comes in is recorded here."""
