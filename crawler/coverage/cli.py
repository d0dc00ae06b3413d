"""The command that shows what is saved of what is known. `crawler.cli` finds it by name."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from archive.model import Announcer
from crawler.coverage import Address, Coverage, closest, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.cli import Place

CHANNELS = [one.value for one in Announcer if one is not Announcer.REQUISITE]


@click.command(short_help="Show what is saved of what is known, and why not.")
@click.argument("names", nargs=-1, metavar="[SITE]...")
@click.option(
    "--missing", is_flag=True, help="List each missing address: reason, announcers, page."
)
@click.option(
    "--only",
    type=click.Choice(CHANNELS),
    metavar="CHANNEL",
    help="List what this channel alone knew: feed, sitemap, rest, link, …",
)
@click.option(
    "--unknown-to",
    type=click.Choice(CHANNELS),
    metavar="CHANNEL",
    help="List what other channels knew and this one did not.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def coverage(place: Place, /, names: tuple[str, ...], *, as_json: bool, **lists: object) -> None:
    """Show what is saved of the addresses that are known, and why the rest is missing; of all sites, or of these.

    An address counts for each channel that announced it: "only" are those that nobody else knew, "missed" those
    that others knew. "newest" is the newest date that a feed, sitemap or REST list gave, "read" the day it was read
    last. Links out of scope are not known. A host that was never crawled counts by its captures.
    """
    with Coverage(place.home) as found:
        wanted = tuple(dict.fromkeys(names)) or found.names
        for name in wanted:
            if name not in found.names:
                _refuse_site(name, closest(name, found.names))
        listed = _addresses(found, wanted, {name: word for name, word in lists.items() if word})
        if listed is not None:
            for one in listed:
                print(
                    json.dumps(table.address_json(one), ensure_ascii=False)
                    if as_json
                    else table.address_line(one)
                )
            return
        for site in found.sites(wanted):
            if as_json:
                print(json.dumps(table.site_json(site), ensure_ascii=False))
            else:
                print("\n".join(table.site_lines(site)))
    if not wanted:
        click.echo("muragat: nothing is known yet; 'muragat crawl' begins", err=True)
        sys.exit(1)


def _addresses(
    found: Coverage, names: Sequence[str], lists: dict[str, object]
) -> Iterator[Address] | None:
    """Return the addresses that one of the listing options asks for, None without one."""
    match list(lists.items()):
        case []:
            return None
        case [("missing", _)]:
            return found.missing(names)
        case [("only", str(channel))]:
            return found.only(channel, names)
        case [("unknown_to", str(channel))]:
            return found.unknown_to(channel, names)
        case _:
            raise click.UsageError("give one of --missing, --only and --unknown-to")


def _refuse_site(name: str, closest: str) -> NoReturn:
    meant = f"did you mean {closest!r}" if closest else "'muragat coverage' shows all"
    click.echo(f"muragat: nothing is known of a site {name!r}; {meant}", err=True)
    sys.exit(1)
