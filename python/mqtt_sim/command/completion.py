"""`mqtt-sim completion`: the script that teaches a shell our commands, options and scenario names."""

from __future__ import annotations

from typing import Annotated

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(
    epilog=epilog(
        'eval "$(mqtt-sim completion bash)"   # in ~/.bashrc',
        'eval "$(mqtt-sim completion zsh)"   # in ~/.zshrc, after compinit',
        "mqtt-sim completion fish > ~/.config/fish/completions/mqtt-sim.fish",
    )
)
@ends_with_exit_code
def completion_command(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="The shell that shall read it.")],
) -> None:
    """Print a script that completes commands, options and scenario names in a shell."""
    from mqtt_sim.command.command_words import command_words
    from mqtt_sim.command.completion_script import SCRIPTS
    from mqtt_sim.errors import UsageError
    from mqtt_sim.scenario.shipped import shipped_scenarios
    from mqtt_sim.suggestion import did_you_mean

    if shell not in SCRIPTS:
        raise UsageError(f'there is no completion for the shell "{shell}"; {did_you_mean(shell, SCRIPTS)}')
    typer.echo(SCRIPTS[shell](command_words(context.find_root().command), list(shipped_scenarios())), nl=False)
