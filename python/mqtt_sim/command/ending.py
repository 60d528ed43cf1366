"""How every command ends: with an exit code, and when something was wrong, with one sentence on stderr."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer

from mqtt_sim.errors import InterruptedRun, MqttSimError

EXIT_CODES = (
    "Exit codes: 0 all held · 2 wrong usage · 99 a threshold missed · 104 invalid scenario · 105 interrupted, with the "
    "partial report written · 106 could not run (network, port, file limit) · 107 the user's script raised."
)

_Command = TypeVar("_Command", bound=Callable[..., Any])


def epilog(*examples: str) -> str:
    """What every help ends with: how the command is used, and what its exit codes mean."""
    return "Examples:\n\n" + "\n\n".join(examples) + "\n\n" + EXIT_CODES


def ends_with_exit_code(command: _Command) -> _Command:
    """What a user got wrong is told in a sentence on stderr, without a traceback, and in the exit code."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        with told_in_a_sentence():
            command(*arguments, **options)

    return guarded  # type: ignore[return-value]


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """The same for a few statements."""
    try:
        yield
    except MqttSimError as error:
        raise _failed(error) from None
    except KeyboardInterrupt:
        raise _failed(InterruptedRun("interrupted")) from None


def _failed(error: MqttSimError) -> typer.Exit:
    typer.echo(f"mqtt-sim: {error}", err=True)
    return typer.Exit(error.exit_code)
