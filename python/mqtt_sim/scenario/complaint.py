"""From pydantic's errors to faults as a user reads them: path, value, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mqtt_sim.errors import NOTHING, Fault, Faults
from mqtt_sim.scenario.path import fields_at, show_path
from mqtt_sim.suggestion import did_you_mean

_TAGS = {"payload": ("dialogue", "size", "template", "python"), "topic": ("text", "python")}

_REMEDIES = {
    "model_type": "should be an object {...}",
    "model_attributes_type": "should be an object {...}",
    "dict_type": "should be an object {...}",
    "list_type": "should be a list [...]",
    "string_type": 'should be text in quotes, such as "text"',
    "int_type": "should be a whole number, without quotes",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number, without quotes",
    "bool_type": "should be true or false, without quotes",
    "finite_number": "should be a finite number",
    "too_short": "should hold at least one item",
}


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """All faults of one validation of `model`, in the order of the document."""
    return [fault for details in error.errors(include_url=False) for fault in _faults_of(details, model)]


def _faults_of(details: ErrorDetails, model: type[BaseModel]) -> Iterator[Fault]:
    steps = _without_tags(details["loc"])
    path, kind = show_path(steps), details["type"]
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Faults):
        yield from (fault.under(path) for fault in cause.faults)
    elif kind == "extra_forbidden":
        key, known = str(steps[-1]), fields_at(model, steps[:-1])
        value = NOTHING if _is_secret(steps) else details["input"]
        yield Fault(path, f'there is no key "{key}" here; {did_you_mean(key, known)}', value)
    elif kind == "missing":
        yield Fault(path, "is missing")
    else:
        value = NOTHING if _is_secret(steps) else details["input"]
        yield Fault(path, str(cause) if isinstance(cause, ValueError) else _remedy(details), value)


def _without_tags(steps: Sequence[int | str]) -> tuple[int | str, ...]:
    """pydantic puts the kind of a payload or topic into the place of an error; it is no step in the document."""
    return tuple(
        step for before, step in zip((None, *steps), steps, strict=False) if step not in _TAGS.get(str(before), ())
    )


def _is_secret(steps: Sequence[int | str]) -> bool:
    return bool(steps) and ("pass" in str(steps[-1]).lower() or steps[-1] == "key_pem" or "credentials" in steps)


def _remedy(details: ErrorDetails) -> str:
    kind, limits = details["type"], details.get("ctx", {})
    if kind in _REMEDIES:
        return _REMEDIES[kind]
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        return f"should be {_range(kind, limits)}"
    if kind == "string_pattern_mismatch":
        return "should be a name of letters, digits, - and _ that begins with a letter"
    if kind in ("string_too_short", "string_too_long"):
        return details["msg"].replace("String should have", "should have")
    return details["msg"].replace("Input should be", "should be")


def _range(kind: str, limits: dict[str, Any]) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return " and ".join(f"{word} {limits[name]}" for name, word in words.items() if name in limits)
