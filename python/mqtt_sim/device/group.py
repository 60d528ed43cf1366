"""Scripted groups of a scenario, with their functions at hand."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mqtt_sim.errors import Fault, ScenarioError
from mqtt_sim.scenario.check import groups_with_paths
from mqtt_sim.scenario.load import execute_script
from mqtt_sim.scenario.model import Devices, Scenario
from mqtt_sim.scenario.script import Script, check_function, split_reference
from mqtt_sim.suggestion import did_you_mean


@dataclass(frozen=True)
class ScriptedGroup:
    """What the stage needs to know of a group."""

    name: str
    count: int
    script: Script
    file: str
    """Where the script is written."""
    arguments: Mapping[str, Any]
    on_error: Literal["fail", "count"]
    protocol_version: str
    url: str
    """Of the broker, as far as it is known; without a password."""


def scripted_groups(scenario: Scenario, origin: str | None) -> list[ScriptedGroup]:
    """In the order of the Plan. Raises ScenarioError for a script that is not there, ScriptError for one that raises.

    `origin`: the scenario's file, for messages.
    """
    modules: dict[Path, Any] = {}
    return [
        _scripted(scenario, group, _function(path, group, modules, origin))
        for path, group in groups_with_paths(scenario)
        if isinstance(group, Devices) and group.script is not None
    ]


def script_files(scenario: Scenario) -> Iterator[Path]:
    """Files that the scenario names as scripts."""
    for group in scenario.devices:
        if isinstance(group.script, str):
            yield split_reference(group.script)[0]


def _function(path: str, group: Devices, modules: dict[Path, Any], origin: str | None) -> Script:
    if not isinstance(group.script, str):
        assert group.script is not None
        function: Script = group.script
        return function
    file, name = split_reference(group.script)
    if not file.is_file():
        fault = Fault(f"{path}.script", "there is no such file beside the scenario", str(file))
        raise ScenarioError([fault], file=origin)
    if file not in modules:
        modules[file] = execute_script(file)
    found = getattr(modules[file], name, None)
    if found is None:
        coroutines = [key for key, value in vars(modules[file]).items() if inspect.iscoroutinefunction(value)]
        fault = Fault(f"{path}.script", f"{file} has no function {name}; {did_you_mean(name, coroutines)}", name)
        raise ScenarioError([fault], file=origin)
    try:
        check_function(found)
    except ValueError as error:
        raise ScenarioError([Fault(f"{path}.script", str(error), group.script)], file=origin) from None
    return found  # type: ignore[no-any-return]


def _scripted(scenario: Scenario, group: Devices, script: Script) -> ScriptedGroup:
    url = scenario.target.url_of(scenario.transport_of(group)) if scenario.target is not None else None
    code = getattr(inspect.unwrap(script), "__code__", None)
    return ScriptedGroup(
        name=group.name,
        count=group.count,
        script=script,
        file=code.co_filename if code is not None else "<script>",
        arguments=group.arguments,
        on_error=group.on_error,
        protocol_version=scenario.client_of(group).protocol_version,
        url=f"mqtt://{url.host}:{url.port}" if url is not None and url.unix is None else "mqtt://embedded-broker",
    )
