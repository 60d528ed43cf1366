"""`--set path=value`: single fields of a scenario, or of a broker alone, changed before they are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from mqtt_sim.errors import Fault, ScenarioError, UsageError
from mqtt_sim.scenario.model import Scenario
from mqtt_sim.scenario.path import Step, fields_at, parse_path, show_path, types_at
from mqtt_sim.suggestion import did_you_mean

GROUPS = {"producers": "producer", "consumers": "consumer", "devices": "device"}
"""Lists of groups, and the name of a group that has none of its own."""


def parse_settings(arguments: Sequence[str], model: type[BaseModel] = Scenario) -> dict[str, Any]:
    """`["duration=5s", "producers.0.qos=1"]` → values by path; a value that is JSON is read as such, else as text."""
    settings = {}
    for argument in arguments:
        path, separator, text = argument.partition("=")
        if not separator or not path.strip():
            raise UsageError(f'--set {argument}: should look like path=value, for example "duration=5s"')
        settings[path.strip()] = _value_for(path.strip(), text, model)
    return settings


def apply_settings(document: dict[str, Any], settings: Mapping[str, Any], model: type[BaseModel] = Scenario) -> None:
    """Changes `document` in place. Raises ScenarioError that lists every path that leads nowhere."""
    faults = []
    for path, value in settings.items():
        try:
            _put(document, _resolve_groups(document, parse_path(path)), value, model)
        except ValueError as error:
            faults.append(Fault(path, str(error)))
    if faults:
        raise ScenarioError(faults, file="--set")


def _value_for(path: str, text: str, model: type[BaseModel]) -> Any:
    try:
        value = json.loads(text, parse_constant=lambda _: text)
    except ValueError:
        return text
    wants_text = _takes_text(path, model, or_part=isinstance(value, dict)) and not isinstance(value, str | None)
    return text if wants_text else value


def _takes_text(path: str, model: type[BaseModel], *, or_part: bool) -> bool:
    """Whether the field at `path` is text, so that 1234 means "1234" there; or text or a part, for what is no part."""
    try:
        steps = [0 if before in GROUPS else step for before, step in _with_previous(parse_path(path))]
    except ValueError:
        return False
    found = types_at(model, steps)
    if not or_part:
        found = [place for place in found if not (isinstance(place, type) and issubclass(place, BaseModel))]
    return bool(found) and all(place is str for place in found)


def _with_previous(steps: Sequence[Step]) -> list[tuple[Step | None, Step]]:
    return list(zip((None, *steps), steps, strict=False))


def _resolve_groups(document: dict[str, Any], steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with names of groups replaced by their numbers."""
    if len(steps) < 2 or steps[0] not in GROUPS or isinstance(steps[1], int):
        return tuple(steps)
    groups, default = document.get(str(steps[0])), GROUPS[str(steps[0])]
    names = (
        [group.get("name", default) for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    )
    if steps[1] not in names:
        hint = did_you_mean(str(steps[1]), names) if names else "there is none"
        raise ValueError(f'there is no group "{steps[1]}" in {steps[0]}; {hint}')
    return (steps[0], names.index(str(steps[1])), *steps[2:])


def _put(document: dict[str, Any], steps: tuple[Step, ...], value: Any, model: type[BaseModel]) -> None:
    place: Any = document
    step: Any
    for depth, step in enumerate(steps):
        _check_step(place, steps[:depth], step, model)
        if depth == len(steps) - 1:
            place[step] = value
        else:
            place = _open(place, steps[: depth + 1], model)


def _check_step(place: Any, before: tuple[Step, ...], step: Step, model: type[BaseModel]) -> None:
    if isinstance(place, list):
        if not isinstance(step, int) or step >= len(place):
            raise ValueError(f"{show_path(before)} has {len(place)} items, numbered from 0")
        return
    known = fields_at(model, before)
    if not isinstance(place, dict):
        raise ValueError(f"{show_path(before)} has no fields")
    if known and step not in known:
        raise ValueError(f'there is no field "{step}" here; {did_you_mean(str(step), known)}')


def _open(place: Any, steps: tuple[Step, ...], model: type[BaseModel]) -> Any:
    """The object or list at `steps`, made where the scenario left it out; a payload's short spelling is spelt out."""
    step: Any = steps[-1]
    inner = place[step] if isinstance(place, list) else place.get(step)
    if inner is None and (fields_at(model, steps) or step in ("thresholds", "credentials")):
        inner = place[step] = {}
    elif step == "payload" and isinstance(inner, str):
        inner = place[step] = {"kind": inner}
    return inner
