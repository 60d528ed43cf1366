"""Options kept in files: `mqtt-sim.toml` of the project, and the user's own below it.

A file has one table a command, `[run]` or `[broker]`, whose keys are the long options without their dashes. Flags and
environment variables go before the project's file, that before the user's. A relative path means beside the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqtt_sim.errors import UsageError, show_value
from mqtt_sim.suggestion import did_you_mean

PROJECT_FILE = "mqtt-sim.toml"
USER_FILE = "mqtt-sim/config.toml"
SIZE_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Setting:
    """One value and where it stands."""

    value: str | bool | list[str]
    origin: str


@dataclass(frozen=True)
class Key:
    """What may be set: its name inside the command, and its kind: "switch", "path", "list" or "value"."""

    name: str
    kind: str


Known = Callable[[str], Mapping[str, Key] | None]
"""Name of a command → what may be set for it, or None when there is no such command."""

Tables = dict[str, dict[str, Setting]]
"""Command → key → setting."""


def find_files(directory: Path, environment: Mapping[str, str]) -> list[Path]:
    """The files that are there, that of the user first: a later one goes before an earlier."""
    home = environment.get("HOME")
    base = environment.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    user = Path(base, USER_FILE) if Path(base).is_absolute() else None
    candidates = [user, find_project_file(directory)]
    return [path for path in candidates if path is not None and path.is_file()]


def find_project_file(directory: Path) -> Path | None:
    """In the directory or, inside a repository, in one of those above it up to the repository's root."""
    above = [directory, *directory.resolve().parents]
    root = next((number for number, folder in enumerate(above) if (folder / ".git").exists()), 0)
    found = (folder / PROJECT_FILE for folder in above[: root + 1])
    return next((path for path in found if path.is_file()), None)


def read_files(paths: Iterable[Path], known: Known, commands: Iterable[str]) -> Tables:
    """The settings of all files, a later file over an earlier. Raises UsageError that names file, line and remedy."""
    tables: Tables = {}
    commands = list(commands)
    for path in paths:
        text = _read_text(path)
        for command, table in _parse(path, text).items():
            keys = known(command)
            if keys is None:
                raise _wrong(
                    path, text, command, None, f'there is no command "{command}"; {did_you_mean(command, commands)}'
                )
            if not isinstance(table, dict):
                remedy = f"should be a table: [{command}], and below it the options"
                raise _wrong(path, text, command, None, remedy)
            settings = tables.setdefault(command, {})
            for key, value in table.items():
                settings[key] = _setting(path, text, command, key, value, keys)
    return tables


def _setting(path: Path, text: str, command: str, key: str, value: Any, keys: Mapping[str, Key]) -> Setting:
    if key not in keys:
        remedy = did_you_mean(key, keys) if keys else "this command has none that a file may set"
        raise _wrong(path, text, command, key, f'there is no option "{key}" here; {remedy}')
    origin = f"{path}:{_line_of(text, command, key)}"
    kind = keys[key].kind
    if kind == "switch" and isinstance(value, bool):
        return Setting(value, origin)
    if kind == "list" and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return Setting(value, origin)
    if kind == "switch" or isinstance(value, bool) or not isinstance(value, str | int | float):
        wanted = {"switch": "true or false", "list": "a list of texts"}.get(kind, "text or a number")
        raise _wrong(path, text, command, key, f"{command}.{key} = {show_value(value)}: should be {wanted}")
    if kind == "path":
        return Setting(str(path.parent / Path(str(value)).expanduser()), origin)
    return Setting([str(value)] if kind == "list" else str(value), origin)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
        if len(data) > SIZE_LIMIT:
            raise UsageError(f"{path}: is larger than 1 MiB; this is no configuration file")
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: is not UTF-8; save the file in that encoding") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error))
        if place is None:
            raise UsageError(f"{path}: is not TOML: {error}") from None
        line, column = place[2] or text.count("\n") + 1, place[3] or len(text) - text.rfind("\n")
        raise UsageError(f"{path}:{line}:{column}: is not TOML: {place[1]}") from None
    except RecursionError:
        raise UsageError(f"{path}: is nested too deeply") from None


def _wrong(path: Path, text: str, command: str, key: str | None, problem: str) -> UsageError:
    return UsageError(f"{path}:{_line_of(text, command, key)}: {problem}")


def _line_of(text: str, command: str, key: str | None) -> int:
    """Where the table or the key most likely stands; the parser does not tell."""
    bare = rf"[\"']?{re.escape(command)}[\"']?"
    in_table, found = False, 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*(.+?)\s*\]", line):
            in_table = re.fullmatch(bare, header[1]) is not None
            if in_table:
                found = number
                if key is None:
                    return number
        elif key is None and re.match(rf"\s*{bare}\s*[=.]", line):
            return number
        elif key is not None:
            prefix = "" if in_table else rf"{bare}\s*\.\s*"
            if re.match(rf"\s*{prefix}[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
                return number
    return found
