"""The command line: `mqtt-sim scenarios/episode4.json`. Parses, calls, prints, and ends with the right exit code.

Whatever takes time to import is imported by the command that needs it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mqtt_sim.errors import InterruptedRun, MqttSimError
from mqtt_sim.version import __version__

if TYPE_CHECKING:
    from mqtt_sim.result import Result

EXIT_CODES = (
    "Exit codes: 0 all held · 2 wrong usage · 99 a threshold missed · 104 invalid scenario · 105 interrupted, with the "
    "partial report written · 106 could not run (network, port, file limit) · 107 the user's script raised."
)

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _epilog(*examples: str) -> str:
    return "Examples:\n\n" + "\n\n".join(examples) + "\n\n" + EXIT_CODES


app = typer.Typer(
    name="mqtt-sim",
    help="MQTT load tester and simulation harness. `mqtt-sim FILE` runs a scenario.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=_epilog(
        "mqtt-sim scenarios/episode4.json",
        "mqtt-sim scenarios/episode4.json --broker mqtt://localhost:1883 --set duration=5s",
        "mqtt-sim broker --port 1883",
    ),
)
corpus_app = typer.Typer(help="The dialogue corpus.", no_args_is_help=True)
app.add_typer(corpus_app, name="corpus")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; `mqtt-sim FILE` means `mqtt-sim run FILE`. Ends the process."""
    app(args=with_command(list(sys.argv[1:] if arguments is None else arguments)), prog_name="mqtt-sim")


def with_command(arguments: list[str]) -> list[str]:
    """The arguments with `run` in front when they name a scenario and no command."""
    commands = {"run", "broker", "schema", "scenarios", "corpus"}
    if not arguments or arguments[0] in commands:
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


def _ends_with_exit_code(command: _Command) -> _Command:
    """What a user got wrong is told in a sentence on stderr, without a traceback, and in the exit code."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except MqttSimError as error:
            raise _failed(error) from None
        except KeyboardInterrupt:
            raise _failed(InterruptedRun("interrupted")) from None

    return guarded  # type: ignore[return-value]


def _failed(error: MqttSimError) -> typer.Exit:
    typer.echo(f"mqtt-sim: {error}", err=True)
    return typer.Exit(error.exit_code)


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


@app.command(
    "run",
    epilog=_epilog(
        "mqtt-sim run scenarios/episode4.json --json report.json",
        "mqtt-sim run scenarios/episode4.json --sim --seed 4",
        "mqtt-sim run episode4 --set duration=5s --set producers.cast.rate=2",
    ),
)
@_ends_with_exit_code
def run_command(
    file: Annotated[str, typer.Argument(help="Scenario: .json, .py, or the name of one that ships.")],
    sim: Annotated[bool, typer.Option("--sim", help="Run in virtual time: no sockets, no waiting.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Instead of the scenario's.")] = None,
    broker: Annotated[
        str | None, typer.Option("--broker", metavar="URL", help="An outside broker: mqtt://user:password@host:1883")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change any field by its path; may be given several times."),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option("--corpus", metavar="FILE", help="Dialogues; also by MQTT_SIM_CORPUS.")
    ] = None,
    json_file: Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")] = None,
    no_live: Annotated[bool, typer.Option("--no-live", help="Plain lines instead of the live view.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the summary.")] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the scenario with all defaults filled in, and exit.")
    ] = False,
) -> None:
    """Run a scenario and print what it measured."""
    from mqtt_sim.report.json_file import check_writable, write_report
    from mqtt_sim.runner import prepare
    from mqtt_sim.scenario.override import parse_settings

    if json_file is not None:
        check_writable(json_file)
    prepared = prepare(file, sim=sim, seed=seed, broker=broker, settings=parse_settings(settings or []), corpus=corpus)
    if print_config:
        _print_config(prepared.scenario)
        return
    with _progress(no_live=no_live, quiet=quiet) as on_snapshot:
        result = prepared.execute(on_snapshot)
    _print_summary(result)
    if json_file is not None:
        write_report(result, json_file)
    raise typer.Exit(result.exit_code)


def _print_config(scenario: Any) -> None:
    import json

    from mqtt_sim.scenario.plan import resolved_document

    typer.echo(json.dumps(resolved_document(scenario), indent=2, ensure_ascii=False))


@contextmanager
def _progress(*, no_live: bool, quiet: bool) -> Iterator[Callable[[dict[str, Any]], object] | None]:
    if quiet:
        yield None
    elif no_live or not sys.stdout.isatty():
        from mqtt_sim.report.lines import progress_line

        yield lambda snapshot: print(progress_line(snapshot), flush=True)
    else:
        from rich.console import Console

        from mqtt_sim.report.live import LiveView

        with LiveView(Console()) as view:
            yield view.update


def _print_summary(result: Result) -> None:
    from mqtt_sim.report.summary import marks_for, summary

    encoding = sys.stdout.encoding or "ascii"
    text = summary(result, marks_for(encoding))
    print(text.encode(encoding, errors="backslashreplace").decode(encoding), flush=True)


@app.command(
    "broker",
    epilog=_epilog(
        "mqtt-sim broker --port 1883",
        "mqtt-sim broker --host 0.0.0.0 --users passwords.txt --acl acl.txt --no-anonymous",
        "mqtt-sim broker -c broker.json --set max_queued=1000 -v",
    ),
)
@_ends_with_exit_code
def broker_command(
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="0: any free one. Default: 1883", show_default=False)
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on. Default: 127.0.0.1")] = None,
    config: Annotated[
        str | None, typer.Option("--config", "-c", metavar="FILE", help="JSON, as the `broker` of a scenario.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change any option; may be given several times."),
    ] = None,
    users: Annotated[
        str | None, typer.Option("--users", metavar="FILE", help="Password file of mosquitto_passwd.")
    ] = None,
    acl: Annotated[
        str | None, typer.Option("--acl", metavar="FILE", help="Access rights in Mosquitto's format.")
    ] = None,
    no_anonymous: Annotated[bool, typer.Option("--no-anonymous", help="Every client must give a user name.")] = False,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Behave like another system: diffusion or mosca.")
    ] = None,
    max_connections: Annotated[
        int | None, typer.Option("--max-connections", metavar="N", help="Clients at a time.")
    ] = None,
    sys_interval: Annotated[
        str | None, typer.Option("--sys-interval", metavar="TIME", help="Of the $SYS topics; 0s: none. Default: 10s")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line of counts every second.")] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the options with all defaults filled in, and exit.")
    ] = False,
) -> None:
    """Run the embedded broker alone, until Ctrl-C. SIGHUP reads the users and ACL files again."""
    from mqtt_sim import broker_command as command

    options = {
        "port": port,
        "host": host,
        "users_file": users,
        "acl_file": acl,
        "allow_anonymous": False if no_anonymous else None,
        "profile": profile,
        "max_connections": max_connections,
    }
    interval = [] if sys_interval is None else [f"sys_interval={sys_interval}"]
    broker = command.settings_of(config, options, interval + (settings or []))
    if print_config:
        command.print_settings(broker)
    else:
        command.serve(broker, verbose=verbose)


@app.command("schema", epilog=_epilog("mqtt-sim schema > scenario.schema.json"))
@_ends_with_exit_code
def schema_command() -> None:
    """Print the JSON Schema of scenario files."""
    from mqtt_sim.scenario.schema import SCHEMA_FILE

    typer.echo(SCHEMA_FILE.read_text(encoding="utf-8"), nl=False)


@app.command("scenarios", epilog=_epilog("mqtt-sim scenarios", "mqtt-sim run episode4"))
@_ends_with_exit_code
def scenarios_command() -> None:
    """List the scenarios that ship; each can be run by its name."""
    from mqtt_sim.scenario import load_scenario
    from mqtt_sim.scenario.shipped import shipped_scenarios

    for name, path in shipped_scenarios().items():
        typer.echo(f"{name:<14} {load_scenario(path).description}")


@corpus_app.command("info", epilog=_epilog("mqtt-sim corpus info", "mqtt-sim corpus info SW_EpisodeIV.txt"))
@_ends_with_exit_code
def corpus_info_command(
    file: Annotated[str | None, typer.Argument(help="Default: the corpus that ships.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings become errors.")] = False,
) -> None:
    """Read a corpus and print its profile."""
    from mqtt_sim import corpus

    typer.echo(corpus.describe(corpus.load(file, strict=strict)))
