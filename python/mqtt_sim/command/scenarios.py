"""`mqtt-sim scenarios`: what ships."""

from __future__ import annotations

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command("scenarios", epilog=epilog("mqtt-sim scenarios", "mqtt-sim run episode4"))
@ends_with_exit_code
def scenarios_command() -> None:
    """List the scenarios that ship; each can be run by its name."""
    from mqtt_sim.scenario import load_scenario
    from mqtt_sim.scenario.shipped import shipped_scenarios

    for name, path in shipped_scenarios().items():
        typer.echo(f"{name:<14} {load_scenario(path).description}")
