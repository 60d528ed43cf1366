"""Scripts of devices: `async def device(client, context)`, given as a function or as "file.py:function"."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

Script = Callable[[Any, Any], Awaitable[object]]
"""What one device does; called with its client and its context."""

_REFERENCE = re.compile(r"^(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)$")
_EXAMPLE = '"sensor.py:device"'


def _check(value: Any) -> Any:
    """ValueError that says what would be right, unless it can be a script."""
    if isinstance(value, str):
        if not _REFERENCE.match(value):
            raise ValueError(f"should name a Python file and a function in it, for example {_EXAMPLE}")
    elif callable(value):
        check_function(value)
    else:
        raise ValueError(f"should be a coroutine function, or text such as {_EXAMPLE}")
    return value


def check_function(function: Callable[..., Any]) -> None:
    """Raises ValueError unless it is a coroutine function of (client, context)."""
    name = getattr(function, "__name__", repr(function))
    called = function if inspect.isroutine(function) else type(function).__call__
    if inspect.isasyncgenfunction(called):
        raise ValueError(f"{name} has a yield, which a device cannot have; it should await instead")
    if not inspect.iscoroutinefunction(called):
        raise ValueError(f'{name} should be a coroutine function: "async def {name}(client, context)"')
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        raise ValueError(f'{name} should take two arguments: "async def {name}(client, context)"') from None


def reference_of(script: Any) -> str | None:
    """A script as JSON has it."""
    if script is None or isinstance(script, str):
        return script
    code = getattr(inspect.unwrap(script), "__code__", None)
    file = os.path.basename(code.co_filename) if code else type(script).__module__
    return f"{file}:{getattr(script, '__qualname__', type(script).__qualname__)}"


ScriptField = Annotated[
    Any,
    PlainValidator(_check),
    PlainSerializer(reference_of, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _REFERENCE.pattern}),
]


def split_reference(reference: str) -> tuple[Path, str]:
    """File and function of a reference that has been checked."""
    match = _REFERENCE.match(reference)
    assert match is not None, reference
    return Path(match["file"]), match["name"]


def anchored_reference(script: Any, directory: Path) -> Any:
    """The file looked for beside the scenario."""
    if not isinstance(script, str):
        return script
    file, name = split_reference(script)
    return f"{directory / file}:{name}"
