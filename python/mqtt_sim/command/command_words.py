"""What can be typed after `mqtt-sim`: every command with its options and the kind of value each takes.

Read from the registered commands, for shell completion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

FILES, DIRECTORIES, SCENARIOS = "files", "directories", "scenarios"


@dataclass(frozen=True)
class Value:
    """What an option or an argument takes: words of a list, or a kind of thing; neither: free text."""

    kind: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """One option; `value` is None for a switch."""

    names: tuple[str, ...]
    help: str
    value: Value | None


@dataclass(frozen=True)
class CommandWords:
    """One command or group of commands; `path` is () for the root, ("corpus", "info") for one in a group."""

    path: tuple[str, ...]
    help: str
    options: tuple[Option, ...]
    arguments: tuple[Value, ...]
    commands: tuple[CommandWords, ...]

    def walk(self) -> Iterator[CommandWords]:
        """This one and all below it."""
        yield self
        for command in self.commands:
            yield from command.walk()


def command_words(command: Any, path: tuple[str, ...] = ()) -> CommandWords:
    """The words of a typer command and of those below it."""
    parameters = [one for one in command.params if not getattr(one, "hidden", False)]
    options = [_option(one) for one in parameters if one.param_type_name == "option"]
    arguments = [_value(one) for one in parameters if one.param_type_name == "argument"]
    below = getattr(command, "commands", {})
    return CommandWords(
        path=path,
        help=_first_sentence(command.help),
        options=(*options, Option(("--help",), "Show this message and exit.", None)),
        arguments=tuple(arguments),
        commands=tuple(command_words(one, (*path, name)) for name, one in below.items()),
    )


def _option(parameter: Any) -> Option:
    names = (*parameter.opts, *parameter.secondary_opts)
    is_switch = parameter.is_flag or parameter.count
    return Option(names, _first_sentence(parameter.help), None if is_switch else _value(parameter))


def _value(parameter: Any) -> Value:
    """By its metavar: FILE, DIR, SCENARIO, or `one|of|these`; profiles by the broker's own lists."""
    metavar = parameter.metavar or ""
    if parameter.name == "profile":
        return Value(words=_profiles())
    if "|" in metavar:
        return Value(words=tuple(metavar.split("|")))
    return Value(kind={"FILE": FILES, "DIR": DIRECTORIES, "SCENARIO": SCENARIOS}.get(metavar, ""))


def _profiles() -> tuple[str, ...]:
    from mqtt_sim.public_test import PROFILE
    from mqtt_sim.scenario.embedded_broker import EmbeddedBroker

    return (*get_args(EmbeddedBroker.model_fields["profile"].annotation), PROFILE)


def _first_sentence(text: str | None) -> str:
    first = " ".join((text or "").split("\n\n")[0].split())
    return first.split(". ")[0].rstrip(".")
