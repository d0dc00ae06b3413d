"""docs/cli.md, made from the commands themselves: `python -m crawler.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click

from crawler.cli import COMMANDS, muragat

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """# The command line

Made from the program by `make docs`; a test fails when it is out of date.

Standard output is data, standard error is talk. Every listing takes `--json`: one object a line, or one object for a
report. From a checkout, `python -m crawler` is `muragat`.

| exit | meaning |
|---|---|
| 0 | done |
| 1 | nothing found, or problems found |
| 2 | usage or configuration |
| 3 | some sites failed |
| 4 | storage: full, damaged, locked |
| 130 | interrupted, state saved |
"""


def reference() -> str:
    """Return the reference of all commands as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    context = click.Context(muragat, info_name="muragat")
    yield _HEAD
    yield from _options("Options of every command", muragat, context)
    for title, group in COMMANDS.items():
        yield f"## {title}\n"
        for name in group:
            command = muragat.get_command(context, name)
            assert command is not None
            yield from _command(name, command, context)


def _command(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    own = click.Context(command, info_name=name, parent=context)
    pieces = " ".join(command.collect_usage_pieces(own))
    yield f"### {name}\n"
    yield f"    muragat {name} {pieces}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    yield from _options("", command, own)


def _options(title: str, command: click.Command, context: click.Context) -> Iterator[str]:
    options = (one for one in command.get_params(context) if isinstance(one, click.Option))
    records = [option.get_help_record(context) for option in options]
    rows = [record for record in records if record and not record[0].endswith("--help")]
    if not rows:
        return
    if title:
        yield f"## {title}\n"
    yield "| option | meaning |\n|---|---|"
    for option, meaning in rows:
        yield f"| `{option}` | {meaning} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(reference())
