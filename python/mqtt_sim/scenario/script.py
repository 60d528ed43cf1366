"""The user's functions in a scenario, given as functions or as "file.py:function": scripts of devices,
`async def device(client, context)`, and what says payloads and topics, `def function(message)`.
"""

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


def _check(value: Any, judge: Callable[[Callable[..., Any]], None], kind: str, example: str) -> Any:
    """ValueError that says what would be right, unless it can be such a function."""
    if isinstance(value, str):
        if not _REFERENCE.match(value):
            raise ValueError(f"should name a Python file and a function in it, for example {example}")
    elif callable(value):
        judge(value)
    else:
        raise ValueError(f"should be a {kind}, or text such as {example}")
    return value


def _check_script(value: Any) -> Any:
    return _check(value, check_function, "coroutine function", _EXAMPLE)


def _check_message_function(value: Any) -> Any:
    return _check(value, check_message_function, "function", '"orders.py:order"')


def check_message_function(function: Callable[..., Any]) -> None:
    """Raises ValueError unless it is a plain function of (message)."""
    name = getattr(function, "__name__", repr(function))
    called = function if inspect.isroutine(function) or inspect.isclass(function) else type(function).__call__
    if inspect.iscoroutinefunction(called) or inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise ValueError(f'{name} should be a plain function without await and yield: "def {name}(message)"')
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise ValueError(f'{name} should take one argument: "def {name}(message)"') from None
    except ValueError:
        pass  # a builtin without a signature: its first call tells


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


_AS_JSON = (
    PlainSerializer(reference_of, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _REFERENCE.pattern}),
)
ScriptField = Annotated[Any, PlainValidator(_check_script), *_AS_JSON]
MessageFunctionField = Annotated[Any, PlainValidator(_check_message_function), *_AS_JSON]


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
