"""The command line: which commands there are, and those that crawl and rebuild.

A command's module is imported when the command runs, so that `muragat version` starts without Scrapy.
Standard output is data, standard error is talk; exit codes are those of `archive.errors`, and 1 for nothing
found, 3 for sites that failed, 130 for an interrupted crawl.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import select
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

import archive
from archive.errors import MuragatError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.report import Report
    from crawler.sites import Site

SOME_SITES_FAILED = 3
INTERRUPTED = 130

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Crawling": {
        "crawl": ("crawler.cli:crawl", "Crawl sites by name, or any address, now."),
        "try": ("crawler.cli:try_", "Fetch one page and show what would be stored, and why."),
        "run": ("crawler.schedule.cli:run", "Crawl whatever is due; --forever stays."),
        "schedule": (
            "crawler.schedule.cli:schedule",
            "Have the system start 'run': --print or --install.",
        ),
        "sites": (
            "crawler.schedule.cli:sites",
            "List the sites: last crawl, next crawl, warnings.",
        ),
        "coverage": (
            "crawler.coverage.cli:coverage",
            "Show what is saved of what is known, and why not.",
        ),
    },
    "Archive": {
        "show": ("archive.cli:show", "Show one article: text, metadata, captures."),
        "list": ("archive.cli:list_", "List the captures of an address."),
    },
    "Upkeep": {
        "import": (
            "archive.cli:import_",
            "Take in WARC, WACZ and ARC files, folders, collections.",
        ),
        "verify": (
            "archive.cli:verify",
            "Check every record and index; --repair mends what can be.",
        ),
        "rebuild": ("crawler.cli:rebuild", "Make all indexes again from the WARC files."),
        "stats": ("archive.cli:stats", "Show sizes, counts, growth and a forecast of the disk."),
        "version": ("crawler.cli:version", "Show the version."),
    },
}
"""Group -> command -> where it is and its line in the help. docs/cli.md is generated from it."""

EXAMPLE = (
    "Example: muragat crawl https://en.dimashnews.com/ && muragat show https://en.dimashnews.com/…"
)


@dataclass(frozen=True, slots=True)
class Place:
    """What the global options say: the collection's folder, the sites file, how much to say."""

    home: Path
    sites_file: Path | None
    verbose: int = 0


class _Commands(click.Group):
    """Finds commands by name and loads their module only then."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; who closes the pipe that its output goes to ends it, which is no error.

        click would call it one (exit status 1), so it must not see it.
        """
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            if not _is_closed(sys.stdout):
                raise
            _discard_output()
            sys.exit(0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for group in COMMANDS.values():
            if cmd_name in group:
                module, _, attribute = group[cmd_name][0].partition(":")
                command: click.Command = getattr(importlib.import_module(module), attribute)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in group.items()])


@click.group(
    cls=_Commands, epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=lambda: os.environ.get("MURAGAT_HOME", "collection"),
    help="The collection's folder; MURAGAT_HOME, or ./collection.",
)
@click.option(
    "--sites",
    "sites_file",
    type=click.Path(path_type=Path),
    help="The sites file; HOME/sites.toml, or the bundled one.",
)
@click.option(
    "-v", "--verbose", count=True, help="Say more on standard error; twice for each exchange."
)
@click.pass_context
def muragat(ctx: click.Context, home: Path, sites_file: Path | None, verbose: int) -> None:
    """Archive news sites: exact records, clean text, one index."""
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("scrapy").setLevel(
        max(level, logging.DEBUG if verbose > 2 else logging.WARNING)
    )
    # A site that is down is an outcome of the report; Scrapy prints a traceback for its robots.txt.
    if verbose < 3:
        logging.getLogger("scrapy.downloadermiddlewares").setLevel(logging.CRITICAL)
    # What does not end within the grace after a signal is cut off; asyncio names each task of Scrapy's.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL if verbose < 3 else logging.WARNING)
    ctx.obj = Place(home=home, sites_file=sites_file, verbose=verbose)


@click.command(short_help="Crawl sites by name, or any address, now.")
@click.argument("what", nargs=-1, required=True, metavar="SITE|URL...")
@click.option("--max-pages", type=click.IntRange(min=1), help="Stop after so many pages of a site.")
@click.option(
    "--max-time", type=click.FloatRange(min=0, min_open=True), help="Stop after so many seconds."
)
@click.option(
    "--delay", type=click.FloatRange(min=0), help="Seconds between requests to a host (1)."
)
@click.option(
    "--concurrency", type=click.IntRange(min=1, max=64), help="Requests at once to a host (1)."
)
@click.option(
    "--requisites",
    type=click.Choice(["all", "images", "none"]),
    help="Which files that pages need are fetched (all).",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST[:PORT]",
    help="A private or loopback host that may be connected to; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_obj
def crawl(place: Place, /, what: tuple[str, ...], **options: object) -> None:
    """Crawl sites by name, or any address, now.

    What is interrupted goes on with the next crawl of the same site.
    """
    from crawler import crawl as crawling  # noqa: PLC0415 - Scrapy is loaded only where it runs

    as_json = bool(options.pop("as_json"))
    chosen = _chosen(place, what)
    report = crawling.crawl(place.home, chosen, crawling.options_from(options))
    end_with(report, place, as_json=as_json)


def end_with(report: Report, place: Place, *, as_json: bool) -> None:
    """Print a report, and end the program with its exit status."""
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        _print_report(report, place)
    if report.interrupted:
        sys.exit(INTERRUPTED)
    if not report.is_analysed:
        sys.exit(StorageError.exit_code)
    if report.failed:
        sys.exit(SOME_SITES_FAILED)


@click.command("try", short_help="Fetch one page and show what would be stored, and why.")
@click.argument("url")
@click.option("--allow", multiple=True, metavar="HOST[:PORT]", help="As for crawl.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def try_(place: Place, /, url: str, allow: tuple[str, ...], *, as_json: bool) -> None:
    """Fetch one page and show what would be stored, and why; nothing is kept."""
    from crawler import trial  # noqa: PLC0415 - Scrapy is loaded only where it runs

    [site] = _chosen(place, (url,))
    result = trial.try_page(url, site, allow)
    if as_json:
        print(json.dumps(result.to_json(), ensure_ascii=False))
    else:
        for line in result.lines():
            print(line)
    if not result.captures:
        sys.exit(1)


@click.command(short_help="Make all indexes again from the WARC files.")
@click.option(
    "--analyse", is_flag=True, help="Extract every page again, also those that are known."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def rebuild(place: Place, /, *, analyse: bool, as_json: bool) -> None:
    """Make all indexes again from the WARC files: captures, frontier, articles, reports of crawls.

    Silent where all is well. What is interrupted goes on with the next rebuild.
    """
    from crawler import rebuilding  # noqa: PLC0415 - as above
    from crawler import sites as known  # noqa: PLC0415 - as above
    from crawler.report.display import status  # noqa: PLC0415 - as above

    table = known.load(known.find(place.sites_file, place.home))
    with status() as show:
        done = rebuilding.rebuild(place.home, table, analyse=analyse, show=show)
    for warning in done.unread:
        click.echo(f"warning: {warning}", err=True)
    for line in [json.dumps(done.to_json(), ensure_ascii=False)] if as_json else done.problems:
        print(line)
    if not done.is_whole:
        sys.exit(INTERRUPTED)
    if done.problems:
        sys.exit(1)


@click.command(short_help="Show the version.")
def version() -> None:
    """Show the version."""
    print(f"muragat {archive.__version__}")


def table_of(place: Place) -> dict[str, Site]:
    """Return the sites of the sites file by name."""
    from crawler import sites as known  # noqa: PLC0415 - as above

    return known.load(known.find(place.sites_file, place.home))


def _chosen(place: Place, what: Sequence[str]) -> list[Site]:
    """Return the sites that names and addresses stand for."""
    from crawler import sites as known  # noqa: PLC0415 - as above

    table = table_of(place)
    chosen: dict[str, Site] = {}
    for word in what:
        site = known.choose(word, table)
        before = chosen.get(site.name)
        chosen[site.name] = site if before is None else before.joined(site)
    return list(chosen.values())


def _print_report(report: Report, place: Place) -> None:
    for line in report.lines():
        print(line)
    print(f"report: {place.home / 'crawls' / report.crawl}.json", file=sys.stderr)


def main() -> None:
    """Run the command line; the console script and `python -m crawler` both come here."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a locale may lack the letters of an article
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        muragat.main(prog_name="muragat", standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except MuragatError as error:
        print(f"muragat: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        place = "standard output or input" if error.filename is None else error.filename
        print(f"muragat: {place}: {error.strerror or error}", file=sys.stderr)
        logging.getLogger(__name__).debug("the error came from here", exc_info=True)
        _discard_output()
        sys.exit(StorageError.exit_code)


def _is_closed(pipe: TextIO) -> bool:
    """Return whether nobody reads what is written there."""
    poll = select.poll()
    poll.register(pipe, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _discard_output() -> None:
    """Have the interpreter not try again, when it ends, to write what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
