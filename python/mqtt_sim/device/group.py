"""Scripted groups of a scenario, with their functions at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mqtt_sim.scenario.check import groups_with_paths
from mqtt_sim.scenario.model import Devices, Scenario
from mqtt_sim.scenario.script import Script, check_function
from mqtt_sim.scenario.user_function import UserFunctions, file_of


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
    stamp: bool
    """Whether all that they publish is stamped."""
    protocol_version: str
    url: str
    """Of the broker, as far as it is known; without a password."""


def scripted_groups(scenario: Scenario, functions: UserFunctions) -> list[ScriptedGroup]:
    """In the order of the Plan. Raises ScenarioError for a script that is not there, ScriptError where one raises."""
    return [
        _scripted(scenario, group, functions.find(group.script, f"{path}.script", check_function))
        for path, group in groups_with_paths(scenario)
        if isinstance(group, Devices) and group.script is not None
    ]


def _scripted(scenario: Scenario, group: Devices, script: Script) -> ScriptedGroup:
    url = scenario.target.url_of(scenario.transport_of(group)) if scenario.target is not None else None
    return ScriptedGroup(
        name=group.name,
        count=group.count,
        script=script,
        file=file_of(script),
        arguments=group.arguments,
        on_error=group.on_error,
        stamp=group.stamp,
        protocol_version=scenario.client_of(group).protocol_version,
        url=f"mqtt://{url.host}:{url.port}" if url is not None and url.unix is None else "mqtt://embedded-broker",
    )
