"""`mqtt-sim bench ...`: the load that emqtt-bench users know, as a scenario that can be saved and grown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from mqtt_sim.command.bench_flags import BenchCommand, BenchFlags, ListeningFlags, SendingFlags
from mqtt_sim.command.client_flags import with_flags
from mqtt_sim.command.ending import ends_with_exit_code, epilog
from mqtt_sim.command.group import CommandGroup

if TYPE_CHECKING:
    from mqtt_sim.runner import PreparedRun

app = typer.Typer(
    cls=CommandGroup,
    help="Put a known kind of load on a broker, with the flags of emqtt-bench.",
    no_args_is_help=True,
    add_completion=False,
    epilog=epilog(
        "mqtt-sim bench conn -c 5000 -R 1000 -h broker",
        "mqtt-sim bench pub -c 500 -I 100 -t bench/%i -q 1",
        "mqtt-sim bench sub -c 500 -t bench/%i",
        "mqtt-sim bench pingpong -c 1",
        "mqtt-sim bench pub -t a/%i --print-config > mine.json",
    ),
)


def _bench(name: str, kind: type[Any], *examples: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def add(command: Callable[..., None]) -> Callable[..., None]:
        made = ends_with_exit_code(with_flags(kind)(command))
        return app.command(name, cls=BenchCommand, epilog=epilog(*examples))(made)

    return add


@_bench("conn", BenchFlags, "mqtt-sim bench conn -c 1000 -R 500", "mqtt-sim bench conn -h broker -S --insecure")
def conn_command(flags: BenchFlags) -> None:
    """Connect clients, and measure how long each part of it takes."""
    from mqtt_sim.command.bench_scenario import conn_scenario

    _run(flags, conn_scenario)


@_bench(
    "pub", SendingFlags, "mqtt-sim bench pub -c 100 -I 10 -t bench/%i -s 64 -q 1", "mqtt-sim bench pub -t a -L 2000"
)
def pub_command(flags: SendingFlags) -> None:
    """Publish from many clients at a fixed rate."""
    from mqtt_sim.command.bench_scenario import pub_scenario

    _run(flags, pub_scenario)


@_bench("sub", ListeningFlags, "mqtt-sim bench sub -c 500 -t bench/%i", "mqtt-sim bench sub -h broker -t 'bench/#'")
def sub_command(flags: ListeningFlags) -> None:
    """Subscribe with many clients, and measure what arrives."""
    from mqtt_sim.command.bench_scenario import sub_scenario

    _run(flags, sub_scenario)


@_bench("pingpong", SendingFlags, "mqtt-sim bench pingpong -c 1 -q 1", "mqtt-sim bench pingpong -c 100 -I 50")
def pingpong_command(flags: SendingFlags) -> None:
    """Send messages to oneself, each as the one before has come back: round trips."""
    from mqtt_sim.command.bench_scenario import pingpong_scenario

    _run(flags, pingpong_scenario)


@_bench("idle", BenchFlags, "mqtt-sim bench idle -c 5000 -R 1000 -z 5m", "mqtt-sim bench idle -h broker -k 30")
def idle_command(flags: BenchFlags) -> None:
    """Keep many connections open, and see whether they last."""
    from mqtt_sim.command.bench_scenario import idle_scenario

    _run(flags, idle_scenario)


def _run(flags: Any, scenario_of: Callable[[Any], dict[str, Any]]) -> None:
    from mqtt_sim.command.bench_scenario import usage_error
    from mqtt_sim.errors import ScenarioError
    from mqtt_sim.report.json_file import check_writable
    from mqtt_sim.runner import prepare
    from mqtt_sim.scenario.override import parse_settings

    if flags.json_file is not None:
        check_writable(flags.json_file)
    settings = parse_settings(flags.settings or [])
    try:
        prepared = prepare(scenario_of(flags), sim=flags.sim, settings=settings)
    except ScenarioError as error:
        raise (error if settings else usage_error(error)) from None
    if flags.print_config:
        _print_config(prepared)
    else:
        _execute(flags, prepared)


def _execute(flags: BenchFlags, prepared: PreparedRun) -> None:
    from mqtt_sim.command.progress_output import progress_output
    from mqtt_sim.command.summary_output import print_summary
    from mqtt_sim.report.json_file import write_report

    with progress_output(no_live=flags.no_live, quiet=flags.quiet) as on_snapshot:
        result = prepared.execute(on_snapshot)
    print_summary(result)
    if flags.json_file is not None:
        write_report(result, flags.json_file)
    raise typer.Exit(result.exit_code)


def _print_config(prepared: PreparedRun) -> None:
    """What was said, without defaults: a file to go on with."""
    import json

    from mqtt_sim.scenario.plan import given_document

    document = given_document(prepared.scenario)
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    if "***" in json.dumps(document):
        typer.echo("mqtt-sim: passwords are not shown; put them back before the scenario is run", err=True)
