"""Measurements against other tools, each on one machine in one run; see docs/performance.md for figures."""
