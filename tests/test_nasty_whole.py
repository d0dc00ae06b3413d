"""Facts about the misbehaving server crawled whole, each row of its manifest held against what came of it.

Skipped where there is no MURAGAT_LAB/nasty.
"""

from __future__ import annotations

import random
from urllib.parse import urlsplit

import pytest

from tests.nasty_bed import CANARY, bed
from tests.test_handler_nasty import LAB

pytestmark = pytest.mark.skipif(
    not (LAB / "up").exists(),
    reason="no misbehaving server; set MURAGAT_LAB to the folder that holds nasty/up",
)

SHORT = {
    ("s-503", "marker"): "its last try is put off where the host is left alone by then",
    ("r-cookie", "marker"): "no cookie is sent back: a capture shows what every visitor gets",
    ("d-2", "archive"): "tracking parameters are dropped before fetching",
    ("d-2", "marker"): "the same",
    ("d-6", "archive"): "the order of parameters makes no address of its own",
    ("d-6", "marker"): "the same",
    ("d-7", "archive"): "reply links are left",
    ("d-7", "marker"): "the same",
    ("t-header-name-bytes", "archive"): "kept, as its line allows",
    ("t-header-nul", "archive"): "kept, the byte as it came",
    ("t-headers-many", "archive"): "kept, below the limit of a head",
    ("e-gzip-truncated", "archive"): "HTTP's own framing is whole; the text is what decodes",
    ("e-bomb", "archive"): "its coded megabyte is kept whole; decoding stops at the limit",
    ("e-bomb.xml.gz", "archive"): "the same",
}
"""Rows that are otherwise than their `archive` and `marker` say, and why."""

MOST_MB = 600
SLOW = frozenset(
    {"t-slow-headers", "t-slow-body", "t-hang", "t-reset", "t-close", "robots-22-open"}
)
SAMPLE = 40
SEED = 4


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    with bed(tmp_path_factory.mktemp("nasty")) as running:
        yield running


def test_a_sample_of_the_rows_is_as_the_manifest_says(nasty, tmp_path):
    fit = [
        row
        for row in nasty.rows
        if row["group"] not in {"trap", "size"}
        and row["id"] not in SLOW
        and not row["id"].startswith("robots-22")
        and not row.get("retry")
    ]
    rows = random.Random(SEED).sample(fit, SAMPLE)
    seeds = [row["url"] for row in rows]
    places = [seed.partition("?")[0] for seed in seeds]
    found = nasty.crawl(tmp_path / "home", seeds, scope=places, requisites="none")
    assert found.short(rows) <= set(SHORT)
    assert not any(host == CANARY for host, _ in found.asked)


@pytest.fixture(scope="module")
def first(nasty, tmp_path_factory):
    return nasty.crawl(tmp_path_factory.mktemp("whole") / "home", [f"{nasty.base}/"])


@pytest.fixture(scope="module")
def second(nasty, first):
    return nasty.crawl(first.home, [f"{nasty.base}/"])


@pytest.mark.faults
def test_every_row_is_as_the_manifest_says(nasty, first):
    assert first.short(nasty.rows) <= set(SHORT)


@pytest.mark.faults
def test_the_canary_is_never_asked(first, second):
    assert not any(host == CANARY for crawl in (first, second) for host, _ in crawl.asked)


@pytest.mark.faults
def test_traps_end_in_their_budget_while_all_articles_are_stored(nasty, first):
    traps = [row for row in nasty.rows if row["group"] == "trap"]
    assert len(traps) == 3
    assert all(first.below(urlsplit(row["url"]).path) > 10 for row in traps)
    wanted = [row for row in nasty.rows if row["marker"] and row["archive"] == "store"]
    assert {key for key in first.short(wanted) if key[1] == "marker"} <= set(SHORT)


@pytest.mark.faults
def test_no_crawl_takes_more_memory_than_is_promised(first, second):
    assert max(first.peak_mb, second.peak_mb) < MOST_MB


@pytest.mark.faults
def test_the_rows_with_limits_of_their_own_keep_them_together(nasty, tmp_path):
    rows = [row for row in nasty.rows if "max_mb" in row]
    seeds = [row["url"] for row in rows]
    found = nasty.crawl(tmp_path / "home", seeds, scope=seeds, requisites="none")
    assert found.peak_mb < min(row["max_mb"] for row in rows) * 1.1
    assert found.short(rows) <= set(SHORT)


@pytest.mark.faults
def test_the_second_crawl_asks_with_conditions_where_it_can(nasty, second):
    asked = {
        row["id"]
        for row in nasty.rows
        if row.get("conditional") and urlsplit(row["url"]).path in second.conditional
    }
    assert asked == {"c-etag", "c-weak", "c-lastmod"}  # a date in the future is not sent back


@pytest.mark.faults
def test_the_second_crawl_goes_by_the_budgets_again(nasty, second):
    limited = [row for row in nasty.rows if "max_requests" in row or row.get("retry")]
    assert {key for key in second.short(limited) if key[1] in {"max_requests", "retry"}} == set()
