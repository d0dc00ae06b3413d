"""Measurements against other tools, each on one machine in one run; figures in docs/decisions.md."""
