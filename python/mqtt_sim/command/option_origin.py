"""Where the value of each option comes from: the command line, the environment, a file, or its default."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from mqtt_sim.configuration import Key, Tables, find_files, read_files
from mqtt_sim.errors import show_value

_TABLES = "mqtt_sim.configuration"


@dataclass(frozen=True)
class Origin:
    """One option as the command takes it."""

    option: str
    value: Any
    source: str


def configurable(command: Any) -> dict[str, Key]:
    """What a file may set for a command: the options that have an environment variable, by their long names."""
    keys = {}
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.envvar:
            keys[_long_name(parameter)] = Key(parameter.name, _kind(parameter))
    return keys


def _kind(parameter: Any) -> str:
    if parameter.is_flag:
        return "switch"
    if parameter.multiple:
        return "list"
    return "path" if parameter.metavar in ("FILE", "DIR") else "value"


def read_defaults(context: Any, commands: Mapping[str, Any]) -> None:
    """Lets the files give the defaults of every command below `context`. Raises UsageError for a file that is wrong."""

    def known(name: str) -> dict[str, Key] | None:
        return configurable(commands[name]) if name in commands else None

    tables = read_files(find_files(Path(), os.environ), known, commands)
    context.meta[_TABLES] = tables
    context.default_map = {
        command: {(known(command) or {})[key].name: setting.value for key, setting in settings.items()}
        for command, settings in tables.items()
    }


def origins(context: typer.Context) -> Iterator[Origin]:
    """Every option of the running command that the environment or a file can set."""
    keys = configurable(context.command)
    for parameter in context.command.params:
        if parameter.name in {key.name for key in keys.values()}:
            yield Origin(parameter.opts[0], _shown(context, parameter), source_of(context, parameter))


def _shown(context: typer.Context, parameter: Any) -> Any:
    value = context.params[parameter.name]
    if parameter.metavar != "URL" or not value:
        return value or None if parameter.multiple else value
    from mqtt_sim.broker_url import without_password

    urls = [without_password(url) for url in ([value] if isinstance(value, str) else value)]
    return urls[0] if len(urls) == 1 else urls


def source_of(context: Any, parameter: Any) -> str:
    """`command line`, `MQTT_SIM_SEED`, `mqtt-sim.toml:3` or `default`."""
    source = context.get_parameter_source(parameter.name)
    name = source.name if source is not None else "DEFAULT"
    if name == "COMMANDLINE":
        return "command line"
    if name == "ENVIRONMENT":
        names = [parameter.envvar] if isinstance(parameter.envvar, str) else list(parameter.envvar)
        return next((name for name in names if name in os.environ), names[0])
    if name == "DEFAULT_MAP":
        tables: Tables = context.meta.get(_TABLES, {})
        return tables[context.info_name][_long_name(parameter)].origin
    return "default"


def origin_table(rows: list[Origin]) -> str:
    """Lines for people: option, value, where from."""
    cells = [(row.option, "-" if row.value is None else show_value(row.value), row.source) for row in rows]
    widths = [max((len(row[column]) for row in cells), default=0) for column in (0, 1)]
    return "\n".join(f"{option:<{widths[0]}}  {value:<{widths[1]}}  {source}" for option, value, source in cells)


def _long_name(parameter: Any) -> str:
    long = next((name for name in parameter.opts if name.startswith("--")), parameter.opts[0])
    return str(long).lstrip("-").replace("-", "_")
