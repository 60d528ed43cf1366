"""`mqtt-sim report ...`: reports that `run --json` wrote, shown again or held against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog
from mqtt_sim.command.group import CommandGroup

if TYPE_CHECKING:
    from mqtt_sim.report.comparison import Change

app = typer.Typer(
    cls=CommandGroup,
    help="Show a JSON report, or compare two.",
    no_args_is_help=True,
    add_completion=False,
    epilog=epilog("mqtt-sim report show report.json", "mqtt-sim report diff before.json after.json --fail-above 10%"),
)


@app.command("show", epilog=epilog("mqtt-sim report show report.json"))
@ends_with_exit_code
def report_show_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A report of `mqtt-sim run --json FILE`.")],
) -> None:
    """Print the summary of a report, as it stood on the terminal after the run."""
    from mqtt_sim.command.summary_output import print_summary
    from mqtt_sim.result import Result

    with _told_as_damaged(file):
        print_summary(Result.load(file))


@app.command(
    "diff",
    epilog=epilog(
        "mqtt-sim report diff before.json after.json",
        "mqtt-sim report diff before.json after.json --fail-above 10% --only latency.p99 --only lost",
    ),
)
@ends_with_exit_code
def report_diff_command(
    before: Annotated[str, typer.Argument(metavar="FILE", help="The report to compare with.")],
    after: Annotated[str, typer.Argument(metavar="FILE", help="The report that is judged.")],
    fail_above: Annotated[
        str | None,
        typer.Option("--fail-above", metavar="PERCENT", help="End with 99 when a figure is worse by more than this."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Only this figure, or all of this metric. Repeatable."),
    ] = None,
) -> None:
    """Print what became better or worse from one report to another."""
    from mqtt_sim.report.comparison import changes, differences, table
    from mqtt_sim.result import Result

    limit = None if fail_above is None else _share(fail_above)
    with _told_as_damaged(before):
        old = Result.load(before)
        changes(old, old)
        differences(old, old)
    with _told_as_damaged(after):
        new = Result.load(after)
        rows, notes = changes(old, new), differences(old, new)
    rows = _chosen(rows, only or [])
    worse = [] if limit is None else [row for row in rows if row.is_worse_by_more_than(limit)]
    typer.echo(table(rows, worse))
    for note in notes:
        typer.echo(f"mqtt-sim: {note}", err=True)
    if limit is not None:
        names = ", ".join(row.name for row in worse)
        typer.echo(f"\nFAILED: worse by more than {fail_above}: {names}" if worse else "\nPASSED")
    raise typer.Exit(99 if worse else 0)


def _share(text: str) -> float:
    from mqtt_sim.errors import UsageError

    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*%", text.strip())
    if match is None:
        raise UsageError(f"--fail-above {text}: should be a percentage such as 10%")
    return float(match[1]) / 100


def _chosen(rows: list[Change], names: list[str]) -> list[Change]:
    from mqtt_sim.errors import UsageError
    from mqtt_sim.suggestion import did_you_mean

    known = {row.name for row in rows} | {row.name.split(".")[0] for row in rows}
    for name in names:
        if name not in known:
            raise UsageError(f"--only {name}: no figure of both reports has this name; {did_you_mean(name, known)}")
    return [row for row in rows if not names or row.name in names or row.name.split(".")[0] in names]


@contextmanager
def _told_as_damaged(file: str) -> Iterator[None]:
    """A report whose parts are not what they should be is the user's file, not our mistake."""
    from mqtt_sim.errors import UsageError

    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise UsageError(f"{file}: is a damaged report: {type(error).__name__}: {error}") from None
