"""The archive half of the command line: what reads a collection. `crawler.cli` puts both halves together."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from archive import Collection, backlog, figures, wholeness
from archive.figures import tables
from archive.importing import Stop, import_files
from archive.index import Index
from archive.printed import capture_json, capture_line, entry_lines
from archive.store.home import WARC, no_collection

if TYPE_CHECKING:
    from archive.backlog import Progress
    from archive.index import Entry
    from archive.model import Capture

NOTHING_FOUND = 1


class Place(Protocol):
    """What the global options say; made by `crawler.cli`."""

    @property
    def home(self) -> Path:
        """The collection's folder."""


@click.command(short_help="Show one article: text, metadata, captures.")
@click.argument("what", metavar="ID|URL")
@click.option(
    "--requisites", is_flag=True, help="List what its latest capture needs, nothing else."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print its line of articles.jsonl, or a requisite a line.",
)
@click.pass_obj
def show(place: Place, /, what: str, *, requisites: bool, as_json: bool) -> None:
    """Show one article: text, metadata with the source of each field, captures, and what its page lacks.

    Of a page that is no article the latest capture is shown.
    """
    with Index(place.home) as index:
        found = _find(index, what)
    with Collection(place.home) as collection:
        shown = [(entry, wholeness.capture_of(collection, entry)) for entry in found]
        captures = [capture for _, capture in shown] if found else _latest(collection, what)
        if requisites:
            _print_requisites(collection, captures, as_json=as_json)
        elif found:
            _print_articles(collection, shown, as_json=as_json)
        else:
            _print_captures(collection, captures, as_json=as_json)


def _latest(collection: Collection, url: str) -> list[Capture | None]:
    """Return the latest capture of an address that is no article's; ends the program where there is none."""
    capture = None if url.startswith("art:") else wholeness.latest_capture(collection, url)
    if capture is None:
        click.echo(f"muragat: no article {url}; 'muragat list {url}' shows captures", err=True)
        sys.exit(NOTHING_FOUND)
    return [capture]


def _print_requisites(
    collection: Collection, captures: list[Capture | None], *, as_json: bool
) -> None:
    for capture in filter(None, captures):
        found = wholeness.standing(collection, capture)
        if as_json:
            for item in wholeness.standing_json(found):
                print(json.dumps(item, ensure_ascii=False))
        else:
            for line in wholeness.standing_lines(found, every=True):
                print(line)


def _print_articles(
    collection: Collection, shown: list[tuple[Entry, Capture | None]], *, as_json: bool
) -> None:
    for entry, capture in shown:
        if as_json:
            print(entry.to_json())
            continue
        for line in entry_lines(entry):
            print(line)
        if capture is not None:
            print()
            for line in wholeness.standing_lines(wholeness.standing(collection, capture)):
                print(line)


def _print_captures(
    collection: Collection, captures: list[Capture | None], *, as_json: bool
) -> None:
    for capture in filter(None, captures):
        if as_json:
            print(json.dumps(capture_json(capture)))
            continue
        print(capture_line(capture))
        for line in wholeness.standing_lines(wholeness.standing(collection, capture)):
            print(line)


@click.command(name="list", short_help="List the captures of an address.")
@click.argument("url")
@click.option("--limit", type=click.IntRange(min=1), help="Show the first so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def list_(place: Place, /, url: str, *, limit: int | None, as_json: bool) -> None:
    """List the captures of an address, or with a * at its end of all that begin so."""
    match = "prefix" if url.endswith("*") else "exact"
    count = 0
    with Collection(place.home) as collection:
        for capture in collection.captures(url.removesuffix("*"), match=match):
            print(json.dumps(capture_json(capture)) if as_json else capture_line(capture))
            count += 1
            if count == limit:
                break
    if not count:
        click.echo(f"muragat: {url} is not archived", err=True)
        sys.exit(NOTHING_FOUND)


@click.command(short_help="Check every record and index; --repair mends what can be.")
@click.option(
    "--repair", is_flag=True, help="Cut torn tails, write indexes again; never a payload."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def verify(place: Place, /, *, repair: bool, as_json: bool) -> None:
    """Check every record and index; silent where all is well."""
    if repair:
        if not (place.home / WARC).is_dir():
            raise no_collection(place.home)
        with Collection(place.home, write=True) as collection:
            for done in collection.repair():
                click.echo(f"repaired: {done}", err=True)
    count = 0
    with Collection(place.home) as collection:
        for problem in collection.verify():
            count += 1
            fields = {
                "place": problem.place,
                "offset": problem.offset,
                "message": problem.message,
                "repair": problem.repair,
            }
            print(json.dumps(fields, ensure_ascii=False) if as_json else problem)
    if count:
        sys.exit(NOTHING_FOUND)


@click.command("import", short_help="Take in WARC, WACZ and ARC files, folders, collections.")
@click.argument("what", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
@click.pass_obj
def import_(place: Place, /, what: tuple[Path, ...], *, as_json: bool) -> None:
    """Take in WARC, WACZ and ARC files, folders of them, and other collections.

    Records are stored as they are; what is here already counts once. Flaws are told on standard error. Articles are
    made when all files are in.
    """
    if missing := [str(path) for path in what if not path.exists()]:
        raise click.UsageError(f"there is no file or folder {missing[0]}")
    is_whole = True
    with Stop() as stop:
        for taken in import_files(place.home, what, check=stop.check):
            is_whole = is_whole and taken.is_whole
            print(
                json.dumps(taken.to_json(), ensure_ascii=False) if as_json else taken.line(),
                flush=True,
            )
            for complaint in taken.complaints():
                click.echo(complaint, err=True)
        progress = backlog.drain(place.home, follow=stop.control, report=_tell_progress)
        if sys.stderr.isatty():
            click.echo(err=True)
        for problem in progress.problems:
            click.echo(f"muragat: {problem}", err=True)
        stop.check()
    if not is_whole:
        sys.exit(NOTHING_FOUND)


def _tell_progress(progress: Progress) -> None:
    if sys.stderr.isatty():
        click.echo(f"\ranalysis: {progress.backlog} captures left ", nl=False, err=True)


@click.command(short_help="Show sizes, counts, growth and a forecast of the disk.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def stats(place: Place, /, *, as_json: bool) -> None:
    """Show sizes, counts, growth and a forecast of the disk, in all and for each site.

    What no crawl of a site made counts for its host. The forecast leaves the first crawl of a site out.
    """
    found = figures.figures(place.home, datetime.now(UTC))
    if as_json:
        print(json.dumps(tables.figures_json(found), ensure_ascii=False))
    else:
        for line in tables.figures_lines(found):
            print(line)


def _find(index: Index, what: str) -> list[Entry]:
    if what.startswith("art:"):
        entry = index.entry(what)
        return [] if entry is None else [entry]
    return index.find(what)
