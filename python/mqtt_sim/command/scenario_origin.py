"""Where each value of a resolved scenario comes from. What is not listed has its default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mqtt_sim.command.option_origin import Origin
from mqtt_sim.errors import join_path
from mqtt_sim.scenario.model import Scenario
from mqtt_sim.scenario.override import GROUPS
from mqtt_sim.scenario.path import parse_path, show_path
from mqtt_sim.scenario.plan import resolved_document


def scenario_origins(
    scenario: Scenario, file: str, settings: Iterable[str], options: Mapping[str, str]
) -> list[Origin]:
    """Every value that was given: by the file, by `--set` paths, or by an option (first step of its path → source).

    Passwords are hidden.
    """
    by_setting = [(_numbered(path, scenario), path) for path in settings]

    def source(path: str) -> str:
        for place, written in by_setting:
            if path == place or path.startswith((f"{place}.", f"{place}[")):
                return f"--set {written}"
        return next((told for first, told in options.items() if path == first or path.startswith(f"{first}.")), file)

    return [Origin(path, value, source(path)) for path, value in _given(scenario, resolved_document(scenario))]


def _given(part: BaseModel, document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(part).model_fields:
        if name in part.model_fields_set and not _is_empty(getattr(part, name)):
            yield from _leaves(getattr(part, name), document.get(name), join_path(path, name))


def _leaves(value: Any, shown: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel) and value.model_fields_set:
        yield from _given(value, shown, path)
    elif isinstance(value, list) and value and all(isinstance(item, BaseModel) for item in value):
        for number, item in enumerate(value):
            yield from _given(item, shown[number], f"{path}[{number}]")
    else:
        yield path, shown


def _numbered(path: str, scenario: BaseModel) -> str:
    """`producers.cast.qos` as `producers[0].qos`."""
    steps = list(parse_path(path))
    if len(steps) > 1 and steps[0] in GROUPS and isinstance(steps[1], str):
        names = [group.name for group in getattr(scenario, str(steps[0]), None) or []]
        steps[1] = names.index(steps[1]) if steps[1] in names else steps[1]
    return show_path(steps)


def _is_empty(value: Any) -> bool:
    """Whether it says nothing, although reading the file may have set it."""
    return value == [] or (isinstance(value, BaseModel) and not value.model_fields_set)
