"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import re

import pytest

from spiders.dimashnews import MAX_PAGES, listing_pages
from tests.program import ROOT

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for room in ("archive", "crawler", "spiders")
    for path in (ROOT / room).rglob("*.py")
    if re.search(r"^\s*>>> ", path.read_text("utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert result.failed == 0


def test_a_listing_that_names_an_absurd_last_page_announces_a_bounded_number():
    links = list(listing_pages(["https://en.example/page/9999/"]))
    assert len(links) == MAX_PAGES - 1


def test_each_listing_has_pages_of_its_own():
    found = [
        link.url for link in listing_pages(["https://a.test/x/page/2/", "https://a.test/y/page/3"])
    ]
    assert found == [
        "https://a.test/x/page/2/",
        "https://a.test/y/page/2/",
        "https://a.test/y/page/3/",
    ]
