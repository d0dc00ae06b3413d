"""The commands for crawls that nobody starts by hand: run, schedule, and the list of sites that says when. `crawler.cli`
finds them by name."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from archive.errors import CollectionLocked
from crawler.cli import Place, end_with, table_of
from crawler.schedule import install, program, timers

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.schedule.timers import Job


@click.command(short_help="Crawl whatever is due; --forever stays.")
@click.argument("names", nargs=-1, metavar="[SITE]...")
@click.option("--forever", is_flag=True, help="Stay, and crawl whenever something falls due.")
@click.option("--json", "as_json", is_flag=True, help="Print each report as one JSON object.")
@click.pass_obj
def run(place: Place, /, names: tuple[str, ...], *, forever: bool, as_json: bool) -> None:
    """Crawl whatever is due, of all sites whose table says 'every', or of these; all of it side by side.

    Silent where nothing is due. Where another process crawls into the collection it says so and ends with 0: what is due
    stays due.
    """
    from crawler.schedule import run as running  # noqa: PLC0415 - 'schedule' starts without it

    if forever:
        _stay(place, names, as_json=as_json)
        return
    chosen = running.scheduled(names, table_of(place))
    if not running.due_sites(place.home, chosen, time.time()):
        return
    from crawler import crawl as crawling  # noqa: PLC0415 - Scrapy is loaded only where it runs

    due = running.due_sites(place.home, chosen, time.time())  # loading takes a second
    if not due:
        return
    try:
        report = crawling.crawl(place.home, due, crawling.CrawlOptions(is_scheduled=True))
    except CollectionLocked as error:
        click.echo(f"muragat: {error}; what is due stays due", err=True)
        return
    end_with(report, place, as_json=as_json)


def _stay(place: Place, names: tuple[str, ...], *, as_json: bool) -> None:
    from crawler.schedule import forever as staying  # noqa: PLC0415 - as above

    before = ("-v",) * place.verbose
    after = ("--json",) if as_json else ()
    watch = staying.Watch(place.home, place.sites_file, names, before, after)
    staying.stay(watch, lambda line: click.echo(f"muragat: {line}", err=True))


@click.command(short_help="Have the system start 'run': --print or --install.")
@click.option("--print", "action", flag_value="print", help="Show what would be installed.")
@click.option(
    "--install",
    "action",
    flag_value="install",
    help="Put it in its place and turn it on; twice is once.",
)
@click.option("--remove", "action", flag_value="remove", help="Turn it off and take it away.")
@click.option("--cron", is_flag=True, help="A line of cron instead of a systemd timer.")
@click.option(
    "--interval",
    default="15m",
    metavar="TIME",
    help="How often 'run' looks whether something is due (15m): 5m to 30m, 1h to 12h, 1d.",
)
@click.pass_obj
def schedule(place: Place, /, action: str | None, *, cron: bool, interval: str) -> None:
    """Have the system start 'muragat run' for this home and sites file, by a timer of systemd's user manager or by cron.

    A site's own 'every' decides when it is crawled; the interval only says how often that is looked at.
    """
    if action is None:
        message = "say what to do: --print, --install or --remove"
        raise click.UsageError(message)
    job = timers.job_for(place.home, place.sites_file, program.command(), program.python_path())
    if action == "print":
        print(job.cron_line(interval) if cron else _units(job, interval))
        return
    table_of(place)  # a timer for a file that can't be read would fail from then on
    acts: dict[tuple[str, bool], Callable[[], install.Done]] = {
        ("install", False): lambda: install.install(job, interval),
        ("install", True): lambda: install.install_in_cron(job, interval),
        ("remove", False): lambda: install.remove(job),
        ("remove", True): lambda: install.remove_from_cron(job),
    }
    done = acts[action, cron]()
    for line in (*done.said, *done.left):
        click.echo(line, err=True)
    if not done.is_whole:
        sys.exit(1)


def _units(job: Job, interval: str) -> str:
    return (
        f"# {job.name}.service\n{job.service()}\n# {job.name}.timer\n{job.timer(interval)}".rstrip()
    )


@click.command(short_help="List the sites: last crawl, next crawl, warnings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def sites(place: Place, /, *, as_json: bool) -> None:
    """List the sites: last crawl, next crawl and why it waits, what is known and what is due, warnings of the last report."""
    from crawler.schedule import table  # noqa: PLC0415 - as above

    for row in table.rows(place.home, place.sites_file, time.time()):
        for line in [json.dumps(row.to_json(), ensure_ascii=False)] if as_json else row.lines():
            print(line)
