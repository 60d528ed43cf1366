"""`mqtt-sim schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command("schema", epilog=epilog("mqtt-sim schema > scenario.schema.json"))
@ends_with_exit_code
def schema_command() -> None:
    """Print the JSON Schema of scenario files."""
    from mqtt_sim.scenario.schema import SCHEMA_FILE

    typer.echo(SCHEMA_FILE.read_text(encoding="utf-8"), nl=False)
