"""The user's functions of one scenario, found in the files that the scenario names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from mqtt_sim.errors import Fault, ScenarioError
from mqtt_sim.scenario.load import execute_script
from mqtt_sim.scenario.model import Scenario
from mqtt_sim.scenario.script import split_reference
from mqtt_sim.suggestion import did_you_mean

Function = Callable[..., Any]


class UserFunctions:
    """Executes each file once, whichever functions of it are asked for. `origin`: the scenario's file, for messages."""

    def __init__(self, origin: str | None) -> None:
        self._origin = origin
        self._modules: dict[Path, ModuleType] = {}

    def find(self, given: Function | str, path: str, check: Callable[[Function], None]) -> Function:
        """The function that stands at `path` of the scenario, itself or by its reference.

        `check` raises ValueError for one that is none. Raises ScenarioError when it is not there or not right, and
        ScriptError for a file that raises.
        """
        if not isinstance(given, str):
            return given
        file, name = split_reference(given)
        if not file.is_file():
            raise self._error(path, "there is no such file beside the scenario", str(file))
        if file not in self._modules:
            self._modules[file] = execute_script(file)
        found = getattr(self._modules[file], name, None)
        if found is None:
            remedy = f"{file} has no function {name}; {did_you_mean(name, _fitting(self._modules[file], check))}"
            raise self._error(path, remedy, name)
        try:
            check(found)
        except ValueError as error:
            raise self._error(path, str(error), given) from None
        return found  # type: ignore[no-any-return]

    def _error(self, path: str, remedy: str, value: Any) -> ScenarioError:
        return ScenarioError([Fault(path, remedy, value)], file=self._origin)


def _fitting(module: ModuleType, check: Callable[[Function], None]) -> list[str]:
    """Names of the module's own functions that `check` lets pass."""
    names = []
    for name, value in vars(module).items():
        if inspect.isfunction(value):
            try:
                check(value)
            except ValueError:
                continue
            names.append(name)
    return names


def file_of(function: Function) -> str:
    """Where it is written."""
    code = getattr(inspect.unwrap(getattr(function, "func", function)), "__code__", None)
    return code.co_filename if code is not None else "<script>"


def function_files(scenario: Scenario) -> Iterator[Path]:
    """Files that the scenario names for its functions."""
    scripts = [group.script for group in scenario.devices]
    publishes = [group.publishes for group in scenario.groups if group.publishes is not None]
    for given in scripts + [one.function for publish in publishes for one in publish.functions.values()]:
        if isinstance(given, str):
            yield split_reference(given)[0]
