"""The commands there are. Each is the module of this package that has its name, imported when it is asked for.

A command's module holds `app`, a typer.Typer: one command, or several as a group. To add one, write the module and
name it here with what it does; the order is that of the help.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping
from typing import Any

import typer
from typer.core import TyperCommand

from mqtt_sim.command.ending import told_in_a_sentence
from mqtt_sim.command.group import CommandGroup

COMMANDS = {
    "run": "Run a scenario and print what it measured.",
    "bench": "Put a known kind of load on a broker, with the flags of emqtt-bench.",
    "broker": "Run the embedded broker alone, until Ctrl-C. SIGHUP reads users, rights and certificates again.",
    "certs": "Make an authority and certificates for servers and clients, with an expired and a wrong one among them.",
    "pub": "Publish a message, or the lines of standard input, and wait until the broker has them.",
    "sub": "Subscribe and print what arrives, until Ctrl-C.",
    "produce": "Speak a dialogue, a line a second: the producer of the tutorial.",
    "consume": "Print a dialogue as it is spoken: the consumer of the tutorial.",
    "scenarios": "List the scenarios that ship; each can be run by its name.",
    "schema": "Print the JSON Schema of scenario files.",
    "corpus": "Look at a dialogue corpus, make one up, or turn one format into another.",
    "report": "Show a JSON report, or compare two.",
    "adduser": "Add a user to a users file, or give it a new password. SIGHUP makes a running broker read the file.",
    "rmuser": "Take a user out of a users file. SIGHUP makes a running broker read the file.",
    "completion": "Print a script that completes commands, options and scenario names in a shell.",
}
"""Name → what it does, as its own help begins: the list of commands is printed without loading any of them."""


class Commands(MutableMapping[str, Any]):
    """Name → command, made from the module of that name at first use."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            command = typer.main.get_command(_module_of(name).app)
            command.name = name
            self._made[name] = command
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _module_of(name: str) -> Any:
    if name not in COMMANDS:
        raise KeyError(name)
    return importlib.import_module(f"mqtt_sim.command.{name}")


class RegisteredCommands(CommandGroup):
    """The root of the command line, whose commands are those of the registry."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """As ever, but the list of commands is made from what the registry says about them."""
        loaded, self.commands = self.commands, {name: TyperCommand(name, help=told) for name, told in COMMANDS.items()}
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = loaded

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, and before it runs its defaults from the configuration files; a help text needs none."""
        if not args[0].startswith("-") and args[0] not in self.commands:
            from mqtt_sim.scenario.shipped import shipped_scenarios
            from mqtt_sim.suggestion import nearest

            meant = nearest(args[0], [*self.commands, *shipped_scenarios()])
            hint = f'did you mean "{meant}"?' if meant else "`mqtt-sim scenarios` lists those that ship"
            ctx.fail(f'there is no command and no scenario "{args[0]}"; {hint}')
        if "--help" not in args:
            from mqtt_sim.command.option_origin import read_defaults

            with told_in_a_sentence():
                read_defaults(ctx, self.commands)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """As ever, but a wrong value from a file says where it stands."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            from mqtt_sim.command.option_origin import source_of

            source = source_of(error.ctx, error.param) if error.ctx and error.param else ""
            if ":" in source:
                error.message = f"{error.message} (from {source})"
            raise
