"""Paths inside a scenario: `producers[0].payload.size`, also written `producers.0.payload.size` or, with the name of
a group in place of its number, `producers.cast.payload.size`. Knows from the model which keys there are at each place.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

Step = int | str

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def show_path(steps: Sequence[Step]) -> str:
    """`producers[0].qos`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path in either spelling. Raises ValueError when it is none."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        if steps and text[position] == ".":
            position += 1
        match = _STEP.match(text, position)
        if not match:
            raise ValueError('should be a path such as "duration" or "producers.0.qos"')
        steps.append(int(match[1]) if match[1] else int(match[2]) if match[2].isdecimal() else match[2])
        position = match.end()
    if not steps:
        raise ValueError('should be a path such as "duration" or "producers.0.qos"')
    return tuple(steps)


def fields_at(model: type[BaseModel], steps: Sequence[Step]) -> list[str]:
    """The keys that the object at this place may have; none where there is no such object."""
    return [name for found in _models_at(model, steps) for name in found.model_fields]


def types_at(model: type[BaseModel], steps: Sequence[Step]) -> list[Any]:
    """The plain types that the value at this place may have: str, int, a model, list[...], ..."""
    places: list[Any] = [model]
    for step in steps:
        places = [inner for place in places for inner in _step_into(place, step)]
    return places


def _models_at(model: type[BaseModel], steps: Sequence[Step]) -> Iterator[type[BaseModel]]:
    for place in types_at(model, steps):
        if isinstance(place, type) and issubclass(place, BaseModel):
            yield place


def _step_into(place: Any, step: Step) -> Iterator[Any]:
    origin, arguments = typing.get_origin(place), typing.get_args(place)
    if isinstance(place, type) and issubclass(place, BaseModel):
        if isinstance(step, str) and step in place.model_fields:
            yield from _alternatives(place.model_fields[step].annotation)
    elif origin is list and isinstance(step, int):
        yield from _alternatives(arguments[0])
    elif origin is dict and isinstance(step, str):
        yield from _alternatives(arguments[1])


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _alternatives(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for alternative in typing.get_args(annotation):
            yield from _alternatives(alternative)
    elif annotation is not type(None):
        yield annotation
