"""The command line: `mqtt-sim scenarios/episode4.json`. Finds the command that is meant; command/ holds them all.

Whatever takes time to import is imported by the command that needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mqtt_sim.command import registry
from mqtt_sim.command.ending import epilog
from mqtt_sim.version import __version__

app = typer.Typer(
    name="mqtt-sim",
    cls=registry.RegisteredCommands,
    help="MQTT load tester and simulation harness. `mqtt-sim FILE` runs a scenario.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    epilog=epilog(
        "mqtt-sim scenarios/episode4.json",
        "mqtt-sim scenarios/episode4.json --broker mqtt://localhost:1883 --set duration=5s",
        "mqtt-sim broker --port 1883",
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; `mqtt-sim FILE` means `mqtt-sim run FILE`. Ends the process."""
    app(args=with_command(list(sys.argv[1:] if arguments is None else arguments)), prog_name="mqtt-sim")


def with_command(arguments: list[str]) -> list[str]:
    """The arguments with `run` in front when they name a scenario and no command."""
    if not arguments or arguments[0] in registry.COMMANDS:
        return arguments
    candidates = arguments[:1] if not arguments[0].startswith("-") else arguments
    return ["run", *arguments] if any(_names_scenario(argument) for argument in candidates) else arguments


def _names_scenario(argument: str) -> bool:
    if argument.startswith("-") or "=" in argument or "://" in argument:
        return False
    if argument.endswith((".json", ".py")) or "/" in argument or Path(argument).exists():
        return True
    from mqtt_sim.scenario.shipped import find_shipped

    return find_shipped(argument) is not None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mqtt-sim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
