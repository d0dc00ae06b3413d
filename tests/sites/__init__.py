"""News sites of our own, served on loopback for tests, benchmarks and `make run`."""
