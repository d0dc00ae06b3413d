"""The command that lists the sites. `crawler.cli` finds it by name."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from crawler.sites import table

if TYPE_CHECKING:
    from crawler.cli import Place


@click.command(short_help="List the sites: last crawl, next crawl, warnings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def sites(place: Place, /, *, as_json: bool) -> None:
    """List the sites: last crawl, next crawl and why it waits, what is known and what is due, warnings of the last report."""
    for row in table.rows(place.home, place.sites_file, time.time()):
        for line in [json.dumps(row.to_json(), ensure_ascii=False)] if as_json else row.lines():
            print(line)
