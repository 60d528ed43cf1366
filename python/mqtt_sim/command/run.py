"""`mqtt-sim run`: a scenario from its file to the summary.

Whatever takes time to import is imported by the step that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog

if TYPE_CHECKING:
    from mqtt_sim.result import Result
    from mqtt_sim.runner import PreparedRun

app = typer.Typer(add_completion=False)

_HOLD_STEP_S = 0.2


@app.command(
    "run",
    epilog=epilog(
        "mqtt-sim run scenarios/episode4.json --json report.json",
        "mqtt-sim run scenarios/episode4.json --page --hold",
        "mqtt-sim run scenarios/episode4.json --sim --seed 4",
        "mqtt-sim run episode4 --set duration=5s --set producers.cast.rate=2",
        "mqtt-sim run my.json --sim --watch",
    ),
)
@ends_with_exit_code
def run_command(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A .json or .py file, or the name of one that ships.")
    ],
    sim: Annotated[
        bool,
        typer.Option(
            "--sim/--no-sim",
            envvar="MQTT_SIM_SIM",
            show_default=False,
            help="Run in virtual time: no sockets, no waiting.",
        ),
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", envvar="MQTT_SIM_SEED", help="Instead of the scenario's.")
    ] = None,
    broker: Annotated[
        list[str] | None,
        typer.Option(
            "--broker",
            metavar="URL",
            envvar="MQTT_SIM_BROKER",
            help="An outside broker: mqtt://user:password@host:1883. Repeatable: one for each transport.",
        ),
    ] = None,
    addresses: Annotated[
        str | None,
        typer.Option(
            "--ifaddr",
            metavar="IP,IP",
            envvar="MQTT_SIM_IFADDR",
            help="Local addresses to connect from, in turn: --set connect.source_addresses.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change any field by its path; may be given several times."),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option("--corpus", metavar="FILE", envvar="MQTT_SIM_CORPUS", help="Dialogues.")
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", envvar="MQTT_SIM_JSON", help="Write the report as JSON.")
    ] = None,
    no_live: Annotated[
        bool,
        typer.Option(
            "--no-live/--live",
            envvar="MQTT_SIM_NO_LIVE",
            show_default=False,
            help="Plain lines instead of the live view.",
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet/--no-quiet", "-q", envvar="MQTT_SIM_QUIET", show_default=False, help="Only the summary."),
    ] = False,
    page: Annotated[
        bool,
        typer.Option(
            "--page/--no-page",
            envvar="MQTT_SIM_PAGE",
            show_default=False,
            help="Print the link to a page that shows the run in a browser.",
        ),
    ] = False,
    hold: Annotated[
        bool,
        typer.Option(
            "--hold/--no-hold",
            envvar="MQTT_SIM_HOLD",
            show_default=False,
            help="Keep the embedded broker and its page after the run, until Ctrl-C. Implies --page.",
        ),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever the scenario or its corpus changes, until Ctrl-C.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the scenario with all defaults filled in, and exit.")
    ] = False,
) -> None:
    """Run a scenario and print what it measured."""
    from mqtt_sim.command.progress_output import progress_output
    from mqtt_sim.command.summary_output import print_summary
    from mqtt_sim.report.json_file import check_writable, write_report
    from mqtt_sim.runner import prepare
    from mqtt_sim.scenario.override import parse_settings

    if json_file is not None:
        check_writable(json_file)
    changes = parse_settings(settings or [])
    if addresses is not None:
        changes["connect.source_addresses"] = [address.strip() for address in addresses.split(",")]

    def prepared_run() -> PreparedRun:
        return prepare(
            file, sim=sim, seed=seed, broker=broker or None, settings=changes, corpus=corpus, page=page or hold
        )

    def run(prepared: PreparedRun) -> Result:
        with ExitStack() as progress:
            on_snapshot = progress.enter_context(progress_output(no_live=no_live, quiet=quiet))

            def conclude(result: Result) -> None:
                progress.close()
                print_summary(result)
                if json_file is not None:
                    write_report(result, json_file)

            def conclude_and_hold(result: Result) -> None:
                conclude(result)
                if result.status != "interrupted":
                    _wait_for_end()

            show = _print_page if page or hold else None
            result = prepared.execute(on_snapshot, on_page=show, hold=conclude_and_hold if hold else None)
            if not hold:
                conclude(result)
        return result

    if print_config:
        _print_config(context, prepared_run().scenario, file, changes)
    elif watch:
        _watch(file, corpus, prepared_run, run)
    else:
        raise typer.Exit(run(prepared_run()).exit_code)


def _print_page(link: str) -> None:
    print(f"page {link}", flush=True)


def _wait_for_end() -> None:
    """Until Ctrl-C or SIGTERM."""
    import signal
    import threading

    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    print("the broker and its page stay until Ctrl-C", flush=True)
    try:
        while not ended.wait(_HOLD_STEP_S):
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(
    file: str, corpus: str | None, prepare: Callable[[], PreparedRun], run: Callable[[PreparedRun], Result]
) -> None:
    """Runs, and again after each change. Ctrl-C in a run ends with 105, between two with 0."""
    from mqtt_sim.command.watch import signature, wait_for_change
    from mqtt_sim.errors import InterruptedRun, MqttSimError
    from mqtt_sim.scenario.load import find_scenario

    files = [find_scenario(file), *([Path(corpus)] if corpus is not None else [])]
    while True:
        since = signature(files)
        try:
            prepared = prepare()
            if (used := prepared.corpus_path) is not None and used not in files:
                files.append(used)
                since = signature(files)
            if (result := run(prepared)).status == "interrupted":
                raise typer.Exit(result.exit_code)
        except InterruptedRun:
            raise
        except MqttSimError as error:
            typer.echo(f"mqtt-sim: {error}", err=True)
        try:
            typer.echo(f"watching {', '.join(map(str, files))}; Ctrl-C ends", err=True)
            changed = wait_for_change(files, since)
        except KeyboardInterrupt:
            typer.echo(err=True)
            return
        typer.echo(f"changed: {', '.join(map(str, changed))}", err=True)


def _print_config(context: typer.Context, scenario: Any, file: str, settings: Iterable[str]) -> None:
    """The scenario as JSON on stdout; on stderr where each value comes from."""
    import json

    from mqtt_sim.command.option_origin import origin_table, origins
    from mqtt_sim.command.scenario_origin import scenario_origins
    from mqtt_sim.scenario.plan import resolved_document

    options = list(origins(context))
    given = {row.option: row.source for row in options if row.value is not None}
    by_option = {field: given[flag] for field, flag in (("seed", "--seed"), ("target", "--broker")) if flag in given}
    fields = scenario_origins(scenario, file, settings, by_option)
    typer.echo(f"OPTIONS\n{origin_table(options)}\n\nSCENARIO, all else by default\n{origin_table(fields)}", err=True)
    typer.echo(json.dumps(resolved_document(scenario), indent=2, ensure_ascii=False))
