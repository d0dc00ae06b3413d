"""The frontier: which addresses are known, which are due, and which are being fetched now.

Read `protocol` first, then `tables`: the states of an address. `queue` claims, `rounds` sweeps, `news` remembers what
is announced, `lists` what went missing, `trust` whose word counts. All live in the collection's `state.sqlite`.
"""

from crawler.frontier.claims import (
    MAX_REDIRECTS,
    RESPELT,
    Announcement,
    Claim,
    Planned,
    Visit,
    announcement,
    host_of,
    respelt,
)
from crawler.frontier.protocol import LEASE_S, Frontier
from crawler.frontier.sqlite import SqliteFrontier

__all__ = [
    "LEASE_S",
    "MAX_REDIRECTS",
    "RESPELT",
    "Announcement",
    "Claim",
    "Frontier",
    "Planned",
    "SqliteFrontier",
    "Visit",
    "announcement",
    "host_of",
    "respelt",
]
